"""What of a change lasts: how far a window is without the one day that puts it furthest.

A lasting change moves every day of a window, and is still there when one of them is left out. A
single bad day moves a week's mean as far, stays in seven windows, and is gone with that day.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.contrasts import Contrasts, DriftTest
from ai_ops.drift_monitoring.statistics import Floats

KEPT: Final = 0.6
"""The part of a change that is left without its furthest day, where it lasts: of a shift as large
as its threshold some 0.8 by what days scatter."""
MOST_ROWS: Final = 0.5
"""A day that holds more of the window's rows is the window: it is not left out."""


def lasting(
    contrasts: Contrasts, test: DriftTest, values: Floats, windows: Floats, days: ArrayLike
) -> Floats:
    """A test's ``values`` of ``windows``, as far as they do not hang on one day.

    ``days`` are the windows' counts by day, shape ``[windows, days, cells]``. A value is at most
    ``1 / KEPT`` times what it is without any one day, and none where that day turns it.
    """
    by_day = np.asarray(days, float)
    rest = windows[:, np.newaxis] - by_day
    without = contrasts.measured(test, rest) * np.sign(values)[:, np.newaxis]
    small = by_day.sum(axis=-1) <= MOST_ROWS * windows.sum(axis=-1)[:, np.newaxis]
    counted = small & np.isfinite(without)
    least = np.where(counted, np.maximum(without, 0.0), np.inf).min(axis=1, initial=np.inf)
    kept: Floats = np.sign(values) * np.minimum(np.abs(values), least / KEPT)
    return kept
