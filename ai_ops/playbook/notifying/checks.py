"""The check on notifications."""

from ai_ops.orchestration.judging import Check
from ai_ops.playbook.notifying.judging import ITEM, judge_alerts_delivered

ALERTS_DELIVERED = Check(
    ITEM, "drift_report", "drift_monitoring", "operations", judge_alerts_delivered, rhythm=None
)

CHECKS = (ALERTS_DELIVERED,)
