"""The assets of inference management: is it healthy, what does it cost, where is that going."""

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_reports import compute_cost_trend
from ai_ops.inference_management.cost_rollup import compute_cost_rollup
from ai_ops.inference_management.service_health import compute_service_health
from ai_ops.orchestration.building import partitioned_asset


def assets(feature: AiFeatureSpec) -> list[dg.AssetsDefinition]:
    """The feature's assets of this domain."""
    return [
        partitioned_asset(
            feature,
            compute_service_health,
            domain="inference_management",
            deps=["prediction_log"],
            kinds={"json"},
        ),
        partitioned_asset(
            feature,
            compute_cost_rollup,
            domain="inference_management",
            deps=["prediction_log"],
            kinds={"parquet"},
        ),
        partitioned_asset(
            feature,
            compute_cost_trend,
            domain="inference_management",
            rhythm="weekly",
            deps=["cost_rollup"],
            kinds={"json"},
        ),
    ]
