"""Requests served and requests logged, hour beside hour."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ai_ops.prediction_logging.day_part import DayPart, Hour
from ai_ops.prediction_logging.reconciling import Course
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window

HOUR: Final = timedelta(hours=1)

OF_TEN: Final = 10
"""Where the hour beside a day agrees with the witness, one of so many of the records near its edge
may still have been counted on the day: two clocks differ by seconds."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One hour: requests served and logged, and how many served ones no record answers for."""

    hour: datetime
    served: int
    logged: int
    short: int


def compare(
    served: Mapping[str, int], logged: Mapping[str, Hour], window: Window
) -> list[Compared]:
    """Hour by hour, how many served requests no record can answer for.

    A record answers for a request of its own hour; one of the hour's last seconds also for one of
    the next hour, one of its first seconds for one of the hour before. What expires soonest is
    used first, so that no request is called missing that some assignment of the day would explain;
    what the hours beside the day have served themselves answers for nothing on it.

    >>> window = Window.of_day("2021-03-04")
    >>> logged = {"2021-03-04T07": Hour(9, 9, late=2), "2021-03-04T08": Hour(5, 5)}
    >>> found = compare({"2021-03-04T07": 7, "2021-03-04T08": 8}, logged, window)
    >>> [(one.hour.hour, one.short) for one in found]
    [(7, 0), (8, 1)]
    """
    found = []
    hour = window.start - HOUR
    lent = _lent(served, logged, window)
    before = logged.get(key(hour - HOUR), Hour())
    carried = _beside(before.late, before, served.get(key(hour - HOUR)))
    borrowed = 0
    while hour < window.end:
        own = logged.get(key(hour), Hour())
        asked = served.get(key(hour), 0)
        left = own.requests - borrowed
        late = min(own.late, left)
        need = max(0, asked - carried - (left - late))
        carried, need = late - min(need, late), max(0, need - late)
        borrowed = min(need, lent.get(hour + HOUR, 0))
        if hour >= window.start and (asked or own.requests):
            found.append(Compared(hour, asked, own.requests, need - borrowed))
        hour += HOUR
    return found


def _lent(
    served: Mapping[str, int], logged: Mapping[str, Hour], window: Window
) -> dict[datetime, int]:
    """How many requests of each hour's first seconds its own count leaves to the hour before."""
    after = logged.get(key(window.end), Hour())
    lent = {window.end: _beside(after.early, after, served.get(key(window.end)))}
    hour = window.end - HOUR
    while hour >= window.start:
        own = logged.get(key(hour), Hour())
        left = own.requests + lent.get(hour + HOUR, 0) - served.get(key(hour), 0)
        lent[hour] = min(own.early, max(0, left))
        hour -= HOUR
    return lent


def _beside(near: int, own: Hour, served: int | None) -> int:
    """How many of an hour's records ``near`` its edge may answer for the hour beside it, when no
    more is known of it than its own count: those that it leaves, and a few.

    >>> [_beside(20, Hour(100, 100), served) for served in (None, 100, 95, 0)]
    [2, 2, 7, 20]
    """
    left = max(0, own.requests - served) if served is not None else 0
    return min(near, left + near // OF_TEN)


def logged_around(
    courses: Iterable[Course], moment: Moment, counted: Mapping[str, DayPart]
) -> dict[str, dict[str, Hour]]:
    """What was logged by writer and hour, from two hours before a day to the hour behind it."""
    found: dict[str, dict[str, Hour]] = {}
    begin, end = moment.window.start - 2 * HOUR, moment.window.end + HOUR
    for course in courses:
        for index in course.parts:
            for day, part in index.days.items():
                if day == moment.partition:
                    part = counted.get(index.name, part)
                for name, hour in part.hours.items():
                    time = f"{day}T{name}"
                    if key(begin) <= time < key(end) and time <= key(moment.as_of):
                        hours = found.setdefault(course.writer, {})
                        hours[time] = hours.get(time, Hour()).plus(hour)
    return found


def key(hour: datetime) -> str:
    """How an hour is named in the evidence: its begin, UTC.

    >>> from datetime import UTC
    >>> key(datetime(2021, 3, 4, 7, 59, tzinfo=UTC))
    '2021-03-04T07'
    """
    return f"{hour:%Y-%m-%dT%H}"
