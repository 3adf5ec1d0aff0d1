"""Days as trailing windows, and the level that an alert rule sees in a series of them."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.statistics.descriptor import Floats


def window_counts(daily: ArrayLike, window_days: int) -> Floats:
    """The counts of every window of that many days, shape ``[days - window + 1, cells]``.

    >>> window_counts([[1], [2], [3]], 2).tolist()
    [[3.0], [5.0]]
    """
    counts = np.asarray(daily, float)
    if len(counts) < window_days:
        return np.zeros((0, counts.shape[-1]))
    sums: Floats = sliding_window_view(counts, window_days, axis=0).sum(axis=-1)
    return sums


def sustained(values: ArrayLike, *, k: int, n: int) -> Floats:
    """The level that the latest value and ``k`` of the last ``n`` values reach, at every place.

    It exceeds a threshold exactly when the alert rule "k of the last n and the latest" fires.
    Shape ``[places]``; NaN before the first ``k`` values.

    >>> sustained([9, 1, 2, 3, 4], k=2, n=3).tolist()
    [nan, 1.0, 2.0, 2.0, 3.0]
    """
    series = np.asarray(values, float)
    levels = np.full(series.shape, np.nan)
    for place in range(k - 1, len(series)):
        recent = np.sort(series[max(0, place - n + 1) : place + 1])
        levels[place] = min(series[place], recent[-k])
    return levels
