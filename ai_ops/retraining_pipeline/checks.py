"""The checks of the retraining pipeline."""

from ai_ops.orchestration.judging import Check
from ai_ops.retraining_pipeline.reconciliation import judge_registry_reconciled
from ai_ops.retraining_pipeline.records import TRAINING_SET
from ai_ops.retraining_pipeline.training_judgement import judge_training_set_sound
from ai_ops.retraining_pipeline.versions import judge_version_registered

REGISTRY_RECONCILED = Check(
    "registry_reconciled",
    "model_versions",
    "retraining_pipeline",
    "version",
    judge_registry_reconciled,
    rhythm=None,
)

CHECKS = (
    Check(
        "version_registered",
        "model_versions",
        "retraining_pipeline",
        "version",
        judge_version_registered,
        rhythm=None,
    ),
    REGISTRY_RECONCILED,
    Check(
        "training_set_sound",
        TRAINING_SET,
        "retraining_pipeline",
        "volume",
        judge_training_set_sound,
        rhythm=None,
        blocking=True,
    ),
)
