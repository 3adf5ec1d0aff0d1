"""The incidents of the status page: what is open, what it forbids, and what waits for whom."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.next_steps import about_incident
from ai_ops.checklist.status_records import OpenIncident, PendingQuestion
from ai_ops.storage.ageing import waiting_of
from ai_ops.storage.authority import ANSWERED_BY
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, Standing
from ai_ops.vocabulary.alerts import alerts_of


def incidents_of(
    root: Root, feature: AiFeatureSpec, standing: Standing, as_of: datetime
) -> Iterator[OpenIncident]:
    """What is open at a moment, in the order in which it was opened."""
    drifting = {one.item for one in standing.open_incidents if one.alert == "drift"}
    alerts = [
        alert
        for item in sorted(drifting)
        for alert in alerts_of(
            item, {v.partition or "": v for v in root.ledger.verdicts(feature.name, items=[item])}
        )
    ]
    waiting = waiting_of(feature, standing, as_of, alerts)
    neglected = {one.incident.id: one.since for one in waiting if one.neglected}
    for one in standing.open_incidents:
        yield OpenIncident(
            id=one.id,
            alert=one.alert,
            severity=one.severity,
            state=f"{one.state}: {one.conclusion}" if one.conclusion else one.state,
            reason=one.reason,
            owner=feature.owner_of(ANSWERED_BY[one.alert]).accountable,
            opened_at=one.opened_at,
            days=round((as_of - one.opened_at) / timedelta(days=1), 2),
            forbids_promotion=one.forbids_promotion,
            under_performing_since=neglected.get(one.id),
            questions=tuple(_questions(feature, one, as_of)),
            command=about_incident(feature, one),
        )


def _questions(
    feature: AiFeatureSpec, incident: Incident, as_of: datetime
) -> Iterator[PendingQuestion]:
    for one in incident.pending:
        yield PendingQuestion(
            step=one.step,
            words=one.words,
            domain=one.domain,
            owner=feature.owner_of(one.domain).accountable,
            due_at=one.due_at,
            overdue=one.due_at < as_of,
            command=one.command,
        )
