"""The six pre-launch items: green on a whole rehearsal, and what each of them misses."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from ai_ops.ai_features.parts import Monitoring
from ai_ops.checklist.pre_launch import PRE_LAUNCH
from ai_ops.checklist.reading import ITEMS, judge_pre_launch, read_checklist, window_at
from ai_ops.component import CHECKS
from ai_ops.orchestration.judging import judge_and_record, moment_now
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.words import PRE_LAUNCH_ITEMS
from ai_ops_tests.checklist.books import (
    DAILY,
    DAYS,
    DRIFT,
    FEATURE,
    FILLING,
    LATEST,
    TO_COME,
    failing,
    judged,
    line,
    rehearsed,
)
from ai_ops_tests.deciding import NOW, SCIENTIST

READ = sorted({check for item in PRE_LAUNCH for check in item.reads})


@pytest.mark.requirement("PL-01", "OW-01")
def test_there_are_six_items_and_fourteen_in_all_each_with_an_owner_and_words() -> None:
    assert tuple(item.id for item in PRE_LAUNCH) == PRE_LAUNCH_ITEMS
    items = [item for cadence in ITEMS for item in ITEMS[cadence]]
    assert [len(ITEMS[cadence]) for cadence in ITEMS] == [6, 4, 4]
    assert len({item.id for item in items}) == 14
    for item in items:
        assert FEATURE.owner_of(item.domain).accountable
        assert len(item.judge.__doc__ or "") > 60
        assert item.reads and item.max_age_days > 0


@pytest.mark.requirement("PL-01", "PL-20", "PL-21")
def test_a_whole_rehearsal_passes_all_six(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    assert {item: line(root, item).verdict.status for item in PRE_LAUNCH_ITEMS} == dict.fromkeys(
        PRE_LAUNCH_ITEMS, "pass"
    )


@pytest.mark.requirement("PL-01", "PL-02")
@pytest.mark.parametrize("gone", READ)
def test_a_check_without_any_verdict_is_named_by_its_item(tmp_path: Path, gone: str) -> None:
    assert set(READ) == {*DAILY, *DRIFT, *LATEST, *TO_COME}
    root = rehearsed(tmp_path, without={gone})
    readers = [item.id for item in PRE_LAUNCH if gone in (*item.reads, *item.beside)]
    for item in PRE_LAUNCH_ITEMS:
        verdict = line(root, item).verdict
        assert verdict.status == ("no_evidence" if item in readers else "pass")
        assert (gone in verdict.reason) == (item in readers)


@pytest.mark.requirement("PL-02")
@pytest.mark.parametrize("check", [one for one in DAILY if one != "inputs_well_formed"])
def test_one_failing_day_of_the_rehearsal_fails_the_item(tmp_path: Path, check: str) -> None:
    bad = failing("a third of it is missing", "completeness")
    root = rehearsed(tmp_path, instead={(check, DAYS[2]): bad})
    (reader,) = [item.id for item in PRE_LAUNCH if check in item.reads]
    verdict = line(root, reader).verdict
    assert verdict.status == "fail"
    assert "a third of it is missing" in verdict.reason


@pytest.mark.requirement("PL-20")
@pytest.mark.parametrize("check", ["inputs_well_formed", *DRIFT])
def test_what_drift_monitoring_found_shows_that_it_is_live(tmp_path: Path, check: str) -> None:
    bad = failing("a third of it moved", "drift")
    verdict = line(rehearsed(tmp_path, instead={(check, DAYS[-1]): bad}), "drift_ready").verdict
    assert verdict.status == "pass"
    assert "on 1 day" in verdict.reason


@pytest.mark.requirement("PL-02")
@pytest.mark.parametrize("check", [*DAILY, *DRIFT])
def test_one_day_that_nobody_judged_is_no_evidence(tmp_path: Path, check: str) -> None:
    unknown = Verdict.lacking("nobody looked", "operations")
    root = rehearsed(tmp_path, instead={(check, DAYS[2]): unknown})
    (reader,) = [item.id for item in PRE_LAUNCH if check in item.reads]
    verdict = line(root, reader).verdict
    assert verdict.status == "no_evidence"
    assert check in verdict.reason and DAYS[2] in verdict.reason


@pytest.mark.requirement("PL-02")
@pytest.mark.parametrize("check", [*LATEST, *TO_COME])
def test_a_check_without_partitions_expires_with_its_age(tmp_path: Path, check: str) -> None:
    root = rehearsed(tmp_path, without={check})
    (item,) = [item for item in PRE_LAUNCH if check in item.reads]
    judged(root, check, at=NOW - timedelta(days=item.max_age_days, hours=1))
    old = line(root, item.id)
    assert old.verdict.status == "no_evidence"
    age = f"{item.max_age_days:.1f} days old; it may be {item.max_age_days}"
    assert f"the newest evidence of {check} is {age}" in old.verdict.reason
    judged(root, check, at=NOW - timedelta(days=item.max_age_days))
    assert line(root, item.id).verdict.status == "pass"


@pytest.mark.requirement("PL-02")
def test_evidence_of_an_earlier_rehearsal_has_expired_and_says_its_age(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    later = NOW + timedelta(days=20)
    root.begin_replay(later)
    old = line(root, "logging_ready", later)
    assert old.verdict.status == "no_evidence"
    assert "log_written was not judged on 2021-04-14" in old.verdict.reason
    assert "it judged last 20 days ago" in old.verdict.reason
    assert old.age_days == pytest.approx(20 + 3 / 24)


def test_what_fails_goes_on_failing_however_old_it_is(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, without={"version_registered"})
    bad = failing("there is no other version to roll back to", "version")
    judged(root, "version_registered", bad, at=NOW - timedelta(days=60))
    assert line(root, "registry_ready").verdict.status == "fail"


@pytest.mark.requirement("PL-20")
def test_drift_that_alerts_is_drift_that_is_monitored(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, instead={("input_drift", DAYS[-1]): failing("temp moved")})
    verdict = line(root, "drift_ready").verdict
    assert verdict.status == "pass"
    assert "it alerts on 1 day" in verdict.reason
    assert f"6 days ({DAYS[0]} … {DAYS[5]}) had no whole window yet" in verdict.reason
    assert f"frozen by {SCIENTIST}" in verdict.reason


@pytest.mark.requirement("PL-20")
def test_drift_that_was_judged_over_no_whole_window_yet_is_no_evidence(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, instead={(check, DAYS[-1]): FILLING for check in DRIFT})
    verdict = line(root, "drift_ready").verdict
    assert verdict.status == "no_evidence"
    assert f"input_drift on {DAYS[-1]}: the window holds rows of 1" in verdict.reason
    early = NOW - timedelta(days=2)
    verdict = line(rehearsed(tmp_path / "early"), "drift_ready", early).verdict
    assert verdict.status == "no_evidence"
    assert any("no whole window yet" in finding.reason for finding in verdict.findings)


@pytest.mark.requirement("PL-20")
def test_a_day_without_a_single_row_is_no_filling_window(tmp_path: Path) -> None:
    empty = Verdict.lacking("there is no drift report: nobody looked", "drift")
    root = rehearsed(tmp_path, instead={("output_drift", DAYS[0]): empty})
    verdict = line(root, "drift_ready").verdict
    assert verdict.status == "no_evidence" and "nobody looked" in verdict.reason


def test_criteria_that_are_not_frozen_or_were_changed_since_are_in_the_way(tmp_path: Path) -> None:
    unfrozen = line(rehearsed(tmp_path / "unfrozen", frozen=False), "drift_ready").verdict
    assert unfrozen.status == "no_evidence" and "frozen by nobody" in unfrozen.reason
    softer = FEATURE.gate.model_copy(update={"auc_drop": 0.5})
    changed = FEATURE.model_copy(update={"gate": softer})
    verdict = line(rehearsed(tmp_path / "changed"), "drift_ready", feature=changed).verdict
    assert verdict.status == "fail" and f"the one that {SCIENTIST} signed" in verdict.reason


def test_a_rehearsal_of_one_day_suffices_for_the_log_and_not_for_drift(tmp_path: Path) -> None:
    short = FEATURE.model_copy(update={"monitoring": Monitoring(start=date(2021, 3, 31))})
    root = rehearsed(tmp_path, instead={(check, DAYS[-1]): FILLING for check in DRIFT})
    assert line(root, "logging_ready", feature=short).verdict.sample_size == 900
    verdict = line(root, "drift_ready", feature=short).verdict
    assert verdict.reason == "drift was judged over no whole window yet; the first ends with " + (
        "2021-04-06"
    )


@pytest.mark.requirement("PL-29")
def test_a_drill_that_was_judged_again_is_as_old_as_it_was(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    for days, status in ((90, "pass"), (91, "no_evidence")):
        drilled = {"drilled_at": (NOW - timedelta(days=days)).isoformat()}
        fine = Verdict.passing("rolled back", sample_size=900, observed=drilled)
        judged(root, "rollback_drill", fine)
        verdict = line(root, "rollback_rehearsed").verdict
        assert verdict.status == status, verdict.reason
    assert "the rollback was drilled 91 days ago; it speaks for 90" in verdict.reason


def test_before_the_rehearsal_nothing_is_ready(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    first = FEATURE.monitoring.start
    noon = NOW.replace(year=first.year, month=first.month, day=first.day, hour=12)
    for item in PRE_LAUNCH_ITEMS:
        assert line(root, item, noon).verdict.status == "no_evidence"
    with pytest.raises(BadInput, match="is monitored from 2021-03-25"):
        judge_pre_launch(root, FEATURE, noon - timedelta(days=1))


@pytest.mark.requirement("PL-01", "PL-02")
def test_a_launch_s_judgement_is_recorded_as_the_checks_record_theirs(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, without=TO_COME)
    launched_by = judge_pre_launch(root, FEATURE, NOW)
    checks = [check for check in CHECKS if check.asset == "pre_launch_checklist"]
    by_checks = judge_and_record(root, FEATURE, checks, [moment_now(NOW)], run_id="run")
    assert [v.verdict.status for v in launched_by] == ["pass"] * 3 + ["no_evidence"] * 2 + ["pass"]
    for one, other in zip(launched_by, by_checks, strict=True):
        assert one.verdict == other.verdict
        assert (one.item, one.asset, one.partition, one.window, one.as_of) == (
            other.item,
            other.asset,
            other.partition,
            other.window,
            other.as_of,
        )
    known = root.ledger.verdicts(FEATURE.name, assets={"pre_launch_checklist"})
    assert {verdict.item for verdict in known} == set(PRE_LAUNCH_ITEMS)


def test_the_whole_list_reads_as_its_single_lines_do(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, without=TO_COME)
    window = window_at("pre_launch", NOW)
    lines = read_checklist(root, FEATURE, "pre_launch", window, NOW)
    assert lines == [line(root, item) for item in PRE_LAUNCH_ITEMS]
