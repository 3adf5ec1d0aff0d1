"""The checks of prediction logging."""

from ai_ops.orchestration.judging import Check
from ai_ops.prediction_logging.completeness_report import (
    judge_log_complete,
    judge_log_written,
    judge_user_actions_present,
)
from ai_ops.prediction_logging.recency_report import judge_log_recent
from ai_ops.prediction_logging.version_report import judge_version_is_champion

CHECKS = (
    Check("log_written", "prediction_log", "prediction_logging", "volume", judge_log_written),
    Check(
        "log_complete", "log_completeness", "prediction_logging", "completeness", judge_log_complete
    ),
    Check("log_recent", "log_completeness", "prediction_logging", "volume", judge_log_recent),
    Check(
        "user_actions_present",
        "user_actions",
        "prediction_logging",
        "completeness",
        judge_user_actions_present,
    ),
    Check(
        "version_is_champion",
        "prediction_log",
        "prediction_logging",
        "version",
        judge_version_is_champion,
    ),
)
