"""Faults that a week's checklist must find: planted in the data, judged day by day into a real
ledger, and read from there; and the same weeks without them."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import Retraining
from ai_ops.checklist.logged import LOG_CHECKS
from ai_ops.checklist.reading import read_checklist
from ai_ops.drift_monitoring import reporting
from ai_ops.inference_management.cost_reports import compute_cost_trend
from ai_ops.inference_management.cost_rollup import compute_cost_rollup
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS, EventKind
from ai_ops_tests.checklist.books import FINE, judged
from ai_ops_tests.drift_monitoring.world import Change, Installation, install, scored, spec
from ai_ops_tests.faults.weeks import LOG_WEEK, SILENT_DAY, logged_week, record
from ai_ops_tests.inference_management import served
from ai_ops_tests.prediction_logging.logging_world import FEATURE as TINY


def item(root: Root, feature: AiFeatureSpec, name: str, week: Window) -> Verdict:
    """One line of the weekly checklist, as the schedule reads it from the ledger."""
    lines = read_checklist(root, feature, "weekly", week, week.end + timedelta(hours=7))
    return next(line.verdict for line in lines if line.item.id == name)


# The log of a week, by the real client


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


def in_kilometres(rows: pd.DataFrame) -> pd.DataFrame:
    late = rows["time"] >= BROKEN_FROM
    rows.loc[late, "input_distance"] = rows.loc[late, "input_distance"] * 1.609
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
        ("input_drift", "output_drift", "joint_drift"),
        [made.moment(day) for day in span.days()],
    )
    tell(made.root, "launch", FIRST, version="1", previous=None, by="devops@example.com")
    for day in span.days():
        for check in ("accuracy", "volume_steady", "feed_alive"):
            judged(made.root, check, on=day)
    return made


def tell(root: Root, kind: EventKind, day: str, **payload: Any) -> None:
    """What happened at noon of a day."""
    noon = Window.of_day(day).start + timedelta(hours=12)
    root.ledger.append([NewEvent(kind, spec().name, payload, noon)], clock=root.clock)


def copy_of(made: Installation, folder: Path) -> Root:
    """The same books, to be written on in."""
    shutil.copytree(made.root.folder, folder / "copy")
    return Root.open(folder / "copy", environment={})


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return drift_weeks(tmp_path_factory.mktemp("steady"), None)


@pytest.fixture(scope="module")
def drifted(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return drift_weeks(tmp_path_factory.mktemp("drifted"), in_kilometres)


@pytest.mark.requirement("WK-01", "WK-07", "WK-08")
def test_weeks_like_the_reference_are_green(steady: Installation) -> None:
    verdict = item(steady.root, steady.feature, "drift_reviewed", DRIFT_WEEK)
    assert verdict.status == "pass" and verdict.observed["alerts_without_review"] == 0
    verdict = item(steady.root, steady.feature, "retraining_verified", DRIFT_WEEK)
    assert verdict.status == "pass" and verdict.sample_size == 7
    by_hand = steady.feature.model_copy(update={"retraining": Retraining(automated=False)})
    verdict = item(steady.root, by_hand, "retraining_verified", DRIFT_WEEK)
    # Where nothing is automated, that is all that this item has to say of a quiet week.
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
    assert alert.kind == "drift" and "distance" in alert.columns
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
    record(drifted.root, drifted.feature, ("input_drift", "output_drift", "joint_drift"), again)
    after = item(drifted.root, drifted.feature, "drift_reviewed", DRIFT_WEEK)
    assert (after.status, after.observed) == (before.status, before.observed)


@pytest.mark.fault("retraining_verified")
@pytest.mark.requirement("WK-08", "FR-3")
def test_drift_that_no_retraining_answered_is_a_silent_failure(drifted: Installation) -> None:
    weekly = drifted.feature.retraining.model_copy(update={"wait_days": 7})
    feature = drifted.feature.model_copy(update={"retraining": weekly})
    verdict = item(drifted.root, feature, "retraining_verified", DRIFT_WEEK)
    assert verdict.status == "fail"
    stale = next(one for one in verdict.findings if one.reason.startswith("input_drift"))
    assert "distance" in stale.columns
    assert stale.kind == "operations" and stale.size is not None and stale.size > 9
    assert "no retraining answered it and nobody concluded what it is" in stale.reason


def test_drift_that_a_retraining_answered_is_green(drifted: Installation, tmp_path: Path) -> None:
    root = copy_of(drifted, tmp_path)
    tell(root, "retraining", "2013-06-18", retraining="a", stage="started")
    tell(root, "retraining", "2013-06-18", retraining="a", stage="evaluated", version="2")
    at = Window.of_day("2013-06-18").end
    for check in GATE_CHECKS:
        judged(root, check, replace(FINE, observed={"version": "2"}), at=at)
    verdict = item(root, drifted.feature, "retraining_verified", DRIFT_WEEK)
    assert verdict.status == "pass"
    assert "retraining a made version 2, which passed the gate" in verdict.reason


@pytest.mark.fault("retraining_verified")
@pytest.mark.requirement("WK-07", "PB-41")
def test_a_retraining_that_failed_is_named_with_its_step(
    steady: Installation, tmp_path: Path
) -> None:
    root = copy_of(steady, tmp_path)
    said = {"step": "training_set", "error": "column temp is missing"}
    tell(root, "retraining", "2013-06-18", retraining="a", stage="started")
    tell(root, "retraining", "2013-06-18", retraining="a", stage="failed", **said)
    verdict = item(root, steady.feature, "retraining_verified", DRIFT_WEEK)
    assert verdict.status == "fail"
    assert verdict.reason == "retraining a failed at training_set: column temp is missing"


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
