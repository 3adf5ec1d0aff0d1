"""The checks of drift monitoring."""

from ai_ops.drift_monitoring.feed.judging import judge_feed_alive, judge_volume_steady
from ai_ops.drift_monitoring.reports import (
    judge_drift_thresholds,
    judge_input_drift,
    judge_inputs_well_formed,
    judge_joint_drift,
    judge_output_drift,
    judge_reference_present,
    judge_slice_drift,
)
from ai_ops.orchestration.judging import Check

CHECKS = (
    Check(
        "reference_present",
        "reference_profile",
        "drift_monitoring",
        "drift",
        judge_reference_present,
        rhythm=None,
    ),
    Check(
        "inputs_well_formed",
        "prediction_profile",
        "drift_monitoring",
        "data_quality",
        judge_inputs_well_formed,
    ),
    Check(
        "volume_steady",
        "prediction_profile",
        "drift_monitoring",
        "volume",
        judge_volume_steady,
    ),
    Check(
        "feed_alive",
        "prediction_profile",
        "drift_monitoring",
        "data_quality",
        judge_feed_alive,
    ),
    Check("input_drift", "drift_report", "drift_monitoring", "drift", judge_input_drift),
    Check("output_drift", "drift_report", "drift_monitoring", "drift", judge_output_drift),
    Check("joint_drift", "drift_report", "drift_monitoring", "drift", judge_joint_drift),
    Check("slice_drift", "drift_report", "drift_monitoring", "drift", judge_slice_drift),
    Check(
        "drift_thresholds",
        "drift_thresholds",
        "drift_monitoring",
        "drift",
        judge_drift_thresholds,
        rhythm="monthly",
    ),
)
