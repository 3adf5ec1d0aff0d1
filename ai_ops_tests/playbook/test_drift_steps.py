"""What is done at once when drift becomes an incident, and what a person's conclusion does then."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.playbook.answering import answer_alerts
from ai_ops.storage.retrainings import AUTOMATED, pause_if_due, running, start_retraining
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident
from ai_ops.vocabulary.errors import RetrainingRefused
from ai_ops.vocabulary.verdicts import Evidence, Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import DriftCause
from ai_ops_tests.deciding import FEATURE, SCIENTIST, decided, launched, root_in, standing
from ai_ops_tests.playbook.test_incidents import day, judged_at, on

SAMPLE = Evidence(f"{FEATURE.name}/drift_report/rows/{day(2)}.parquet", "ab" * 32)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    made = root_in(tmp_path)
    launched(made)
    made.begin_replay(judged_at(2))
    return made


def drift(cause: DriftCause | None = "bad_data", *evidence: Evidence) -> RecordedVerdict:
    begin = Window.of_day(day(1)).start
    finding = Finding("drift", "fail", "temp moved", columns=("temp",), begin=begin, cause=cause)
    verdict = Verdict.failing("temp moved", finding, sample_size=900, evidence=evidence)
    return on(2, verdict)


def opened(root: Root, verdict: RecordedVerdict) -> Incident:
    root.ledger.record_verdicts([verdict], clock=root.clock)
    answer_alerts(root, FEATURE, root.clock.now())
    (found,) = standing(root).incidents
    return found


@pytest.mark.requirement("PB-11", "PB-13")
def test_an_incident_of_drift_names_the_sample_and_the_cause_as_its_first_step(root: Root) -> None:
    found = opened(root, drift("bad_data", Evidence("a/report.parquet", "0"), SAMPLE))
    assert (found.cause, found.since) == ("bad_data", day(1))
    assert (found.sample, found.sample_digest) == (SAMPLE.source, SAMPLE.digest)
    assert found.step_names == ("retraining_paused", "sample_pulled", "cause_told")
    assert f"ai-ops drift rows {FEATURE.name} {day(2)}" in found.steps[1]
    (asked,) = found.pending
    assert (asked.step, asked.domain) == ("what_is_it", "drift_monitoring")
    assert asked.due_at - asked.asked_at == timedelta(days=FEATURE.drift.review_within_days)
    assert asked.command.startswith(f"ai-ops incidents conclude {FEATURE.name} {found.id} --as ")
    assert found.conclusion is None, "what the signs say concludes nothing"
    answer_alerts(root, FEATURE, root.clock.now())
    assert standing(root).incidents == (found,)
    root.ledger.verify()


def test_a_sample_that_is_missing_is_a_step_that_failed_and_the_cause_is_told(root: Root) -> None:
    found = opened(root, drift("genuine_shift"))
    assert [one.state for one in found.taken] == ["done", "failed", "done"]
    assert found.steps[1].endswith(f"materialise drift_report of {day(2)} again")
    assert found.steps[2] == "the signs say: genuine shift"


def test_where_no_sign_speaks_for_a_cause_that_is_said(root: Root) -> None:
    found = opened(root, drift(None, SAMPLE))
    assert found.steps[2] == "no sign speaks for a cause: look at the rows"
    assert found.cause is None and found.since == day(1)


@pytest.mark.requirement("PB-10")
def test_an_automated_retraining_that_runs_is_paused_and_one_that_a_person_asked_for_goes_on(
    root: Root,
) -> None:
    start_retraining(root, FEATURE, cause="accuracy", requested_by=AUTOMATED, run_id="run-1")
    asked = start_retraining(root, FEATURE, cause="by hand", requested_by=SCIENTIST, run_id="run-2")
    pause_if_due(root, FEATURE, "run-1")
    start = standing(root).retrainings[0]
    found = opened(root, drift("undecided", SAMPLE))
    assert "no automated retraining runs" in found.steps[0], "the one that runs is a person's"
    with pytest.raises(RetrainingRefused, match=f"incident {found.id} .drift. is concluded by"):
        pause_if_due(root, FEATURE, "run-1")
    with pytest.raises(RetrainingRefused):
        pause_if_due(root, FEATURE, "run-1")
    pause_if_due(root, FEATURE, "run-2")
    paused = standing(root).retrainings[0]
    assert (paused.id, list(paused.stages)) == (start.id, ["started", "paused"])
    assert paused.stages["paused"]["incidents"] == [found.id]
    going = running(standing(root), root.clock.now())
    assert going is not None and going.id == asked
    with pytest.raises(RetrainingRefused):
        start_retraining(root, FEATURE, cause="accuracy", requested_by=AUTOMATED, run_id="run-3")
    said = {"incident": found.id, "conclusion": "genuine_shift", "note": "looked at the rows"}
    decided(root, "incident_concluded", SCIENTIST, **said)
    start_retraining(root, FEATURE, cause="drift", requested_by=AUTOMATED, run_id="run-3")


@pytest.mark.requirement("PB-10")
def test_the_incident_says_that_it_paused_the_retraining(root: Root) -> None:
    id = start_retraining(root, FEATURE, cause="accuracy", requested_by=AUTOMATED, run_id="run-1")
    found = opened(root, drift("bad_data", SAMPLE))
    assert f"retraining {id} is paused" in found.steps[0]


class Unreachable:
    """A Dagster that cannot be asked at first, and then tells what it cancelled."""

    def __init__(self) -> None:
        self.cancelled = 0

    def cancel_retrainings(self, feature: AiFeatureSpec) -> tuple[str, ...]:
        self.cancelled += 1
        raise ConnectionError("nobody answers")

    def log_of(self, run_id: str) -> tuple[str, ...]:
        return ()


@pytest.mark.requirement("PB-10", "PB-14")
def test_a_pause_that_failed_cancels_nothing_once_a_person_concluded_what_it_is(
    root: Root,
) -> None:
    root.ledger.record_verdicts([drift("genuine_shift", SAMPLE)], clock=root.clock)
    acts = Unreachable()
    answer_alerts(root, FEATURE, root.clock.now(), acts)
    (found,) = standing(root).incidents
    assert (found.taken[0].state, acts.cancelled) == ("failed", 1)
    said = {"incident": found.id, "conclusion": "genuine_shift", "note": "a new season"}
    decided(root, "incident_concluded", SCIENTIST, **said)
    root.begin_replay(judged_at(3))
    answer_alerts(root, FEATURE, root.clock.now(), acts)
    (found,) = standing(root).incidents
    paused = [one.state for one in found.taken if one.step == "retraining_paused"]
    assert (paused, acts.cancelled) == (["failed", "not_needed"], 1)


@pytest.mark.requirement("PB-12")
def test_a_person_looks_at_it_and_concludes_and_both_stand_in_the_ledger(root: Root) -> None:
    found = opened(root, drift("bad_data", SAMPLE))
    decided(root, "incident_acknowledged", SCIENTIST, incident=found.id)
    said = {"incident": found.id, "conclusion": "bad_data", "note": "the sensor sends °C"}
    decided(root, "incident_concluded", SCIENTIST, **said)
    (now,) = standing(root).incidents
    assert (now.acknowledged_by, now.concluded_by) == (SCIENTIST, SCIENTIST)
    assert (now.conclusion, now.note) == ("bad_data", "the sensor sends °C")
    assert replace(now, steps=()).sample == SAMPLE.source
    root.ledger.verify()
