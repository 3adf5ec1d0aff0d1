"""The checks of accuracy evaluation."""

from ai_ops.accuracy_evaluation.cadence_judging import judge_cadence_advised
from ai_ops.accuracy_evaluation.candidate_judging import (
    EVALUATION,
    judge_gate_baseline,
    judge_gate_budget,
    judge_gate_calibration,
    judge_gate_discrimination,
    judge_gate_evidence,
    judge_gate_improvement,
    judge_gate_sanity,
    judge_gate_slices,
)
from ai_ops.accuracy_evaluation.challenger_judgement import judge_challenger_compared
from ai_ops.accuracy_evaluation.evaluation import (
    judge_accuracy,
    judge_label_coverage,
    judge_label_coverage_slices,
    judge_labels_plausible,
    judge_scores_reproduced,
    judge_slices_hold,
)
from ai_ops.accuracy_evaluation.held_out import (
    judge_evaluation_set_sufficient,
    judge_held_out,
    judge_held_out_accuracy,
)
from ai_ops.accuracy_evaluation.label_arrival import judge_label_maturity
from ai_ops.accuracy_evaluation.labels import judge_labels_arrived
from ai_ops.accuracy_evaluation.versions import judge_version_evaluation
from ai_ops.orchestration.judging import Check

CHECKS = (
    Check("labels_arrived", "ground_truth", "accuracy_evaluation", "labels", judge_labels_arrived),
    Check(
        "label_maturity",
        "label_arrival",
        "accuracy_evaluation",
        "labels",
        judge_label_maturity,
        rhythm="weekly",
    ),
    Check(
        "label_coverage", "evaluation_run", "accuracy_evaluation", "labels", judge_label_coverage
    ),
    Check(
        "label_coverage_slices",
        "evaluation_run",
        "accuracy_evaluation",
        "labels",
        judge_label_coverage_slices,
    ),
    Check(
        "labels_plausible",
        "evaluation_run",
        "accuracy_evaluation",
        "labels",
        judge_labels_plausible,
    ),
    Check("accuracy", "evaluation_run", "accuracy_evaluation", "labels", judge_accuracy),
    Check("slices_hold", "evaluation_run", "accuracy_evaluation", "labels", judge_slices_hold),
    Check(
        "scores_reproduced",
        "evaluation_run",
        "accuracy_evaluation",
        "version",
        judge_scores_reproduced,
    ),
    Check(
        "challenger_compared",
        "challenger_report",
        "accuracy_evaluation",
        "operations",
        judge_challenger_compared,
    ),
    Check(
        "version_evaluated",
        "version_evaluation",
        "accuracy_evaluation",
        "accuracy",
        judge_version_evaluation,
        rhythm=None,
    ),
    Check(
        "held_out",
        "labelled_evaluation_set",
        "accuracy_evaluation",
        "labels",
        judge_held_out,
        rhythm="monthly",
    ),
    Check(
        "held_out_accuracy",
        "labelled_evaluation_set",
        "accuracy_evaluation",
        "labels",
        judge_held_out_accuracy,
        rhythm="monthly",
    ),
    Check(
        "evaluation_set_sufficient",
        "labelled_evaluation_set",
        "accuracy_evaluation",
        "labels",
        judge_evaluation_set_sufficient,
        rhythm="monthly",
    ),
    Check(
        "cadence_advised",
        "retraining_cadence",
        "retraining_pipeline",
        "accuracy",
        judge_cadence_advised,
        rhythm="monthly",
    ),
    *(
        Check(
            judge.__name__.removeprefix("judge_"),
            EVALUATION,
            "accuracy_evaluation",
            "accuracy",
            judge,
            rhythm=None,
            blocking=True,
        )
        for judge in (
            judge_gate_evidence,
            judge_gate_sanity,
            judge_gate_discrimination,
            judge_gate_calibration,
            judge_gate_slices,
            judge_gate_baseline,
            judge_gate_budget,
            judge_gate_improvement,
        )
    ),
)
