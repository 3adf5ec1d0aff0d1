"""The checklists as assets."""

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.items import LIST_OF
from ai_ops.checklist.lists import (
    compute_monthly_checklist,
    compute_pre_launch_checklist,
    compute_weekly_checklist,
)
from ai_ops.checklist.responsibility import responsibilities
from ai_ops.orchestration.building import (
    description_of,
    metadata_of,
    partitioned_asset,
    unpartitioned_asset,
)
from ai_ops.orchestration.resources import RootResource

READ_BY_PRE_LAUNCH = (
    "prediction_log",
    "log_completeness",
    "user_actions",
    "model_versions",
    "reference_profile",
    "prediction_profile",
    "drift_report",
    "cost_rollup",
)
READ_BY_WEEKLY = (
    "log_completeness",
    "prediction_log",
    "user_actions",
    "drift_report",
    "evaluation_run",
    "cost_trend",
    "model_versions",
)
READ_BY_MONTHLY = ("labelled_evaluation_set", "drift_thresholds")


def assets(feature: AiFeatureSpec) -> list[dg.AssetsDefinition]:
    """The feature's checklists, each with who answers for its items."""

    def judge_now(context: dg.AssetExecutionContext, root: RootResource) -> None:
        opened = root.open()
        summary = compute_pre_launch_checklist(opened, feature, opened.clock.now())
        context.add_asset_metadata(metadata_of(summary))

    lists = [
        unpartitioned_asset(
            feature,
            "pre_launch_checklist",
            judge_now,
            domain="checklist",
            description=description_of(compute_pre_launch_checklist),
            deps=READ_BY_PRE_LAUNCH,
            kinds={"json"},
        ),
        partitioned_asset(
            feature,
            compute_weekly_checklist,
            domain="checklist",
            rhythm="weekly",
            deps=READ_BY_WEEKLY,
            kinds={"json"},
        ),
        partitioned_asset(
            feature,
            compute_monthly_checklist,
            domain="checklist",
            rhythm="monthly",
            deps=READ_BY_MONTHLY,
            kinds={"json"},
        ),
    ]
    return [one.map_asset_specs(lambda spec: _with_owners(feature, spec)) for one in lists]


def _with_owners(feature: AiFeatureSpec, spec: dg.AssetSpec) -> dg.AssetSpec:
    """The asset with the matrix of responsibility of its own items."""
    rows = [
        dg.TableRecord(one.as_row())
        for one in responsibilities(feature)
        if LIST_OF[one.cadence] == spec.key.path[-1]
    ]
    return spec.merge_attributes(metadata={"responsibility": dg.MetadataValue.table(rows)})
