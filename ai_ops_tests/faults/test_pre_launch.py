"""Faults that keep a feature from its launch: what the rehearsal lacks turns its item red, and the
same rehearsal without the fault is green. Real logs, costs and drift, judged into a real ledger."""

from datetime import timedelta
from pathlib import Path

import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import Monitoring
from ai_ops.checklist.items import LIST_OF
from ai_ops.checklist.logged import LOG_CHECKS
from ai_ops.component import CHECKS
from ai_ops.drift_monitoring import reporting
from ai_ops.inference_management.cost_rollup import compute_cost_rollup
from ai_ops.orchestration.judging import judge_and_record, moment_now
from ai_ops.storage.identities import Identities, demo_identities
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.checklist.books import FEATURE as REHEARSED
from ai_ops_tests.checklist.books import failing, judged, rehearsed
from ai_ops_tests.deciding import BACKEND, DEVOPS, GATE, NOW, SCIENTIST, decided
from ai_ops_tests.drift_monitoring.world import Installation, install
from ai_ops_tests.faults.weeks import LOG_WEEK, SILENT_DAY, logged_week, record
from ai_ops_tests.inference_management import served
from ai_ops_tests.prediction_logging.logging_world import FEATURE as TINY

BY_NAME = {check.name: check for check in CHECKS}


def item(root: Root, feature: AiFeatureSpec, name: str, *, hours: float = 3) -> Verdict:
    """An item as its check judges it some hours later, read back from the ledger."""
    now = root.clock.now() + timedelta(hours=hours)
    root.begin_replay(now)
    judge_and_record(root, feature, [BY_NAME[name]], [moment_now(now)], run_id=None)
    (recorded,) = root.ledger.verdicts(feature.name, items=[name], assets=[LIST_OF["pre_launch"]])
    assert (recorded.partition, recorded.as_of) == (None, now)
    return recorded.verdict


# The log, by the real client

AS_REHEARSED = {"monitoring": Monitoring(start=LOG_WEEK.start.date())}


def logging_ready(folder: Path, **fault: str) -> Verdict:
    return item(logged_week(folder, **fault), TINY.model_copy(update=AS_REHEARSED), "logging_ready")


@pytest.mark.requirement("PL-03")
def test_a_rehearsal_that_was_logged_whole_is_green(tmp_path: Path) -> None:
    verdict = logging_ready(tmp_path)
    assert verdict.status == "pass" and verdict.sample_size == 7 * 12


@pytest.mark.fault("logging_ready")
@pytest.mark.requirement("PL-02", "PL-03")
def test_a_call_site_that_logs_nothing_on_a_day_keeps_it_from_its_launch(tmp_path: Path) -> None:
    verdict = logging_ready(tmp_path, silent=SILENT_DAY)
    assert verdict.status == "fail"
    assert "4 of 12 (33.3%) user actions have no prediction" in verdict.reason


@pytest.mark.fault("logging_ready")
@pytest.mark.requirement("PL-02", "PL-03")
def test_a_day_of_the_rehearsal_that_nobody_judged_is_no_evidence(tmp_path: Path) -> None:
    verdict = logging_ready(tmp_path, unjudged=SILENT_DAY)
    assert verdict.status == "no_evidence"
    missing = {f"{check} was not judged on {SILENT_DAY}" for check in LOG_CHECKS}
    assert {finding.reason for finding in verdict.findings} == missing


# What a week costs


def cost_tracked(folder: Path, feature: AiFeatureSpec, *, days: int = 7) -> Verdict:
    root = served.open_root(folder)
    moments = served.week_of_logs(root, feature, 0)
    compute_cost_rollup(root, feature, moments)
    record(root, feature, ["cost_known"], moments[:days])
    root.begin_replay(moments[-1].as_of)
    return item(root, feature, "cost_tracked")


@pytest.mark.requirement("PL-21")
def test_a_rehearsal_whose_cost_is_known_is_green(tmp_path: Path) -> None:
    verdict = cost_tracked(tmp_path, served.declared())
    assert verdict.status == "pass" and verdict.sample_size == 7 * 400


@pytest.mark.fault("cost_tracked")
@pytest.mark.requirement("PL-02", "PL-21")
def test_a_price_that_nobody_declared_keeps_it_from_its_launch(tmp_path: Path) -> None:
    verdict = cost_tracked(tmp_path, served.with_costs(served.declared(), compute=()))
    assert verdict.status == "no_evidence" and "declare costs.compute" in verdict.reason


@pytest.mark.fault("cost_tracked")
@pytest.mark.requirement("PL-02", "PL-21")
def test_a_cost_that_is_tracked_no_more_is_no_evidence(tmp_path: Path) -> None:
    verdict = cost_tracked(tmp_path, served.declared(), days=5)
    assert verdict.status == "no_evidence"
    assert "cost_known was not judged on 2013-04-06, and 1 more" in verdict.reason


# Drift, on the real flights of the rehearsal's week

FIRST, LAST = "2013-03-25", "2013-03-31"
DRIFT_CHECKS = ("inputs_well_formed", "input_drift", "output_drift", "joint_drift")


@pytest.fixture
def rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setattr(reporting, "make_evidently_report", lambda *_: "")
    made = install(tmp_path, FIRST, LAST)
    made.root.begin_replay(Window.of_day(FIRST).start)
    for person in (BACKEND, SCIENTIST, DEVOPS):
        Identities(demo_identities(made.root)).create(person)
    return made


