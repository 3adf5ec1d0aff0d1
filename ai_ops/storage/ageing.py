"""How long an alert of drift has waited for a person, and what that counts as.

It ages from the end of the day that raised it, however often that day is judged again. Somebody who
only says that they look at it ends nothing: a conclusion does, or a signed review of the alert. A
column that joined the incident after the review waits from its own day on; what was opened again
waits from then on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.incident_records import About
from ai_ops.storage.standing import Incident, Standing
from ai_ops.vocabulary.alerts import Alert
from ai_ops.vocabulary.windows import Window


@dataclass(frozen=True, slots=True)
class Waiting:
    """An incident of drift that nobody concluded: since when, and for how many days.

    ``overdue`` is when it has escalated, ``neglected`` when the model counts as one that has
    under-performed since ``raised_at``; ``owner`` is accountable for it.
    """

    incident: Incident
    raised_at: datetime
    days: float
    overdue: bool
    neglected: bool
    owner: str

    @property
    def words(self) -> str:
        """What it is by now, in a sentence."""
        told = (
            f"incident {self.incident.id} has waited {self.days:.0f} days for a person's "
            f"conclusion; {self.owner} is accountable"
        )
        if self.neglected:
            return f"the model has counted as under-performing since {self.since}: {told}"
        return told

    @property
    def since(self) -> str:
        """The day since which the alert waits."""
        return f"{self.raised_at:%Y-%m-%d}"


def waiting_of(
    feature: AiFeatureSpec, standing: Standing, as_of: datetime, alerts: Sequence[Alert] = ()
) -> list[Waiting]:
    """The incidents of drift that nobody concluded by a moment, and whose alert nobody reviewed.

    A review names the first day of the alert: with the ``alerts`` of the ledger also where the
    incident began later in it.
    """
    owner = feature.owner_of("drift_monitoring").accountable
    rule, found = feature.drift, []
    for one in standing.incidents:
        if "drift" not in one.alerts or one.state != "open":
            continue
        raised_at = _unanswered_since(one, standing, alerts)
        if raised_at is None or raised_at > as_of:
            continue
        age = as_of - raised_at
        found.append(
            Waiting(
                one,
                raised_at,
                age / timedelta(days=1),
                age > timedelta(days=rule.review_within_days),
                age > timedelta(days=rule.neglected_after_days),
                owner,
            )
        )
    return found


def _unanswered_since(
    one: Incident, standing: Standing, alerts: Sequence[Alert]
) -> datetime | None:
    """When the oldest alert was raised that it is about and nobody reviewed; None without one."""
    since = one.reopened[-1] if one.reopened else None
    drifts = {one.item} if one.alert == "drift" else set()
    drifts |= {joined.item for joined in one.joined if joined.alert == "drift"}
    raised = [
        Window.of_day(about.begin).end
        for about in one.about
        if about.item in drifts and (since is None or about.at >= since)
        if not _reviewed(about, standing, alerts)
    ]
    first = min(raised, default=None)
    return first if first is None or since is None else max(first, since)


def _reviewed(about: About, standing: Standing, alerts: Sequence[Alert]) -> bool:
    begins = {about.begin} | {
        alert.begin
        for alert in alerts
        if alert.item == about.item and alert.begin <= about.begin <= alert.last
    }
    raised = Window.of_day(about.begin).end
    return any(
        (review.item, review.domain) == (about.item, "drift_monitoring")
        and review.begin in begins
        and (review.begin == about.begin or raised <= review.at)
        for review in standing.reviews
    )
