"""The checklists as assets."""

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.reading import compute_weekly_checklist
from ai_ops.orchestration.building import partitioned_asset

READ_BY_WEEKLY = (
    "log_completeness",
    "prediction_log",
    "user_actions",
    "drift_report",
    "evaluation_run",
)


def assets(feature: AiFeatureSpec) -> list[dg.AssetsDefinition]:
    """The feature's checklists."""
    return [
        partitioned_asset(
            feature,
            compute_weekly_checklist,
            domain="checklist",
            rhythm="weekly",
            deps=[*READ_BY_WEEKLY, "cost_trend", "model_versions"],
            kinds={"json"},
        )
    ]
