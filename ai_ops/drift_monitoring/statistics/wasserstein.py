"""The Wasserstein distance: how far values moved on average, in standard deviations.

Of cells it is nearly exact, because each tells the sum of its values: between two borders the
integral of the difference of both distribution functions follows from counts and sums alone. Only
where the difference changes its sign between two borders is its shape in between approximated.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.statistics.descriptor import Floats, Statistic

Span = tuple[Floats, Floats]
"""The lowest and the highest value of each cell."""

LEAST_STD: Final = 0.001
"""A smaller standard deviation counts as this one, as it does for Evidently."""
STEPS: Final = (np.arange(16) + 0.5) / 16
"""The places in a cell at which the difference is looked at, to see whether its sign changes."""
NARROW: Final = 1e-9
"""Values that lie closer together than this share of their cell are all equal."""
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
    spans: tuple[Span, Span] | None = None,
) -> float:
    """The first Wasserstein distance over the reference's standard deviation.

    Counts and sums of values per ascending cell, shapes ``[cells]``; ``borders`` between and around
    the inner cells, shape ``[cells - 1]``: the first and the last cell are open. ``spans`` are the
    lowest and highest value per cell of either side, where they are known. NaN where a side has no
    rows, or where an open cell holds values that have no finite sum.

    >>> wasserstein([0, 2, 2, 0], [0, 2, 2, 0], [0, 3, 7, 0], [0, 1, 5, 0], [0, 2, 4], std=2.0)
    0.5
    >>> round(wasserstein([0, 0, 0, 4], [0, 2, 2, 0], [0, 0, 0, 36], [0, 1, 5, 0], [0, 2, 4], 2), 3)
    3.75
    """
    now, then = np.asarray(current, float), np.asarray(reference, float)
    if not now.sum() or not then.sum() or len(now) < 2:
        return float("nan")
    edges = np.asarray(borders, float)
    known = spans or (None, None)
    sides = [
        _Side(now, np.asarray(current_sums, float), edges, known[0]),
        _Side(then, np.asarray(reference_sums, float), edges, known[1]),
    ]
    below = sides[0].below - sides[1].below
    above = sides[0].above - sides[1].above
    inner = np.abs(sides[0].areas - sides[1].areas) + _crossings(*sides) * sides[0].widths
    return float((abs(below) + abs(above) + inner.sum()) / max(std, LEAST_STD))


class _Side:
    """One side's distribution function: what it rises by in each cell, and its area in each."""

    def __init__(self, counts: Floats, sums: Floats, edges: Floats, span: Span | None) -> None:
        self.total = counts.sum()
        self.edges, self.widths = edges, edges[1:] - edges[:-1]
        self.start = np.cumsum(counts)[:-2] / self.total
        self.rise = counts[1:-1] / self.total
        filled = self.rise > 0
        means = np.divide(sums[1:-1], counts[1:-1], out=edges[:-1].copy(), where=filled)
        self.means = np.minimum(np.maximum(means, edges[:-1]), edges[1:])
        self.areas = self.start * self.widths + self.rise * (edges[1:] - self.means)
        self.below = _open(counts[0] * edges[0] - sums[0], counts[0]) / self.total
        self.above = _open(sums[-1] - counts[-1] * edges[-1], counts[-1]) / self.total
        self.span = span

    def inside(self) -> Floats:
        """The function at the steps within each cell, shape ``[cells - 2, STEPS]``.

        A power of the way from the lowest to the highest value (of the cell's borders, where these
        are unknown), the one with the cell's own mean: a straight line for a mean in the middle, a
        jump for values that are all equal.
        """
        low, high = self.edges[:-1], self.edges[1:]
        if self.span is not None:
            filled = self.rise > 0
            low = np.where(filled, np.maximum(self.span[0][1:-1], low), low)
            high = np.where(filled, np.minimum(self.span[1][1:-1], high), high)
        width = np.maximum(high - low, np.maximum(self.widths, np.finfo(float).tiny) * NARROW)
        place = np.minimum(np.maximum((self.means - low) / width, 1e-3), 1 - 1e-3)
        points = self.edges[:-1, None] + self.widths[:, None] * STEPS
        way = np.minimum(np.maximum((points - low[:, None]) / width[:, None], 0.0), 1.0)
        found: Floats = (
            self.start[:, None] + self.rise[:, None] * way ** (place / (1 - place))[:, None]
        )
        return found


def _open(excess: float, count: float) -> float:
    """The area in an open cell; NaN for less than nothing: infinite values are in no sum."""
    return max(excess, 0.0) if excess >= -ROUNDING * max(count, 1.0) else float("nan")


def _crossings(now: _Side, then: _Side) -> Floats:
    """What a change of sign within a cell adds to its area, per width of the cell."""
    difference = now.inside() - then.inside()
    added: Floats = np.abs(difference).mean(axis=1) - np.abs(difference.mean(axis=1))
    return added
