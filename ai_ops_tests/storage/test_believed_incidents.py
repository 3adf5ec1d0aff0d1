"""Rows about incidents that nobody signed, or that say what is not so, open no way."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ai_ops.checklist.believed import believed_standing
from ai_ops.playbook.answering import answer_alerts
from ai_ops.storage.bad_data import bad_windows
from ai_ops.storage.believed import believed
from ai_ops.storage.retrainings import AUTOMATED, pause_if_due, start_retraining
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import RetrainingRefused
from ai_ops_tests.deciding import FEATURE, SCIENTIST, decided, happened, launched, root_in, standing
from ai_ops_tests.playbook.test_grouping import BOTH, DEST, moved
from ai_ops_tests.playbook.test_incidents import FINE, day, judged_at, on

ID = f"drift-{day(1)}"
FORGED = {"conclusion": "false_alarm", "by": SCIENTIST, "note": "", "token": "AAAA.BBBB"}
JOINED: dict[str, Any] = {"alert": "drift", "item": "input_drift", "reason": "", "by": "ai_ops"}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A drift of one column, with its incident, while an automated retraining runs."""
    made = root_in(tmp_path)
    launched(made)
    start_retraining(made, FEATURE, cause="accuracy", requested_by=AUTOMATED, run_id="run-1")
    made.begin_replay(judged_at(1))
    made.ledger.record_verdicts([on(0, FINE), on(1, DEST)], clock=made.clock)
    answer_alerts(made, FEATURE, made.clock.now())
    return made


def later(root: Root, n: int) -> None:
    root.begin_replay(judged_at(n))


def concluded(root: Root, conclusion: str = "false_alarm") -> None:
    said = {"incident": ID, "conclusion": conclusion, "note": "looked at the rows"}
    decided(root, "incident_concluded", SCIENTIST, **said)


@pytest.mark.requirement("PB-10")
def test_a_conclusion_that_nobody_signed_lifts_no_pause_of_retraining(root: Root) -> None:
    happened(root, "incident_concluded", incident=ID, **FORGED)
    with pytest.raises(RetrainingRefused, match=f"incident {ID}"):
        pause_if_due(root, FEATURE, "run-1")
    with pytest.raises(RetrainingRefused, match=f"incident {ID}"):
        start_retraining(root, FEATURE, cause="drift", requested_by=AUTOMATED, run_id="run-2")
    concluded(root)
    start_retraining(root, FEATURE, cause="drift", requested_by=AUTOMATED, run_id="run-2")


@pytest.mark.requirement("PB-10")
def test_a_release_that_nobody_signed_ends_no_hold(root: Root) -> None:
    decided(root, "hold", SCIENTIST, reason="wait")
    happened(root, "release", by=SCIENTIST, reason="", token="AAAA.BBBB")
    assert standing(root).holds == ()
    with pytest.raises(RetrainingRefused, match="held by"):
        start_retraining(root, FEATURE, cause="x", requested_by=SCIENTIST, run_id="run-3")


def test_neither_a_forged_conclusion_nor_a_forged_joining_answers_an_alert(root: Root) -> None:
    concluded(root)
    later(root, 2)
    happened(root, "incident_joined", incident=ID, begin=day(2), columns=["dewp"], **JOINED)
    assert [one.about for one in believed(root, FEATURE)[1]] == [ID], "nothing waits any more"
    root.ledger.record_verdicts([on(2, BOTH)], clock=root.clock)
    kinds = [one.kind for one in answer_alerts(root, FEATURE, root.clock.now())]
    assert kinds[:2] == ["incident_reopened", "incident_joined"]
    assert not [one for one in believed(root, FEATURE)[1] if one.kind == "incident_reopened"]
    root.ledger.verify()


@pytest.mark.requirement("WK-03")
def test_on_a_list_no_row_that_nobody_signed_joins_or_ends_what_it_may_not(root: Root) -> None:
    happened(root, "incident_resolved", incident=ID, by="ai_ops", note="well")
    happened(root, "incident_resolved", incident=ID, by=SCIENTIST, note="well")
    now = root.clock.now()
    known, void = believed_standing(root, FEATURE, now)
    assert [one.state for one in known.incidents] == ["open"]
    assert [one.kind for one in void] == ["incident_resolved"]
    concluded(root)
    later(root, 2)
    happened(root, "incident_joined", incident=ID, begin=day(2), columns=["dewp"], **JOINED)
    (one,) = believed_standing(root, FEATURE, root.clock.now())[0].incidents
    assert (one.state, one.joined) == ("concluded", ())
    decided(root, "incident_resolved", SCIENTIST, incident=ID, note="well")
    (one,) = believed_standing(root, FEATURE, root.clock.now())[0].incidents
    assert one.state == "resolved"


