"""Faults that a week's checklist must find: planted in the data, judged day by day into a real
ledger, and read from there; and the same weeks without them."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.reading import read_checklist
from ai_ops.component import CHECKS
from ai_ops.drift_monitoring import reporting
from ai_ops.inference_management.cost_reports import compute_cost_rollup, compute_cost_trend
from ai_ops.orchestration.judging import judge_and_record
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import compute_log_completeness
from ai_ops.prediction_logging.sources import compute_user_actions
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.drift_monitoring.world import Change, Installation, install, scored
from ai_ops_tests.inference_management import served
from ai_ops_tests.prediction_logging.logging_world import FEATURE as TINY
from ai_ops_tests.prediction_logging.logging_world import World, moment

BY_NAME = {check.name: check for check in CHECKS}


def record(
    root: Root, feature: AiFeatureSpec, names: Sequence[str], moments: Sequence[Moment]
) -> None:
    """Judge each moment when it is due, and write the verdicts to the root's ledger."""
    for one in moments:
        root.begin_replay(one.as_of)
        judge_and_record(root, feature, [BY_NAME[name] for name in names], [one], run_id=None)


def item(root: Root, feature: AiFeatureSpec, name: str, week: Window) -> Verdict:
    """One line of the weekly checklist, as the schedule reads it from the ledger."""
    lines = read_checklist(root, feature, "weekly", week, week.end + timedelta(hours=7))
    return next(line.verdict for line in lines if line.item.id == name)


# The log of a week, by the real client

LOG_WEEK = Window.of_week("2021-03-01")
SILENT_DAY = "2021-03-03"
LOG_CHECKS = ("log_written", "log_complete", "user_actions_present")


def logged_week(folder: Path, *, silent: str | None = None, unjudged: str | None = None) -> Root:
    """A week of twelve predictions a day by two writers; on a silent day, one of them is off."""
    world = World(folder)
    world.root.begin_replay(LOG_WEEK.start)
    for day in LOG_WEEK.days():
        noon = Window.of_day(day).start + timedelta(hours=12)
        world.clock.time = noon
        ids = [f"{day}-{number}" for number in range(12)]
        with world.open_log("web") as web:
            world.write(web, *ids[:8])
        if day != silent:
            with world.open_log("batch") as batch:
                world.write(batch, *ids[8:])
        world.act(ids, [noon] * len(ids), name=day, call_site=["web"] * 8 + ["batch"] * 4)
    days = [moment(day, Window.of_day(day).end + timedelta(hours=6)) for day in LOG_WEEK.days()]
    for compute in (compute_prediction_log, compute_user_actions, compute_log_completeness):
        compute(world.root, TINY, days)
    record(world.root, TINY, LOG_CHECKS, [day for day in days if day.partition != unjudged])
    return world.root


@pytest.mark.requirement("WK-09")
def test_a_week_that_was_logged_whole_is_green(tmp_path: Path) -> None:
    verdict = item(logged_week(tmp_path), TINY, "logs_written", LOG_WEEK)
    assert verdict.status == "pass" and verdict.sample_size == 7 * 12


@pytest.mark.fault("logs_written")
@pytest.mark.requirement("WK-09", "WK-10", "FR-3")
def test_a_call_site_that_stopped_logging_for_a_day_fails_the_week(tmp_path: Path) -> None:
    verdict = item(logged_week(tmp_path, silent=SILENT_DAY), TINY, "logs_written", LOG_WEEK)
    assert verdict.status == "fail"
    assert "4 of 12 (33.3%) user actions have no prediction" in verdict.reason
    assert {finding.call_site for finding in verdict.findings} == {None, "batch"}
    assert {finding.window for finding in verdict.findings} == {Window.of_day(SILENT_DAY)}


@pytest.mark.fault("logs_written")
@pytest.mark.requirement("WK-10", "FR-3")
def test_a_day_on_which_no_check_ran_is_no_evidence_for_the_week(tmp_path: Path) -> None:
    verdict = item(logged_week(tmp_path, unjudged=SILENT_DAY), TINY, "logs_written", LOG_WEEK)
    assert verdict.status == "no_evidence"
    missing = {f"{check} was not judged on {SILENT_DAY}" for check in LOG_CHECKS}
    assert {finding.reason for finding in verdict.findings} == missing


# Three weeks of real flights that are what the version was made for: its own reference, later

SHIFT = timedelta(weeks=13)
FIRST, LAST = "2013-06-03", "2013-06-23"
BROKEN_FROM = pd.Timestamp("2013-06-06", tz="UTC")
DRIFT_WEEK = Window.of_week("2013-06-17")


def in_celsius(rows: pd.DataFrame) -> pd.DataFrame:
    late = rows["time"] >= BROKEN_FROM
    rows.loc[late, "input_temp"] = (rows.loc[late, "input_temp"] - 32) * 5 / 9
    return rows


