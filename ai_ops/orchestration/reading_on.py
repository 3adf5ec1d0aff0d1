"""Where to read on: of each asset the page that explains it, and the command that shows it."""

from collections.abc import Mapping
from typing import Final

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec

_LOG, _LABELS, _DRIFT = "docs/logging.md", "docs/labels.md", "docs/drift.md"
_COSTS, _TRIGGERS, _PLAYBOOK = "docs/costs.md", "docs/triggers.md", "docs/playbook.md"

READ_ON: Final[Mapping[str, tuple[str, str]]] = {
    "prediction_log": (_LOG, "predictions find {feature} --id ID"),
    "log_completeness": (_LOG, "verdicts {feature}"),
    "log_audit": ("docs/audit.md", "audit export {feature}"),
    "user_actions": (_LOG, "verdicts {feature}"),
    "ground_truth": (_LABELS, "labels export {feature}"),
    "label_arrival": (_LABELS, "labels export {feature}"),
    "labelled_evaluation_set": (_LABELS, "labels export {feature}"),
    "evaluation_run": (_LABELS, "verdicts {feature}"),
    "version_evaluation": ("docs/first_hour.md", "evaluate {feature} --version VERSION"),
    "reference_set": (_DRIFT, "drift show {feature} DAY"),
    "reference_profile": (_DRIFT, "drift show {feature} DAY"),
    "prediction_profile": (_DRIFT, "drift show {feature} DAY"),
    "drift_report": (_DRIFT, "drift show {feature} DAY"),
    "drift_thresholds": (_DRIFT, "drift thresholds {feature}"),
    "service_health": ("docs/serving.md", "verdicts {feature}"),
    "cost_rollup": (_COSTS, "costs trend {feature}"),
    "cost_trend": (_COSTS, "costs trend {feature}"),
    "cost_opportunities": (_COSTS, "costs opportunities {feature}"),
    "load_test": ("docs/load_test.md", "drill load {feature}"),
    "rollback_drill": ("docs/rollback.md", "drill rollback {feature}"),
    "challenger_log": ("docs/environments.md", "challenge {feature} VERSION"),
    "challenger_report": ("docs/environments.md", "challenge {feature} VERSION"),
    "model_versions": ("docs/environments.md", "history {feature}"),
    "training_set": (_TRIGGERS, "retrain {feature}"),
    "candidate_model": (_TRIGGERS, "retrain {feature}"),
    "candidate_evaluation": (_TRIGGERS, "approve {feature} --version VERSION"),
    "retraining_cadence": (_TRIGGERS, "cadence {feature}"),
    "pre_launch_checklist": (_PLAYBOOK, "checklist {feature} --cadence pre_launch"),
    "weekly_checklist": (_PLAYBOOK, "checklist {feature} --cadence weekly"),
    "monthly_checklist": (_PLAYBOOK, "checklist {feature} --cadence monthly"),
}
"""Of each asset: a page of the checkout, and what `ai-ops` shows or does about it."""


def reading_on(feature: AiFeatureSpec, asset: str) -> dict[str, dg.MetadataValue]:
    """The two as metadata; nothing of an asset that has neither."""
    if asset not in READ_ON:
        return {}
    page, command = READ_ON[asset]
    return {
        "read_on": dg.MetadataValue.path(page),
        "command": dg.MetadataValue.text(f"ai-ops {command.format(feature=feature.name)}"),
    }
