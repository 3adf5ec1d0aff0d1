"""The log is judged complete from its sequence numbers and from what users really did."""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import (
    compute_log_completeness,
    judge_log_complete,
    judge_log_written,
    judge_user_actions_present,
    read_completeness,
)
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.prediction_logging.sources import compute_user_actions
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.prediction_logging.authors import Author
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, NOON, World, moment, week


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def judged(world: World, at: Moment | None = None, feature: AiFeatureSpec = FEATURE) -> Verdict:
    at = at or moment()
    for compute in (compute_prediction_log, compute_user_actions, compute_log_completeness):
        compute(world.root, feature, [at])
    return judge_log_complete(world.root, feature, at)


@pytest.mark.requirement("MO-06", "MO-07")
def test_every_action_with_its_prediction_passes(world: World) -> None:
    with world.open_log() as log:
        world.write(log, *"abc")
    world.act(list("abc"), [NOON] * 3)
    verdict = judged(world)
    assert (verdict.status, verdict.sample_size) == ("pass", 3)
    assert verdict.evidence[0].source == f"tiny/log_completeness/{DAY}.json"


@pytest.mark.requirement("MO-07", "WK-10", "ST-02")
def test_a_call_site_that_does_not_log_is_named_with_its_begin(world: World) -> None:
    with world.open_log() as log:
        world.write(log, *(f"web-{n}" for n in range(8)))
    ids = [f"{site}-{n}" for site in ("web", "app") for n in range(8)]
    times = [NOON + timedelta(minutes=n) for n in range(16)]
    world.act(ids, times, call_site=["web"] * 8 + ["app"] * 8, tenant=["t1", "t2"] * 8)
    verdict = judged(world)
    assert verdict.status == "fail"
    whole, site = verdict.findings
    assert (whole.kind, whole.size, whole.begin) == ("completeness", 0.5, times[8])
    assert (site.call_site, site.size, site.begin) == ("app", 1.0, times[8])
    assert "8 of 16 (50.0%) user actions have no prediction" in verdict.reason


def test_missing_actions_within_the_declared_share_pass(world: World) -> None:
    with world.open_log() as log:
        world.write(log, *(str(n) for n in range(9)))
    world.act([str(n) for n in range(10)], [NOON] * 10)
    tolerant = FEATURE.user_actions.model_copy(update={"missing_share": 0.1})
    feature = FEATURE.model_copy(update={"user_actions": tolerant})
    assert judged(world, feature=feature).status == "pass"
    assert judged(world).status == "fail"


def test_a_prediction_of_the_day_before_counts_for_its_action(world: World) -> None:
    world.clock.time = NOON - timedelta(days=1)
    with world.open_log() as log:
        world.write(log, "early")
        world.clock.time = NOON
        world.write(log, "a")
    compute_prediction_log(world.root, FEATURE, [moment("2021-03-03")])
    world.act(["early", "a"], [NOON, NOON])
    assert judged(world).status == "pass"


def test_records_without_any_user_action_are_no_evidence(world: World) -> None:
    with world.open_log() as log:
        world.write(log, "a")
    verdict = judged(world)
    assert (verdict.status, verdict.observed["records"]) == ("no_evidence", 1)


def test_a_feature_that_never_logged_is_no_evidence(world: World) -> None:
    world.act(["a"], [NOON])
    assert judged(world).status == "no_evidence"


def test_a_log_that_outlives_its_segments_names_them(world: World) -> None:
    for writer in ("web", "app"):
        with world.open_log(writer) as log:
            world.write(log, writer)
    world.act(["web", "app"], [NOON, NOON])
    assert judged(world).status == "pass"
    world.segments()[0].unlink()
    verdict = judged(world)
    assert (verdict.status, verdict.observed["unreadable_segments"]) == ("fail", 1)
    assert "segment app/2021" in verdict.reason and "the file is gone" in verdict.reason
    assert verdict.findings[0].kind == "completeness"


def test_a_log_without_its_quarantine_is_no_evidence(world: World) -> None:
    with world.open_log() as log:
        world.write(log, "a")
    compute_prediction_log(world.root, FEATURE, [moment()])
    assert judge_log_written(world.root, FEATURE, moment()).status == "pass"
    [file] = world.root.folder.glob("lake/tiny/prediction_log/quarantine/**/*.parquet")
    file.unlink()
    verdict = judge_log_written(world.root, FEATURE, moment())
    assert (verdict.status, verdict.observed["quarantined"]) == ("no_evidence", None)
    assert "the quarantine that tells damaged lines is missing" in verdict.reason


