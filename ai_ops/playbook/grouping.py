"""Which alerts are one incident: a cause is answered once, whatever fails by it.

An alert that no incident answers joins the one that waits for its conclusion, brings back the one
that ended a short while ago, or is an incident of its own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.looking_back import looks_back
from ai_ops.playbook.alert_kinds import ITEMS, Judged
from ai_ops.storage.answered import goes_on, is_about, names, was_seen
from ai_ops.storage.standing import Incident, Standing
from ai_ops.vocabulary.alerts import Alert, alerts_of, column_alerts_of, still_in_view
from ai_ops.vocabulary.words import AlertKind, DriftCause

BY_COLUMN: Final[AlertKind] = "drift"
"""Its alerts are those of columns: one that moves later is another matter than the first."""

MISTAKEN: Final = ("false_alarm", "other")
"""Conclusions that a further column puts in doubt."""

CAUSES: Final[tuple[DriftCause, ...]] = ("bad_data", "genuine_shift", "undecided")
UNSURE: Final = ("bad_data", "undecided")
"""Causes of a drift that would make a drop of accuracy, too."""

OF_FEED: Final = ("volume_steady", "feed_alive")
WRITERS: Final = "writers_alive"
"""Where nobody writes the log, it holds few rows: the checks that see that, and its cause."""


@dataclass(frozen=True)
class Seen:
    """What is so at a moment: how the feature stands, what was judged, and on which days nobody
    wrote the log."""

    feature: AiFeatureSpec
    standing: Standing
    judged: Judged
    as_of: datetime
    unwritten: frozenset[str] = frozenset()

    def runs(self, kind: AlertKind) -> list[Alert]:
        """The alerts of a kind since the version in production was moved there."""
        by_item = [(item, self.judged.get(item, {})) for item in ITEMS[kind]]
        if kind == BY_COLUMN:
            return [run for item, days in by_item for run in column_alerts_of(item, days)]
        whole = [run for item, days in by_item for run in alerts_of(item, days)]
        return [replace(run, columns=()) for run in whole]


def waiting_alerts(seen: Seen, kind: AlertKind, known: Sequence[Incident]) -> list[Alert]:
    """The alerts of a kind that none of the ``known`` incidents answers, the gravest first: what
    lasts before what is over, the oldest."""
    own = [one for one in known if kind in one.alerts]
    waiting = [run for run in seen.runs(kind) if answering(run, kind, own, seen) is None]
    return sorted(waiting, key=lambda one: (not one.open, one.begin))


def answering(
    run: Alert, kind: AlertKind, incidents: Iterable[Incident], seen: Seen
) -> Incident | None:
    """The one incident that answers an alert, or None.

    Bad data answers for as long as its days are looked back on, and no longer. One that waits for
    its conclusion answers for every day of what it is about.
    """
    standing_for = [one for one in incidents if not _lapsed(run, one, seen)]
    for one in reversed(standing_for):
        if is_about(run, one):
            return one
    for one in reversed(standing_for):
        if one.state == "open" and _holds(run, one):
            return one
        if goes_on(run, one) and one.version == seen.standing.live:
            return one
    return next((one for one in standing_for if _was_seen(run, one, kind)), None)


def begin_of(run: Alert, known: Iterable[Incident]) -> str:
    """The day since which an alert is asked about: failing days that outlast the bad data begin
    anew, for those before were concluded."""
    return run.last if any(is_about(run, one) for one in known) else run.begin


def _holds(run: Alert, one: Incident) -> bool:
    return any(names(about, run) for about in one.about)


def _was_seen(run: Alert, one: Incident, kind: AlertKind) -> bool:
    if was_seen(run, one, kind):
        return True
    over = one.resolved_at if one.concluded_at is None else None
    return over is not None and one.alert == kind and run.raised_at <= over


def _lapsed(run: Alert, one: Incident, seen: Seen) -> bool:
    if one.conclusion != "bad_data" or one.concluded_at is None or not run.open:
        return False
    return not still_in_view(run, one.concluded_at, looks_back(run.item, seen.feature))


def host_of(run: Alert, kind: AlertKind, known: Sequence[Incident], seen: Seen) -> Incident | None:
    """The incident that waits for its conclusion and is about the same cause."""
    waiting = [one for one in reversed(known) if one.state == "open"]
    own = [one for one in waiting if one.alert == kind]
    caused = (one for one in waiting if _same_cause(run, kind, one, seen))
    return own[0] if own else next(caused, None)


def _same_cause(run: Alert, kind: AlertKind, one: Incident, seen: Seen) -> bool:
    if kind == "accuracy_drop" and one.alert == "drift" and one.cause in UNSURE:
        drifted = [other for other in seen.runs("drift") if _holds(other, one)]
        return any(run.begin <= other.last and other.begin <= run.last for other in drifted)
    if kind == "drift" and run.item in OF_FEED and one.item == WRITERS:
        return set(_days(run)) <= seen.unwritten
    return False


def returned(run: Alert, kind: AlertKind, known: Sequence[Incident], seen: Seen) -> Incident | None:
    """The incident whose alert this is again: it looks back on days of it, and on the same
    version; or a person found it to be nothing, and a further column of its check moved."""
    days, runs = looks_back(run.item, seen.feature), seen.runs(kind)
    for one in reversed(known):
        if kind not in one.alerts or one.state == "open" or _lapsed(run, one, seen):
            continue
        if one.version != seen.standing.live:
            continue
        again = any(names(about, run) and about.begin < run.begin for about in one.about)
        worse = one.conclusion in MISTAKEN and any(a.item == run.item for a in one.about)
        if (again or worse) and _days_between(_end_of(one, runs), run.begin) <= days:
            return one
    return None


def _end_of(one: Incident, runs: Sequence[Alert]) -> str:
    """The last day of an incident: that of its alerts, or the one on which it was resolved."""
    last = [run.last for run in runs if is_about(run, one)]
    over = [one.resolved_at.date().isoformat()] if one.resolved_at else []
    return max([one.begin, *last, *over])


def _days(run: Alert) -> Iterator[str]:
    first, last = date.fromisoformat(run.begin), date.fromisoformat(run.last)
    return ((first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1))


def _days_between(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def reason_of(run: Alert, judged: Judged) -> str:
    """The words of the newest verdict of an alert."""
    return judged[run.item][run.last].verdict.reason


def cause_of(run: Alert, judged: Judged) -> DriftCause | None:
    """The gravest cause that the newest verdict of an alert names."""
    found = {one.cause for one in judged[run.item][run.last].verdict.findings}
    return next((cause for cause in CAUSES if cause in found), None)
