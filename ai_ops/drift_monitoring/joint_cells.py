"""The coarse cells in which pairs of columns are counted: few, so that their joint is known.

A pair of columns with ten cells each has a hundred: most would be empty. Whether two columns still
depend on each other is seen in four or five cells a column.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from ai_ops.drift_monitoring.cells import ProfiledColumn
from ai_ops.drift_monitoring.reference import ReferenceColumn

PARTS: Final = 4
"""A number has so many cells of about equal rows, a category its so many most frequent values."""
SIZE: Final = PARTS + 2
"""The codes of any column: 0 for no value, then the parts, and the rest of a category."""


@dataclass(frozen=True, slots=True)
class CoarseColumn:
    """One column in codes: 0 where it has no value, from 1 the cells.

    For a number, ``edges`` are the borders between its cells (a value equal to a border belongs
    above it); for a category, ``values`` are those with a cell of their own, and the next code is
    of all others.
    """

    column: ProfiledColumn
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The input's or output's name."""
        return self.column.name

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "CoarseColumn":
        """What ``as_data`` wrote."""
        return cls(ProfiledColumn(**data["column"]), tuple(data["edges"]), tuple(data["values"]))


def coarse(column: ReferenceColumn) -> CoarseColumn:
    """The coarse cells of a column: its own cells merged to about equal shares of the reference.

    >>> from ai_ops.drift_monitoring.calibration import Calibration
    >>> from ai_ops.drift_monitoring.cells import ColumnCells
    >>> quiet = Calibration(None, None, 0, None, None, None, 1)
    >>> rain = ColumnCells(ProfiledColumn("rain", "input", "number"), (0.1, 0.5, 2.0), 0.0, 9.0)
    >>> counts = np.array([900, 40, 30, 30, 0, 0, 0, 0, 0, 0, 0])
    >>> coarse(ReferenceColumn(rain, counts, quiet, None, 0.0)).edges
    (0.1,)
    """
    cells = column.cells
    if cells.column.kind == "category":
        counts = column.counts[: len(cells.values)]
        order = np.argsort(-counts, kind="stable")[:PARTS]
        return CoarseColumn(cells.column, values=tuple(cells.values[place] for place in order))
    edges = np.array(cells.edges)
    if not len(edges):
        return CoarseColumn(cells.column)
    bins = column.counts[: len(edges) + 1].astype(float)
    below = np.cumsum(bins)[:-1] / max(bins.sum(), 1.0)
    wanted = np.arange(1, PARTS) / PARTS
    nearest = np.abs(below[:, np.newaxis] - wanted).argmin(axis=0)
    return CoarseColumn(cells.column, tuple(float(edges[place]) for place in np.unique(nearest)))
