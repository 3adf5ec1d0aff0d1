"""Absence is never health: a log or a cost of which something is not there turns no check green.

Each of these once passed. The faults that have a home of their own are in the files beside.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_reports import compute_cost_trend, judge_cost_trend
from ai_ops.inference_management.cost_rollup import SCHEMA, compute_cost_rollup, judge_cost_known
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import (
    compute_log_completeness,
    judge_log_complete,
    judge_log_written,
    judge_user_actions_present,
)
from ai_ops.prediction_logging.sources import compute_user_actions
from ai_ops.storage.root import Root
from ai_ops_tests.inference_management import served
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, NOON, World, moment

pytestmark = pytest.mark.requirement("FR-1", "FR-3")

SPEC = served.declared()
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


def lose_the_witness(file: Path) -> None:
    file.unlink()


def rename_its_time(file: Path) -> None:
    table = pq.read_table(file)
    pq.write_table(table.rename_columns(["id", "moment"]), file)


def empty_it(file: Path) -> None:
    pq.write_table(pq.read_table(file).slice(0, 0), file)


@pytest.mark.fault("user_actions_present", "log_complete")
@pytest.mark.requirement("MO-07", "FR-3")
@pytest.mark.parametrize(
    ("plant", "reason"),
    [
        (lose_the_witness, "no file matches sources/tiny/actions"),
        (rename_its_time, "has no column time (has id, moment)"),
        (empty_it, "has no row of this day"),
    ],
)
def test_a_witness_that_is_gone_is_no_evidence_of_a_whole_log(
    tmp_path: Path, plant: Callable[[Path], None], reason: str
) -> None:
    world = logged(tmp_path)
    witness = judge_user_actions_present(world.root, FEATURE, moment())
    assert (witness.status, witness.sample_size) == ("pass", len(IDS))
    plant(world.root.folder / "sources" / "tiny" / "actions" / "a.parquet")
    compute(world)
    assert judge_log_written(world.root, FEATURE, moment()).status == "pass"
    assert judge_log_complete(world.root, FEATURE, moment()).status == "no_evidence"
    witness = judge_user_actions_present(world.root, FEATURE, moment())
    assert witness.status == "no_evidence" and reason in witness.reason
    assert witness.findings[0].kind == "completeness"


@pytest.mark.fault("user_actions_present")
def test_user_actions_that_do_not_say_when_they_were_are_counted(tmp_path: Path) -> None:
    world = logged(tmp_path)
    world.act(IDS, [NOON] * 15 + [None] * 5)  # type: ignore[list-item]
    compute_user_actions(world.root, FEATURE, [moment()])
    verdict = judge_user_actions_present(world.root, FEATURE, moment())
    assert verdict.status == "no_evidence"
    assert "5 rows of sources/tiny/actions/*.parquet have no time" in verdict.reason


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
