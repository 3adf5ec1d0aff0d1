"""A distribution that moved smoothly: more of the one end, less of the other, nothing torn."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.causes.signs import Sign
from ai_ops.drift_monitoring.statistics.population import SMOOTHING

CELLS_AT_LEAST: Final = 6
EXPLAINED: Final = 0.75
OUTSIDE_AT_MOST: Final = 0.05


def smooth(now: ArrayLike, reference: ArrayLike, outside: float) -> Sign | None:
    """Whether the log ratio of the shares is a smooth curve over the quantiles of the reference.

    Counts per bin, in order. Between two normal distributions the log ratio is a parabola:
    that of two seasons is nearly one, that of a torn, rounded or mixed column is not. Source:
    Efron and Tibshirani, Using specially designed exponential families for density estimation,
    Annals of Statistics 24 (1996).

    >>> smooth([50, 80, 100, 120, 160, 220, 270], [100] * 7, 0.01).words
    'it moved smoothly inside the range that was known'
    >>> smooth([300, 10, 300, 10, 300, 10, 70], [100] * 7, 0.0) is None
    True
    """
    a, b = np.asarray(now, float), np.asarray(reference, float)
    used = b > 0
    if used.sum() < CELLS_AT_LEAST or outside > OUTSIDE_AT_MOST or not a[used].sum():
        return None
    a, b = a[used] + SMOOTHING, b[used] + SMOOTHING
    ratio = np.log(a / a.sum()) - np.log(b / b.sum())
    place = (np.cumsum(b) - b / 2) / b.sum()
    total = float(((ratio - ratio.mean()) ** 2).sum())
    left = float(((ratio - np.polyval(np.polyfit(place, ratio, 2), place)) ** 2).sum())
    explained = 1 - left / total if total else 0.0
    if explained < EXPLAINED:
        return None
    words = "it moved smoothly inside the range that was known"
    return Sign("smooth", "genuine_shift", 0.3, words, {"explained": round(explained, 3)})
