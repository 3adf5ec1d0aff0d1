"""The assets of prediction logging: the log itself, its completeness, witness and audit."""

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.building import (
    description_of,
    metadata_of,
    partitioned_asset,
    unpartitioned_asset,
)
from ai_ops.orchestration.resources import RootResource
from ai_ops.prediction_logging.audit_report import compute_log_audit
from ai_ops.prediction_logging.challenger_log import compute_challenger_log
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import compute_log_completeness
from ai_ops.prediction_logging.reference_set import compute_reference_set
from ai_ops.prediction_logging.sources import compute_user_actions


def assets(feature: AiFeatureSpec) -> list[dg.AssetsDefinition]:
    """The feature's assets of this domain."""

    def read_reference(context: dg.AssetExecutionContext, root: RootResource) -> None:
        opened = root.open()
        summary = compute_reference_set(opened, feature, opened.clock.now())
        context.add_asset_metadata(metadata_of(summary))

    return [
        unpartitioned_asset(
            feature,
            "reference_set",
            read_reference,
            domain="prediction_logging",
            description=description_of(compute_reference_set),
            deps=["prediction_log"],
            kinds={"parquet"},
        ),
        partitioned_asset(
            feature, compute_prediction_log, domain="prediction_logging", kinds={"parquet"}
        ),
        partitioned_asset(
            feature, compute_challenger_log, domain="prediction_logging", kinds={"parquet"}
        ),
        partitioned_asset(
            feature, compute_user_actions, domain="prediction_logging", kinds={"parquet"}
        ),
        partitioned_asset(
            feature,
            compute_log_completeness,
            domain="prediction_logging",
            deps=["prediction_log", "user_actions"],
            kinds={"json"},
        ),
        partitioned_asset(
            feature,
            compute_log_audit,
            domain="prediction_logging",
            rhythm="monthly",
            deps=["prediction_log", "user_actions", "log_completeness"],
            kinds={"json"},
        ),
    ]
