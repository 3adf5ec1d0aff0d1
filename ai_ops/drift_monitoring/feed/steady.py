"""Whether as many rows arrive as usual: from all, from every call site and of every tenant.

Pure: from days of the feed to a ``Verdict``. A holiday is one low day; rows that are missing stay
away, so an alert takes k of the last n days, and the latest one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal

from ai_ops.ai_features.drift import Drift
from ai_ops.drift_monitoring.feed.day import FeedDay
from ai_ops.drift_monitoring.feed.usual import (
    LOOKED_BACK,
    LOW,
    SAME_WEEKDAYS,
    WITH_PATTERN,
    Usual,
    days_before,
    usual_on,
)
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

SILENT: Final = 0.1
"""A call site or tenant with less than this share of its usual rows is silent."""
TOLD_WITHIN: Final = 14
"""So far back the last n days may lie that can tell: on some no row is usual."""
DECLINED: Final = 0.8
NAMED: Final = 8

Kind = Literal["call site", "tenant"]
Counted = Callable[[FeedDay], int]


@dataclass(frozen=True)
class Stream:
    """Rows by day of the whole, or of one part of it, and when few of them are an alert."""

    feed: Mapping[str, FeedDay]
    counted: Counted
    share: float
    busy: Sequence[float]
    start: date
    known: dict[str, Usual | None] = field(default_factory=dict)

    def usual(self, day: str) -> Usual | None:
        """What is usual on a day; None where nobody can tell."""
        if day not in self.known:
            first = self.start.isoformat()
            rows = {
                one: self.counted(own)
                for one in days_before(day, LOOKED_BACK)
                if one >= first and (own := self.feed.get(one)) is not None
            }
            self.known[day] = usual_on(day, rows, self.busy)
        return self.known[day]

    def low(self, day: str) -> bool | None:
        """Whether the day has too few rows; None when nobody knows."""
        own = self.feed.get(day)
        usual = self.usual(day) if own is not None else None
        if own is None or usual is None or not usual.can_tell:
            return None
        return usual.short(self.counted(own), self.share)

    def missing(self, day: str, rule: Drift) -> bool | None:
        """Whether rows are missing: the day and ``k`` of the last ``n`` that can tell are low. None
        when it turns on days of which nobody knows."""
        if not (today := self.low(day)):
            return today
        first = self.start.isoformat()
        days = [one for one in days_before(day, TOLD_WITHIN) if one >= first]
        # A day on which no row is usual tells nothing; one that was never profiled might have.
        told = [low for one in days if (low := self.low(one)) is not None or one not in self.feed]
        lows = 1 + told[: rule.n - 1].count(True)
        if lows >= rule.k:
            return True
        return None if lows + told[: rule.n - 1].count(None) >= rule.k else False

    def since(self, day: str, rule: Drift) -> str:
        """The first day of the run of low days; ``n - k`` others in between do not end it."""
        first, others = day, 0
        for back in days_before(day, LOOKED_BACK):
            if back < self.start.isoformat() or others > rule.n - rule.k:
                break
            low = self.low(back)
            first, others = (back, 0) if low else (first, others + (low is False))
        return first


def judge_steady(
    day: str, feed: Mapping[str, FeedDay], busy: Sequence[float], rule: Drift, start: date
) -> Verdict:
    """Whether the day's rows are as many as usual, and those of each of its parts.

    ``busy`` is the reference's weekly pattern, which a log of fewer than three weeks is read by.
    """
    window, today = Window.of_day(day), feed.get(day)
    if today is None or not today.rows:
        return Verdict.lacking("the day has no answered prediction", "volume", window=window)
    whole = Stream(feed, lambda one: one.rows, LOW, busy, start)
    usual = whole.usual(day)
    if usual is None or not usual.can_tell:
        return _untold(usual, today.rows, window, young=bool(busy))
    parts, small = _parts(whole, day)
    found = [_missing(day, rule, whole, usual)] if whole.missing(day, rule) else []
    silent = {key: own for key, own in parts.items() if own.missing(day, rule)}
    found += [_silent(day, rule, own, *key) for key, own in silent.items()]
    expected = usual.rows
    observed: dict[str, Observed] = {
        "rows": today.rows,
        "usual_rows": round(expected),
        "parts": len(parts),
        "parts_too_small": len(small),
    }
    numbers = f"{today.rows:,} rows, {today.rows / expected:.0%} of the usual {expected:,.0f}"
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        reason = f"{found[0].reason}{more}"
        return Verdict.failing(reason, *found, sample_size=today.rows, observed=observed)
    if whole.missing(day, rule) is None:
        reason = f"{numbers}; whether that lasts cannot be told: days before it were not profiled"
        return Verdict.lacking(
            reason, "volume", window=window, sample_size=today.rows, observed=observed
        )
    undecided = [key for key, own in parts.items() if own.missing(day, rule) is None]
    notes = [
        *_low_once(whole, day, rule),
        *_declining(whole, day),
        *_named("cannot be told, for days were not profiled or do not say who asked", undecided),
        *_named("not judged, for their rows are few", small),
    ]
    reason = "; ".join([f"{numbers} on such a day", *notes])
    return Verdict.passing(reason, sample_size=today.rows, observed=observed)


def _parts(
    whole: Stream, day: str
) -> tuple[dict[tuple[Kind, str], Stream], list[tuple[Kind, str]]]:
    """The call sites and tenants that can be judged, where there are several; and the small."""
    judged: dict[tuple[Kind, str], Stream] = {}
    small: list[tuple[Kind, str]] = []
    for kind, names in _names(whole.feed, day).items():
        for name in names if len(names) > 1 else ():
            told = _Told(whole.feed, kind)
            own = Stream(told, _rows_of(kind, name), SILENT, whole.busy, whole.start)
            if (usual := own.usual(day)) is not None and usual.can_tell:
                judged[kind, name] = own
            else:
                small.append((kind, name))
    return judged, small


def _names(feed: Mapping[str, FeedDay], day: str) -> dict[Kind, list[str]]:
    known = [own for one in days_before(day, LOOKED_BACK) if (own := feed.get(one)) is not None]
    sites = {name for one in known for name in one.call_sites.named}
    tenants = {name for one in known for name in one.tenants.named}
    return {"call site": sorted(sites), "tenant": sorted(tenants)}


@dataclass(frozen=True)
class _Told(Mapping[str, FeedDay]):
    """The days that say who asked: a day with rows of nobody by name knows of no silence."""

    feed: Mapping[str, FeedDay]
    kind: Kind

    def __getitem__(self, day: str) -> FeedDay:
        own = self.feed[day]
        parts = own.tenants if self.kind == "tenant" else own.call_sites
        if own.rows and not parts.named:
            raise KeyError(day)
        return own

    def __iter__(self) -> Iterator[str]:
        return (day for day in self.feed if day in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _rows_of(kind: Kind, name: str) -> Counted:
    if kind == "tenant":
        return lambda one: one.tenants.rows(name)
    return lambda one: one.call_sites.rows(name)


def _missing(day: str, rule: Drift, whole: Stream, usual: Usual) -> Finding:
    since = whole.since(day, rule)
    gone = 1 - whole.counted(whole.feed[day]) / usual.rows
    reason = f"{gone:.0%} of the usual {usual.rows:,.0f} rows are missing, since {since}"
    begin = Window.of_day(since).start
    return Finding("volume", "fail", reason, window=Window.of_day(day), begin=begin, size=gone)


def _silent(day: str, rule: Drift, own: Stream, kind: Kind, name: str) -> Finding:
    usual, since = own.usual(day), own.since(day, rule)
    rows, expected = own.counted(own.feed[day]), usual.rows if usual else 0.0
    reason = f"{kind} {name} went silent: {plural(rows, 'row')} of the usual {expected:,.0f}, "
    return Finding(
        "volume",
        "fail",
        f"{reason}since {since}, while others go on",
        call_site=name if kind == "call site" else None,
        tenant=name if kind == "tenant" else None,
        window=Window.of_day(day),
        begin=Window.of_day(since).start,
        size=1 - rows / expected if expected else None,
    )


def _untold(usual: Usual | None, rows: int, window: Window, *, young: bool) -> Verdict:
    if usual is not None:
        reason = (
            f"{usual.rows:,.0f} rows are usual on such a day: too few to tell missing ones from "
            "chance"
        )
    else:
        needed = f"{WITH_PATTERN} days" if young else f"{SAME_WEEKDAYS} weeks"
        reason = f"the log is too young to know how many rows are usual: it takes {needed} before"
    return Verdict.lacking(reason, "volume", window=window, sample_size=rows)


def _low_once(whole: Stream, day: str, rule: Drift) -> list[str]:
    return [f"low, but not on {rule.k} of {rule.n} days"] if whole.low(day) else []


def _declining(whole: Stream, day: str) -> list[str]:
    """A slow decline is no alert, for the usual goes with it; it is told."""
    week = (day, *days_before(day, 6))
    earlier = [(date.fromisoformat(one) - timedelta(days=28)).isoformat() for one in week]
    if any(one not in whole.feed or one < whole.start.isoformat() for one in (*week, *earlier)):
        return []
    now, then = (sum(whole.counted(whole.feed[one]) for one in own) for own in (week, earlier))
    if not then or now >= DECLINED * then:
        return []
    return [f"the week has {now / then:.0%} of the rows of four weeks before: it declines"]


def _named(why: str, parts: Sequence[tuple[Kind, str]]) -> list[str]:
    if not parts:
        return []
    names = ", ".join(f"{kind} {name}" for kind, name in parts[:NAMED])
    more = f" and {len(parts) - NAMED} more" if len(parts) > NAMED else ""
    return [f"{why}: {names}{more}"]
