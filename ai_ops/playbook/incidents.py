"""Alerts become incidents: opened on confirmed verdicts, resolved on evidence once concluded.

A person concludes what an incident is; that what caused it is gone can be seen by everybody.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.looking_back import looks_back
from ai_ops.playbook.ageing import due_escalations
from ai_ops.playbook.alert_kinds import ITEMS, LIVE, MACHINE, SEVERITY, Judged
from ai_ops.playbook.failed_cycles import RETRAINING, newest_failure, raises_due_now
from ai_ops.playbook.resolving import Resolution, gone
from ai_ops.storage.decisions import appended_all
from ai_ops.storage.ledger import Event, NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, Standing, standing_of
from ai_ops.vocabulary.alerts import Alert, alerts_of, still_in_view
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import AlertKind

__all__ = [
    "ITEMS",
    "LIVE",
    "MACHINE",
    "SEVERITY",
    "Judged",
    "Opening",
    "Resolution",
    "due_incidents",
    "open_and_resolve",
    "verdicts_of",
]


@dataclass(frozen=True, slots=True)
class Opening:
    """An incident that is due: the alert, since when, in the words of what was judged."""

    incident: str
    alert: AlertKind
    item: str
    begin: str
    reason: str
    version: str | None
    severity: str


@dataclass(frozen=True, slots=True)
class _Problem:
    item: str
    begin: str
    reason: str


def open_and_resolve(root: Root, feature: AiFeatureSpec, as_of: datetime) -> list[Event]:
    """Open, raise and resolve in the ledger what is due at a moment; returns what was appended.

    Decided on the ledger as it is when it is appended to: two processes that see the same alert
    open one incident.
    """

    def decide(standing: Standing) -> list[NewEvent]:
        begin = _watched_since(feature, standing)
        if begin is None or begin >= as_of:
            return []
        verdicts = verdicts_of(root, feature, standing, as_of)
        opening, resolving = due_incidents(feature, standing, verdicts, as_of)
        resolved = [asdict(one) | {"by": MACHINE} for one in resolving]
        due = (
            *raises_due_now(root, feature, standing, as_of),
            *due_escalations(feature, standing, verdicts, as_of),
        )
        raised = [asdict(one) | {"by": MACHINE} for one in due]
        return [
            *[_event(feature, "incident_step", one, as_of) for one in raised],
            *[_event(feature, "incident_resolved", one, as_of) for one in resolved],
            *[_event(feature, "incident_opened", asdict(one), as_of) for one in opening],
        ]

    # Most looks find nothing: they need not wait for other writers.
    if not decide(standing_of(root.ledger, feature.name)):
        return []
    return appended_all(root, feature, decide)


def verdicts_of(
    root: Root, feature: AiFeatureSpec, standing: Standing, as_of: datetime
) -> list[RecordedVerdict]:
    """The verdicts that alerts are made of: those of what serves now."""
    begin = _watched_since(feature, standing)
    if begin is None or begin >= as_of:
        return []
    items = [*LIVE, *(item for kind in ITEMS.values() for item in kind)]
    since = Window(begin, as_of)
    return root.ledger.verdicts(feature.name, window=since, as_of=as_of, items=items)


def due_incidents(
    feature: AiFeatureSpec,
    standing: Standing,
    verdicts: Iterable[RecordedVerdict],
    as_of: datetime,
) -> tuple[tuple[Opening, ...], tuple[Resolution, ...]]:
    """The incidents to open at a moment, and those to resolve.

    An alert is a verdict of fail (which is confirmed: k of n days) on a window that ends after the
    version in production was last moved; before the launch there is none. A model that others
    serve is watched from the beginning of its monitoring. Of each kind one
    incident waits for its conclusion at a time. What could be seen when it was concluded is
    answered by it; failing days that begin later are an alert of their own. Resolved is only what
    a person concluded: when every check of the kind passes on evidence that came after the
    conclusion, or a genuine shift has its new version.
    """
    since, launched = _watched_since(feature, standing), standing.launched
    if since is None or (launched.at if launched else since) > as_of:
        return (), ()
    judged: dict[str, dict[str, RecordedVerdict]] = {}
    for one in verdicts:
        if one.feature == feature.name and one.item in LIVE and since < one.as_of <= as_of:
            judged[one.item] = {one.as_of.date().isoformat(): one}
        elif one.feature == feature.name and one.partition and since < one.window.end <= as_of:
            judged.setdefault(one.item, {})[one.partition] = one
    resolving = {
        incident.id: Resolution(incident.id, note)
        for incident in standing.open_incidents
        if (note := gone(incident, standing, judged))
    }
    busy = {one.alert for one in standing.open_incidents if one.state == "open"}
    taken = {one.id for one in standing.incidents}
    opening = []
    for alert in ITEMS:
        if alert not in busy and (problem := _problem(alert, standing, judged, as_of, feature)):
            id = _free(f"{alert}-{problem.begin}", taken)
            known = problem.item, problem.begin, problem.reason
            opening.append(Opening(id, alert, *known, standing.live, SEVERITY[alert]))
    return tuple(opening), tuple(resolving.values())


def _watched_since(feature: AiFeatureSpec, standing: Standing) -> datetime | None:
    """Since when alerts are those of what serves now; None before a launch."""
    if not feature.trained_here:
        return Window.of_day(feature.monitoring.start).start
    return standing.moves[-1].at if standing.moves else None


def _problem(
    alert: AlertKind,
    standing: Standing,
    judged: Judged,
    as_of: datetime,
    feature: AiFeatureSpec,
) -> _Problem | None:
    """What no incident of this kind has answered: what lasts before what is over, the oldest."""
    before = [one for one in standing.incidents if one.alert == alert]
    if alert == "pipeline_failure":
        if broke := newest_failure(standing, before, as_of):
            return _Problem(RETRAINING, *broke)
        return _amiss(judged, before, as_of)
    runs = [run for item in ITEMS[alert] for run in alerts_of(item, judged.get(item, {}))]
    waiting = [
        run for run in runs if not any(_answered(run, one, as_of, feature) for one in before)
    ]
    if not waiting:
        return None
    run = min(waiting, key=lambda one: (not one.open, one.begin))
    # Failing days that outlast the bad data begin anew: those before were concluded.
    lapsed = any(_about(run, one) for one in before)
    begin = run.last if lapsed else run.begin
    return _Problem(run.item, begin, judged[run.item][run.last].verdict.reason)


def _answered(run: Alert, by: Incident, as_of: datetime, feature: AiFeatureSpec) -> bool:
    """Whether an incident was about these failing days, or they could be seen when it ended.

    Bad data answers for as long as its days are looked back on, and no longer.
    """
    if by.conclusion == "bad_data" and by.concluded_at is not None:
        days = looks_back(run.item, feature)
        if run.open and not still_in_view(run, by.concluded_at, days):
            return False
    return _about(run, by) or run.raised_at <= (by.concluded_at or by.resolved_at or as_of)


def _about(run: Alert, by: Incident) -> bool:
    return by.item == run.item and run.begin <= by.begin <= run.last


def _amiss(judged: Judged, before: Sequence[Incident], as_of: datetime) -> _Problem | None:
    """What fails of ``LIVE``, unless an incident about it was open when that was seen."""
    for item in LIVE:
        own = [one for one in before if one.item == item]
        for day, last in judged.get(item, {}).items():
            answered = any(last.as_of <= (one.resolved_at or as_of) for one in own)
            if last.verdict.status == "fail" and not answered:
                return _Problem(item, day, last.verdict.reason)
    return None


def _free(id: str, taken: set[str]) -> str:
    number, free = 2, id
    while free in taken:
        free, number = f"{id}-{number}", number + 1
    return free


def _event(
    feature: AiFeatureSpec, kind: Any, payload: Mapping[str, Any], as_of: datetime
) -> NewEvent:
    return NewEvent(kind, feature.name, payload, as_of)