def drift_weeks(folder: Path, change: Change | None) -> Installation:
    made = install(folder, FIRST, LAST)
    rows = scored("logistic").reference.to_pandas()
    rows = rows.assign(time=rows["time"] + SHIFT)
    rows = rows[rows["time"].between(Window.of_day(FIRST).start, Window.of_day(LAST).end, "left")]
    made.log(change(rows) if change else rows)
    with pytest.MonkeyPatch.context() as patch:
        # The HTML page has a test of its own and takes a second each.
        patch.setattr(reporting, "make_evidently_report", lambda *_: "")
        made.monitor(FIRST, LAST)
    span = Window(Window.of_day(FIRST).start, DRIFT_WEEK.end)
    record(
        made.root,
        made.feature,
        ("input_drift", "output_drift"),
        [made.moment(day) for day in span.days()],
    )
    return made


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return drift_weeks(tmp_path_factory.mktemp("steady"), None)


@pytest.fixture(scope="module")
def drifted(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return drift_weeks(tmp_path_factory.mktemp("drifted"), in_celsius)


@pytest.mark.requirement("WK-01", "WK-08")
def test_weeks_like_the_reference_are_green(steady: Installation) -> None:
    verdict = item(steady.root, steady.feature, "drift_reviewed", DRIFT_WEEK)
    assert verdict.status == "pass" and verdict.observed["alerts_without_review"] == 0
    # Retraining is not automated yet, which is all that this item has to say of a quiet week.
    verdict = item(steady.root, steady.feature, "retraining_verified", DRIFT_WEEK)
    assert [finding.reason for finding in verdict.findings] == [
        "retraining is not automated yet: nothing verifies that the model follows its world"
    ]


@pytest.mark.fault("drift_reviewed")
@pytest.mark.requirement("WK-01", "WK-02", "WK-03")
def test_a_drift_alert_that_nobody_reviewed_fails_the_week_after_next(
    drifted: Installation,
) -> None:
    raised = Window.of_week("2013-06-10")
    young = item(drifted.root, drifted.feature, "drift_reviewed", raised)
    assert young.observed["alerts_without_review"] and not young.observed["overdue"]
    verdict = item(drifted.root, drifted.feature, "drift_reviewed", DRIFT_WEEK)
    assert verdict.status == "fail"
    (alert,) = [finding for finding in verdict.findings if "input_drift" in finding.reason]
    assert alert.kind == "drift" and "temp" in alert.columns
    assert alert.size is not None and alert.size > 7
    assert "days without a review" in alert.reason


@pytest.mark.fault("drift_reviewed")
@pytest.mark.requirement("WK-03")
def test_judging_again_does_not_make_an_alert_young(drifted: Installation) -> None:
    """Somebody materialises the three weeks once more: nobody has reviewed anything by that."""
    before = item(drifted.root, drifted.feature, "drift_reviewed", DRIFT_WEEK)
    now = DRIFT_WEEK.end + timedelta(hours=6, minutes=30)
    span = Window(Window.of_day(FIRST).start, DRIFT_WEEK.end)
    again = [Moment(day, Window.of_day(day), now) for day in span.days()]
    record(drifted.root, drifted.feature, ("input_drift", "output_drift"), again)
    after = item(drifted.root, drifted.feature, "drift_reviewed", DRIFT_WEEK)
    assert (after.status, after.observed) == (before.status, before.observed)


@pytest.mark.fault("retraining_verified")
@pytest.mark.requirement("WK-08")
def test_drift_that_no_retraining_answered_is_named(drifted: Installation) -> None:
    verdict = item(drifted.root, drifted.feature, "retraining_verified", DRIFT_WEEK)
    assert verdict.status == "no_evidence"
    (stale,) = [finding for finding in verdict.findings if "temp" in finding.columns]
    assert stale.kind == "operations" and "the model was not updated" in stale.reason


# Two weeks of cost

SLOWER = 3


def three_times_as_long_at_web(one: served.Row, number: int) -> served.Row:
    slow = one["call_site"] == "web"
    return one | {"latency_ms": one["latency_ms"] * SLOWER} if slow else one


def cost_item(folder: Path, change: served.Change | None = None, *, judged: bool = True) -> Verdict:
    root, feature = served.open_root(folder), served.declared()
    for week, planted in ((0, None), (1, change)):
        moments = served.week_of_logs(root, feature, week, change=planted)
        compute_cost_rollup(root, feature, moments)
    compute_cost_trend(root, feature, [served.of_week(1)])
    if judged:
        record(root, feature, ("cost_trend",), [served.of_week(1)])
    return item(root, feature, "cost_trend_checked", served.of_week(1).window)


@pytest.mark.requirement("WK-04")
def test_a_week_that_costs_what_the_last_one_did_is_green(tmp_path: Path) -> None:
    assert cost_item(tmp_path).status == "pass"


@pytest.mark.fault("cost_trend_checked")
@pytest.mark.requirement("WK-04", "WK-05", "PB-20")
def test_a_call_site_that_became_slow_fails_the_cost_item(tmp_path: Path) -> None:
    verdict = cost_item(tmp_path, three_times_as_long_at_web)
    assert verdict.status == "fail"
    assert [finding.call_site for finding in verdict.findings] == ["web"]


@pytest.mark.fault("cost_trend_checked")
@pytest.mark.requirement("WK-04")
def test_a_trend_that_nobody_judged_is_no_evidence(tmp_path: Path) -> None:
    verdict = cost_item(tmp_path, judged=False)
    assert verdict.status == "no_evidence"
    assert "cost_trend was not judged for the week of" in verdict.reason
