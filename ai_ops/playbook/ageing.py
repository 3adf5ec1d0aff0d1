"""Alerts of drift that nobody answers: each is raised when its time is over, and again when it
counts as a model that has under-performed."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.playbook.failed_cycles import Raise
from ai_ops.storage.ageing import Waiting, waiting_of
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.alerts import Alert, alerts_of
from ai_ops.vocabulary.verdicts import RecordedVerdict

LEFT_ALONE: Final = "left_alone"
NEGLECTED: Final = "neglected"


def due_escalations(
    feature: AiFeatureSpec,
    standing: Standing,
    verdicts: Iterable[RecordedVerdict],
    as_of: datetime,
) -> tuple[Raise, ...]:
    """The incidents of drift whose severity is due to be raised, each step once."""
    alerts = _alerts(standing, verdicts)
    waiting = waiting_of(feature, standing, as_of, alerts)
    return tuple(step for one in waiting for step in _steps(feature, one))


def _steps(feature: AiFeatureSpec, one: Waiting) -> Iterator[Raise]:
    incident = one.incident
    since = incident.reopened[-1] if incident.reopened else incident.opened_at
    done = {taken.step for taken in incident.taken if taken.at >= since}
    # What was raised for another reason is not lowered by this one.
    severity = "critical" if incident.severity in ("", "warning") else incident.severity
    if one.overdue and LEFT_ALONE not in done:
        limit = feature.drift.review_within_days
        words = (
            f"nobody concluded it within {limit} days; {one.owner} is accountable for that: "
            f"ai-ops incidents conclude {feature.name} {incident.id}"
        )
        yield Raise(incident.id, severity, words, LEFT_ALONE)
    if one.neglected and NEGLECTED not in done:
        limit = feature.drift.neglected_after_days
        words = (
            f"nobody concluded it within {limit} days: the model has counted as under-performing "
            f"since {one.since}; {one.owner} is accountable"
        )
        yield Raise(incident.id, severity, words, NEGLECTED)


def _alerts(standing: Standing, verdicts: Iterable[RecordedVerdict]) -> list[Alert]:
    """The alerts of the items that an incident of drift is about."""
    drifts = [one for one in standing.open_incidents if "drift" in one.alerts]
    items = {about.item for one in drifts for about in one.about}
    by_item: dict[str, dict[str, RecordedVerdict]] = {}
    for one in verdicts:
        if one.item in items and one.partition:
            by_item.setdefault(one.item, {})[one.partition] = one
    return [alert for item, days in by_item.items() for alert in alerts_of(item, days)]
