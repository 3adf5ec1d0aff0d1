"""How the values of a simulated column are distributed, and in which cells they are counted."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ai_ops.drift_monitoring.cells import ColumnCells, Kind, ProfiledColumn, Role, cells_of_numbers

Floats = NDArray[np.float64]
FINE = 96
BINS = 10
NULLS = 0.02
MOST_VALUES = 20_000


@dataclass(frozen=True)
class Shape:
    """A distribution with mean 0 and standard deviation 1; ``below(x, a, b)`` is the share below x
    on a day that lies ``a`` higher and is spread by the factor ``exp(b)``."""

    name: str
    kind: Kind
    levels: int = 0
    shifted: bool = True
    """Whether a shift of so many standard deviations means something to it."""

    def below(self, x: Floats, a: Floats, b: Floats) -> Floats:
        a, b = a[:, None], b[:, None]
        if self.name == "discrete":
            return stats.poisson.cdf(np.ceil(x) - 1, 4 * np.exp(a / 2))
        if self.name == "zeros":
            zero = 1 / (1 + np.exp(-np.log(0.7 / 0.3) + a))
            return np.where(x <= 0, 0.0, zero + (1 - zero) * -np.expm1(-np.maximum(x, 0)))
        return self._standard.cdf(((x - a) / np.exp(b)) * self._std + self._mean)

    def at(self, share: Floats) -> Floats:
        """The values at these shares of the population."""
        if self.name == "discrete":
            return stats.poisson.ppf(share, 4)
        if self.name == "zeros":
            return np.where(share <= 0.7, 0.0, -np.log1p(-np.clip((share - 0.7) / 0.3, 0, 1)))
        return (self._standard.ppf(share) - self._mean) / self._std

    @cached_property
    def _standard(self) -> "stats.distributions.rv_frozen":
        made: dict[str, Callable[[], stats.distributions.rv_frozen]] = {
            "normal": stats.norm,
            "tails": lambda: stats.t(3),
            "skewed": lambda: stats.lognorm(0.8),
            "score": lambda: stats.beta(2, 6),
        }
        return made[self.name]()

    @cached_property
    def _mean(self) -> float:
        return float(self._standard.mean())

    @cached_property
    def _std(self) -> float:
        return float(self._standard.std())


@dataclass(frozen=True)
class Grid:
    """A column's cells, and the finer ones in which the peers' numbers are computed.

    ``place`` is the cell of each fine one; ``doane`` the bin that NannyML puts it in.
    """

    cells: ColumnCells
    edges: Floats
    place: NDArray[np.int64]
    doane: NDArray[np.int64]


@cache
def grid_of(shape: Shape, name: str, role: Role, rows: int) -> Grid:
    """The cells that a reference of so many rows has, by the population's own quantiles."""
    column = ProfiledColumn(name, role, shape.kind)
    if shape.kind == "category":
        values = tuple(f"v{level:03}" for level in range(shape.levels))
        every = np.arange(shape.levels + 2)
        return Grid(ColumnCells(column, values=values), np.zeros(0), every, every)
    population = _population(shape, rows)
    cells = cells_of_numbers(column, population, BINS)
    bins = np.histogram_bin_edges(population, bins="doane")
    fine = shape.at(np.arange(1, FINE) / FINE)
    ends = [cells.low, np.nextafter(cells.high or 0.0, np.inf)]
    edges = np.unique(np.concatenate([fine, cells.edges, bins, ends]))
    if shape.name == "discrete":
        edges = np.arange(0.0, 40.0)
    left = np.concatenate([[-np.inf], edges])
    place = np.searchsorted(cells.edges, left, side="right")
    names = [cell for cell, _ in cells.names]
    place[left < (cells.low or 0.0)] = names.index("under")
    place[left > (cells.high or 0.0)] = names.index("over")
    doane = np.searchsorted(bins, left, side="right")
    return Grid(cells, edges, np.append(place, names.index("null")), np.append(doane, -1))


@cache
def _population(shape: Shape, rows: int) -> Floats:
    """Values at even shares, and the extremes that so many rows have."""
    even = (np.arange(MOST_VALUES) + 0.5) / MOST_VALUES
    return shape.at(np.concatenate([[0.5 / rows], even, [1 - 0.5 / rows]]))
