"""How many rows there are, beside what is usual."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.statistics.descriptor import Statistic

MAD_OF_NORMAL: Final = 1.4826
"""A median absolute deviation times this is the standard deviation of normal numbers."""
LEAST_SPREAD: Final = 0.05
"""Days differ by at least so much in their logarithm, however alike the few that are known."""

VOLUME: Final = Statistic(
    name="volume",
    title="Rows beside the usual",
    unit="ratio to the median of comparable days",
    meaning="1 as usual, 0 for none; the deviations say how unusual, by how such days differ",
    source="median absolute deviation: Hampel, JASA 69(346), 1974",
)


class Volume(NamedTuple):
    """The rows over the usual, and by how many deviations of comparable days that differs."""

    ratio: float
    deviations: float


def volume(rows: int, usual: ArrayLike) -> Volume:
    """The rows of a day beside those of comparable days (the same weekday, say), shape ``[days]``.

    Deviations are of logarithms, for volume grows and shrinks by factors: by the median absolute
    deviation, but no less than counting itself scatters and ``LEAST_SPREAD``. NaN without days to
    compare with.

    >>> found = volume(400, [1_000, 1_050, 980, 1_020])
    >>> round(found.ratio, 2), round(found.deviations, 1)
    (0.4, -18.5)
    >>> volume(400, [])
    Volume(ratio=nan, deviations=nan)
    """
    days = np.asarray(usual, float)
    if not len(days) or not np.median(days):
        return Volume(float("nan"), float("nan"))
    middle = float(np.median(days))
    logarithms = np.log1p(days)
    center = np.median(logarithms)
    spread = MAD_OF_NORMAL * float(np.median(np.abs(logarithms - center)))
    scale = max(spread, LEAST_SPREAD, 1 / np.sqrt(middle))
    return Volume(rows / middle, float((np.log1p(rows) - center) / scale))
