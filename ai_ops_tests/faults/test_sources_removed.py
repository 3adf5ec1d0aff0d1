"""Each source of a check is deleted in turn, in worlds that are green with all of them: what the
check says next is no pass, the item that reads it is not green, and the loss is named."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ai_ops.checklist.logged import LOG_CHECKS
from ai_ops.checklist.reading import read_checklist
from ai_ops.drift_monitoring import reporting
from ai_ops.drift_monitoring.profiling import (
    compute_prediction_profile,
    compute_reference_profile,
)
from ai_ops.inference_management.cost_reports import compute_cost_trend
from ai_ops.inference_management.cost_rollup import compute_cost_rollup
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import compute_log_completeness
from ai_ops.prediction_logging.reference_set import compute_reference_set
from ai_ops.prediction_logging.sources import compute_user_actions
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.faults.weeks import LOG_WEEK, LOGGED, logged_week, record
from ai_ops_tests.inference_management import served
from ai_ops_tests.sourced_world import Sourced, sourced

pytestmark = pytest.mark.requirement("FR-1", "FR-3", "WK-10")

LAST = "2021-03-07"


def remove(root: Root, *patterns: str) -> None:
    """Delete what matches in a root; something does."""
    for pattern in patterns:
        found = list(root.folder.glob(pattern))
        assert found, f"nothing matches {pattern}"
        for one in found:
            one.unlink()


def told(verdict: Verdict) -> str:
    return "; ".join([verdict.reason, *[finding.reason for finding in verdict.findings]])


# The log of a week


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return logged_week(tmp_path_factory.mktemp("week"))


DERIVED = f"lake/tiny/prediction_log/{LAST}.parquet"
INDEX = f"lake/tiny/prediction_log/index/{LAST}.json"
LOG: dict[str, tuple[tuple[str, ...], bool, str]] = {
    "the segments of a day": (("segments/tiny/*/20210307*", DERIVED, INDEX), True, "log_written"),
    "the segments of a writer": (("segments/tiny/batch/20210307*", DERIVED, INDEX), True, "batch"),
    "the actions of users": ((f"sources/tiny/actions/{LAST}.parquet",), True, "user action"),
    "the witness": ((f"sources/tiny/served/{LAST}.parquet",), True, "the witness counted no"),
    "the compacted log": ((DERIVED,), False, "prediction_log"),
    "the quarantine": ((f"lake/tiny/prediction_log/quarantine/{LAST}.parquet",), False, "quar"),
    "the report": ((f"lake/tiny/log_completeness/{LAST}.json",), False, "log_completeness"),
    "the day's actions": ((f"lake/tiny/user_actions/{LAST}.parquet",), False, "user_actions"),
}


def logs_item(root: Root, *, again: bool) -> Verdict:
    """The last day judged once more, computed ``again`` or not, and the week's item."""
    end = Window.of_day(LAST).end
    last = Moment(LAST, Window.of_day(LAST), end + timedelta(hours=6, minutes=30))
    root.begin_replay(last.as_of)
    if again:
        for compute in (compute_prediction_log, compute_user_actions, compute_log_completeness):
            compute(root, LOGGED, [last])
    record(root, LOGGED, LOG_CHECKS, [last])
    lines = read_checklist(root, LOGGED, "weekly", LOG_WEEK, end + timedelta(hours=7))
    return next(line.verdict for line in lines if line.item.id == "logs_written")


def copied(root: Root, folder: Path) -> Root:
    shutil.copytree(root.folder, folder / "root")
    return Root.open(folder / "root", environment={})


def test_the_same_day_judged_once_more_with_all_of_it_is_green(week: Root, tmp_path: Path) -> None:
    verdict = logs_item(copied(week, tmp_path), again=True)
    assert verdict.status == "pass", verdict.reason


@pytest.mark.fault("logs_written")
@pytest.mark.parametrize("source", LOG)
def test_a_source_of_the_log_that_is_gone_is_named(week: Root, tmp_path: Path, source: str) -> None:
    root = copied(week, tmp_path)
    patterns, again, named = LOG[source]
    remove(root, *patterns)
    verdict = logs_item(root, again=again)
    assert verdict.status in ("fail", "no_evidence")
    assert named in told(verdict), told(verdict)


# What the predictions cost


@pytest.fixture(scope="module")
def costed(tmp_path_factory: pytest.TempPathFactory) -> Root:
    root, feature = served.open_root(tmp_path_factory.mktemp("cost") / "root"), served.declared()
    for week in (0, 1):
        compute_cost_rollup(root, feature, served.week_of_logs(root, feature, week))
    compute_cost_trend(root, feature, [served.of_week(1)])
    root.begin_replay(served.of_week(1).window.start)
    return root


