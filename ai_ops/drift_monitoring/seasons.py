"""Whether days explain how much weeks vary, asked of all columns together.

A column whose weeks vary by more than its days let expect has a season, and keeps to its weeks.
But eleven weeks vary by a quarter more than expected in a quarter of the columns that have none.
What is alike in all columns is therefore asked of all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ai_ops.drift_monitoring.daily_variance import DailyVariance, Days, told_together
from ai_ops.drift_monitoring.moderation import moderated

AGREED: Final = 1.25
"""Windows that vary by more than so many times what days let expect know what days do not."""


@dataclass(frozen=True, slots=True)
class Explained:
    """What days say of a column's windows: ``known`` with what the windows themselves say, None
    where those vary by more than days explain."""

    days: DailyVariance
    known: DailyVariance | None


def explained(
    days: Sequence[Days | None], windows: Sequence[float], freedom: float
) -> list[Explained | None]:
    """The columns' days and the variances of their windows together; None where days say nothing.

    ``windows`` are variances in the unit of the days', known with ``freedom``.

    >>> alike = [Days(84, 7, 7.0, 0.0, 3.0)] * 5
    >>> [one.known is not None for one in explained(alike, [0.8, 1.0, 0.9, 1.1, 1.5], 15)]
    [True, True, True, True, True]
    >>> [one.known is not None for one in explained(alike, [0.8, 1.0, 0.9, 1.1, 9.0], 15)]
    [True, True, True, True, False]
    """
    places = [place for place, column in enumerate(days) if column is not None and column.variance]
    of_days = told_together([column for column in days if column is not None and column.variance])
    expected = [column.of_window() for column in of_days]
    times = [windows[place] / one.variance for place, one in zip(places, expected, strict=True)]
    drawn, _ = moderated(np.array(times), freedom)
    found: list[Explained | None] = [None] * len(days)
    for place, one, ratio in zip(places, expected, drawn, strict=True):
        known = None
        if ratio <= AGREED:
            weight = (one.freedom + freedom * float(ratio)) / (one.freedom + freedom)
            known = DailyVariance(one.variance * weight, one.freedom, one.tails)
        found[place] = Explained(one, known)
    return found
