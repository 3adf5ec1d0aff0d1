"""The Wasserstein distance: how far values moved on average, in standard deviations.

Of cells it is nearly exact, because each tells the sum of its values: between two borders the
integral of the difference of both distribution functions follows from counts and sums alone. Only
where the difference changes its sign between two borders is its shape in between approximated.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.statistics.descriptor import Floats, Statistic

LEAST_STD: Final = 0.001
"""A smaller standard deviation counts as this one, as it does for Evidently."""
STEPS: Final = 16
"""Into so many steps a cell is cut to see whether the difference changes its sign."""
ROUNDING: Final = 1e-6
"""Sums are kept to this size: means may lie beyond their cell by as much."""

WASSERSTEIN: Final = Statistic(
    name="wasserstein",
    title="Wasserstein distance (normed)",
    unit="standard deviations of the reference",
    meaning="how far a value was moved on average to turn the reference into what is now",
    source="Vallender, Theory of Probability and its Applications 18(4), 1974; the norm: Evidently",
)


def wasserstein(
    current: ArrayLike,
    reference: ArrayLike,
    current_sums: ArrayLike,
    reference_sums: ArrayLike,
    borders: ArrayLike,
    std: float,
) -> float:
    """The first Wasserstein distance over the reference's standard deviation.

    Counts and sums of values per ascending cell, shapes ``[cells]``; ``borders`` between and around
    the inner cells, shape ``[cells - 1]``: the first and the last cell are open. NaN where a side
    has no rows, or where an open cell holds values that have no finite sum.

    >>> wasserstein([0, 2, 2, 0], [0, 2, 2, 0], [0, 3, 7, 0], [0, 1, 5, 0], [0, 2, 4], std=2.0)
    0.5
    >>> round(wasserstein([0, 0, 0, 4], [0, 2, 2, 0], [0, 0, 0, 36], [0, 1, 5, 0], [0, 2, 4], 2), 3)
    3.75
    """
    now, then = np.asarray(current, float), np.asarray(reference, float)
    if not now.sum() or not then.sum() or len(now) < 2:
        return float("nan")
    edges = np.asarray(borders, float)
    sides = [
        _Side(now / now.sum(), np.asarray(current_sums, float), now, edges),
        _Side(then / then.sum(), np.asarray(reference_sums, float), then, edges),
    ]
    below = sides[0].below - sides[1].below
    above = sides[0].above - sides[1].above
    inner = np.abs(sides[0].areas - sides[1].areas) + _crossings(*sides) * np.diff(edges)
    return float((abs(below) + abs(above) + inner.sum()) / max(std, LEAST_STD))


class _Side:
    """One side's distribution function: what it rises by in each cell, and its area in each."""

    def __init__(self, shares: Floats, sums: Floats, counts: Floats, edges: Floats) -> None:
        total = counts.sum()
        self.start = np.cumsum(shares)[:-2]
        self.rise = shares[1:-1]
        widths = np.diff(edges)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = sums / counts
            place = np.where(
                self.rise > 0, np.clip((means[1:-1] - edges[:-1]) / widths, 0.0, 1.0), 0.5
            )
        self.place = np.where(widths > 0, place, 0.5)
        self.areas = (self.start + self.rise * (1 - self.place)) * widths
        self.below = _open(counts[0] * edges[0] - sums[0], counts[0]) / total
        self.above = _open(sums[-1] - counts[-1] * edges[-1], counts[-1]) / total

    def inside(self) -> Floats:
        """The function at the steps within each cell, shape ``[cells - 2, STEPS]``.

        A power of the way through the cell, the one with the cell's own mean: a straight line for
        a mean in the middle, a jump at a border for values that are all equal to it.
        """
        steps = (np.arange(STEPS) + 0.5) / STEPS
        place = np.clip(self.place, 1e-3, 1 - 1e-3)
        powers = steps ** (place / (1 - place))[:, None]
        found: Floats = self.start[:, None] + self.rise[:, None] * powers
        return found


def _open(excess: float, count: float) -> float:
    """The area in an open cell; NaN for less than nothing: infinite values are in no sum."""
    return max(excess, 0.0) if excess >= -ROUNDING * max(count, 1.0) else float("nan")


def _crossings(now: _Side, then: _Side) -> Floats:
    """What a change of sign within a cell adds to its area, per width of the cell."""
    difference = now.inside() - then.inside()
    added: Floats = np.abs(difference).mean(axis=1) - np.abs(difference.mean(axis=1))
    return added
