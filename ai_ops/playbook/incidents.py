"""Alerts become incidents: opened on confirmed verdicts, resolved on evidence once concluded.

A person concludes what an incident is; that what caused it is gone can be seen by everybody.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.looking_back import looks_back
from ai_ops.playbook.ageing import due_escalations
from ai_ops.playbook.failed_cycles import RETRAINING, newest_failure, raises_due_now
from ai_ops.storage.decisions import appended_all
from ai_ops.storage.ledger import Event, NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, Retraining, Standing, standing_of
from ai_ops.vocabulary.alerts import Alert, alerts_of, still_in_view
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import AlertKind

MACHINE: Final = "ai_ops"
"""Who resolved an incident, when no person did."""

ITEMS: Final[Mapping[AlertKind, tuple[str, ...]]] = {
    "accuracy_drop": ("accuracy",),
    "drift": (
        "input_drift",
        "output_drift",
        "joint_drift",
        "slice_drift",
        "volume_steady",
        "feed_alive",
    ),
    "cost_spike": ("cost_trend",),
    "pipeline_failure": (),
}
"""The checks whose failing verdicts are each alert; a pipeline failure is a failed retraining, or
what is ``LIVE``."""

YIELDING: Final = ("joint_drift", "slice_drift", "volume_steady", "feed_alive")
"""Checks that say nothing of a log that is young or has few rows, or of columns that go with
nothing: an incident of another check
waits for none of them, unless it fails."""

LIVE: Final = ("writers_alive", "registry_reconciled")
"""The checks on what is so now (the log is written, the registry says what the ledger says): the
last verdict of each is how it stands."""

SEVERITY: Final[Mapping[AlertKind, str]] = {
    "accuracy_drop": "critical",
    "drift": "warning",
    "cost_spike": "warning",
    "pipeline_failure": "critical",
}

Judged = Mapping[str, Mapping[str, RecordedVerdict]]
"""The verdicts of each item by partition."""


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
class Resolution:
    """An incident whose cause is gone, and the evidence of that."""

    incident: str
    note: str


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
        if (note := _gone(incident, standing, judged))
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


def _gone(incident: Incident, standing: Standing, judged: Judged) -> str | None:
    """The evidence that what a person concluded is over, in words; None while there is none."""
    concluded = incident.concluded_at
    if incident.state != "concluded" or concluded is None:
        return None
    if incident.conclusion == "genuine_shift":
        for move in standing.moves:
            if move.kind == "promotion" and move.at >= concluded:
                return f"version {move.version} was promoted on {move.at:%Y-%m-%d} for it"
    if incident.alert == "pipeline_failure" and incident.item not in LIVE:
        for one in standing.retrainings:
            if "evaluated" in one.stages and _at(one, "evaluated") > concluded:
                return f"retraining {one.id} came to its evaluation"
        return None
    newest = {
        item: max(judged.get(item, {}).values(), key=lambda one: one.window.start, default=None)
        for item in ITEMS[incident.alert] or (incident.item,)
    }
    latest = [one for item, one in newest.items() if _waited_for(incident, item, one)]
    passing = [
        f"{one.item} passes on {one.partition or one.as_of.date()}: {one.verdict.reason}"
        for one in latest
        if one is not None and one.verdict.status == "pass" and one.as_of > concluded
    ]
    return "; ".join(passing) if len(passing) == len(latest) else None


def _waited_for(incident: Incident, item: str, latest: RecordedVerdict | None) -> bool:
    if item not in YIELDING or item == incident.item:
        return True
    return latest is not None and latest.verdict.status == "fail"


def _at(retraining: Retraining, stage: str) -> datetime:
    return utc(retraining.stages[stage]["at"])


def _free(id: str, taken: set[str]) -> str:
    number, free = 2, id
    while free in taken:
        free, number = f"{id}-{number}", number + 1
    return free


def _event(
    feature: AiFeatureSpec, kind: Any, payload: Mapping[str, Any], as_of: datetime
) -> NewEvent:
    return NewEvent(kind, feature.name, payload, as_of)
