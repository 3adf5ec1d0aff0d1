"""What was not measured is no accuracy: labels, launches and evaluations that cannot speak.

Each of these once passed. The faults that are planted in real labels are in the file beside.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from ai_ops.accuracy_evaluation.binary_sums import sum_by_day
from ai_ops.accuracy_evaluation.evaluation import judge_label_coverage
from ai_ops.accuracy_evaluation.evaluator import _trailing
from ai_ops.accuracy_evaluation.judgement import judge_against_launch
from ai_ops.accuracy_evaluation.metrics import DaySums, measured
from ai_ops.accuracy_evaluation.records import DayCoverage, EvaluationRun, Launch, UnknownLabels
from ai_ops.accuracy_evaluation.version_judgement import VersionEvaluation
from ai_ops.accuracy_evaluation.versions import judge_version_evaluation
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.inference_management import served

pytestmark = pytest.mark.requirement("FR-1", "FR-3")

# 28 days of 100 answers, whose scores tell late from not late

DAYS = list(Window.trailing("2021-03-28", days=28).days())
NOW = Window.of_day(DAYS[-1]).end + timedelta(hours=6)
WHOLE = [DayCoverage(day, 100, 100, 100, True) for day in DAYS]
SPEC = served.declared()


def some(day: str, count: int, random: np.random.Generator) -> Any:
    return random.random(count) < 0.2


def none(day: str, count: int, random: np.random.Generator) -> Any:
    return np.zeros(count, bool)


def on_the_last_day(day: str, count: int, random: np.random.Generator) -> Any:
    return random.random(count) < 0.9 if day == DAYS[-1] else np.zeros(count, bool)


def answers(
    late: Callable[..., Any] = some, days: list[str] | None = None, *, bias: float = 0.0
) -> DaySums:
    random, parts = np.random.default_rng(1), []
    for day in days or DAYS:
        label = late(day, 100, random)
        score = 0.2 + 0.2 * (label - 0.2) + random.normal(0, 0.05, 100) + bias
        parts.append(pd.DataFrame({"day": day, "label": label, "score": score.clip(0.01, 0.99)}))
    rows = pd.concat(parts)
    score = rows["score"].to_numpy()
    return sum_by_day(rows["day"].to_numpy(str), score, rows["label"].to_numpy(bool), score > 0.3)


def launched(sums: DaySums) -> Launch:
    return Launch("digest", measured(sums, sums.days[0], sums.days[-1]), [])


def run_of(
    sums: DaySums,
    coverage: list[DayCoverage] | None = None,
    launch: Launch | None = None,
    missing: list[str] | None = None,
) -> EvaluationRun:
    week = DAYS[-7:]
    return EvaluationRun(
        feature=SPEC.name,
        day=DAYS[-1],
        as_of=NOW,
        label_cutoff=Window.of_day(DAYS[-1]).end,
        version="1",
        coverage=coverage or WHOLE,
        week=measured(sums.of(week), week[0], week[-1]),
        month=measured(sums, DAYS[0], DAYS[-1]),
        trailing=_trailing(sums, DAYS),
        unknown_labels=UnknownLabels(DAYS[-1], 100),
        launch=launch or launched(answers()),
        missing=missing or [],
    )


def accuracy(run: EvaluationRun) -> Verdict:
    return judge_against_launch(run, SPEC.gate, SPEC.ground_truth, "probability")


def labelled(days: list[str]) -> list[DayCoverage]:
    return [
        DayCoverage(d, 100, 100, 100, True) if d in days else DayCoverage(d, 100, 0, 0, False)
        for d in DAYS
    ]


def test_the_answers_that_these_faults_are_planted_in_are_green() -> None:
    assert accuracy(run_of(answers())).status == "pass"


@pytest.mark.fault("accuracy")
@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (run_of(answers(none, bias=-0.14)), "AUC is not defined on this window's labels"),
        (run_of(answers(bias=0.16), launch=launched(answers(none))), "not defined at launch"),
        (run_of(answers(on_the_last_day)), "too few days define it"),
        (run_of(answers(bias=0.4), launch=launched(answers(days=DAYS[:1]))), "too few days"),
        (
            run_of(answers(days=DAYS[:-1]), [*WHOLE[:-1], DayCoverage(DAYS[-1], 0, 0, 0, False)]),
            f"no prediction was answered on {DAYS[-1]}",
        ),
        (
            run_of(answers(days=DAYS[-5:], bias=0.4), labelled(DAYS[-5:])),
            "3 of 4 trailing weeks cannot be counted",
        ),
    ],
    ids=[
        "labels of one kind",
        "a launch with labels of one kind",
        "one day alone tells late from not late",
        "a launch of one day",
        "a judged day without an answer",
        "a bad week after weeks without labels",
    ],
)
def test_what_cannot_be_compared_is_no_evidence_of_accuracy(
    run: EvaluationRun, reason: str
) -> None:
    verdict = accuracy(run)
    assert verdict.status == "no_evidence"
    assert reason in verdict.reason


def store(root: Root, asset: str, partition: str | None, record: Any) -> None:
    path = root.lake.path(SPEC.name, asset, partition, "json")
    root.lake.write_json(path, msgspec.to_builtins(record))


@pytest.mark.fault("label_coverage")
@pytest.mark.parametrize("asset", ["prediction_log", "ground_truth"])
def test_a_file_of_the_day_that_was_not_there_is_no_evidence_of_coverage(
    tmp_path: Path, asset: str
) -> None:
    root, judged = Root.open(tmp_path, {}), Moment(DAYS[-1], Window.of_day(DAYS[-1]), NOW)
    store(root, "evaluation_run", DAYS[-1], run_of(answers()))
    assert judge_label_coverage(root, SPEC, judged).status == "pass"
    absent = f"{SPEC.name}/{asset}/{DAYS[-1]}"
    store(root, "evaluation_run", DAYS[-1], run_of(answers(), missing=[absent]))
    verdict = judge_label_coverage(root, SPEC, judged)
    assert verdict.status == "no_evidence" and absent in verdict.reason


@pytest.mark.fault("label_coverage")
def test_labels_that_came_later_are_not_read_for_an_earlier_moment(tmp_path: Path) -> None:
    root = Root.open(tmp_path, {})
    store(root, "evaluation_run", DAYS[-1], run_of(answers()))
    earlier = Moment(DAYS[-1], Window.of_day(DAYS[-1]), NOW - timedelta(minutes=1))
    with pytest.raises(MissingEvidence, match="materialise it as of then"):
        judge_label_coverage(root, SPEC, earlier)


@pytest.mark.fault("version_evaluated")
def test_a_fresh_evaluation_on_old_predictions_is_old_evidence(tmp_path: Path) -> None:
    root, sums = Root.open(tmp_path, {}), answers()
    fresh = NOW + timedelta(days=90)
    evaluation = VersionEvaluation(
        SPEC.name, "1", NOW, NOW, measured(sums, DAYS[0], DAYS[-1]), WHOLE, "digest", {}, {}, []
    )
    evaluation = replace(evaluation, launch=launched(answers()))
    store(root, "version_evaluation", None, evaluation)
    assert judge_version_evaluation(root, SPEC, NOW).status == "pass"
    store(root, "version_evaluation", None, replace(evaluation, as_of=fresh))
    verdict = judge_version_evaluation(root, SPEC, fresh)
    assert verdict.status == "no_evidence" and "90 days old" in verdict.reason
