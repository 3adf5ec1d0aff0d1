"""The public door of drift monitoring: what its assets compute and what its checks judge."""

from ai_ops.drift_monitoring.evidently_report import make_evidently_report
from ai_ops.drift_monitoring.joint_judging import judge_joint_drift
from ai_ops.drift_monitoring.judging import (
    judge_input_drift,
    judge_inputs_well_formed,
    judge_output_drift,
    judge_reference_present,
)
from ai_ops.drift_monitoring.profiling import (
    compute_prediction_profile,
    compute_reference_profile,
)
from ai_ops.drift_monitoring.reporting import compute_drift_report
from ai_ops.drift_monitoring.slice_judging import judge_slice_drift
from ai_ops.drift_monitoring.thresholds import compute_drift_thresholds, judge_drift_thresholds

__all__ = [
    "compute_drift_report",
    "compute_drift_thresholds",
    "compute_prediction_profile",
    "compute_reference_profile",
    "judge_drift_thresholds",
    "judge_input_drift",
    "judge_inputs_well_formed",
    "judge_joint_drift",
    "judge_output_drift",
    "judge_reference_present",
    "judge_slice_drift",
    "make_evidently_report",
]
