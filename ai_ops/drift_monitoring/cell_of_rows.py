"""In which cell of a profile each row of a sample lies, as the profile's SQL counts it."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ai_ops.drift_monitoring.cause_rows import numbers_in
from ai_ops.drift_monitoring.cells import Cell, ColumnCells

_BEYOND: Final[tuple[Cell, ...]] = ("under", "far_under", "over", "far_over")


def cell_of_rows(cells: ColumnCells, rows: pa.Table) -> NDArray[np.int64]:
    """The place of every row's cell in ``cells.names``; of a column that is absent, nulls.

    >>> from ai_ops.drift_monitoring.cells import ProfiledColumn, cells_of_numbers
    >>> own = cells_of_numbers(ProfiledColumn("x", "input", "number"), range(100), bins=4)
    >>> table = pa.table({"input_x": [0.0, 25.0, 99.0, 100.0, 999.0, None]})
    >>> [own.names[place] for place in cell_of_rows(own, table)][:3]
    [('bin', '0'), ('bin', '1'), ('bin', '3')]
    >>> [own.names[place][0] for place in cell_of_rows(own, table)][3:]
    ['over', 'far_over', 'null']
    """
    place = {name: index for index, name in enumerate(cells.names)}
    null = place["null", None]
    if cells.column.source not in rows.column_names:
        return np.full(rows.num_rows, null, np.int64)
    values = rows[cells.column.source]
    if cells.column.kind == "category":
        found = pc.index_in(values.cast(pa.string()), pa.array(cells.values, pa.string()))
        known = pc.fill_null(found, place["unseen", None]).to_numpy().astype(np.int64)
        return np.where(values.is_null().to_numpy(), null, known)
    numbers, _ = numbers_in(values)
    known = ~np.isnan(numbers)
    places = np.full(len(numbers), null, np.int64)
    places[known] = np.searchsorted(np.array(cells.edges), numbers[known], side="right")
    low, high = cells.low or 0.0, cells.high or 0.0
    far_low, far_high = cells.far
    with np.errstate(invalid="ignore"):
        for word, beyond in zip(
            _BEYOND,
            (numbers < low, numbers < far_low, numbers > high, numbers > far_high),
            strict=True,
        ):
            places[beyond] = place[word, None]
    return places
