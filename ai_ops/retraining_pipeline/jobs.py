"""The jobs of the retraining pipeline: make a candidate, promote an approved one, roll back."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)
from pydantic import Field

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.applying import is_made
from ai_ops.orchestration.building import asset_key, metadata_of, owners_of
from ai_ops.orchestration.resources import RootResource
from ai_ops.retraining_pipeline.promotion import promote, rollback
from ai_ops.retraining_pipeline.records import CANDIDATE, TRAINING_SET
from ai_ops.retraining_pipeline.versions import compute_model_versions
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Move
from ai_ops.vocabulary.errors import DecisionRefused, PromotionRefused
from ai_ops.vocabulary.failures import Part

RETRAINED = (TRAINING_SET, CANDIDATE, "candidate_evaluation")
"""What a retraining makes, in this order; it ends with the gate's judgement."""

_FROM: Mapping[Part, int] = {"data pull": 0, "training": 1, "evaluation": 2}


class PromotionConfig(dg.Config):
    """Which approved version to promote."""

    version: str = Field(
        description="The number of a version that the gate passed and a person approved."
    )


class RollbackConfig(dg.Config):
    """A rollback that a person signed."""

    token: str = Field(
        description="What `ai-ops sign` printed for a rollback: one line, which can be used once."
    )


def retraining_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job that trains and judges a candidate."""
    return f"{feature.name}__retrain"


def promotion_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job that promotes an approved version."""
    return f"{feature.name}__promotion"


def rollback_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job that brings an earlier version back."""
    return f"{feature.name}__roll_back"


def retraining_config(
    feature: AiFeatureSpec, *, cause: str, incident: str | None = None, requested_by: str = ""
) -> dict[str, dict[str, Any]]:
    """The config of a retraining, by the name of the op that takes it."""
    said = {"cause": cause, "incident": incident or "", "requested_by": requested_by}
    return {f"{feature.name}__{TRAINING_SET}": said}


def remade(part: Part) -> tuple[str, ...]:
    """What is made again when a retraining goes on from the step at which it failed.

    >>> remade("training"), len(remade("data pull"))
    (('candidate_model', 'candidate_evaluation'), 3)
    """
    return RETRAINED[_FROM.get(part, 0) :]


def promotion_config(feature: AiFeatureSpec, version: str) -> dict[str, dict[str, Any]]:
    """The config of a promotion, by the name of the op that takes it."""
    return {f"{feature.name}__promote": {"version": version}}


def rollback_config(feature: AiFeatureSpec, token: str) -> dict[str, dict[str, Any]]:
    """The config of a rollback, by the name of the op that takes it."""
    return {f"{feature.name}__signed_rollback": {"token": token}}


def jobs(feature: AiFeatureSpec) -> list[UnresolvedAssetJobDefinition | dg.JobDefinition]:
    """The feature's jobs of this domain: none where somebody else trains the model, no retraining
    where correct answers are never known."""
    if not feature.trained_here:
        return []
    moving = [_promotion(feature), _rollback(feature)]
    if not is_made(TRAINING_SET, feature):
        return list(moving)
    retrained = [asset_key(feature, name) for name in RETRAINED]
    return [
        dg.define_asset_job(
            retraining_job_name(feature),
            dg.AssetSelection.assets(*retrained),
            description=(
                "Train a candidate on what is known by now and judge it beside the version in "
                "production. It ends there: a person decides what becomes of it. Launch it as it "
                "is; who asks for it and why may be said in the config of training_set."
            ),
            owners=owners_of(feature, "retraining_pipeline"),
        ),
        *moving,
    ]


def _promotion(feature: AiFeatureSpec) -> dg.JobDefinition:
    @dg.op(
        name=f"{feature.name}__promote",
        description="Reads gate, approval, holds and incidents again at this moment, then acts.",
    )
    def promote_version(
        context: dg.OpExecutionContext, config: PromotionConfig, root: RootResource
    ) -> None:
        _tell(
            context,
            feature,
            root.open(),
            lambda opened: promote(opened, feature, config.version, run_id=context.run_id),
        )

    @dg.job(
        name=promotion_job_name(feature),
        description=(
            "Promote a version that the gate passed and a person approved. Whatever forbids it "
            "fails the run, and is recorded as refused. The sensor of promotions launches it when "
            "an approval is signed."
        ),
        owners=owners_of(feature, "retraining_pipeline"),
    )
    def promotion() -> None:
        promote_version()

    return promotion


def _rollback(feature: AiFeatureSpec) -> dg.JobDefinition:
    @dg.op(
        name=f"{feature.name}__signed_rollback",
        description="Verifies the signed decision and brings back a version that was live before.",
    )
    def roll_back(
        context: dg.OpExecutionContext, config: RollbackConfig, root: RootResource
    ) -> None:
        _tell(
            context,
            feature,
            root.open(),
            lambda opened: rollback(opened, feature, config.token, run_id=context.run_id),
        )

    @dg.job(
        name=rollback_job_name(feature),
        description=(
            "Bring back a version that was live before, by a decision that a person signed with "
            f"`ai-ops sign {feature.name} rollback`. Neither a hold nor an incident forbids it."
        ),
        owners=owners_of(feature, "inference_management"),
    )
    def rolling_back() -> None:
        roll_back()

    return rolling_back


def _tell(
    context: dg.OpExecutionContext,
    feature: AiFeatureSpec,
    root: Root,
    act: Callable[[Root], Move],
) -> None:
    """Act, and show what moved: on the run, and as a new look at the registry."""
    try:
        move = act(root)
    except (PromotionRefused, DecisionRefused) as refused:
        # A run that failed for a reason is not to be tried again as one that broke.
        raise dg.Failure(str(refused), allow_retries=False) from None
    moved: dict[str, Any] = {
        "move": move.kind,
        "version": move.version,
        "previous": move.previous or "none",
        "by": move.by,
        "at": move.at.isoformat(),
        "reason": move.reason,
        "gate": move.gate_hash or "none",
        "ledger_block": move.place[0],
    }
    context.log.info(f"version {move.version} of {feature.name} is live, by {move.by}")
    context.add_output_metadata(moved)
    summary = compute_model_versions(root, feature, root.clock.now())
    context.log_event(
        dg.AssetMaterialization(
            asset_key(feature, "model_versions"), metadata={**metadata_of(summary), **moved}
        )
    )
