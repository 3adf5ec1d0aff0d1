"""When a retraining is due, and when a promotion: by the ledger alone, at the clock's time."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.retraining_pipeline.triggers import Trigger, due_promotion, due_retraining
from ai_ops.storage.standing import (
    Approval,
    Hold,
    Incident,
    Move,
    Refusal,
    Retraining,
    Standing,
)
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import AlertKind, Conclusion, Status
from ai_ops_tests.retraining_pipeline.pipeline_world import FEATURE, NAME, NOW

Kind = Literal["launch", "promotion", "rollback"]


def moved(version: str, kind: Kind = "promotion", *, days_ago: float = 30, place: int = 1) -> Move:
    at = NOW - timedelta(days=days_ago)
    return Move(kind, version, None, at, "somebody", {}, None, "", (place, 0))


LIVE = Standing(moves=(moved("1", "launch"),))


def accuracy(
    status: Status = "fail", version: str = "1", *, days_ago: float = 1, item: str = "accuracy"
) -> RecordedVerdict:
    """A verdict on a day, six hours after it ended."""
    day = (NOW - timedelta(days=days_ago)).date()
    window = Window.of_day(day)
    findings = () if status == "pass" else (Finding("accuracy", status, "it fell"),)
    verdict = Verdict(status, "it fell", {"version": version}, 900, findings=findings)
    at = window.end + timedelta(hours=6)
    return RecordedVerdict(NAME, item, "evaluation_run", day.isoformat(), window, at, verdict)


def drifted(
    conclusion: Conclusion | None = "genuine_shift",
    *,
    alert: AlertKind = "drift",
    state: Literal["open", "concluded", "resolved"] = "concluded",
    days_ago: float = 2,
) -> Incident:
    at = NOW - timedelta(days=days_ago)
    found = Incident("i-1", alert, "input_drift", "2021-03-01", at, "temp moved", "1", "warning")
    return replace(found, state=state, conclusion=conclusion, concluded_at=at)


def retrained(*stages: str, days_ago: float = 1) -> Retraining:
    at = NOW - timedelta(days=days_ago)
    return Retraining("r-1", "accuracy", None, "", at, {stage: {} for stage in stages})


def due(
    standing: Standing = LIVE,
    *verdicts: RecordedVerdict,
    feature: AiFeatureSpec = FEATURE,
    now: datetime = NOW,
) -> Trigger | None:
    return due_retraining(feature, standing, verdicts, now)


@pytest.mark.requirement("PB-33")
def test_a_confirmed_gap_of_the_live_version_starts_one() -> None:
    trigger = due(LIVE, accuracy("pass", days_ago=2), accuracy("fail", days_ago=1))
    assert trigger is not None
    assert trigger.cause == "accuracy: it fell" and trigger.incident is None
    assert trigger.key == "accuracy-1-2021-03-09"
    open_one = drifted(None, alert="accuracy_drop", state="open")
    named = due(replace(LIVE, incidents=(open_one,)), accuracy())
    assert named is not None and named.incident == "i-1"


NOT_DUE: dict[str, tuple[Standing, tuple[RecordedVerdict, ...]]] = {
    "a pass": (LIVE, (accuracy("pass"),)),
    "nothing judged": (LIVE, ()),
    "no evidence": (LIVE, (accuracy("fail", days_ago=2), accuracy("no_evidence"))),
    "it recovered": (LIVE, (accuracy("fail", days_ago=2), accuracy("pass"))),
    "another version": (LIVE, (accuracy(version="2"),)),
    "another item": (LIVE, (accuracy(item="label_coverage"),)),
    "weeks ago": (LIVE, (accuracy(days_ago=9),)),
    "not launched": (Standing(), (accuracy(),)),
    "before the promotion": (Standing(moves=(moved("1", days_ago=0.1),)), (accuracy(),)),
    "held": (replace(LIVE, holds=(Hold("me", "wait", NOW),)), (accuracy(),)),
    "labels that look wrong": (LIVE, (accuracy(days_ago=2), accuracy(item="labels_plausible"))),
    "bad data": (
        replace(LIVE, incidents=(drifted("bad_data", alert="accuracy_drop"),)),
        (accuracy(),),
    ),
    "a false alarm": (
        replace(LIVE, incidents=(drifted("false_alarm", alert="accuracy_drop"),)),
        (accuracy(),),
    ),
    "a false alarm that lasts, resolved": (
        replace(
            LIVE,
            incidents=(
                drifted("false_alarm", alert="accuracy_drop", state="resolved", days_ago=2),
            ),
        ),
        (accuracy(days_ago=4), accuracy(days_ago=1)),
    ),
    "one runs": (replace(LIVE, retrainings=(retrained("started", days_ago=0.5),)), (accuracy(),)),
    "one was six days ago": (
        replace(LIVE, retrainings=(retrained("started", "evaluated", days_ago=6),)),
        (accuracy(),),
    ),
    "drift, concluded as bad data": (replace(LIVE, incidents=(drifted("bad_data"),)), ()),
    "drift, resolved": (replace(LIVE, incidents=(drifted(state="resolved"),)), ()),
    "drift, concluded by nobody": (replace(LIVE, incidents=(drifted(None, state="open"),)), ()),
    "costs, concluded as a shift": (replace(LIVE, incidents=(drifted(alert="cost_spike"),)), ()),
    "drift, answered": (
        replace(
            LIVE,
            incidents=(drifted(days_ago=20),),
            retrainings=(retrained("started", "evaluated", days_ago=10),),
        ),
        (),
    ),
}


def test_a_gap_after_a_false_alarm_or_of_another_version_starts_one() -> None:
    over = drifted("false_alarm", alert="accuracy_drop", state="resolved", days_ago=3)
    gaps = (accuracy(days_ago=4), accuracy("pass", days_ago=3), accuracy(days_ago=1))
    assert due(replace(LIVE, incidents=(over,)), *gaps) is not None
    promoted = moved("2", days_ago=2.5, place=2)
    gaps = (accuracy(days_ago=4), accuracy(days_ago=2), accuracy(version="2"))
    assert due(Standing(moves=(*LIVE.moves, promoted), incidents=(over,)), *gaps) is not None


@pytest.mark.requirement("PB-16", "PB-33")
@pytest.mark.parametrize("case", NOT_DUE)
def test_nothing_else_starts_one(case: str) -> None:
    standing, verdicts = NOT_DUE[case]
    assert due(standing, *verdicts) is None


@pytest.mark.requirement("PB-16", "PB-33")
def test_nothing_learns_from_labels_that_look_wrong_and_mended_ones_are_learnt_from() -> None:
    wrong, mended = (
        accuracy(status, item="labels_plausible", days_ago=1) for status in ("fail", "pass")
    )
    gap, shifted = accuracy(days_ago=1), replace(LIVE, incidents=(drifted(days_ago=2),))
    assert due(LIVE, gap, wrong) is None
    assert due(shifted, wrong) is None, "whatever asks for it"
    before = accuracy("fail", item="labels_plausible", days_ago=2)
    assert due(LIVE, gap, before, mended) is not None
    stale = accuracy("fail", item="labels_plausible", days_ago=9)
    assert due(LIVE, gap, stale) is not None, "nobody has judged labels since"


def test_where_people_retrain_by_hand_nothing_starts_by_itself() -> None:
    by_hand = FEATURE.retraining.model_copy(update={"automated": False})
    feature = FEATURE.model_copy(update={"retraining": by_hand})
    assert due(LIVE, accuracy(), feature=feature) is None


def test_a_verdict_of_the_future_is_not_known_yet() -> None:
    assert due(LIVE, accuracy(days_ago=-1)) is None


@pytest.mark.requirement("FQ-06")
@pytest.mark.parametrize("days", [7, 30, 120])
def test_the_wait_between_two_is_a_week_or_months_as_the_file_declares(days: int) -> None:
    retraining = FEATURE.retraining.model_copy(update={"wait_days": days})
    patient = FEATURE.model_copy(update={"retraining": retraining})
    standing = Standing(moves=(moved("1", "launch", days_ago=200),))
    soon = replace(standing, retrainings=(retrained("evaluated", days_ago=days - 1),))
    assert due(soon, accuracy(), feature=patient) is None
    again = replace(standing, retrainings=(retrained("evaluated", days_ago=days),))
    assert due(again, accuracy(), feature=patient) is not None


@pytest.mark.requirement("PB-44")
def test_while_the_problem_lasts_the_next_one_is_tried_after_the_wait() -> None:
    ended = replace(LIVE, retrainings=(retrained("started", "failed", days_ago=7),))
    assert due(ended, accuracy()) is not None
    stalled = replace(LIVE, retrainings=(retrained("started", days_ago=8),))
    assert due(stalled, accuracy()) is not None, "one that was killed does not run for ever"


@pytest.mark.requirement("PB-14")
def test_drift_that_a_person_found_genuine_starts_one_until_one_was_evaluated() -> None:
    shifted = replace(LIVE, incidents=(drifted(days_ago=9),))
    trigger = due(shifted)
    assert trigger is not None
    assert (trigger.incident, trigger.key) == ("i-1", "i-1-2021-03-10")
    assert trigger.cause == "drift, a genuine shift since 2021-03-01: temp moved"
    failed = replace(shifted, retrainings=(retrained("started", "failed", days_ago=8),))
    assert due(failed) == trigger, "one that broke answered nothing"
    before = replace(shifted, retrainings=(retrained("started", "evaluated", days_ago=10),))
    assert due(before) == trigger, "one from before answered nothing either"


@pytest.mark.requirement("PB-10")
def test_nothing_is_retrained_by_itself_while_a_drift_is_concluded_by_nobody() -> None:
    asked = replace(LIVE, incidents=(drifted(None, state="open"),))
    assert due(asked, accuracy()) is None
    assert due(LIVE, accuracy()) is not None


@pytest.mark.requirement("PB-10", "PB-14", "PB-16")
@pytest.mark.parametrize("conclusion", ["genuine_shift", "false_alarm", "bad_data"])
def test_what_was_paused_begins_anew_without_a_wait_unless_the_data_was_bad(
    conclusion: Conclusion,
) -> None:
    paused = replace(retrained("started"), stages={"started": {}, "paused": {"incidents": ["i-1"]}})
    answered = replace(LIVE, incidents=(drifted(conclusion),), retrainings=(paused,))
    trigger = due(answered)
    if conclusion == "bad_data":
        assert trigger is None
    elif conclusion == "genuine_shift":
        assert trigger is not None
        assert trigger.incident == "i-1"
    else:
        assert trigger is not None
        assert trigger.cause == "accuracy; it was paused by i-1 (false_alarm)"
        begun = (*answered.retrainings, replace(retrained("started"), id="r-2"))
        assert due(replace(answered, retrainings=begun)) is None


@pytest.mark.requirement("PB-44")
def test_drift_that_lasts_is_answered_again_on_newer_data() -> None:
    lasting = replace(LIVE, incidents=(drifted(days_ago=60),))
    assert due(replace(lasting, retrainings=(retrained("evaluated", days_ago=27),))) is None
    assert due(replace(lasting, retrainings=(retrained("evaluated", days_ago=28),))) is not None


@pytest.mark.requirement("PB-33")
def test_a_gap_that_passed_by_is_answered_once() -> None:
    gap = replace(drifted(None, alert="accuracy_drop", state="open"), item="accuracy")
    over = replace(LIVE, incidents=(gap,))
    verdicts = (accuracy("fail", days_ago=3), accuracy("pass"))
    found = due(over, *verdicts)
    assert found is not None and found.incident == gap.id
    tried = replace(over, retrainings=(replace(retrained("evaluated"), at=gap.opened_at),))
    assert due(tried, *verdicts, now=NOW + timedelta(days=8)) is None
    assert due(replace(over, incidents=(replace(gap, version="0"),)), *verdicts) is None


def test_a_gap_in_accuracy_is_the_cause_that_is_told_before_drift() -> None:
    both = due(replace(LIVE, incidents=(drifted(days_ago=9),)), accuracy())
    assert both is not None and both.cause.startswith("accuracy")


# Promotions


def approval(version: str = "2", place: int = 5, *, approved: bool = True) -> Approval:
    return Approval(version, approved, "me", "hash", "", NOW, (place, 0))


def approved(*approvals: Approval, **more: Any) -> Standing:
    return replace(LIVE, approvals={one.version: one for one in approvals}, **more)


def refused(version: str = "2", place: int = 6, what: str = "promotion") -> Refusal:
    return Refusal(what, version, None, ("held",), NOW, (place, 0))


def free(_version: str) -> tuple[str, ...]:
    return ()


def blocked(_version: str) -> tuple[str, ...]:
    return ("held",)


def test_an_approved_version_is_promoted_at_the_first_attempt_whatever_is_in_the_way() -> None:
    assert due_promotion(approved(approval()), free, "1") == ("2", "promote-2-5")
    assert due_promotion(approved(approval()), blocked, "1") == ("2", "promote-2-5")


def test_after_a_refusal_it_waits_until_nothing_is_in_the_way() -> None:
    once = approved(approval(), refusals=(refused(),))
    assert due_promotion(once, blocked, "1") is None
    assert due_promotion(once, free, "1") == ("2", "promote-2-5-after-6")
    twice = approved(approval(), refusals=(refused(), refused(place=9)))
    assert due_promotion(twice, free, "1") == ("2", "promote-2-5-after-9")
    others = (refused("3"), refused(place=4), refused(what="decision"))
    assert due_promotion(approved(approval(), refusals=others), free, "1") == ("2", "promote-2-5")


def test_a_rejected_one_one_before_the_launch_and_one_that_was_promoted_are_not_due() -> None:
    assert due_promotion(approved(approval(approved=False)), free, "1") is None
    before = Standing(approvals={"2": approval()})
    assert due_promotion(before, free, None) is None
    done = approved(approval(), moves=(*LIVE.moves, moved("2", place=7)))
    assert due_promotion(done, free, "2") is None
    # After a rollback the approval that was used promotes nothing again.
    back = replace(done, moves=(*done.moves, moved("1", "rollback", place=8)))
    assert due_promotion(back, free, "1") is None
    again = replace(back, approvals={"2": approval(place=9)})
    assert due_promotion(again, free, "1") == ("2", "promote-2-9")


def test_a_move_whose_alias_was_left_behind_is_completed() -> None:
    move = replace(moved("2", place=7), previous="1")
    left = Standing(moves=(*LIVE.moves, move))
    assert due_promotion(left, blocked, "1") == ("2", "complete-2-7")
    assert due_promotion(left, blocked, "2") is None
    assert due_promotion(left, blocked, "3") is None, "moved by hand: a person must look"
    launch = Standing(moves=(moved("1", "launch"),))
    assert due_promotion(launch, blocked, None) == ("1", "complete-1-1")
