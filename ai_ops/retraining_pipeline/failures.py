"""A run of the pipeline that failed, recorded with its step and its likely cause."""

from collections.abc import Mapping
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.retraining_pipeline.likely_causes import likely_cause, part_of
from ai_ops.retraining_pipeline.made_with import changes
from ai_ops.retraining_pipeline.records import TRAINING_SET
from ai_ops.storage.retraining_failures import (
    Asked,
    Failure,
    record_failure,
    record_promotion_failure,
)
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.failures import FailedRun, LikelyCause
from ai_ops.vocabulary.verdicts import Verdict

SOUND = "training_set_sound"


def record_failed_run(root: Root, feature: AiFeatureSpec, failed: FailedRun) -> LikelyCause:
    """Record once that a run of a retraining or a promotion failed; returns its likely cause.

    What a hold, the gate or a missing signature forbade is no failure: the door recorded that as
    a refusal.
    """
    cause = cause_of(root, feature, failed)
    failure = Failure(failed.step, failed.error, part_of(failed.step), cause)
    config = dict(failed.config)
    if promoted := config.get(f"{feature.name}__promote"):
        if cause.kind != "refused":
            version = str(promoted.get("version"))
            record_promotion_failure(root, feature, version, failed.run_id, failure)
        return cause
    asked = None if cause.kind == "refused" else _asked(feature, config)
    record_failure(root, feature, failed.run_id, failure, asked)
    return cause


def cause_of(root: Root, feature: AiFeatureSpec, failed: FailedRun) -> LikelyCause:
    """Why a run failed, by its own words, the check that stopped it, and what changed since."""
    return likely_cause(
        failed,
        trainer=feature.retraining.trainer,
        judged=_judged(root, feature, failed),
        changed=changes(root, feature, standing_of(root.ledger, feature.name)),
    )


def _judged(root: Root, feature: AiFeatureSpec, failed: FailedRun) -> Verdict | None:
    """What the check said that judges a training set before anything is learnt from it."""
    if part_of(failed.step) != "data pull":
        return None
    history = root.ledger.history(feature.name, SOUND)
    return history[-1].verdict if history and not history[-1].verdict.passed else None


def _asked(feature: AiFeatureSpec, config: Mapping[str, Mapping[str, Any]]) -> Asked:
    said = config.get(f"{feature.name}__{TRAINING_SET}", {})
    return Asked(
        str(said.get("cause", "asked for by hand")),
        str(said["incident"]) if said.get("incident") else None,
        str(said.get("requested_by", "")),
    )
