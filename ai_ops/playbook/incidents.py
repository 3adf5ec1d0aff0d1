"""Alerts become incidents: opened on confirmed verdicts, resolved on evidence once concluded.

A person concludes what an incident is; that what caused it is gone can be seen by everybody.
"""

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.playbook.ageing import due_escalations
from ai_ops.playbook.alert_kinds import ITEMS, LIVE, MACHINE, SEVERITY, Judged
from ai_ops.playbook.due import (
    GROUPED,
    Due,
    Joining,
    Opening,
    Reopening,
    as_incident,
    due_of,
    due_of_pipeline,
)
from ai_ops.playbook.failed_cycles import raises_due_now
from ai_ops.playbook.grouping import WRITERS, Seen
from ai_ops.playbook.resolving import Resolution, gone
from ai_ops.storage.believed import believed
from ai_ops.storage.decisions import appended_all
from ai_ops.storage.ledger import Event, NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.windows import Window

__all__ = [
    "ITEMS",
    "LIVE",
    "MACHINE",
    "SEVERITY",
    "Due",
    "Joining",
    "Judged",
    "Opening",
    "Reopening",
    "Resolution",
    "due_incidents",
    "open_and_resolve",
    "verdicts_of",
]


def open_and_resolve(root: Root, feature: AiFeatureSpec, as_of: datetime) -> list[Event]:
    """Open, raise and resolve in the ledger what is due at a moment; returns what was appended.

    Decided on the ledger as it is when it is appended to: two processes that see the same alert
    open one incident.
    """

    def decide() -> list[NewEvent]:
        # A row that nobody signed neither ends an incident nor answers an alert.
        standing, _ = believed(root, feature)
        begin = _watched_since(feature, standing)
        if begin is None or begin >= as_of:
            return []
        verdicts = verdicts_of(root, feature, standing, as_of)
        due = due_incidents(feature, standing, verdicts, as_of)
        raised = (
            *raises_due_now(root, feature, standing, as_of),
            *due_escalations(feature, standing, verdicts, as_of),
        )
        steps = [asdict(one) | {"by": MACHINE} for one in raised]
        return [
            *[NewEvent("incident_step", feature.name, one, as_of) for one in steps],
            *[NewEvent(kind, feature.name, said, as_of) for kind, said in due.told],
        ]

    # Most looks find nothing: they need not wait for other writers.
    if not decide():
        return []
    return appended_all(root, feature, lambda _: decide())


def verdicts_of(
    root: Root, feature: AiFeatureSpec, standing: Standing, as_of: datetime
) -> list[RecordedVerdict]:
    """The verdicts that alerts are made of: those of what serves now."""
    begin = _watched_since(feature, standing)
    if begin is None or begin >= as_of:
        return []
    items = [*LIVE, *(item for kind in ITEMS.values() for item in kind)]
    since = Window(begin, as_of)
    found = root.ledger.verdicts(feature.name, window=since, as_of=as_of, items=items)
    if _nobody_wrote(standing, found):
        # Which days were not written says more than the last verdict on it.
        return [*root.ledger.history(feature.name, WRITERS, as_of=as_of), *found]
    return found


def due_incidents(
    feature: AiFeatureSpec,
    standing: Standing,
    verdicts: Iterable[RecordedVerdict],
    as_of: datetime,
) -> Due:
    """The incidents to open at a moment, to join, to open again, and to resolve.

    An alert is a verdict of fail (which is confirmed: k of n days) on a window that ends after the
    version in production was last moved; before the launch there is none. A model that others
    serve is watched from the beginning of its monitoring. Of drift, each column is an alert. Of
    each kind one incident waits for its conclusion at a time: what alerts meanwhile joins it.
    What could be seen when it was concluded is answered by it; what begins later is an incident of
    its own, or the same one again where it returns within the days that it looks back on. Resolved
    is only what a person concluded: when every check of the kind passes on evidence that came
    after the conclusion, or a genuine shift has its new version.
    """
    since, launched = _watched_since(feature, standing), standing.launched
    if since is None or (launched.at if launched else since) > as_of:
        return Due()
    seen = _seen(feature, standing, verdicts, since, as_of)
    resolving = {
        incident.id: Resolution(incident.id, note)
        for incident in standing.open_incidents
        if (note := gone(incident, standing, seen.judged))
    }
    due, known = due_of_pipeline(seen), list(standing.incidents)
    known += [as_incident(one, as_of) for one in due.opening]
    for kind in GROUPED:
        due, known = due_of(seen, kind, known, due)
    again = {one.incident for one in due.reopening}
    gone_now = tuple(one for one in resolving.values() if one.incident not in again)
    return replace(due, resolving=gone_now)


def _seen(
    feature: AiFeatureSpec,
    standing: Standing,
    verdicts: Iterable[RecordedVerdict],
    since: datetime,
    as_of: datetime,
) -> Seen:
    judged: dict[str, dict[str, RecordedVerdict]] = {}
    unwritten = set()
    for one in verdicts:
        if one.feature == feature.name and one.item in LIVE and since < one.as_of <= as_of:
            judged[one.item] = {one.as_of.date().isoformat(): one}
            if one.item == WRITERS and one.verdict.status == "fail":
                unwritten.add(one.as_of.date().isoformat())
        elif one.feature == feature.name and one.partition and since < one.window.end <= as_of:
            judged.setdefault(one.item, {})[one.partition] = one
    return Seen(feature, standing, judged, as_of, frozenset(unwritten))


def _nobody_wrote(standing: Standing, found: Iterable[RecordedVerdict]) -> bool:
    waits = any(one.item == WRITERS and one.state == "open" for one in standing.incidents)
    return waits or any(one.item == WRITERS and one.verdict.status == "fail" for one in found)


def _watched_since(feature: AiFeatureSpec, standing: Standing) -> datetime | None:
    """Since when alerts are those of what serves now; None before a launch."""
    if not feature.trained_here:
        return Window.of_day(feature.monitoring.start).start
    return standing.moves[-1].at if standing.moves else None
