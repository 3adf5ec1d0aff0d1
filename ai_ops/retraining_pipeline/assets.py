"""The assets of the retraining pipeline: for now, what the registry holds."""

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.building import description_of, metadata_of, unpartitioned_asset
from ai_ops.orchestration.resources import RootResource
from ai_ops.retraining_pipeline.versions import compute_model_versions


def assets(feature: AiFeatureSpec) -> list[dg.AssetsDefinition]:
    """The feature's assets of this domain."""

    def body(context: dg.AssetExecutionContext, root: RootResource) -> None:
        opened = root.open()
        summary = compute_model_versions(opened, feature, opened.clock.now())
        context.add_asset_metadata(metadata_of(summary))

    return [
        unpartitioned_asset(
            feature,
            "model_versions",
            body,
            domain="retraining_pipeline",
            description=description_of(compute_model_versions),
            kinds={"mlflow"},
        )
    ]
