"""The assets of drift monitoring: what was normal, what is now, and how far apart they are."""

import dagster as dg
from pydantic import Field

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.reports import (
    compute_drift_report,
    compute_drift_thresholds,
    compute_prediction_profile,
    compute_reference_profile,
)
from ai_ops.orchestration.building import (
    description_of,
    metadata_of,
    partitioned_asset,
    unpartitioned_asset,
)
from ai_ops.orchestration.partitions import trailing_days
from ai_ops.orchestration.resources import RootResource


class ReferenceConfig(dg.Config):
    """Which version's reference to profile; empty means the one in production."""

    version: str = Field(default="", description="A registered version's number, as 3.")


def assets(feature: AiFeatureSpec) -> list[dg.AssetsDefinition]:
    """The feature's assets of this domain."""
    return [
        _reference_profile(feature),
        partitioned_asset(
            feature,
            compute_prediction_profile,
            domain="drift_monitoring",
            deps=["prediction_log", "reference_profile"],
            kinds={"duckdb", "parquet"},
        ),
        partitioned_asset(
            feature,
            compute_drift_report,
            domain="drift_monitoring",
            deps=[
                ("prediction_profile", trailing_days(feature.drift.window_days)),
                "reference_profile",
            ],
            kinds={"parquet", "evidently"},
        ),
        partitioned_asset(
            feature,
            compute_drift_thresholds,
            domain="drift_monitoring",
            rhythm="monthly",
            deps=["drift_report", "prediction_log"],
            kinds={"json"},
        ),
    ]


def _reference_profile(feature: AiFeatureSpec) -> dg.AssetsDefinition:
    def body(
        context: dg.AssetExecutionContext, config: ReferenceConfig, root: RootResource
    ) -> None:
        opened = root.open()
        summary = compute_reference_profile(
            opened, feature, opened.clock.now(), version=config.version or None
        )
        context.add_asset_metadata(metadata_of(summary))

    return unpartitioned_asset(
        feature,
        "reference_profile",
        body,
        domain="drift_monitoring",
        description=description_of(compute_reference_profile),
        deps=["model_versions", "reference_set"],
        kinds={"duckdb", "parquet"},
    )
