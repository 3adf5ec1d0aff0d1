"""All statistics of one column at once, from its cells alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ai_ops.drift_monitoring.cells import ColumnCells
from ai_ops.drift_monitoring.statistics.categories import Vanished, unseen, vanished
from ai_ops.drift_monitoring.statistics.chi_square import chi_square
from ai_ops.drift_monitoring.statistics.constant import constant
from ai_ops.drift_monitoring.statistics.descriptor import Floats
from ai_ops.drift_monitoring.statistics.jensen_shannon import jensen_shannon
from ai_ops.drift_monitoring.statistics.kolmogorov_smirnov import (
    kolmogorov_smirnov,
    kolmogorov_smirnov_chance,
)
from ai_ops.drift_monitoring.statistics.missingness import missingness
from ai_ops.drift_monitoring.statistics.out_of_range import out_of_range
from ai_ops.drift_monitoring.statistics.wasserstein import wasserstein

BEYOND = ("far_under", "under", "over", "far_over")


class Counted(NamedTuple):
    """One side of a column: rows per cell and the sums of their values, both ``[cells]``.

    ``sums`` may be empty where they were not kept.
    """

    counts: NDArray[np.int64]
    sums: Floats


@dataclass(frozen=True, slots=True)
class Measures:
    """Every statistic of one column; None where it does not apply or nothing was counted.

    A ``…_chance`` is the probability that chance alone goes so far when nothing changed. It is of
    independent rows: days differ by more than that, so no verdict is read from it.
    """

    js: float | None = None
    wasserstein: float | None = None
    ks: float | None = None
    ks_chance: float | None = None
    chi_square: float | None = None
    chi_square_chance: float | None = None
    null_difference: float | None = None
    null_chance: float | None = None
    outside: float | None = None
    outside_chance: float | None = None
    unseen: float | None = None
    unseen_chance: float | None = None
    vanished: float | None = None
    vanished_chance: float | None = None
    vanished_values: tuple[str, ...] = ()
    fullest: float | None = None
    stuck: bool = False


def measure(
    cells: ColumnCells, current: Counted, reference: Counted, std: float | None = None
) -> Measures:
    """Every statistic of a column, now against the reference; ``std`` is the reference's.

    >>> from ai_ops.drift_monitoring.cells import ProfiledColumn
    >>> color = ColumnCells(ProfiledColumn("color", "input", "category"), values=("blue", "red"))
    >>> now = Counted(np.array([90, 0, 8, 2]), np.zeros(4))  # blue, red, unseen, null
    >>> found = measure(color, now, Counted(np.array([500, 480, 0, 20]), np.zeros(4)))
    >>> found.unseen, found.vanished_values, found.null_difference
    (0.08163265306122448, ('red',), 0.0)
    """
    now, then = current.counts, reference.counts
    rows, reference_rows = int(now.sum()), int(then.sum())
    if not rows or not reference_rows:
        return Measures()
    places = _places(cells)
    tested = chi_square(now, then)
    nulls = missingness(
        int(now[places.nulls].sum()), rows, int(then[places.nulls].sum()), reference_rows
    )
    held = constant(now[places.values], then[places.values])
    own = (
        _of_category(cells, now, then, places)
        if cells.column.kind == "category"
        else _of_number(cells, current, reference, std, places)
    )
    return Measures(
        js=float(jensen_shannon(now, then)),
        chi_square=tested.statistic,
        chi_square_chance=tested.chance,
        null_difference=nulls.difference,
        null_chance=nulls.chance,
        fullest=_known(held.share),
        stuck=held.stuck,
        **own,
    )


class _Places(NamedTuple):
    """Where in a vector of counts are which cells; ``values`` of a number in ascending order."""

    values: NDArray[np.intp]
    nulls: NDArray[np.intp]
    beyond: NDArray[np.intp]
    borders: Floats


# The cells of a column are the same on every day of a reference.
@lru_cache(maxsize=4096)
def _places(cells: ColumnCells) -> _Places:
    words = [word for word, _ in cells.names]
    nulls = _at(words, ("null", "nan"))
    if cells.column.kind == "category":
        return _Places(_at(words, ("value", "unseen")), nulls, _at(words, ()), np.zeros(0))
    ascending = [_at(words, (word,)) for word in ("far_under", "under", "bin", "over", "far_over")]
    low, high = cells.low or 0.0, cells.high or 0.0
    borders = np.array([cells.far[0], low, *cells.edges, high, cells.far[1]])
    return _Places(np.concatenate(ascending), nulls, _at(words, BEYOND), borders)


def _at(words: Sequence[str], wanted: Sequence[str]) -> NDArray[np.intp]:
    return np.array([place for place, word in enumerate(words) if word in wanted], np.intp)


def _of_category(
    cells: ColumnCells, now: NDArray[np.int64], then: NDArray[np.int64], places: _Places
) -> dict[str, float | tuple[str, ...] | None]:
    known, reference = now[places.values], then[places.values]
    rows, reference_rows = int(known.sum()), int(reference.sum())
    new = unseen(int(known[-1]), rows, int((reference == 1).sum()), reference_rows)
    gone: Vanished = vanished(known, reference)
    return {
        "unseen": _known(new.share),
        "unseen_chance": _known(new.chance),
        "vanished": _known(gone.share),
        "vanished_chance": _known(gone.chance),
        "vanished_values": tuple(cells.values[place] for place in gone.places),
    }


def _of_number(
    cells: ColumnCells, current: Counted, reference: Counted, std: float | None, places: _Places
) -> dict[str, float | None]:
    now, then = current.counts[places.values], reference.counts[places.values]
    rows, reference_rows = int(now.sum()), int(then.sum())
    distance = float(kolmogorov_smirnov(now, then))
    outside = out_of_range(int(current.counts[places.beyond].sum()), rows, reference_rows)
    moved = None
    if std is not None and cells.low is not None and len(current.sums) and len(reference.sums):
        sums = current.sums[places.values], reference.sums[places.values]
        moved = wasserstein(now, then, *sums, places.borders, std)
    return {
        "ks": _known(distance),
        "ks_chance": _known(kolmogorov_smirnov_chance(distance, rows, reference_rows)),
        "outside": _known(outside.share),
        "outside_chance": _known(outside.chance),
        "wasserstein": None if moved is None else _known(moved),
    }


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
