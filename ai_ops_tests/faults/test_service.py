"""Faults of serving, planted in a day's log: each turns the check red and is named."""

from pathlib import Path

import pytest

from ai_ops.inference_management.service_health import (
    compute_service_health,
    judge_service_healthy,
)
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.inference_management.served import (
    Row,
    declared,
    of_day,
    open_root,
    row,
    write_day,
)

pytestmark = pytest.mark.requirement("FR-2")

DAY = "2013-04-03"


def judged(folder: Path, rows: list[Row] | None) -> Verdict:
    root, feature = open_root(folder), declared()
    if rows is not None:
        write_day(root, feature, DAY, rows)
    compute_service_health(root, feature, [of_day(DAY)])
    return judge_service_healthy(root, feature, of_day(DAY))


def test_a_clean_day_is_green(tmp_path: Path) -> None:
    assert judged(tmp_path, [row(n) for n in range(920)]).status == "pass"


@pytest.mark.fault("service_healthy")
def test_five_per_cent_failed_answers_are_named_with_their_call_site(tmp_path: Path) -> None:
    rows = [row(n) for n in range(920)]
    rows = [r | {"status": "failed"} if n % 20 == 1 else r for n, r in enumerate(rows)]
    verdict = judged(tmp_path, rows)
    assert verdict.status == "fail"
    (finding,) = verdict.findings
    assert finding.kind == "operations" and finding.call_site == "app"
    assert finding.size == pytest.approx(0.05) and "46 of 920 requests failed" in finding.reason


@pytest.mark.fault("service_healthy")
def test_a_slow_hundredth_is_named(tmp_path: Path) -> None:
    rows = [row(n, ms=900.0 if n % 25 == 0 else 20.0) for n in range(920)]
    verdict = judged(tmp_path, rows)
    assert verdict.status == "fail"
    (finding,) = verdict.findings
    assert finding.kind == "operations" and "250 ms are promised" in finding.reason
    assert finding.size == pytest.approx(900.0)


@pytest.mark.fault("service_healthy")
def test_a_day_without_a_log_is_no_evidence(tmp_path: Path) -> None:
    for name, rows in (("absent", None), ("empty", [])):
        verdict = judged(tmp_path / name, rows)
        assert verdict.status == "no_evidence"
        assert [finding.kind for finding in verdict.findings] == ["operations"]


@pytest.mark.fault("service_healthy")
def test_a_day_on_which_nothing_was_answered_is_a_failure(tmp_path: Path) -> None:
    verdict = judged(tmp_path, [row(n) | {"status": "refused"} for n in range(30)])
    assert verdict.status == "fail" and "none of 30 requests was answered" in verdict.reason


def completeness(folder: Path, **told: object) -> None:
    """What was counted beside the day's log."""
    root, feature = open_root(folder), declared()
    path = root.lake.path(feature.name, "log_completeness", DAY, "json")
    root.lake.write_json(path, {"incarnations": [], "witness": {}, "logged": {}, **told})


@pytest.mark.fault("service_healthy")
def test_requests_that_were_turned_away_break_the_promise_though_no_row_failed(
    tmp_path: Path,
) -> None:
    told = [{"change": {"turned_away": 30}}, {"change": {"turned_away": 20}}, {}]
    completeness(tmp_path, incarnations=told)
    verdict = judged(tmp_path, [row(n) for n in range(920)])
    assert verdict.status == "fail" and verdict.observed["turned_away"] == 50
    (finding,) = verdict.findings
    assert "50 of 970 requests failed" in finding.reason
    assert "50 of them were turned away for want of room" in finding.reason


@pytest.mark.fault("service_healthy")
def test_a_server_that_turned_everybody_away_is_no_quiet_day(tmp_path: Path) -> None:
    completeness(tmp_path, incarnations=[{"change": {"turned_away": 40}}])
    verdict = judged(tmp_path, [])
    assert verdict.status == "fail" and "none of 40 requests was answered" in verdict.reason


@pytest.mark.fault("service_healthy")
def test_what_only_the_witness_saw_was_answered_nobody_knows_how(tmp_path: Path) -> None:
    hours = {f"{DAY}T07": [920, 920, 0, 0, 0]}
    for name, served, status in (("whole", 921, "pass"), ("half", 1840, "no_evidence")):
        witness = {"served": {"": {f"{DAY}T07": served}}}
        completeness(tmp_path / name, witness=witness, logged={"web": hours})
        verdict = judged(tmp_path / name, [row(n) for n in range(920)])
        assert verdict.status == status
        assert verdict.observed["not_logged"] == served - 920
    assert "920 of 1840 requests that the witness saw are not in the log" in verdict.reason
