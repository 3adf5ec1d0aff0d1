"""How long an alert of drift has waited for a person, and what that counts as.

It ages from the end of the day that raised it, however often that day is judged again. Somebody who
only says that they look at it ends nothing: a conclusion does, or a signed review of the alert.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ai_ops.ai_features import AiFeatureSpec
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
        raised_at = Window.of_day(one.begin).end
        if one.alert != "drift" or one.state != "open" or raised_at > as_of:
            continue
        if _reviewed(one, standing, alerts):
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


def _reviewed(one: Incident, standing: Standing, alerts: Sequence[Alert]) -> bool:
    begins = {one.begin} | {
        alert.begin
        for alert in alerts
        if alert.item == one.item and alert.begin <= one.begin <= alert.last
    }
    return any(
        (review.item, review.domain) == (one.item, "drift_monitoring") and review.begin in begins
        for review in standing.reviews
    )
