"""The assets of inference management: is it healthy, what does it cost, where is that going."""

import dagster as dg
from pydantic import Field

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_reports import compute_cost_trend
from ai_ops.inference_management.cost_rollup import compute_cost_rollup
from ai_ops.inference_management.load_test import SECONDS, Asked, run_load_test
from ai_ops.inference_management.load_test_records import ASSET as LOAD_TEST
from ai_ops.inference_management.opportunity_report import compute_cost_opportunities
from ai_ops.inference_management.rollback_record import ASSET as ROLLBACK_DRILL
from ai_ops.inference_management.rollback_reports import compute_rollback_drill
from ai_ops.inference_management.service_health import compute_service_health
from ai_ops.orchestration.building import (
    description_of,
    metadata_of,
    partitioned_asset,
    unpartitioned_asset,
)
from ai_ops.orchestration.resources import RootResource


class LoadTestConfig(dg.Config):
    """Which endpoint to test, and how many seconds a phase lasts.

    Without an address it is the version that is live or in rehearsal, served for the test.
    """

    url: str = Field(default="", description="The endpoint's address, as http://host:8000.")
    seconds: float = Field(default=SECONDS, gt=0, description="How long each phase lasts.")


def assets(feature: AiFeatureSpec) -> list[dg.AssetsDefinition]:
    """The feature's assets of this domain."""
    return [
        partitioned_asset(
            feature,
            compute_service_health,
            domain="inference_management",
            deps=["prediction_log", "log_completeness"],
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
        partitioned_asset(
            feature,
            compute_cost_opportunities,
            domain="inference_management",
            rhythm="monthly",
            deps=[
                "prediction_log",
                "cost_rollup",
                "load_test",
                "version_evaluation",
                "candidate_evaluation",
            ],
            kinds={"json"},
        ),
        _load_test(feature),
        _rollback_drill(feature),
    ]


def _rollback_drill(feature: AiFeatureSpec) -> dg.AssetsDefinition:
    def body(context: dg.AssetExecutionContext, root: RootResource) -> None:
        context.add_asset_metadata(metadata_of(compute_rollback_drill(root.open(), feature)))

    return unpartitioned_asset(
        feature,
        ROLLBACK_DRILL,
        body,
        domain="inference_management",
        description=description_of(compute_rollback_drill),
        deps=["model_versions"],
        kinds={"json"},
    )


def _load_test(feature: AiFeatureSpec) -> dg.AssetsDefinition:
    def body(context: dg.AssetExecutionContext, config: LoadTestConfig, root: RootResource) -> None:
        asked = Asked(config.url or None, seconds=config.seconds)
        _, summary = run_load_test(
            root.open(),
            feature,
            asked,
            lambda done, total, phase: context.log.info(f"{done} of {total}: {phase}"),
        )
        context.add_asset_metadata(metadata_of(summary))

    return unpartitioned_asset(
        feature,
        LOAD_TEST,
        body,
        domain="inference_management",
        description=description_of(run_load_test),
        deps=["prediction_log", "model_versions"],
        kinds={"json"},
    )
