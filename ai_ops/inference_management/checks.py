"""The checks of inference management."""

from ai_ops.inference_management.cost_reports import judge_cost_trend
from ai_ops.inference_management.cost_rollup import judge_cost_known
from ai_ops.inference_management.service_health import judge_service_healthy
from ai_ops.orchestration.judging import Check

CHECKS = (
    Check(
        "service_healthy",
        "service_health",
        "inference_management",
        "operations",
        judge_service_healthy,
    ),
    Check("cost_known", "cost_rollup", "inference_management", "cost", judge_cost_known),
    Check(
        "cost_trend",
        "cost_trend",
        "inference_management",
        "cost",
        judge_cost_trend,
        rhythm="weekly",
    ),
)
