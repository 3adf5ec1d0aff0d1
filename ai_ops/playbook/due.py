"""What is due about the alerts of a moment: incidents to open, to join, to open again."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

from ai_ops.playbook.alert_kinds import LIVE, MACHINE, SEVERITY
from ai_ops.playbook.failed_cycles import RETRAINING, newest_failure
from ai_ops.playbook.grouping import (
    Seen,
    begin_of,
    cause_of,
    host_of,
    reason_of,
    returned,
    waiting_alerts,
)
from ai_ops.playbook.resolving import Resolution
from ai_ops.storage.standing import Incident, Joined
from ai_ops.vocabulary.alerts import Alert
from ai_ops.vocabulary.words import AlertKind, DriftCause, EventKind

GROUPED: Final[tuple[AlertKind, ...]] = ("drift", "accuracy_drop", "cost_spike")
"""The kinds whose alerts are runs of failing verdicts; a cause before what it may have caused."""

FLAPPING_DAYS: Final = 1
"""A check on what is so now that fails again so soon after its incident ended is the same one."""


@dataclass(frozen=True, slots=True)
class Opening:
    """An incident that is due: the alert, since when, in the words of what was judged, and the
    columns that it is about (none: all of the check). The ledger keeps the ``cause`` with the
    first step."""

    incident: str
    alert: AlertKind
    item: str
    begin: str
    reason: str
    version: str | None
    severity: str
    columns: tuple[str, ...] = ()
    cause: DriftCause | None = field(default=None, compare=False)

    @property
    def said(self) -> dict[str, Any]:
        """What the ledger keeps of it."""
        told = asdict(self)
        told.pop("cause")
        columns = list(told.pop("columns"))
        return told | ({"columns": columns} if columns else {})


@dataclass(frozen=True, slots=True)
class Joining:
    """A further alert of the same cause as an incident that waits for its conclusion."""

    incident: str
    alert: AlertKind
    item: str
    begin: str
    reason: str
    columns: tuple[str, ...]
    severity: str | None = None

    @property
    def said(self) -> dict[str, Any]:
        """What the ledger keeps of it."""
        told = {
            "incident": self.incident,
            "alert": self.alert,
            "item": self.item,
            "begin": self.begin,
            "reason": self.reason,
            "columns": list(self.columns),
            "by": MACHINE,
        }
        return told | ({"severity": self.severity} if self.severity else {})


@dataclass(frozen=True, slots=True)
class Reopening:
    """An incident whose alert is there again."""

    incident: str
    reason: str


@dataclass(frozen=True, slots=True)
class Due:
    """All that is due at a moment."""

    opening: tuple[Opening, ...] = ()
    joining: tuple[Joining, ...] = ()
    reopening: tuple[Reopening, ...] = ()
    resolving: tuple[Resolution, ...] = ()

    @property
    def told(self) -> list[tuple[EventKind, dict[str, Any]]]:
        """The events that the ledger keeps of it, in their order."""
        by = {"by": MACHINE}
        return [
            *[("incident_resolved", asdict(one) | by) for one in self.resolving],
            *[("incident_reopened", asdict(one) | by) for one in self.reopening],
            *[("incident_opened", one.said) for one in self.opening],
            *[("incident_joined", one.said) for one in self.joining],
        ]


def due_of(
    seen: Seen, kind: AlertKind, known: Sequence[Incident], before: Due
) -> tuple[Due, list[Incident]]:
    """What is due of a kind as well, and the incidents as they are with it.

    One alert after the other, the gravest first: each finds what the one before it opened.
    """
    due, now = before, list(known)
    while waiting := waiting_alerts(seen, kind, now):
        run = waiting[0]
        host = host_of(run, kind, now, seen)
        if host is None and (back := returned(run, kind, now, seen)):
            reason = f"{reason_of(run, seen.judged)} (it is back since {run.begin})"
            due = replace(due, reopening=(*due.reopening, Reopening(back.id, reason)))
            host = _open_again(back)
            now = [host if one.id == host.id else one for one in now]
        own = [one for one in now if kind in one.alerts]
        begin = begin_of(run, own)
        columns = _together(run, begin, waiting)
        if host is None:
            opened = _opening(seen, kind, run, begin, columns, now)
            due = replace(due, opening=(*due.opening, opened))
            now.append(as_incident(opened, seen.as_of))
        else:
            joined = _joining(seen, kind, run, begin, columns, host)
            due = replace(due, joining=(*due.joining, joined))
            now = [_with(one, joined, seen.as_of) for one in now]
    return due, now


def due_of_pipeline(seen: Seen) -> Due:
    """The pipeline failures that are due: a retraining that broke, and what fails of ``LIVE``,
    unless an incident about it was open when that was seen."""
    known = [one for one in seen.standing.incidents if one.alert == "pipeline_failure"]
    opening: list[Opening] = []
    reopening: list[Reopening] = []
    for item, day, reason in _broken(seen, known):
        if back := _flapping(item, day, known):
            reopening.append(Reopening(back.id, reason))
            continue
        taken = {one.id for one in seen.standing.incidents} | {one.incident for one in opening}
        id = _free(f"pipeline_failure-{day}", taken)
        severity, live = SEVERITY["pipeline_failure"], seen.standing.live
        opening.append(Opening(id, "pipeline_failure", item, day, reason, live, severity))
    return Due(opening=tuple(opening), reopening=tuple(reopening))


def as_incident(one: Opening, at: datetime) -> Incident:
    """The incident that an opening makes."""
    return Incident(
        one.incident,
        one.alert,
        one.item,
        one.begin,
        at,
        one.reason,
        one.version,
        one.severity,
        columns=one.columns,
        cause=one.cause,
    )


def _broken(seen: Seen, known: Sequence[Incident]) -> Iterator[tuple[str, str, str]]:
    """What broke that no incident answers: its item, the day and the words."""
    if broke := newest_failure(seen.standing, known, seen.as_of):
        yield RETRAINING, *broke
    for item in LIVE:
        own = [one for one in known if one.item == item]
        for day, last in seen.judged.get(item, {}).items():
            answered = any(last.as_of <= (one.resolved_at or seen.as_of) for one in own)
            if last.verdict.status == "fail" and not answered:
                yield item, day, last.verdict.reason


def _flapping(item: str, day: str, known: Iterable[Incident]) -> Incident | None:
    for one in reversed(list(known)):
        if item == one.item and item in LIVE and one.resolved_at is not None:
            gap = (date.fromisoformat(day) - one.resolved_at.date()).days
            return one if gap <= FLAPPING_DAYS else None
    return None


def _together(run: Alert, begin: str, waiting: Iterable[Alert]) -> tuple[str, ...]:
    """The columns of the same check that alert on that day as well; none where all of it does."""
    same = [one for one in waiting if one.item == run.item and one.begin <= begin <= one.last]
    named = {
        column for one in same if bool(one.columns) == bool(run.columns) for column in one.columns
    }
    return tuple(sorted(named))


def _opening(
    seen: Seen,
    kind: AlertKind,
    run: Alert,
    begin: str,
    columns: tuple[str, ...],
    now: Iterable[Incident],
) -> Opening:
    id = _free(f"{kind}-{begin}", {one.id for one in now})
    reason, live = reason_of(run, seen.judged), seen.standing.live
    cause = cause_of(run, seen.judged)
    return Opening(id, kind, run.item, begin, reason, live, SEVERITY[kind], columns, cause)


def _joining(
    seen: Seen, kind: AlertKind, run: Alert, begin: str, columns: tuple[str, ...], host: Incident
) -> Joining:
    graver = SEVERITY[kind] == "critical" and host.severity in ("", "warning")
    severity = "critical" if graver else None
    reason = reason_of(run, seen.judged)
    return Joining(host.id, kind, run.item, begin, reason, columns, severity)


def _with(one: Incident, joining: Joining, at: datetime) -> Incident:
    if one.id != joining.incident:
        return one
    said = joining.alert, joining.item, joining.begin, joining.reason, joining.columns
    return replace(one, joined=(*one.joined, Joined(*said, at)))


def _open_again(one: Incident) -> Incident:
    return replace(
        one,
        earlier=one.ended,
        state="open",
        conclusion=None,
        concluded_by=None,
        concluded_at=None,
        resolved_at=None,
    )


def _free(id: str, taken: Collection[str]) -> str:
    number, free = 2, id
    while free in taken:
        free, number = f"{id}-{number}", number + 1
    return free