def drift_ready(made: Installation, *, to: str = LAST, frozen: bool = True) -> Verdict:
    """Profile, report and judge the days to ``to``, freeze the gate, and judge the item."""
    made.monitor(FIRST, to)
    days = Window(Window.of_day(FIRST).start, Window.of_day(to).end).days()
    moments = [made.moment(day) for day in days]
    record(made.root, made.feature, DRIFT_CHECKS, moments)
    made.root.begin_replay(Window.of_day(LAST).end + timedelta(hours=6))
    reference = [BY_NAME["reference_present"]]
    now = moment_now(made.root.clock.now())
    judge_and_record(made.root, made.feature, reference, [now], run_id=None)
    if frozen:
        decided(made.root, "gate_freeze", SCIENTIST, **GATE)
    return item(made.root, made.feature, "drift_ready")


@pytest.mark.requirement("PL-20")
def test_a_rehearsal_in_which_drift_is_judged_is_green(rehearsal: Installation) -> None:
    verdict = drift_ready(rehearsal)
    assert verdict.status == "pass" and verdict.sample_size == 6550
    assert verdict.observed["days_judged"] == 1
    assert verdict.observed["days_without_whole_window"] == 6
    assert f"6 days ({FIRST} … 2013-03-30) had no whole window yet" in verdict.reason


@pytest.mark.fault("drift_ready")
@pytest.mark.requirement("PL-02", "PL-20")
def test_a_reference_of_another_version_keeps_it_from_its_launch(rehearsal: Installation) -> None:
    rehearsal.registry.digest = "another-table"
    verdict = drift_ready(rehearsal)
    assert verdict.status == "no_evidence" and "materialise reference_profile" in verdict.reason


@pytest.mark.fault("drift_ready")
@pytest.mark.requirement("PL-02", "PL-20")
def test_a_drift_job_that_stopped_in_the_rehearsal_is_no_evidence(rehearsal: Installation) -> None:
    verdict = drift_ready(rehearsal, to="2013-03-29")
    assert verdict.status == "no_evidence"
    assert "inputs_well_formed was not judged on 2013-03-30" in verdict.reason


@pytest.mark.fault("drift_ready")
@pytest.mark.requirement("PL-02")
def test_criteria_that_nobody_froze_keep_it_from_its_launch(rehearsal: Installation) -> None:
    verdict = drift_ready(rehearsal, frozen=False)
    assert verdict.status == "no_evidence"
    assert "the criteria of the gate are frozen by nobody" in verdict.reason


# The registry, the load test and the drill, by the verdicts of their checks


@pytest.mark.requirement("PL-01", "PL-12", "PL-30")
@pytest.mark.parametrize("name", ["registry_ready", "load_tested", "rollback_rehearsed"])
def test_with_every_verdict_on_record_they_are_green(tmp_path: Path, name: str) -> None:
    assert item(rehearsed(tmp_path), REHEARSED, name, hours=0).status == "pass"


@pytest.mark.fault("registry_ready")
@pytest.mark.requirement("PL-02", "PL-12", "PL-30")
def test_a_version_that_has_none_to_fall_back_to_keeps_it_from_its_launch(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    judged(root, "version_registered", failing("there is no other version", "version"))
    verdict = item(root, REHEARSED, "registry_ready")
    assert (verdict.status, verdict.reason) == ("fail", "there is no other version")


@pytest.mark.fault("registry_ready")
@pytest.mark.requirement("PL-02", "PL-12")
def test_a_registry_that_nobody_has_looked_at_for_nine_days_is_no_evidence(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, without={"registry_reconciled"})
    judged(root, "registry_reconciled", at=NOW - timedelta(days=9))
    verdict = item(root, REHEARSED, "registry_ready", hours=0)
    assert verdict.status == "no_evidence"
    assert (
        verdict.reason == "the newest evidence of registry_reconciled is 9.0 days old; it may be 8"
    )


TO_COME = [("load_tested", "load_test"), ("rollback_rehearsed", "rollback_drill")]


@pytest.mark.fault("load_tested", "rollback_rehearsed")
@pytest.mark.requirement("PL-02")
@pytest.mark.parametrize(("name", "check"), TO_COME)
def test_what_was_never_tried_is_no_evidence_and_a_failing_try_fails(
    tmp_path: Path, name: str, check: str
) -> None:
    root = rehearsed(tmp_path, without={check})
    verdict = item(root, REHEARSED, name)
    assert verdict.status == "no_evidence"
    assert f"{check} was never judged: materialise {check}" in verdict.reason
    judged(root, check, failing("it took 40 minutes", "operations"))
    assert item(root, REHEARSED, name).status == "fail"


@pytest.mark.fault("load_tested", "rollback_rehearsed")
@pytest.mark.requirement("PL-02")
@pytest.mark.parametrize(("name", "check"), TO_COME)
def test_only_the_owner_s_waiver_launches_without_it_and_only_while_it_holds(
    tmp_path: Path, name: str, check: str
) -> None:
    root = rehearsed(tmp_path, without={check})
    waiver = {"item": name, "reason": "it is being built", "until": "2021-04-02"}
    decided(root, "waiver", BACKEND, **waiver, domain="prediction_logging")
    assert item(root, REHEARSED, name).status == "no_evidence"
    decided(root, "waiver", DEVOPS, **waiver, domain="inference_management")
    waived = item(root, REHEARSED, name)
    assert waived.status == "waived" and waived.passed
    assert f"waived by {DEVOPS} until 2021-04-02: it is being built" in waived.reason
    over = item(root, REHEARSED, name, hours=48)
    assert over.status == "no_evidence" and "was good until 2021-04-02" in over.reason
