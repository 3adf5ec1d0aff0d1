"""Faults that a month's checklist must find, judged into a real ledger, and the clean month."""

from datetime import timedelta
from pathlib import Path

import pytest

from ai_ops.component import CHECKS
from ai_ops.orchestration.judging import judge_and_record
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.checklist.books import FEATURE, failing, judged
from ai_ops_tests.deciding import DEVOPS, NOW, SCIENTIST, decided, root_in

MARCH = Window.of_month("2021-03-01")
LISTED = Moment("2021-03-01", MARCH, NOW + timedelta(hours=1))
READS = {
    "accuracy_on_held_out": ("held_out", "held_out_accuracy", "evaluation_set_sufficient"),
    "thresholds_reviewed": ("drift_thresholds",),
    "log_audited": ("log_audit",),
    "cost_opportunities_reviewed": ("cost_opportunities",),
}


def month(
    root: Root, check: str, verdict: Verdict | None = None, first: str = "2021-03-01"
) -> None:
    """The verdict of a check on a month."""
    said = [verdict] if verdict else []
    judged(root, check, *said, on=first, window=Window.of_month(first), at=NOW)


def items(root: Root) -> dict[str, Verdict]:
    """The month's items as their checks judge them, read back from the ledger."""
    root.begin_replay(LISTED.as_of)
    checks = [check for check in CHECKS if check.asset == "monthly_checklist"]
    judge_and_record(root, FEATURE, checks, [LISTED], run_id=None)
    known = root.ledger.verdicts(FEATURE.name, window=MARCH, assets=["monthly_checklist"])
    return {recorded.item: recorded.verdict for recorded in known}


def judged_month(folder: Path, *, without: str = "", **instead: Verdict) -> Root:
    root = root_in(folder)
    for day in MARCH.days():
        judged(root, "labels_plausible", on=day)
    for check in (check for checks in READS.values() for check in checks):
        if check != without:
            month(root, check, instead.get(check))
    return root


def reviewed(root: Root) -> Root:
    """The month's savings, signed off by whoever answers for serving."""
    item = {"item": "cost_opportunities_reviewed", "domain": "inference_management", "note": ""}
    decided(root, "sign_off", DEVOPS, cadence="monthly", partition="2021-03-01", **item)
    return root


@pytest.mark.requirement("MO-01")
def test_a_month_in_which_all_was_done_is_green(tmp_path: Path) -> None:
    found = items(reviewed(judged_month(tmp_path)))
    assert {name: verdict.status for name, verdict in found.items()} == dict.fromkeys(READS, "pass")


@pytest.mark.fault("accuracy_on_held_out")
@pytest.mark.requirement("MO-01", "MO-02", "MO-03")
def test_a_set_that_was_trained_on_fails_the_month(tmp_path: Path) -> None:
    leaked = failing("12 ids of the set were trained on", "accuracy")
    found = items(reviewed(judged_month(tmp_path, held_out=leaked)))
    assert found["accuracy_on_held_out"].status == "fail"
    assert found["accuracy_on_held_out"].reason == "12 ids of the set were trained on"
    assert [name for name, verdict in found.items() if verdict.passed] == sorted(
        set(READS) - {"accuracy_on_held_out"}
    )


@pytest.mark.fault(
    "accuracy_on_held_out", "thresholds_reviewed", "log_audited", "cost_opportunities_reviewed"
)
@pytest.mark.requirement("MO-01")
@pytest.mark.parametrize(
    ("name", "check"), [(name, check) for name, checks in READS.items() for check in checks]
)
def test_what_nobody_did_this_month_is_no_evidence_though_it_was_done_last_month(
    tmp_path: Path, name: str, check: str
) -> None:
    root = judged_month(tmp_path, without=check)
    month(root, check, first="2021-02-01")
    verdict = items(root)[name]
    assert verdict.status == "no_evidence"
    assert f"{check} was not judged for 2021-03" in verdict.reason


@pytest.mark.fault("cost_opportunities_reviewed")
@pytest.mark.requirement("MO-10")
def test_savings_that_nobody_looked_at_fail_the_month(tmp_path: Path) -> None:
    found = items(judged_month(tmp_path))
    assert found["cost_opportunities_reviewed"].status == "fail"
    assert "ai-ops sign-off" in found["cost_opportunities_reviewed"].reason
    assert found["log_audited"].status == "pass"


@pytest.mark.fault("thresholds_reviewed")
def test_thresholds_that_nobody_reviewed_are_waived_by_their_owner_alone(tmp_path: Path) -> None:
    root = judged_month(tmp_path, without="drift_thresholds")
    until = {"reason": "the review is being built", "until": "2021-05-31"}
    own = {"item": "thresholds_reviewed", "domain": "drift_monitoring"}
    decided(root, "waiver", SCIENTIST, **own, **until)
    found = items(root)
    assert found["thresholds_reviewed"].status == "waived"
    assert found["log_audited"].status == "pass"
