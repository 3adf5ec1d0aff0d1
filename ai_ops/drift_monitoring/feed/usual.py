"""How many rows are usual on a day: those of the weeks before, as on this day of the week."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from statistics import median
from typing import Final

from ai_ops.drift_monitoring.statistics.volume import volume

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
UNUSUAL: Final = 4.0
"""Deviations of comparable days: chance takes a day so far less than once in a hundred years."""


def comparable(day: str, rows: Mapping[str, int], busy: Sequence[float] = ()) -> list[float]:
    """The rows of the days before, each as if it were on this day's day of the week.

    A day counts by its share of what is usual on its own day of the week: by those days themselves
    or, of a young log, by the pattern ``busy`` of the reference. Days that ``rows`` does not hold
    are unknown, and low ones left out; empty where nobody can tell.

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
    alike = [own * count / level[at] for at, count in known if level.get(at)]
    least = LOW * _upper(alike) if alike else 0.0
    return [rows for rows in alike if rows >= least]


@lru_cache(maxsize=512)
def days_before(day: str, count: int) -> tuple[str, ...]:
    """The days before a day, the nearest first.

    >>> days_before("2021-03-02", 2)
    ('2021-03-01', '2021-02-28')
    """
    today = date.fromisoformat(day)
    return tuple((today - timedelta(days=back)).isoformat() for back in range(1, count + 1))


def can_tell(usual: Sequence[float]) -> bool:
    """Whether no row at all would be more than chance.

    >>> can_tell([40.0, 44.0, 38.0]), can_tell([2.0, 1.0, 3.0]), can_tell([])
    (True, False, False)
    """
    return bool(usual) and volume(0, usual).deviations <= -UNUSUAL


def fewer(rows: int, usual: Sequence[float], share: float) -> bool:
    """Whether rows are fewer than this share of the usual, and fewer than chance makes them."""
    if not usual or rows >= share * median(usual):
        return False
    return volume(rows, usual).deviations < -UNUSUAL


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