def test_what_was_never_computed_is_no_evidence(world: World) -> None:
    assert judge_log_complete(world.root, FEATURE, moment()).status == "no_evidence"
    assert judge_user_actions_present(world.root, FEATURE, moment()).status == "no_evidence"


def test_user_actions_bear_witness_when_they_are_there(world: World) -> None:
    world.act(["a", "b"], [NOON, NOON + timedelta(days=1)])
    compute_user_actions(world.root, FEATURE, week())
    verdict = judge_user_actions_present(world.root, FEATURE, moment())
    assert (verdict.status, verdict.sample_size) == ("pass", 1)
    assert (
        judge_user_actions_present(world.root, FEATURE, moment("2021-03-03")).status
        == "no_evidence"
    )


def test_a_missing_source_names_the_glob(world: World) -> None:
    compute_user_actions(world.root, FEATURE, [moment()])
    verdict = judge_user_actions_present(world.root, FEATURE, moment())
    assert verdict.status == "no_evidence"
    assert "no file matches sources/tiny/actions/*.parquet" in verdict.reason


def test_a_missing_column_is_named_with_its_mend(world: World) -> None:
    world.act(["a"], [NOON])
    renamed = FEATURE.user_actions.model_copy(update={"id_column": "booking"})
    feature = FEATURE.model_copy(update={"user_actions": renamed})
    compute_user_actions(world.root, feature, [moment()])
    verdict = judge_user_actions_present(world.root, feature, moment())
    assert verdict.status == "no_evidence"
    assert "has no column booking" in verdict.reason
    assert "name its columns in the YAML" in verdict.reason


def no_parquet(file: Path) -> None:
    file.write_text("id,time\n")


def no_time(file: Path) -> None:
    pq.write_table(pa.table({"id": ["b"], "time": ["noonish"]}), file)


def no_moment(file: Path) -> None:
    pq.write_table(pa.table({"id": ["b"], "time": [True]}), file)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [(no_parquet, "Parquet|magic bytes"), (no_time, "noonish"), (no_moment, "BOOLEAN")],
)
def test_a_source_that_cannot_be_read_is_named_with_its_problem(
    world: World, damage: Callable[[Path], None], problem: str
) -> None:
    world.act(["a"], [NOON])
    damage(world.root.folder / "sources" / "tiny" / "actions" / "a.parquet")
    summary = compute_user_actions(world.root, FEATURE, [moment()])[DAY]
    verdict = judge_user_actions_present(world.root, FEATURE, moment())
    assert verdict.status == "no_evidence"
    for told in (verdict.reason, str(summary.numbers["missing"])):
        assert "sources/tiny/actions/*.parquet is unreadable" in told
        assert re.search(problem, told)


def test_what_users_did_after_the_judgement_is_not_read(world: World) -> None:
    world.act(["a", "b"], [NOON, NOON + timedelta(hours=3)])
    early = moment(as_of=NOON + timedelta(hours=1))
    assert compute_user_actions(world.root, FEATURE, [early])[DAY].numbers["user_actions"] == 1


def test_a_week_at_once_is_the_week_day_by_day(world: World) -> None:
    with world.open_log() as log:
        for day in range(-3, 4):
            world.clock.time = NOON + timedelta(days=day)
            world.write(log, f"p{day}")
    world.act([f"p{day}" for day in range(-3, 4)], [NOON + timedelta(days=d) for d in range(-3, 4)])
    compute_prediction_log(world.root, FEATURE, week())
    compute_user_actions(world.root, FEATURE, week())
    compute_log_completeness(world.root, FEATURE, week())
    folder = world.root.folder / "lake" / "tiny" / "log_completeness"
    at_once = {file.name: file.read_bytes() for file in folder.iterdir()}
    for one in week():
        compute_log_completeness(world.root, FEATURE, [one])
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == at_once
    assert {judge_log_complete(world.root, FEATURE, one).status for one in week()} == {"pass"}


def test_a_writer_that_ended_within_one_tick_of_the_disk_s_clock_did_not_crash(
    world: World,
) -> None:
    author = Author(policy=policy_of(FEATURE).digest)
    author.predict(3)
    [file] = author.lay(world.root.segments)
    dated = file.stat().st_mtime_ns
    world.act(author.ids, [NOON] * 3)
    judged(world)
    author.close()
    author.lay(world.root.segments)
    os.utime(file, ns=(dated, dated))
    judged(world)
    known, _ = read_completeness(world.root, FEATURE.name, moment())
    assert [one.ended for one in known.incarnations] == ["closed"]
