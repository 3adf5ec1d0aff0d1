"""A gated metric that cannot be compared with launch is named, and forbids a pass."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ai_ops.accuracy_evaluation.gaps import DIMENSIONS
from ai_ops.accuracy_evaluation.intervals import Estimate, interval
from ai_ops.accuracy_evaluation.judgement import judge_against_launch
from ai_ops.accuracy_evaluation.records import (
    DayCoverage,
    EvaluationRun,
    Launch,
    Measured,
    UnknownLabels,
)
from ai_ops.accuracy_evaluation.version_judgement import VersionEvaluation, judge_version
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window

WEEK = list(Window.trailing("2013-04-07", days=7).days())
NOW = datetime(2013, 4, 8, 6, tzinfo=UTC)
GATED = [dimension.metric for dimension in DIMENSIONS["score"]]

pytestmark = pytest.mark.requirement("MO-02")


def measured(value: float = 0.5) -> Measured:
    metrics = {name: interval(value, 0.001, rows=7_000, days=7) for name in GATED}
    return Measured(WEEK[0], WEEK[-1], 7, 7_000, metrics)


def changed(rows: Measured, metric: str, estimate: Estimate | None) -> Measured:
    metrics = {name: e for name, e in rows.metrics.items() if name != metric}
    return replace(rows, metrics=metrics if estimate is None else metrics | {metric: estimate})


def judged(feature: AiFeatureSpec, now: Measured, launch: Measured) -> tuple[Verdict, Verdict]:
    """The verdicts of the daily run and of an evaluation on demand."""
    promised = Launch("d", launch, [])
    coverage = [DayCoverage(day, 1_000, 1_000, 1_000, True) for day in WEEK]
    run = EvaluationRun(
        feature=feature.name,
        day=WEEK[-1],
        as_of=NOW,
        label_cutoff=NOW,
        version="1",
        coverage=coverage,
        week=now,
        month=now,
        trailing=[now] * 4,
        unknown_labels=UnknownLabels(WEEK[-1]),
        launch=promised,
    )
    asked = VersionEvaluation(
        feature=feature.name,
        version="1",
        as_of=NOW,
        label_cutoff=NOW,
        measured=now,
        coverage=coverage,
        dataset_digest="d",
        served={},
        difference={},
        curve=[],
        launch=promised,
    )
    truth = feature.ground_truth
    return (
        judge_against_launch(run, feature.gate, truth, "probability"),
        judge_version(asked, feature.gate, truth, NOW),
    )


def test_all_metrics_with_their_intervals_pass(feature: AiFeatureSpec) -> None:
    assert [v.status for v in judged(feature, measured(), measured())] == ["pass", "pass"]


@pytest.mark.parametrize("metric", GATED)
@pytest.mark.parametrize("at_launch", [True, False])
def test_a_metric_missing_on_one_side_forbids_a_pass(
    feature: AiFeatureSpec, metric: str, at_launch: bool
) -> None:
    less = changed(measured(), metric, None)
    sides = (measured(), less) if at_launch else (less, measured())
    for verdict in judged(feature, *sides):
        assert verdict.status == "no_evidence"
        (lacking,) = [f for f in verdict.findings if f.status == "no_evidence"]
        assert "is not defined" in lacking.reason and ("launch" in lacking.reason) == at_launch


@pytest.mark.parametrize("metric", GATED)
def test_a_gap_without_an_interval_forbids_a_pass(feature: AiFeatureSpec, metric: str) -> None:
    vague = changed(measured(), metric, interval(0.5, None, rows=900, days=1))
    for verdict in judged(feature, measured(), vague):
        assert verdict.status == "no_evidence" and "too few days" in verdict.reason


def test_another_metrics_failure_is_still_a_failure(feature: AiFeatureSpec) -> None:
    fallen = changed(measured(), "auc", interval(0.1, 0.001, rows=7_000, days=7))
    for verdict in judged(feature, changed(fallen, "brier_skill", None), measured()):
        assert verdict.status == "fail"
        assert {f.status for f in verdict.findings} >= {"fail", "no_evidence"}
