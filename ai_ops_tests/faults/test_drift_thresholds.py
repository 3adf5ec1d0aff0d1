"""Thresholds of drift that nobody looks at, planted in a real ledger; and the reviewed ones."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ai_ops.checklist.reading import ITEMS, read_item
from ai_ops.drift_monitoring.checks import CHECKS
from ai_ops.drift_monitoring.threshold_deciding import decision_of
from ai_ops.drift_monitoring.thresholds import compute_drift_thresholds
from ai_ops.orchestration.judging import judge_and_record
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.deciding import FEATURE, SCIENTIST, decided, happened
from ai_ops_tests.drift_monitoring.threshold_world import (
    APRIL,
    DAYS,
    IN_MAY,
    MARCH,
    MOMENT,
    MORNING,
    answered,
    installed,
    quiet_but,
    reports_of,
    store,
)

(CHECK,) = [check for check in CHECKS if check.name == "drift_thresholds"]
(ITEM,) = [item for item in ITEMS["monthly"] if item.id == "thresholds_reviewed"]
RESTLESS = {"temp": quiet_but(1.3, 5, 6, 7, 8)}


def judged(root: Root, moment: Moment = MOMENT, *, proposed: bool = True) -> Verdict:
    """The month's verdict, by the job that materialises its proposal and judges it."""
    root.begin_replay(moment.as_of)
    if proposed:
        compute_drift_thresholds(root, FEATURE, [moment])
    (recorded,) = judge_and_record(root, FEATURE, [CHECK], [moment], run_id=None)
    return recorded.verdict


def reviewed(root: Root, **given: Any) -> None:
    """The owner of drift monitoring signs, on the proposal that was made last."""
    content = decision_of(root, FEATURE, given | {"reason": "looked at"})
    decided(root, "threshold_change", SCIENTIST, **content)


def in_april(root: Root) -> None:
    """A quiet April, and its morning after."""
    store(root, reports_of({"temp": [0.5]}, [*DAYS[-3:], *APRIL.days()]))


@pytest.mark.requirement("MO-04", "MO-05")
def test_a_month_in_which_the_thresholds_were_changed_by_their_owner_is_green(
    tmp_path: Path,
) -> None:
    root = installed(tmp_path, RESTLESS)
    answered(root, "2021-03-07", "false_alarm")
    assert judged(root).status == "fail"
    reviewed(root, decision="approve")
    in_april(root)
    verdict = judged(root, IN_MAY)
    assert verdict.status == "pass" and verdict.sample_size == 30
    said = f"{SCIENTIST} changed temp 1 → 1.43 on 2021-04-01, by the proposal of 2021-03"
    assert said in verdict.reason and "2021-04 proposes no change" in verdict.reason


@pytest.mark.fault("drift_thresholds")
@pytest.mark.requirement("MO-04")
def test_thresholds_that_nobody_reviewed_for_a_month_are_red(tmp_path: Path) -> None:
    root = installed(tmp_path, RESTLESS)
    answered(root, "2021-03-07", "false_alarm")
    verdict = judged(root)
    assert verdict.status == "fail"
    assert "since 2021-02-01, 59 days" in verdict.reason
    assert f"1 of 1 alert vanish and no confirmed incident is missed, for {SCIENTIST}" in (
        verdict.reason
    )
    reviewed(root, decision="keep")
    in_april(root)
    assert judged(root, IN_MAY).status == "pass"
    in_june = Window.of_month("2021-05-01")
    store(root, reports_of({"temp": [0.5]}, [*list(APRIL.days())[-3:], *in_june.days()]))
    late = Moment("2021-05-01", in_june, in_june.end + timedelta(hours=9))
    assert judged(root, late).status == "fail", "a review is good for one month"


@pytest.mark.fault("drift_thresholds")
def test_without_a_proposal_or_a_report_it_is_no_evidence(tmp_path: Path) -> None:
    root = installed(tmp_path, RESTLESS)
    verdict = judged(root, proposed=False)
    assert verdict.status == "no_evidence" and "not materialised" in verdict.reason
    verdict = judged(root, IN_MAY)
    assert verdict.status == "no_evidence", "April has no report at all"


@pytest.mark.fault("drift_thresholds")
@pytest.mark.requirement("MO-04", "OW-03")
def test_a_review_that_nobody_signed_is_none(tmp_path: Path) -> None:
    root = installed(tmp_path, RESTLESS)
    judged(root)
    content = decision_of(root, FEATURE, {"decision": "keep", "reason": "looked at"})
    happened(root, "threshold_change", **content, by=SCIENTIST, nonce="x", token="AAAA.BBBB")
    in_april(root)
    verdict = judged(root, IN_MAY)
    assert verdict.status == "fail" and "does not hold: not a signed decision" in verdict.reason


@pytest.mark.requirement("MO-04")
def test_the_month_of_the_launch_needs_no_review_yet(tmp_path: Path) -> None:
    root = installed(tmp_path, RESTLESS)
    february = Window.of_month("2021-02-01")
    store(root, reports_of({"temp": [0.5]}, [*february.days()]))
    moment = Moment("2021-02-01", february, february.end + timedelta(hours=9))
    verdict = judged(root, moment)
    assert verdict.status == "pass" and "since it was launched on 2021-02-01" in verdict.reason


@pytest.mark.fault("thresholds_reviewed")
@pytest.mark.requirement("MO-04", "OW-01")
def test_the_list_is_red_until_its_owner_has_reviewed_and_green_right_then(tmp_path: Path) -> None:
    root = installed(tmp_path, RESTLESS)
    judged(root)
    line = read_item(root, FEATURE, ITEM, MARCH, MORNING)
    assert (line.verdict.status, line.owner) == ("fail", SCIENTIST)
    reviewed(root, decision="keep")
    root.begin_replay(MORNING + timedelta(hours=1))
    after = read_item(root, FEATURE, ITEM, MARCH, MORNING + timedelta(hours=1))
    assert after.verdict.status == "pass" and "kept the thresholds" in after.verdict.reason