COST: dict[str, tuple[str, str]] = {
    "the log of a day": ("prediction_log/2013-04-10.parquet", "2013-04-10"),
    "the costs of a day": ("cost_rollup/2013-04-10*", "2013-04-10"),
    "the prices": ("", "declare costs.compute"),
}


def cost_items(root: Root, *, priced: bool = True) -> dict[str, Verdict]:
    """The second week as the schedules judge it, and what the items say of it."""
    feature = served.declared() if priced else served.with_costs(served.declared(), compute=())
    monday = served.of_week(1)
    moments = [served.of_day(day) for day in monday.window.days()]
    record(root, feature, ("cost_known",), moments)
    record(root, feature, ("cost_trend",), [monday])
    found = {}
    for cadence in ("pre_launch", "weekly"):
        for line in read_checklist(root, feature, cadence, monday.window, monday.as_of):
            found[line.item.id] = line.verdict
    return found


def test_two_weeks_whose_costs_are_known_are_green(costed: Root, tmp_path: Path) -> None:
    found = cost_items(copied(costed, tmp_path))
    assert (found["cost_tracked"].status, found["cost_trend_checked"].status) == ("pass", "pass")


@pytest.mark.fault("cost_tracked", "cost_trend_checked")
@pytest.mark.parametrize("source", COST)
def test_a_source_of_the_costs_that_is_gone_is_named(
    costed: Root, tmp_path: Path, source: str
) -> None:
    root, (pattern, named) = copied(costed, tmp_path), COST[source]
    if pattern:
        remove(root, f"lake/flight_delay/{pattern}")
    feature = served.declared()
    if not pattern:
        feature = served.with_costs(feature, compute=())
    monday = served.of_week(1)
    if "cost_rollup" not in pattern:
        days = [served.of_day(day) for day in monday.window.days()]
        compute_cost_rollup(root, feature, days)
    compute_cost_trend(root, feature, [monday])
    found = cost_items(root, priced=bool(pattern))
    for item in ("cost_tracked", "cost_trend_checked"):
        assert found[item].status in ("fail", "no_evidence"), item
        assert named in told(found[item]), (item, told(found[item]))


# Drift


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Sourced:
    made = sourced(tmp_path_factory.mktemp("watched"), days=42, normal="files")
    moments = made.moments(made.days(11))
    made.advance(moments[-1].as_of)
    with pytest.MonkeyPatch.context() as patch:
        # The HTML page has a test of its own and takes a second each.
        patch.setattr(reporting, "make_evidently_report", lambda *_: "")
        compute_reference_set(made.root, made.feature, moments[-1].as_of)
        compute_reference_profile(made.root, made.feature, moments[-1].as_of)
        compute_prediction_log(made.root, made.feature, moments)
        compute_prediction_profile(made.root, made.feature, moments)
        reporting.compute_drift_report(made.root, made.feature, moments)
    return made


DRIFT = {
    "the reference": ("reference_profile", ("reference_present",)),
    "the profile of a day": ("prediction_profile", ("inputs_well_formed",)),
    "the report of a day": ("drift_report", ("input_drift", "output_drift", "joint_drift")),
}


def test_a_watched_model_whose_files_are_all_there_is_green(watched: Sourced) -> None:
    checks = [check for _, checks in DRIFT.values() for check in checks]
    found = watched.judge(checks, watched.moments(watched.days(11))[-1:])
    assert {one.item: one.verdict.status for one in found} == dict.fromkeys(checks, "pass")


@pytest.mark.fault("input_drift", "output_drift", "joint_drift", "inputs_well_formed")
@pytest.mark.fault("reference_present")
@pytest.mark.parametrize("source", DRIFT)
def test_a_source_of_drift_that_is_gone_is_named(
    watched: Sourced, tmp_path: Path, source: str
) -> None:
    asset, checks = DRIFT[source]
    last = watched.moments(watched.days(11))[-1]
    made = replace(watched, root=copied(watched.root, tmp_path))
    day = "" if asset == "reference_profile" else last.partition
    gone = [
        one
        for one in made.root.folder.glob(f"lake/*/{asset}*/**/*")
        if one.is_file() and day in one.name
    ]
    assert gone
    for one in gone:
        one.unlink()
    for found in made.judge(checks, [last]):
        assert found.verdict.status == "no_evidence", found.item
        named = asset.removesuffix("_report")
        assert named in told(found.verdict), told(found.verdict)
