"""What became of the alerts on a model: which retraining, or which person, answered each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.looking_back import looks_back
from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.checklist.tries import Try
from ai_ops.storage.answered import goes_on, is_about, was_seen
from ai_ops.storage.standing import Incident, Standing
from ai_ops.vocabulary.alerts import Alert, alerts_of, column_alerts_of, still_in_view
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import AlertKind, Status

SEEN_BY: Final[Mapping[str, AlertKind]] = {
    "input_drift": "drift",
    "output_drift": "drift",
    "joint_drift": "drift",
    "slice_drift": "drift",
    "accuracy": "accuracy_drop",
}
"""The checks that see a model fall behind, and the kind of incident that each one's alert is."""

LATE_BY: Final = timedelta(days=2)
"""How long after its waiting time a retraining is still on its way; later it failed silently."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of something that was seen, in words."""

    status: Status
    words: str
    alert: Alert | None = None


def open_alerts(evidence: ChecklistEvidence) -> list[Alert]:
    """What is seen and not over, of the version in production: on windows that end after it was
    moved there."""
    moves = evidence.standing.moves
    alerts = []
    for check in SEEN_BY:
        verdicts = {
            day: recorded
            for day, recorded in evidence.of(check).items()
            if not moves or recorded.window.end > moves[-1].at
        }
        of = column_alerts_of if SEEN_BY[check] == "drift" else alerts_of
        alerts += [alert for alert in of(check, verdicts) if alert.open]
    return alerts


def answer(
    feature: AiFeatureSpec, evidence: ChecklistEvidence, tries: Sequence[Try], alert: Alert
) -> Answer:
    """What became of an alert: answered by a person, by a retraining, or by nobody in time."""
    standing, drift = evidence.standing, SEEN_BY[alert.item] == "drift"
    by = f" by {', '.join(alert.columns)}" if drift and alert.columns else ""
    seen = f"{alert.item} has failed since {alert.begin}{by}"
    if standing.launched is None:
        return Answer("no_evidence", f"{seen}; nothing is retrained before the launch", alert)
    incident = _incident_of(standing, alert)
    conclusion = incident.conclusion if incident else None
    if lapsed := _lapsed(feature, incident, alert):
        # What was concluded of bad data says nothing of days that came after it.
        seen += f"; {incident.concluded_by if incident else ''} concluded bad_data, whose days "
        seen += f"are in no window since {lapsed}"
        incident, conclusion = None, None
    if incident and conclusion in ("bad_data", "false_alarm", *(("other",) if drift else ())):
        return Answer("pass", f"{seen}: {incident.concluded_by} concluded {conclusion}", alert)
    since = [one for one in tries if one.retraining.at >= alert.raised_at]
    begin = max(alert.raised_at, Window.of_day(lapsed).start) if lapsed else alert.raised_at
    if conclusion and incident and incident.concluded_at:
        begin = max(begin, incident.concluded_at)
    if since and not drift:  # a gap that lasts is tried again and again, a shift once
        begin = max(begin, since[-1].retraining.at)
    due = begin + timedelta(days=feature.retraining.wait_days) + LATE_BY
    if since and (drift or evidence.as_of <= due):
        status, words = _answered(feature, evidence, since, alert)
        return Answer(status, f"{seen}: {words}", alert)
    held = "".join(f", held by {h.by}: {h.reason}" for h in standing.holds)
    if evidence.as_of > due:
        lack = "no retraining answered it"
        lack += " and nobody concluded what it is" if drift and not conclusion else ""
        lack += f" since {begin:%Y-%m-%d}" if since else ""
        age = evidence.days_since(alert.raised_at)
        return Answer("fail", f"{seen}, {age:.0f} days: {lack}{held}", alert)
    if drift and not conclusion:
        return Answer("pass", f"{seen}: a person is to conclude what it is{held}", alert)
    return Answer("no_evidence", f"{seen}: a retraining is due by {due:%Y-%m-%d}{held}", alert)


def _lapsed(feature: AiFeatureSpec, incident: Incident | None, alert: Alert) -> date | None:
    """The day since which a conclusion of bad data stands for nothing: its days have left every
    window, and the check still fails. None while it stands."""
    if incident is None or incident.conclusion != "bad_data" or incident.concluded_at is None:
        return None
    days = looks_back(alert.item, feature)
    if still_in_view(alert, incident.concluded_at, days):
        return None
    return incident.concluded_at.date() + timedelta(days=days)


def _answered(
    feature: AiFeatureSpec, evidence: ChecklistEvidence, since: Sequence[Try], alert: Alert
) -> tuple[Status, str]:
    """What the retrainings since an alert came to; the version that passed is not live, or the
    alert would be that of another version."""
    last = since[-1]
    approval = evidence.standing.approvals.get(last.version or "")
    if last.outcome in ("failed", "stalled"):
        return "fail", last.words
    if last.outcome == "running":
        return "no_evidence", last.words
    if last.outcome != "accepted" or (approval and not approval.approved):
        words = last.words
        if last.outcome == "accepted" and approval:
            words += f" and {approval.by} rejected: {approval.reason}"
        lost = [one for one in since if one.outcome != "accepted" or one is last]
        # While labels show no gap, a gate that finds no candidate better speaks for the version.
        worse = SEEN_BY[alert.item] == "accuracy_drop"
        if len(lost) > 1 and (worse or last.outcome != "refused"):
            return "fail", f"{words}; {len(lost)} retrainings came to nothing, the model is stale"
        return "no_evidence" if last.outcome == "unjudged" else "pass", words
    waiting = evidence.days_since(evaluated_at(last))
    words = f"{last.words} and waits for " + ("its promotion" if approval else "an approval")
    if waiting > feature.retraining.wait_days + LATE_BY.days:
        return "fail", f"{words} for {waiting:.0f} days: the model is stale"
    return "pass", words


def _incident_of(standing: Standing, alert: Alert) -> Incident | None:
    """The newest incident that stands for an alert: about its days, or of its kind and concluded
    while it lasted, for of each kind one is answered at a time."""
    kind = SEEN_BY[alert.item]
    own = [one for one in reversed(standing.incidents) if kind in one.alerts]
    about = (one for one in own if is_about(alert, one) or goes_on(alert, one))
    seen = (one for one in own if one.concluded_at and was_seen(alert, one, kind))
    return next(about, None) or next(seen, None)


def evaluated_at(one: Try) -> datetime:
    """When the gate judged what a retraining made."""
    at: str = one.retraining.stages["evaluated"]["at"]
    return datetime.fromisoformat(at)
