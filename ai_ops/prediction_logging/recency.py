"""Is the log still being written? Its silent hours, beside what was served and what is usual.

That nothing was logged is either logging that stopped or traffic that stopped. Who counted apart
from the log tells them apart; where nobody did, the same hours of the weeks before tell only that
something is missing. A night that is always quiet is no finding.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

UNLIKELY: Final = 1e-6
"""How improbable no traffic at all must be before it is an alarm, by the hours' usual traffic."""

WEEKS: Final = 4
ENOUGH_WEEKS: Final = 2
"""Fewer weeks than this tell nothing about what is usual."""

HOUR: Final = timedelta(hours=1)

Hours = Mapping[int, int]
"""How much there was in each hour (0 … 23) of a UTC day; what is not named is none."""


@dataclass(frozen=True, slots=True)
class Busy:
    """The records of an hour: how many, when the last one was, and how many so near to its begin
    (``early``) or its end (``late``) that another clock may count them in the hour beside it."""

    n: int
    last: datetime
    early: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """What somebody who is not the log counted on the day: moments, and how many at each.

    ``total`` is what the day's silence is a share of.
    """

    by: str
    what: str
    at: Sequence[tuple[datetime, int]]
    total: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """One day of the log, hour by hour, beside what should have been in it.

    ``before`` is the last record before the day, ``counted`` is None when nobody counted,
    ``usual`` are the same days of the weeks before of which there is a log.
    """

    logged: Mapping[int, Busy]
    before: datetime | None = None
    counted: Counted | None = None
    usual: Sequence[Hours] = ()
    allowed_share: float = 0.0

    @property
    def last(self) -> datetime | None:
        """The last record that is known."""
        return max((busy.last for busy in self.logged.values()), default=self.before)


@dataclass(frozen=True, slots=True)
class Silence:
    """Hours in a row without any record: ``since`` the last record before them, if one is known.

    ``near`` counts the records just outside of them.
    """

    start: datetime
    end: datetime
    since: datetime | None
    lasts: bool
    near: int = 0


def silences(traffic: Traffic, window: Window, as_of: datetime) -> list[Silence]:
    """The silent spans of a day, in whole hours that are over by ``as_of``."""
    found: list[Silence] = []
    over = int((min(window.end, as_of) - window.start) / HOUR)
    quiet = [hour for hour in range(over) if hour not in traffic.logged]
    for first in (hour for hour in quiet if hour - 1 not in quiet):
        end = next(hour for hour in range(first, over + 1) if hour == over or hour not in quiet)
        before, after = traffic.logged.get(first - 1), traffic.logged.get(end)
        found.append(
            Silence(
                start=window.start + first * HOUR,
                end=window.start + end * HOUR,
                since=before.last if before else traffic.before,
                lasts=after is None,
                near=(before.late if before else 0) + (after.early if after else 0),
            )
        )
    return found


def expected(silence: Silence, usual: Sequence[Hours]) -> tuple[float, int]:
    """How much is usual in these hours: the median of the weeks before, and the least of them.

    >>> ten = datetime.fromisoformat("2021-03-04T10:00+00:00")
    >>> quiet = Silence(ten, ten + 2 * HOUR, since=None, lasts=False)
    >>> expected(quiet, [{10: 30, 11: 30}, {10: 20}, {10: 40, 23: 9}])
    (40.0, 20)
    """
    if not usual:
        return 0.0, 0
    count = int((silence.end - silence.start) / HOUR)
    hours = [(silence.start.hour + number) % 24 for number in range(count)]
    weeks = [sum(day.get(hour, 0) for hour in hours) for day in usual]
    return float(median(weeks)), min(weeks)


def is_unlikely(usual: float) -> bool:
    """Whether no arrival at all is improbable where so many are usual (Poisson's tail at zero).

    >>> is_unlikely(10), is_unlikely(20)
    (False, True)
    """
    return math.exp(-usual) < UNLIKELY


def judge_recency(traffic: Traffic, window: Window, as_of: datetime) -> Verdict:
    """Judge the silent hours of a day, as far as it is over by ``as_of``.

    Something that was served while nothing was logged is logging that stopped; hours that were
    busy in every week before, and in which nobody counted anything, are traffic that stopped.
    """
    rows = sum(busy.n for busy in traffic.logged.values())
    counted = traffic.counted
    total = counted.total if counted else None
    observed: dict[str, Observed] = {
        "records": rows,
        "last_record": traffic.last.isoformat() if traffic.last else None,
        "counted": total,
        "weeks_compared": len(traffic.usual),
    }
    quiet = silences(traffic, window, as_of)
    stopped = [found for one in quiet if (found := _stopped(one, traffic, window))]
    missed = sum(int(finding.size or 0) for finding in stopped)
    observed["served_while_silent"] = missed if counted else None
    if total and missed <= traffic.allowed_share * total < total:
        stopped = []
    absent = [found for one in quiet if (found := _absent(one, traffic, window))]
    findings = stopped or absent
    if findings:
        reason = "; ".join(finding.reason for finding in findings[:3])
        return Verdict.failing(reason, *findings, sample_size=rows, observed=observed)
    if not rows:
        reason = "nothing was logged, and nobody tells of anything that should have been"
        return Verdict.lacking(reason, "volume", window=window, observed=observed)
    if counted is None and len(traffic.usual) < ENOUGH_WEEKS:
        reason = (
            f"{rows} records, the last at {_at(traffic.last)}; nobody counted besides, and there "
            f"are {len(traffic.usual)} weeks to compare with: whether more was due is not known"
        )
        return Verdict.lacking(reason, "volume", window=window, sample_size=rows, observed=observed)
    told = (
        f"{counted.by} tells of nothing in an hour without any"
        if counted
        else f"no hour without any was busy in the {len(traffic.usual)} weeks before"
    )
    reason = f"{rows} records, the last at {_at(traffic.last)}; {told}"
    return Verdict.passing(reason, sample_size=rows, observed=observed)


def _stopped(silence: Silence, traffic: Traffic, window: Window) -> Finding | None:
    counted = traffic.counted
    if counted is None:
        return None
    missed = sum(n for moment, n in counted.at if silence.start <= moment < silence.end)
    if missed <= silence.near:
        return None  # nothing, or no more than two clocks may differ in
    begin = silence.since or silence.start
    since = f"since {begin:%Y-%m-%d %H:%M}" if silence.since else f"from {begin:%H:%M} on"
    until = "" if silence.lasts else f" until {silence.end:%H:%M}"
    reason = (
        f"logging stopped: nothing was logged {since}{until}, and {counted.by} tells of {missed} "
        f"{counted.what} in that time"
    )
    return Finding("completeness", "fail", reason, window=window, begin=begin, size=missed)


def _absent(silence: Silence, traffic: Traffic, window: Window) -> Finding | None:
    if len(traffic.usual) < ENOUGH_WEEKS:
        return None
    usual, least = expected(silence, traffic.usual)
    if not least or not is_unlikely(usual):
        return None
    nobody = (
        f"no traffic: {traffic.counted.by} tells of none either"
        if traffic.counted
        else "no traffic, or logging stopped: nobody counts besides"
    )
    reason = (
        f"nothing was logged from {silence.start:%Y-%m-%d %H:%M} to {silence.end:%H:%M}, where "
        f"{usual:g} predictions are usual (the median of {len(traffic.usual)} weeks); {nobody}"
    )
    return Finding("volume", "fail", reason, window=window, begin=silence.start, size=usual)


def _at(moment: datetime | None) -> str:
    return "no time" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