@pytest.mark.requirement("PB-05")
def test_a_signed_conclusion_is_about_one_incident_whoever_opens_another_of_its_name(
    root: Root,
) -> None:
    twin = {"alert": "accuracy_drop", "item": "accuracy", "begin": day(1), "reason": "worse"}
    happened(root, "incident_opened", incident=ID, version="1", severity="warning", **twin)
    concluded(root)
    (one,) = believed(root, FEATURE)[0].incidents
    assert (one.alerts, one.state) == (("drift",), "concluded")


@pytest.mark.requirement("PB-05")
def test_what_one_owner_concludes_answers_no_alert_of_another_s(root: Root) -> None:
    spike = {"alert": "cost_spike", "item": "cost_trend", "reason": "", "columns": []}
    happened(root, "incident_joined", incident=ID, begin=day(1), by="ai_ops", **spike)
    feed: dict[str, Any] = {**JOINED, "item": "volume_steady", "begin": day(1), "columns": []}
    happened(root, "incident_joined", incident=ID, **feed)
    real, void = believed(root, FEATURE)
    (listed,) = believed_standing(root, FEATURE, root.clock.now())[0].incidents
    assert [one.alerts for one in (*real.incidents, listed)] == [("drift",)] * 2
    assert [one.item for one in listed.joined] == ["volume_steady"]
    assert [one.kind for one in void] == ["incident_joined"]
    crash = {"alert": "pipeline_failure", "reason": "", "version": "1", "severity": "critical"}
    for id, item in (("silent", "writers_alive"), ("broken", "retraining")):
        happened(root, "incident_opened", incident=id, item=item, begin=day(1), **crash)
        happened(root, "incident_joined", incident=id, **feed)
    assert [len(one.joined) for one in believed(root, FEATURE)[0].incidents] == [1, 1, 0]


def test_a_resolution_of_one_column_holds_and_is_told_once(root: Root) -> None:
    concluded(root, "bad_data")
    later(root, 2)
    verdicts = [on(2, BOTH), on(2, FINE, "output_drift")]
    root.ledger.record_verdicts(verdicts, clock=root.clock)
    answer_alerts(root, FEATURE, root.clock.now())
    later(root, 3)
    verdicts = [on(3, moved("dewp")), on(3, FINE, "output_drift")]
    root.ledger.record_verdicts(verdicts, clock=root.clock)
    (event, *_) = answer_alerts(root, FEATURE, root.clock.now())
    assert (event.kind, event.payload["incident"]) == ("incident_resolved", ID)
    real, void = believed(root, FEATURE)
    assert void == () and [one.state for one in real.incidents] == ["resolved", "open"]
    assert answer_alerts(root, FEATURE, root.clock.now()) == []


@pytest.mark.requirement("PB-13")
def test_bad_days_stay_bad_when_their_incident_is_there_again(root: Root) -> None:
    concluded(root, "bad_data")
    later(root, 2)
    verdicts = [on(2, FINE), on(2, FINE, "output_drift")]
    root.ledger.record_verdicts(verdicts, clock=root.clock)
    answer_alerts(root, FEATURE, root.clock.now())
    assert standing(root).open_incidents == ()
    before = bad_windows(FEATURE, standing(root), root.clock.now())
    later(root, 4)
    root.ledger.record_verdicts([on(3, FINE), on(4, DEST)], clock=root.clock)
    answer_alerts(root, FEATURE, root.clock.now())
    (one,) = standing(root).incidents
    assert (one.state, len(one.reopened), one.forbids_promotion) == ("open", 1, True)
    assert bad_windows(FEATURE, standing(root), root.clock.now() + timedelta(days=9)) == before
    concluded(root, "genuine_shift")
    assert bad_windows(FEATURE, standing(root), root.clock.now() + timedelta(days=9)) == before
