"""How many rows are usual on a day: those of the weeks before, as on this day of the week."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from math import exp, log1p, sqrt
from statistics import median
from typing import Final

from ai_ops.drift_monitoring.statistics.volume import LEAST_SPREAD, MAD_OF_NORMAL

LOOKED_BACK: Final = 35
"""Days that are compared with: five of each day of the week. A decline of a tenth a week stays
above seven tenths of their median."""
UPPER: Final = 0.75
LOW: Final = 0.7
"""A day with less than this share of its usual rows is low; such days are no part of the usual,
until three of four days are: what stays away becomes the usual after four weeks."""
SAME_WEEKDAYS: Final = 3
"""With so many of the same day of the week, the log itself tells its weekly pattern."""
WITH_PATTERN: Final = 6
"""With so many days, whatever they are, it is told by the reference's pattern and their level."""
UNUSUAL: Final = 2.5
"""Spreads: chance takes one day in 160 so far down, and hardly ever three of four."""
TOLD: Final = 4.0
"""With so many deviations between the usual and none at all, a day's rows can be judged."""
LOWEST: Final = 0.674 + 2.0
"""A day so many spreads below the upper quartile is low: two below the middle of a normal one."""
LEVEL_TOO: Final = 1.15
"""How much wider a day lies beside a level that five days tell than beside the true one."""
PAIRS: Final = 14
"""With so many pairs of days a week apart, they tell the spread."""


def comparable(day: str, rows: Mapping[str, int], busy: Sequence[float] = ()) -> list[float]:
    """The rows of the days before, each as if it were on this day's day of the week.

    A day counts by its share of what is usual on its own day of the week: by those days themselves
    or, of a young log, by the pattern ``busy`` of the reference. Days that ``rows`` does not hold
    are unknown; empty where nobody can tell.

    >>> weeks = {f"2021-03-{n:02d}": 50 if n % 7 in (6, 0) else 100 for n in range(1, 29)}
    >>> set(comparable("2021-03-28", weeks)), set(comparable("2021-03-29", weeks))
    ({50.0}, {100.0})
    >>> young = {day: rows for day, rows in weeks.items() if day > "2021-03-21"}
    >>> comparable("2021-03-28", young), len(comparable("2021-03-28", young, (2,) * 5 + (1, 1)))
    ([], 6)
    """
    at_day = _weekday(day)
    known = [(_weekday(one), rows[one]) for one in days_before(day, LOOKED_BACK) if one in rows]
    level = _levels(known, at_day, busy)
    if not level:
        return []
    own = level[at_day]
    return [own * count / level[at] for at, count in known if level.get(at)]


@lru_cache(maxsize=512)
def days_before(day: str, count: int) -> tuple[str, ...]:
    """The days before a day, the nearest first.

    >>> days_before("2021-03-02", 2)
    ('2021-03-01', '2021-02-28')
    """
    today = date.fromisoformat(day)
    return tuple((today - timedelta(days=back)).isoformat() for back in range(1, count + 1))


@dataclass(frozen=True, slots=True)
class Usual:
    """The rows that are usual on a day, and how far days differ from it in their logarithm."""

    rows: float
    spread: float

    def deviations(self, rows: int) -> float:
        """How many of its spreads a day lies from the usual."""
        return (log1p(rows) - log1p(self.rows)) / self.spread

    @property
    def can_tell(self) -> bool:
        """Whether no row at all would be more than chance.

        >>> Usual(40, 0.1).can_tell, Usual(2, 0.7).can_tell
        (True, False)
        """
        return self.deviations(0) <= -TOLD

    def short(self, rows: int, share: float) -> bool:
        """Whether rows are fewer than this share of the usual, and fewer than chance makes them."""
        return rows < share * self.rows and self.deviations(rows) < -UNUSUAL


def usual_on(day: str, rows: Mapping[str, int], busy: Sequence[float] = ()) -> Usual | None:
    """What is usual on a day by those before it; None where nobody can tell.

    The spread is that of comparable days or, once there are three weeks, of days beside those a
    week before: a fall of the level moves few of such pairs. It is no less than counting itself
    scatters and 5 %, and more by what the level is uncertain.

    >>> weeks = {f"2021-03-{n:02d}": 50 if n % 7 in (6, 0) else 100 for n in range(1, 29)}
    >>> usual_on("2021-03-29", weeks)
    Usual(rows=100.0, spread=0.11...)
    """
    alike = comparable(day, rows, busy)
    pairs = _weekly_changes(day, rows)
    if not alike or not median(alike):
        return None
    upper = _upper(alike)
    if len(pairs) >= PAIRS:
        own = MAD_OF_NORMAL * median(map(abs, pairs)) / sqrt(2)
    else:
        logs = [log1p(one) for one in alike if one >= LOW * upper]
        middle = median(logs)
        own = MAD_OF_NORMAL * median(abs(one - middle) for one in logs)
    least = min(LOW * upper, upper * exp(-LOWEST * own))
    level = float(median(one for one in alike if one >= least))
    return Usual(level, LEVEL_TOO * max(own, LEAST_SPREAD, 1 / sqrt(level)) if level else 1.0)


def _weekly_changes(day: str, rows: Mapping[str, int]) -> list[float]:
    known = days_before(day, LOOKED_BACK)
    pairs = zip(known, known[7:], strict=False)
    return [
        log1p(rows[one]) - log1p(rows[before])
        for one, before in pairs
        if one in rows and before in rows and (rows[one] or rows[before])
    ]


@lru_cache(maxsize=512)
def _weekday(day: str) -> int:
    return date.fromisoformat(day).weekday()


def _levels(
    known: Sequence[tuple[int, int]], weekday: int, busy: Sequence[float]
) -> dict[int, float]:
    own = {at: [count for other, count in known if other == at] for at in range(7)}
    if len(own[weekday]) >= SAME_WEEKDAYS:
        return {at: _upper(counts) for at, counts in own.items() if counts}
    if len(known) >= WITH_PATTERN and busy:
        return dict(enumerate(busy))
    return {}


def _upper(counts: Sequence[float]) -> float:
    """The upper quartile, between two counts in proportion.

    >>> _upper([1, 5, 2, 4, 3])
    4.0
    """
    ordered = sorted(counts)
    place = UPPER * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (place - below) * (ordered[above] - ordered[below]))
