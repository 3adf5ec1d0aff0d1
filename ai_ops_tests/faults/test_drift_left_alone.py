"""Drift alerts that nobody concludes, by a replay's clock: raised after a week, and after two a
model that has under-performed; and those that were answered in time."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ai_ops.checklist.reading import read_checklist, window_at
from ai_ops.playbook.ageing import LEFT_ALONE, NEGLECTED
from ai_ops.playbook.answering import answer_alerts
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident
from ai_ops.vocabulary.verdicts import Finding, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Cadence
from ai_ops_tests.checklist.books import failing, judged
from ai_ops_tests.deciding import DEVOPS, FEATURE, SCIENTIST, decided, happened, root_in, standing

LAUNCH = datetime.fromisoformat("2021-03-01T09:00:00+00:00")
RAISED = Window.of_day("2021-03-04").end
"""An alert of 4 March, one of four days, is raised as that day ends."""
MARCH = Window.of_month("2021-03-01")
FEW_DAYS = ("2021-03-02", "2021-03-03", "2021-03-04", "2021-03-05", "2021-03-06", "2021-03-07")


def alerting(folder: Path) -> Root:
    """Drift on 4 to 6 March, well on the 7th; its incident was opened on the 5th."""
    root = root_in(folder, LAUNCH)
    happened(root, "launch", version="1", previous=None, metrics={}, by=DEVOPS)
    root.begin_replay(LAUNCH + timedelta(days=7))
    for day in FEW_DAYS:
        moved = [failing("temp moved")] if "2021-03-04" <= day <= "2021-03-06" else []
        judged(root, "input_drift", *moved, on=day)
        judged(root, "output_drift", on=day)
    look(root, 4)
    return root


def look(root: Root, days: float) -> Incident:
    """The playbook looks at the alerts so many days after the alert was raised."""
    at = max(RAISED + timedelta(days=days), root.clock.now())
    root.begin_replay(at)
    answer_alerts(root, FEATURE, at)
    (found,) = standing(root).incidents
    return found


def raised_by(incident: Incident) -> tuple[str, ...]:
    """The steps by which an incident that is left alone is raised."""
    return tuple(one for one in incident.step_names if one in (LEFT_ALONE, NEGLECTED))


def words_of(incident: Incident, step: str) -> str:
    """What the ledger says of a step."""
    return next(one.words for one in incident.taken if one.step == step)


def item(root: Root, name: str, cadence: Cadence, days: float) -> Verdict:
    """An item of a list so many days after the alert was raised."""
    at = RAISED + timedelta(days=days)
    window = MARCH if cadence == "monthly" else window_at(cadence, at)
    lines = read_checklist(root, FEATURE, cadence, window, at)
    return next(line.verdict for line in lines if line.item.id == name)


@pytest.mark.fault("drift_reviewed")
@pytest.mark.requirement("WK-01", "WK-02", "WK-03", "PB-03")
def test_an_alert_that_nobody_concludes_escalates_after_a_week_and_again_after_two(
    tmp_path: Path,
) -> None:
    root = alerting(tmp_path)
    before = look(root, 6.9)
    assert (before.severity, raised_by(before)) == ("warning", ())
    raised = look(root, 7.1)
    assert (raised.severity, raised_by(raised)) == ("critical", ("left_alone",))
    assert f"{SCIENTIST} is accountable" in words_of(raised, LEFT_ALONE)
    assert raised_by(look(root, 13.9)) == ("left_alone",), "it is raised once"
    weekly = item(root, "drift_reviewed", "weekly", 13.9)
    assert weekly.status == "fail" and {one.kind for one in weekly.findings} >= {"drift"}
    assert "accuracy" not in {one.kind for one in weekly.findings}
    neglected = look(root, 14.1)
    assert raised_by(neglected) == ("left_alone", "neglected")
    assert "has counted as under-performing since 2021-03-05" in words_of(neglected, NEGLECTED)
    assert raised_by(look(root, 20)) == raised_by(neglected)


@pytest.mark.fault("drift_reviewed", "retraining_verified", "accuracy_on_held_out")
@pytest.mark.requirement("WK-03")
def test_after_two_weeks_it_counts_against_the_model_for_as_long_on_every_list(
    tmp_path: Path,
) -> None:
    root = alerting(tmp_path)
    look(root, 20)
    monthly = {"held_out", "held_out_accuracy", "evaluation_set_sufficient"}
    for check in sorted(monthly):
        judged(root, check, on="2021-03-01", window=MARCH, at=RAISED + timedelta(days=19))
    lists: list[tuple[str, Cadence]] = [
        ("drift_reviewed", "weekly"),
        ("retraining_verified", "weekly"),
        ("accuracy_on_held_out", "monthly"),
    ]
    for name, cadence in lists:
        verdict = item(root, name, cadence, 20)
        assert verdict.status == "fail", name
        assert "has counted as under-performing since 2021-03-05" in verdict.reason, name
        (counted,) = [one for one in verdict.findings if one.kind == "accuracy"]
        assert counted.begin == RAISED and counted.size == pytest.approx(20)
        assert "(critical)" in counted.reason and SCIENTIST in counted.reason


@pytest.mark.fault("drift_reviewed")
@pytest.mark.requirement("WK-02", "WK-03")
def test_neither_to_judge_the_day_again_nor_to_say_that_one_looks_makes_it_young(
    tmp_path: Path,
) -> None:
    root = alerting(tmp_path)
    look(root, 10)
    judged(root, "input_drift", failing("temp moved"), on="2021-03-04", at=root.clock.now())
    decided(root, "incident_acknowledged", SCIENTIST, incident="drift-2021-03-04")
    incident = look(root, 15)
    assert incident.acknowledged_by == SCIENTIST
    assert raised_by(incident) == ("left_alone", "neglected")
    verdict = item(root, "drift_reviewed", "weekly", 15)
    assert verdict.observed["neglected"] == 1


@pytest.mark.fault("drift_reviewed")
@pytest.mark.requirement("WK-03")
def test_a_conclusion_that_nobody_signed_ends_nothing(tmp_path: Path) -> None:
    root = alerting(tmp_path)
    said = {"conclusion": "false_alarm", "by": SCIENTIST, "note": "", "token": "AAAA.BBBB"}
    happened(root, "incident_concluded", incident="drift-2021-03-04", **said)
    look(root, 20)
    assert item(root, "drift_reviewed", "weekly", 20).observed["neglected"] == 1


@pytest.mark.requirement("WK-01", "WK-02", "WK-03")
@pytest.mark.parametrize("answer", ["concluded", "reviewed"])
def test_an_alert_that_a_person_answered_in_time_is_green(tmp_path: Path, answer: str) -> None:
    root = alerting(tmp_path)
    look(root, 6)
    if answer == "concluded":
        said = {"conclusion": "false_alarm", "note": "a storm"}
        decided(root, "incident_concluded", SCIENTIST, incident="drift-2021-03-04", **said)
    else:
        own = {"item": "input_drift", "domain": "drift_monitoring", "begin": "2021-03-04"}
        decided(root, "review", SCIENTIST, **own, note="a storm")
    incident = look(root, 20)
    assert (incident.severity, raised_by(incident)) == ("warning", ())
    verdict = item(root, "drift_reviewed", "weekly", 20)
    assert verdict.observed["overdue"] == verdict.observed["neglected"] == 0
    kinds = {one.kind for one in verdict.findings}
    assert kinds == {"drift", "volume"}, "the week's own days are unjudged, of the feed too"
    for name, cadence in (("retraining_verified", "weekly"), ("accuracy_on_held_out", "monthly")):
        verdict = item(root, name, cadence, 20)  # type: ignore[arg-type]
        assert "under-performing" not in verdict.reason


@pytest.mark.fault("drift_reviewed")
@pytest.mark.requirement("WK-01", "WK-02", "WK-03")
def test_a_column_that_moves_after_somebody_looked_is_not_answered_by_that(tmp_path: Path) -> None:
    """One column drifts and is concluded; another one begins while the first one lasts."""
    root = root_in(tmp_path, LAUNCH)
    happened(root, "launch", version="1", previous=None, metrics={}, by=DEVOPS)
    root.begin_replay(RAISED + timedelta(hours=9))
    first, both = (by_columns("temp"), by_columns("temp", "wind"))
    for day in ("2021-03-02", "2021-03-03", "2021-03-04"):
        judged(root, "input_drift", *([first] if day == "2021-03-04" else []), on=day)
        judged(root, "output_drift", on=day)
    answer_alerts(root, FEATURE, root.clock.now())
    said = {"conclusion": "genuine_shift", "note": "winter is over"}
    decided(root, "incident_concluded", SCIENTIST, incident="drift-2021-03-04", **said)
    root.begin_replay(RAISED + timedelta(days=10))
    for day, verdict in (("2021-03-05", first), ("2021-03-06", both), ("2021-03-07", both)):
        judged(root, "input_drift", verdict, on=day)
        judged(root, "output_drift", on=day)
    answer_alerts(root, FEATURE, root.clock.now())
    answered, asked = standing(root).incidents
    assert (answered.state, asked.state) == ("concluded", "open")
    assert (asked.id, asked.columns) == ("drift-2021-03-06", ("wind",))
    verdict = item(root, "drift_reviewed", "weekly", 10)
    overdue = [one for one in verdict.findings if "without a review" in one.reason]
    assert verdict.status == "fail" and [one.columns for one in overdue] == [("wind",)]
    assert "input_drift alerts since 2021-03-06 by wind" in overdue[0].reason
    review = {"item": "input_drift", "domain": "drift_monitoring", "begin": "2021-03-06"}
    decided(root, "review", SCIENTIST, **review, note="a storm")
    assert item(root, "drift_reviewed", "weekly", 10).observed["overdue"] == 0


@pytest.mark.fault("drift_reviewed")
@pytest.mark.requirement("WK-01", "WK-03")
def test_what_is_there_again_ages_from_then_on(tmp_path: Path) -> None:
    root = alerting(tmp_path)
    said = {"conclusion": "false_alarm", "note": "a storm"}
    decided(root, "incident_concluded", SCIENTIST, incident="drift-2021-03-04", **said)
    root.begin_replay(RAISED + timedelta(days=6))
    judged(root, "input_drift", failing("temp moved"), on="2021-03-09")
    again = look(root, 6)
    assert (again.state, again.begin) == ("open", "2021-03-04")
    assert raised_by(look(root, 12.9)) == ()
    assert raised_by(look(root, 13.1)) == ("left_alone",)


def by_columns(*columns: str) -> Verdict:
    """A verdict of drift by these columns, each in a finding of its own."""
    found = [Finding("drift", "fail", f"{one} moved", columns=(one,)) for one in columns]
    return Verdict.failing(f"moved: {', '.join(columns)}", *found, sample_size=9)
