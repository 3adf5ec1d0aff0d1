"""Where traffic is going, and how many weeks what serves it lasts, with the uncertainty of both.

The weeks' predictions follow a line on a logarithmic scale (a growth by the same share each week);
its slope has the interval of Student's t. Weeks that follow each other are not independent: the
interval is a bound from below on what one does not know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, log1p
from typing import Final

import numpy as np
from scipy.special import stdtrit

WEEKS: Final = 26
"""How many whole weeks are looked back on, at most."""
WEEKS_NEEDED: Final = 6
"""Fewer show no trend."""
_CONFIDENCE: Final = 0.975


@dataclass(frozen=True)
class Growth:
    """The growth of the predictions a week, as a share (0.02: two per cent a week), between
    ``low`` and ``high`` (95 %), from ``weeks`` whole weeks."""

    weeks: int
    first_monday: str
    a_week: float
    low: float
    high: float


@dataclass(frozen=True)
class Lasts:
    """How long one limit lasts: what it is, how much of it is used, in how many weeks it is
    reached, and in how many at the earliest; None: not at this growth. ``known`` says where the
    limit is from, or why it is not known."""

    limit: str
    used: float | None
    weeks: float | None
    earliest: float | None
    known: str


def growth_of(weeks: Sequence[tuple[str, int]]) -> Growth | None:
    """The growth through weeks (Monday and rows); None where they are too few or one is empty.

    >>> doubled = [(f"2021-01-{4 + 7 * k:02}", 100 * 2**k) for k in range(4)]
    >>> doubled += [("2021-02-01", 1600), ("2021-02-08", 3200)]
    >>> found = growth_of(doubled)
    >>> found is not None and round(found.a_week, 6), found is not None and round(found.high, 6)
    (1.0, 1.0)
    """
    rows = [count for _, count in weeks]
    if len(rows) < WEEKS_NEEDED or min(rows) <= 0:
        return None
    at = np.arange(len(rows), dtype=float) - (len(rows) - 1) / 2
    logs = np.log(np.array(rows, dtype=float))
    spread = float((at * at).sum())
    slope = float((at * logs).sum() / spread)
    left = logs - logs.mean() - slope * at
    error = float(np.sqrt((left * left).sum() / (len(rows) - 2) / spread))
    reach = float(stdtrit(len(rows) - 2, _CONFIDENCE)) * error
    low, middle, high = (exp(one) - 1 for one in (slope - reach, slope, slope + reach))
    return Growth(len(rows), weeks[0][0], middle, low, high)


def lasts(limit: str, used: float | None, growth: Growth | None, known: str) -> Lasts:
    """How long a limit lasts of which a share is used at the busiest.

    >>> steady = Growth(8, "2021-01-04", 0.1, 0.05, 0.2)
    >>> found = lasts("the tested rate", 0.5, steady, "load test of 2021-02-01")
    >>> found.weeks is not None and round(found.weeks, 1)
    7.3
    >>> found.earliest is not None and round(found.earliest, 1)
    3.8
    """
    if used is None or used <= 0 or growth is None:
        return Lasts(limit, used, None, None, known)
    return Lasts(limit, used, _weeks(used, growth.a_week), _weeks(used, growth.high), known)


def _weeks(used: float, a_week: float) -> float | None:
    if used >= 1:
        return 0.0
    if a_week <= 0:
        return None
    weeks = log(1 / used) / log1p(a_week)
    return weeks if weeks < inf else None
