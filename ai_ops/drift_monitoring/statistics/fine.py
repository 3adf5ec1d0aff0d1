"""A fine profile of a number: so many narrow cells that other tools' bins can be read off it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai_ops.drift_monitoring.cells import ColumnCells, ProfiledColumn
from ai_ops.drift_monitoring.statistics.descriptor import Floats

CELLS: Final = 1024
MARGIN: Final = 0.1
"""The grid reaches beyond the reference's extremes by this share of their distance."""
TAIL_CELLS: Final = 256
TAIL_GROWTH: Final = 1.03
"""Beyond the grid each cell is this many times wider than the one before."""
QUANTILES: Final = 256
"""Where values crowd into few cells (one far outlier widens all), so many quantiles cut them."""
FEW: Final = 20
"""So many distinct values, or fewer, have a cell of their own each."""


def cells_of_grid(
    column: ProfiledColumn,
    values: ArrayLike,
    cells: int = CELLS,
    borders: Sequence[float] = (),
) -> ColumnCells:
    """Cells of equal width over a reference's extremes and a margin, and wider ones beyond.

    The tails, in cells of growing width, reach 70 times the grid's own width to either side: values
    of another unit stay apart. Each of a few distinct values has a cell of its own. ``borders``
    are borders of cells too: whoever knows the bins to be read off makes them exact.

    >>> weight = ProfiledColumn("weight", "input", "number")
    >>> made = cells_of_grid(weight, [0.0] * 9 + [100.0], cells=4)
    >>> [edge for edge in made.edges if -20 < edge < 120 and edge == round(edge)]
    [-10.0, 0.0, 20.0, 50.0, 80.0, 100.0, 110.0]
    """
    numbers = np.asarray(values, float)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return ColumnCells(column)
    low, high = float(numbers.min()), float(numbers.max())
    # A column of one value has no width: its cells are as wide as a number's own size suggests.
    width = (high - low) or max(abs(low), 1.0)
    grid = np.linspace(low - MARGIN * width, high + MARGIN * width, cells + 1)
    tail = (grid[1] - grid[0]) * np.cumsum(TAIL_GROWTH ** np.arange(1, TAIL_CELLS + 1))
    distinct = np.unique(numbers)
    own = distinct if len(distinct) <= FEW else np.zeros(0)
    crowded = np.quantile(numbers, np.arange(1, QUANTILES) / QUANTILES, method="lower")
    inner = own if len(distinct) <= FEW else crowded
    every = [grid[0] - tail, grid, grid[-1] + tail, inner, np.nextafter(own, np.inf), borders]
    edges = np.unique(np.concatenate(every))
    return ColumnCells(column, tuple(edges[1:-1].tolist()), float(edges[0]), float(edges[-1]))


@dataclass(frozen=True, eq=False)
class FineProfile:
    """The finite numbers of one side, in its filled cells in ascending order, shapes ``[cells]``.

    ``lowest`` and ``highest`` are of the values in each cell, ``sums`` their sums; ``places`` are
    those of the cells among all of the profile, between and around which ``borders`` lie.
    """

    places: NDArray[np.intp]
    borders: Floats
    counts: Floats
    sums: Floats
    lowest: Floats
    highest: Floats

    @property
    def rows(self) -> int:
        """How many finite numbers there are."""
        return int(self.counts.sum())

    @property
    def few(self) -> bool:
        """Whether there are at most ``FEW`` distinct values (exactly known by their own cells)."""
        return len(self.counts) <= FEW and bool((self.lowest == self.highest).all())

    @property
    def std(self) -> float:
        """The standard deviation: exact between cells, and within those of at most two values."""
        inner = (self.highest - self.lowest) ** 2 / np.where(self.counts <= 2, 4, 12)
        mean = self.sums.sum() / self.rows
        between = (self.sums / self.counts - mean) ** 2
        return float(np.sqrt((self.counts * (between + inner)).sum() / self.rows))

    def spread_out(self, values: Floats) -> Floats:
        """Values of the filled cells among those of all, 0 where there are none."""
        every = np.zeros(len(self.borders) + 1)
        every[self.places] = values
        return every

    def below(self, borders: Floats) -> Floats:
        """How many numbers lie below each border, shape ``[borders]``.

        A cell that a border cuts is exactly known if it holds at most three numbers; of more, the
        lowest, the highest and the mean are.
        """
        whole = np.concatenate([[0.0], self.counts.cumsum()])
        cell = np.searchsorted(self.highest, borders, side="left")
        found = whole[cell].copy()
        for place in np.flatnonzero(cell < len(self.counts)):
            found[place] += self._in_cell(int(cell[place]), float(borders[place]))
        return found

    def _in_cell(self, cell: int, border: float) -> float:
        low, high = float(self.lowest[cell]), float(self.highest[cell])
        inner = float(self.counts[cell]) - 2
        if border <= low:
            return 0.0
        if inner <= 0:
            return 1.0
        mean = min(max((float(self.sums[cell]) - low - high) / inner, low), high)
        if inner == 1:
            return 1.0 + (mean < border)
        place = min(max((mean - low) / (high - low), 1e-3), 1 - 1e-3)
        way = (border - low) / (high - low)
        return 1.0 + inner * float(way ** (place / (1 - place)))


def fine_profile(cells: ColumnCells, profile: Iterable[Mapping[str, Any]]) -> FineProfile:
    """The finite numbers of a profile's rows of one column (of several days, say).

    ``ValueError`` where infinite and finite numbers share a cell: how many are finite is unknown.
    """
    order = {name: place for place, name in enumerate(_ascending(cells))}
    together: dict[int, list[Mapping[str, Any]]] = {}
    for row in profile:
        place = order.get((row["cell"], row["value"]))
        if place is not None and not _all_infinite(row):
            together.setdefault(place, []).append(row)
    rows = [together[place] for place in sorted(together)]
    low, high = cells.low or 0.0, cells.high or 0.0
    return FineProfile(
        np.array(sorted(together), np.intp),
        np.array([cells.far[0], low, *cells.edges, high, cells.far[1]]),
        np.array([sum(row["count"] for row in cell) for cell in rows], float),
        np.array([sum(map(_sum, cell)) for cell in rows]),
        np.array([min(row["min"] for row in cell) for cell in rows]),
        np.array([max(row["max"] for row in cell) for cell in rows]),
    )


def _ascending(cells: ColumnCells) -> Sequence[tuple[str, str | None]]:
    bins = [("bin", str(number)) for number in range(len(cells.edges) + 1)]
    return [("far_under", None), ("under", None), *bins, ("over", None), ("far_over", None)]


def _all_infinite(row: Mapping[str, Any]) -> bool:
    infinite = np.isinf([row["min"], row["max"]])
    if infinite.any() and not infinite.all():
        raise ValueError(
            f"column {row['column']}: its cell {row['cell']} holds infinite numbers beside finite "
            "ones; leave the infinite ones out"
        )
    return bool(infinite.all())


def _sum(row: Mapping[str, Any]) -> float:
    """The sum of a cell; of so many and so large values that it is not kept, nearly it."""
    if row["sum"] is None:
        return float(row["count"] * (row["min"] / 2 + row["max"] / 2))
    return float(row["sum"])
