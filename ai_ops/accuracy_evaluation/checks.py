"""The checks of accuracy evaluation."""

from ai_ops.accuracy_evaluation.evaluation import judge_accuracy, judge_label_coverage
from ai_ops.accuracy_evaluation.labels import judge_labels_arrived
from ai_ops.accuracy_evaluation.versions import judge_version_evaluation
from ai_ops.orchestration.judging import Check

CHECKS = (
    Check("labels_arrived", "ground_truth", "accuracy_evaluation", "labels", judge_labels_arrived),
    Check(
        "label_coverage", "evaluation_run", "accuracy_evaluation", "labels", judge_label_coverage
    ),
    Check("accuracy", "evaluation_run", "accuracy_evaluation", "labels", judge_accuracy),
    Check(
        "version_evaluated",
        "version_evaluation",
        "accuracy_evaluation",
        "accuracy",
        judge_version_evaluation,
        rhythm=None,
    ),
)
