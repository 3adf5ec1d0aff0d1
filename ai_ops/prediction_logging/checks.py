"""The checks of prediction logging."""

from ai_ops.orchestration.judging import Check
from ai_ops.prediction_logging.audit_report import judge_log_audit
from ai_ops.prediction_logging.completeness_report import (
    judge_log_complete,
    judge_log_written,
    judge_user_actions_present,
)
from ai_ops.prediction_logging.conformity_report import judge_schema_conforms
from ai_ops.prediction_logging.live_writers import judge_writers_alive
from ai_ops.prediction_logging.recency_report import judge_log_recent
from ai_ops.prediction_logging.version_report import judge_version_is_champion
from ai_ops.prediction_logging.writer_checks import (
    judge_log_unsampled,
    judge_witness_agrees,
    judge_writers_present,
)

WRITERS_ALIVE = Check(
    "writers_alive",
    "log_completeness",
    "prediction_logging",
    "completeness",
    judge_writers_alive,
    rhythm=None,
)
"""Judged by a sensor whenever a writer comes or goes, and by nothing else."""

CHECKS = (
    WRITERS_ALIVE,
    Check("log_written", "prediction_log", "prediction_logging", "volume", judge_log_written),
    Check(
        "log_complete", "log_completeness", "prediction_logging", "completeness", judge_log_complete
    ),
    Check("log_recent", "log_completeness", "prediction_logging", "volume", judge_log_recent),
    *(
        Check(name, "log_completeness", "prediction_logging", "completeness", judge)
        for name, judge in (
            ("writers_present", judge_writers_present),
            ("witness_agrees", judge_witness_agrees),
            ("log_unsampled", judge_log_unsampled),
        )
    ),
    Check(
        "user_actions_present",
        "user_actions",
        "prediction_logging",
        "completeness",
        judge_user_actions_present,
    ),
    Check(
        "schema_conforms",
        "prediction_log",
        "prediction_logging",
        "data_quality",
        judge_schema_conforms,
    ),
    Check(
        "version_is_champion",
        "prediction_log",
        "prediction_logging",
        "version",
        judge_version_is_champion,
    ),
    Check(
        "log_audit",
        "log_audit",
        "prediction_logging",
        "completeness",
        judge_log_audit,
        rhythm="monthly",
    ),
)
