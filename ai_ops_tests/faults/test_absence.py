"""Absence is never health: what is not there, empty, or not a number turns no check green.

Each of these once passed. The faults that have a home of their own are in the files beside.
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from ai_ops.accuracy_evaluation.evaluation import _trailing, judge_label_coverage
from ai_ops.accuracy_evaluation.judgement import judge_against_launch
from ai_ops.accuracy_evaluation.metrics import DaySums, sum_by_day
from ai_ops.accuracy_evaluation.models import measured
from ai_ops.accuracy_evaluation.records import DayCoverage, EvaluationRun, Launch, UnknownLabels
from ai_ops.accuracy_evaluation.version_judgement import VersionEvaluation
from ai_ops.accuracy_evaluation.versions import judge_version_evaluation
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_reports import (
    SCHEMA,
    compute_cost_rollup,
    compute_cost_trend,
    judge_cost_known,
    judge_cost_trend,
)
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import (
    compute_log_completeness,
    judge_log_complete,
    judge_log_written,
    judge_user_actions_present,
)
from ai_ops.prediction_logging.sources import compute_user_actions
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.inference_management import served
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, NOON, World, moment

pytestmark = pytest.mark.requirement("FR-1", "FR-3")

IDS = [f"p{number}" for number in range(20)]


# The log


def logged(folder: Path, **fields: Any) -> World:
    world = World(folder)
    with world.open_log() as log:
        world.write(log, *IDS, **fields)
    world.act(IDS, [NOON] * len(IDS))
    compute(world)
    return world


def compute(world: World) -> None:
    for step in (compute_prediction_log, compute_user_actions, compute_log_completeness):
        step(world.root, FEATURE, [moment()])


def test_the_log_that_these_faults_are_planted_in_is_green(tmp_path: Path) -> None:
    world = logged(tmp_path)
    for judge in (judge_log_written, judge_log_complete, judge_user_actions_present):
        assert judge(world.root, FEATURE, moment()).status == "pass"


@pytest.mark.fault("log_written")
def test_a_log_without_its_quarantine_may_hide_damage(tmp_path: Path) -> None:
    world = logged(tmp_path)
    Path(world.root.lake.path(FEATURE.name, "prediction_log/quarantine", DAY)).unlink()
    verdict = judge_log_written(world.root, FEATURE, moment())
    assert verdict.status == "no_evidence" and "quarantine" in verdict.reason


@pytest.mark.fault("log_written")
@pytest.mark.requirement("PL-07")
def test_answers_that_name_no_version_fail(tmp_path: Path) -> None:
    verdict = judge_log_written(logged(tmp_path, model_version=None).root, FEATURE, moment())
    assert verdict.status == "fail"
    assert (verdict.findings[0].kind, verdict.findings[0].columns) == (
        "version",
        ("model_version",),
    )


@pytest.mark.fault("log_complete")
def test_without_sequence_numbers_no_gap_would_show(tmp_path: Path) -> None:
    world = logged(tmp_path)
    shutil.rmtree(world.root.segments)
    shutil.rmtree(Path(world.root.lake.url) / FEATURE.name / "prediction_log" / "index")
    compute_log_completeness(world.root, FEATURE, [moment()])
    verdict = judge_log_complete(world.root, FEATURE, moment())
    assert verdict.status == "no_evidence" and "sequence numbers" in verdict.reason


@pytest.mark.fault("log_complete")
def test_an_empty_log_fails_whatever_share_may_be_missing(tmp_path: Path) -> None:
    world = logged(tmp_path)
    world.root.lake.write_table(world.path(), world.log_of().slice(0, 0))
    compute_log_completeness(world.root, FEATURE, [moment()])
    lenient = FEATURE.user_actions.model_copy(update={"missing_share": 1.0})
    feature = FEATURE.model_copy(update={"user_actions": lenient})
    assert judge_log_complete(world.root, feature, moment()).status == "fail"


@pytest.mark.fault("user_actions_present")
def test_user_actions_that_do_not_say_when_they_were_are_counted(tmp_path: Path) -> None:
    world = logged(tmp_path)
    world.act(IDS, [NOON] * 15 + [None] * 5)  # type: ignore[list-item]
    compute_user_actions(world.root, FEATURE, [moment()])
    verdict = judge_user_actions_present(world.root, FEATURE, moment())
    assert verdict.status == "no_evidence"
    assert "5 rows of sources/tiny/actions/*.parquet have no time" in verdict.reason


# Accuracy: 28 days of 100 answers, whose scores tell late from not late

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


# Cost


def second_week(
    folder: Path,
    change: served.Change | None = None,
    *,
    later: AiFeatureSpec = SPEC,
    emptied: str | None = None,
) -> Root:
    root = served.open_root(folder)
    compute_cost_rollup(root, SPEC, served.week_of_logs(root, SPEC, 0))
    compute_cost_rollup(root, later, served.week_of_logs(root, later, 1, change=change))
    if emptied:
        path = root.lake.path(SPEC.name, "cost_rollup", emptied)
        root.lake.write_table(path, SCHEMA.empty_table())
    compute_cost_trend(root, later, [served.of_week(1)])
    return root


def untimed(one: served.Row, number: int) -> served.Row:
    return one | {"latency_ms": None}


@pytest.mark.fault("cost_trend")
def test_predictions_that_do_not_say_how_long_they_took_hide_more_work(tmp_path: Path) -> None:
    verdict = judge_cost_trend(second_week(tmp_path, untimed), SPEC, served.of_week(1))
    assert verdict.status == "no_evidence"
    assert "100% of the predictions do not say how long they took" in verdict.reason


@pytest.mark.fault("cost_trend")
def test_two_currencies_are_not_compared(tmp_path: Path) -> None:
    euro = served.with_costs(SPEC, currency="EUR")
    verdict = judge_cost_trend(second_week(tmp_path, later=euro), euro, served.of_week(1))
    assert verdict.status == "no_evidence" and "in EUR" in verdict.reason


@pytest.mark.fault("cost_known", "cost_trend")
def test_a_rollup_without_a_row_costs_nothing_known(tmp_path: Path) -> None:
    day = next(served.of_week(1).window.days())
    root = second_week(tmp_path, emptied=day)
    assert judge_cost_known(root, SPEC, served.of_day(day)).status == "no_evidence"
    verdict = judge_cost_trend(root, SPEC, served.of_week(1))
    assert verdict.status == "no_evidence" and day in verdict.reason
