"""The checks of inference management."""

from ai_ops.inference_management.cost_reports import judge_cost_trend
from ai_ops.inference_management.cost_rollup import judge_cost_known
from ai_ops.inference_management.load_test import judge_load_test
from ai_ops.inference_management.opportunity_report import judge_cost_opportunities
from ai_ops.inference_management.reconciled_costs import judge_cost_reconciled
from ai_ops.inference_management.rollback_reports import judge_rollback_drill
from ai_ops.inference_management.service_health import judge_service_healthy
from ai_ops.orchestration.judging import Check

LOAD_TEST = Check(
    "load_test",
    "load_test",
    "inference_management",
    "operations",
    judge_load_test,
    rhythm=None,
)
"""Judged right after a test, by whoever ran it, and whenever it is asked for."""

ROLLBACK_DRILL = Check(
    "rollback_drill",
    "rollback_drill",
    "inference_management",
    "operations",
    judge_rollback_drill,
    rhythm=None,
)

CHECKS = (
    LOAD_TEST,
    ROLLBACK_DRILL,
    Check(
        "service_healthy",
        "service_health",
        "inference_management",
        "operations",
        judge_service_healthy,
    ),
    Check("cost_known", "cost_rollup", "inference_management", "cost", judge_cost_known),
    Check("cost_reconciled", "cost_rollup", "inference_management", "cost", judge_cost_reconciled),
    Check(
        "cost_trend",
        "cost_trend",
        "inference_management",
        "cost",
        judge_cost_trend,
        rhythm="weekly",
    ),
    Check(
        "cost_opportunities",
        "cost_opportunities",
        "inference_management",
        "cost",
        judge_cost_opportunities,
        rhythm="monthly",
    ),
)
