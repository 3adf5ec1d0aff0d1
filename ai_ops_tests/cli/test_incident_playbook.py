"""``ai-ops incidents show`` and ``answer``: what was done, what is asked until when, the answer."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from ai_ops.playbook.answering import take_steps
from ai_ops.storage.identities import Identities
from ai_ops_tests.cli.deciding_world import (
    BACKEND,
    DEVOPS,
    FEATURE,
    NOW,
    SCIENTIST,
    World,
    replay,
)

NAME = FEATURE.name
ID = "drift-2021-03-04"


@pytest.fixture
def ai_ops(tmp_path: Path) -> World:
    """A replay with one incident of drift, whose first steps were taken."""
    world = replay(tmp_path, versions=0)
    keys = Identities(tmp_path / "identities")
    for person in (BACKEND, SCIENTIST, DEVOPS):
        keys.create(person)
    about = {"item": "input_drift", "begin": "2021-03-04", "version": "1", "severity": "warning"}
    world.happened("incident_opened", incident=ID, alert="drift", reason="temp moved", **about)
    step(world)
    return world


def step(world: World) -> None:
    take_steps(world.root, FEATURE, world.root.clock.now())


def concluded(world: World, conclusion: str) -> None:
    said = ("--as", conclusion, "--note", "looked", "--by", SCIENTIST)
    assert world("incidents", "conclude", NAME, ID, *said).code == 0
    step(world)


def test_what_is_asked_is_shown_with_its_deadline_and_command_and_then_as_overdue(
    ai_ops: World,
) -> None:
    told = ai_ops("incidents", "show", NAME, ID).out
    due = NOW + timedelta(days=FEATURE.drift.review_within_days)
    assert f"what_is_it: ASKED of drift_monitoring until {due:%Y-%m-%d %H:%M}\n" in told
    assert f"ai-ops incidents conclude {NAME} {ID} --as bad_data|genuine_shift" in told
    assert "sample_pulled: FAILED" in told and "retraining_paused: done" in told
    assert "released: waits" in told
    assert "drift_monitoring is asked: look at the sample" in ai_ops("incidents", "list", NAME).out
    ai_ops.advance(due + timedelta(days=3))
    assert "3 days OVERDUE" in ai_ops("incidents", "show", NAME, ID).out


@pytest.mark.requirement("PB-16")
def test_a_question_is_answered_by_its_owner_in_one_of_its_words(ai_ops: World) -> None:
    concluded(ai_ops, "bad_data")
    answer = ("incidents", "answer", NAME, ID, "feed_mended")
    missing = ai_ops(*answer, "--by", BACKEND)
    assert missing.code == 2 and "--as: missing" in missing.err
    wrong = ai_ops(*answer, "--as", "maybe", "--by", BACKEND)
    assert wrong.code == 1 and "one of yes, no, not maybe" in wrong.err
    stranger = ai_ops(*answer, "--as", "yes", "--by", SCIENTIST)
    assert stranger.code == 1 and "may not decide" in stranger.err
    unasked = ai_ops("incidents", "answer", NAME, ID, "lunch", "--as", "yes", "--by", BACKEND)
    assert unasked.code == 1 and "nobody was asked lunch" in unasked.err
    said = ai_ops(*answer, "--as", "yes", "--note", "°F again", "--by", BACKEND)
    assert said.code == 0 and f"incident_answered of {NAME} by {BACKEND}" in said.out
    again = ai_ops(*answer, "--as", "no", "--by", BACKEND)
    assert again.code == 1 and "answered feed_mended already" in again.err
    assert f"feed_mended: {BACKEND} answered yes" in ai_ops("incidents", "show", NAME, ID).out


def test_what_a_conclusion_answers_is_answered_by_no_other_command(ai_ops: World) -> None:
    answer = ("incidents", "answer", NAME, ID, "what_is_it", "--as", "bad_data")
    refused = ai_ops(*answer, "--by", SCIENTIST)
    assert refused.code == 1 and "a command of its own: ai-ops incidents conclude" in refused.err
    assert ai_ops.standing.open_incidents[0].conclusion is None


def test_an_answer_that_was_signed_elsewhere_is_taken(ai_ops: World) -> None:
    concluded(ai_ops, "bad_data")
    said = ("--set", f"incident={ID}", "--set", "question=feed_mended", "--set", "answer=yes")
    token = ai_ops("sign", NAME, "incident_answered", *said, "--by", BACKEND).out.strip()
    answer = ("incidents", "answer", NAME, ID, "feed_mended", "--as", "yes")
    assert ai_ops(*answer, "--token", token).code == 0
    assert ai_ops.standing.open_incidents[0].pending == ()


def test_as_json_an_incident_has_its_playbook_s_steps_with_their_state(ai_ops: World) -> None:
    concluded(ai_ops, "genuine_shift")
    shown = json.loads(ai_ops("incidents", "show", NAME, ID, "--json").out)
    states = {one["step"]: one["state"] for one in shown["playbook"]}
    assert states["what_is_it"] == "answered" and states["feed_mended"] == "waiting"
    assert states["retraining_paused"] == "done"
    (asked,) = [one for one in shown["playbook"] if one["step"] == "what_is_it"]
    assert (asked["answer"], asked["by"]) == ("genuine_shift", SCIENTIST)
