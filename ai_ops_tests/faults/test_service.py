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
