"""The checks of the retraining pipeline."""

from ai_ops.orchestration.judging import Check
from ai_ops.retraining_pipeline.versions import judge_version_registered

CHECKS = (
    Check(
        "version_registered",
        "model_versions",
        "retraining_pipeline",
        "version",
        judge_version_registered,
        rhythm=None,
    ),
)
