"""What to do next about an item that is not green: one command that somebody can copy."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.reading import Line
from ai_ops.storage.standing import Incident
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import AlertKind

ALERTS: Final[Mapping[str, tuple[AlertKind, ...]]] = {
    "drift_reviewed": ("drift",),
    "cost_trend_checked": ("cost_spike",),
    "retraining_verified": ("accuracy_drop", "pipeline_failure", "drift"),
    "accuracy_on_held_out": ("accuracy_drop", "drift"),
}
"""The kinds of incident whose answer makes an item green again."""

STEPS: Final[Mapping[str, str]] = {
    "logging_ready": "ai-ops verdicts {feature} --from {first} --to {last}",
    "registry_ready": "ai-ops environments",
    "drift_ready": "ai-ops drift show {feature} {last}",
    "load_tested": "ai-ops drill load {feature}",
    "rollback_rehearsed": "ai-ops drill rollback {feature}",
    "cost_tracked": "ai-ops verdicts {feature} --from {first} --to {last} --item cost_known",
    "drift_reviewed": "ai-ops drift show {feature} {last}",
    "cost_trend_checked": "ai-ops costs trend {feature} --week {first}",
    "retraining_verified": "ai-ops history {feature}",
    "logs_written": "ai-ops verdicts {feature} --from {first} --to {last} --status fail",
    "accuracy_on_held_out": "ai-ops labels export {feature}",
    "thresholds_reviewed": "ai-ops drift thresholds {feature}",
    "log_audited": "ai-ops verdicts {feature} --from {first} --to {last} --item log_audit",
    "cost_opportunities_reviewed": "ai-ops costs opportunities {feature} --month {first}",
}
"""Where to look, item by item, when no incident tells more."""

UNJUDGED: Final = ("was not judged", "was never judged", "materialise")
"""What a reason says of evidence that a run would bring."""


def next_step(
    feature: AiFeatureSpec, line: Line, window: Window, incidents: Sequence[Incident]
) -> str:
    """The command that brings an item that is not green forward: what nobody judged is judged,
    what an incident is open about is answered, anything else is looked at."""
    item, verdict = line.item.id, line.verdict
    place = {
        "feature": feature.name,
        "first": window.start.date().isoformat(),
        "last": (window.end - timedelta(days=1)).date().isoformat(),
    }
    if "ai-ops freeze-gate" in verdict.reason:
        return f"ai-ops freeze-gate {feature.name}"
    unjudged = any(words in verdict.reason for words in UNJUDGED)
    if verdict.status == "no_evidence" and unjudged and item not in ("load_tested", _DRILLED):
        return "ai-ops backfill {feature} --from {first} --to {last}".format(**place)
    about = [one for one in incidents if one.alert in ALERTS.get(item, ())]
    if verdict.status == "fail" and about:
        # One that somebody concluded says nothing of an alert that its reason does not name.
        named = [one for one in about if one.id in verdict.reason]
        if left := named or [one for one in about if one.conclusion is None]:
            return about_incident(feature, left[0])
    return STEPS[item].format(**place)


def about_incident(feature: AiFeatureSpec, incident: Incident) -> str:
    """What brings an incident forward: its earliest question, its conclusion, or its end."""
    if incident.pending:
        return min(incident.pending, key=lambda one: one.due_at).command
    if incident.conclusion == "bad_data":
        return f"ai-ops incidents resolve {feature.name} {incident.id}"
    return f"ai-ops incidents show {feature.name} {incident.id}"


_DRILLED: Final = "rollback_rehearsed"
