"""The assets of the retraining pipeline: what the registry holds, and how a candidate is made."""

import dagster as dg
from pydantic import Field

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.building import (
    description_of,
    metadata_of,
    retraining_pool,
    unpartitioned_asset,
)
from ai_ops.orchestration.resources import RootResource
from ai_ops.orchestration.resuming import failed_parent
from ai_ops.orchestration.timing import timed
from ai_ops.retraining_pipeline.candidate import compute_candidate_model
from ai_ops.retraining_pipeline.records import CANDIDATE, TRAINING_SET
from ai_ops.retraining_pipeline.training_set import Request, compute_training_set
from ai_ops.retraining_pipeline.versions import compute_model_versions


class RetrainingConfig(dg.Config):
    """Why there is a retraining: the cause, the incident that it answers, who asked for it."""

    cause: str = Field(default="asked for by hand", description="Why, in words that last.")
    incident: str = Field(default="", description="The incident that it answers, if it does.")
    requested_by: str = Field(default="", description="Who asks for it: an email address.")


def assets(feature: AiFeatureSpec) -> list[dg.AssetsDefinition]:
    """The feature's assets of this domain."""
    return [_model_versions(feature), _training_set(feature), _candidate_model(feature)]


def _model_versions(feature: AiFeatureSpec) -> dg.AssetsDefinition:
    def body(context: dg.AssetExecutionContext, root: RootResource) -> None:
        opened = root.open()
        summary = compute_model_versions(opened, feature, opened.clock.now())
        context.add_asset_metadata(metadata_of(summary))

    return unpartitioned_asset(
        feature,
        "model_versions",
        body,
        domain="retraining_pipeline",
        description=description_of(compute_model_versions),
        deps=[CANDIDATE],
        kinds={"mlflow"},
    )


def _training_set(feature: AiFeatureSpec) -> dg.AssetsDefinition:
    def body(
        context: dg.AssetExecutionContext, config: RetrainingConfig, root: RootResource
    ) -> None:
        opened = root.open()
        request = Request(config.cause, config.incident or None, config.requested_by)
        with timed():
            summary = compute_training_set(
                opened,
                feature,
                opened.clock.now(),
                request,
                run_id=context.run.run_id,
                parent=failed_parent(context.run),
            )
        context.add_asset_metadata(metadata_of(summary))

    return unpartitioned_asset(
        feature,
        TRAINING_SET,
        body,
        domain="retraining_pipeline",
        description=description_of(compute_training_set),
        deps=["prediction_log", "ground_truth"],
        kinds={"parquet"},
        pool=retraining_pool(feature),
    )


def _candidate_model(feature: AiFeatureSpec) -> dg.AssetsDefinition:
    def body(context: dg.AssetExecutionContext, root: RootResource) -> None:
        opened = root.open()
        with timed():
            summary = compute_candidate_model(
                opened,
                feature,
                opened.clock.now(),
                run_id=context.run.run_id,
                parent=failed_parent(context.run),
            )
        context.add_asset_metadata(metadata_of(summary))

    return unpartitioned_asset(
        feature,
        CANDIDATE,
        body,
        domain="retraining_pipeline",
        description=description_of(compute_candidate_model),
        deps=[TRAINING_SET],
        kinds={"mlflow", "torch"},
        pool=retraining_pool(feature),
    )
