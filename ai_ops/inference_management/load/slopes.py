"""By how much something grows: a slope that single jumps do not turn."""

from collections.abc import Sequence
from typing import Final

import numpy as np

MINIMUM: Final = 8
"""Of fewer points no slope is told."""
MOST: Final = 400
"""Of more points every so-many-th is taken: pairs are as many as their square."""


def theil_sen(points: Sequence[tuple[float, float]]) -> float | None:
    """The median of the slopes of all pairs of points (Sen 1968, "Estimates of the regression
    coefficient based on Kendall's tau"); None of too few points, or of points of one x.

    >>> theil_sen([(n, 2.0 * n + (1000 if n == 5 else 0)) for n in range(20)])
    2.0
    """
    if len(points) < MINIMUM:
        return None
    chosen = np.array(points[:: max(1, len(points) // MOST)], dtype=float)
    first, second = np.triu_indices(len(chosen), 1)
    run = chosen[second, 0] - chosen[first, 0]
    apart = run != 0
    if not apart.any():
        return None
    rise = chosen[second, 1] - chosen[first, 1]
    return float(np.median(rise[apart] / run[apart]))


def steady_growth(points: Sequence[tuple[float, float]]) -> float | None:
    """The slope that is left when the beginning is not looked at: of all points or of the later
    half, whichever is less. What fills once (a cache, a pool) stops growing; a leak does not.

    >>> filled = [(n, min(n, 10.0)) for n in range(60)]
    >>> leaks = [(n, n * 0.5) for n in range(60)]
    >>> steady_growth(filled), steady_growth(leaks), steady_growth(leaks[:9])
    (0.0, 0.5, None)
    """
    slopes = [theil_sen(points), theil_sen(points[len(points) // 2 :])]
    known = [slope for slope in slopes if slope is not None]
    return min(known) if len(known) == len(slopes) else None
