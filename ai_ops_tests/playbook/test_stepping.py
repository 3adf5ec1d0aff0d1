"""The engine: steps are taken once, in order, again where they failed, whoever dies meanwhile."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.playbook.answering import take_steps
from ai_ops.playbook.asking import hours
from ai_ops.playbook.stepping import TRIES
from ai_ops.playbook.steps import WHAT_IS_IT, Outcome, Playbook, Question, Scene, Step
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident
from ai_ops.vocabulary.errors import DecisionRefused, MissingEvidence
from ai_ops_tests.deciding import (
    BACKEND,
    FEATURE,
    NOW,
    SCIENTIST,
    decided,
    happened,
    incident,
    launched,
    root_in,
    standing,
)

ID = "drift-2021-03-30"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return open_incident(tmp_path)


def open_incident(folder: Path) -> Root:
    made = root_in(folder)
    launched(made)
    assert incident(made) == ID
    return made


def done(words: str) -> Outcome:
    return Outcome(words)


def book(*steps: Step) -> Playbook:
    return Playbook("drift", "", "", "warning", "drift_monitoring", steps)


def step(name: str, *after: str, does: object = None, asks: Question | None = None) -> Step:
    executable = None if asks else (does or (lambda _: Outcome(f"{name} done")))
    return Step(name, name, (), does=executable, asks=asks, after=after)  # type: ignore[arg-type]


def take(root: Root, playbook: Playbook) -> Incident:
    take_steps(root, FEATURE, root.clock.now(), playbooks={"drift": playbook})
    return here(root)


def here(root: Root) -> Incident:
    found = standing(root).incident(ID)
    assert found is not None
    return found


def pass_days(root: Root, days: float = 1) -> None:
    root.begin_replay(root.clock.now() + timedelta(days=days))


MENDED = Question(
    "is {incident} mended?",
    "incidents answer {feature} {incident} mended --as yes|no",
    hours(48),
    domain="prediction_logging",
    answers=("yes", "no"),
    again=("no",),
)


@pytest.mark.requirement("PB-05")
def test_steps_are_taken_once_and_those_that_wait_for_others_with_the_same_look(root: Root) -> None:
    playbook = book(step("first"), step("second", "first"), step("third", "second"))
    found = take(root, playbook)
    assert found.step_names == ("first", "second", "third")
    head = root.ledger.head()
    assert take(root, playbook) == found and root.ledger.head() == head
    assert {one.by for one in found.taken} == {"ai_ops"}


def test_a_step_that_waits_is_taken_when_what_it_waits_for_is_there(root: Root) -> None:
    known: list[str] = []
    playbook = book(step("waits", does=lambda _: done("seen") if known else None), step("other"))
    assert take(root, playbook).step_names == ("other",)
    known.append("x")
    assert take(root, playbook).step_names == ("other", "waits")


def test_a_step_that_breaks_has_failed_in_words_and_is_tried_again_on_the_next_days(
    root: Root,
) -> None:
    def breaks(_: Scene) -> Outcome:
        raise MissingEvidence("no labels, password=abc")

    playbook = book(step("breaks", does=breaks), step("next", "breaks"))
    found = take(root, playbook)
    assert [one.state for one in found.taken] == ["failed", "done"], "the others are taken"
    assert found.steps[0] == "MissingEvidence: no labels, password=…", "and no secret is kept"
    assert take(root, playbook) == found, "not on the same day"
    for _ in range(2 * TRIES):
        pass_days(root)
        found = take(root, playbook)
    assert len([one for one in found.taken if one.step == "breaks"]) == TRIES
    mended = book(step("breaks"))
    assert take(root, mended) == found, "tried often enough, it is a person's"


def test_a_step_that_failed_and_then_goes_well_is_done(root: Root) -> None:
    outcomes = [Outcome("no", "failed"), Outcome("yes")]
    playbook = book(step("tries", does=lambda _: outcomes.pop(0)))
    take(root, playbook)
    pass_days(root)
    assert [one.state for one in take(root, playbook).taken] == ["failed", "done"]
    pass_days(root)
    assert len(take(root, playbook).taken) == 2


@pytest.mark.requirement("OW-12", "PB-05")
def test_a_question_waits_with_its_deadline_and_command_until_its_owner_answers(root: Root) -> None:
    playbook = book(step("mended", asks=MENDED), step("goes_on", "mended"))
    (asked,) = take(root, playbook).pending
    assert (asked.words, asked.domain) == (f"is {ID} mended?", "prediction_logging")
    assert asked.due_at == NOW + timedelta(hours=48)
    assert asked.command == f"ai-ops incidents answer {FEATURE.name} {ID} mended --as yes|no"
    assert take(root, playbook).questions == (asked,), "it is asked once"
    said = {"incident": ID, "question": "mended", "note": "looked"}
    with pytest.raises(DecisionRefused, match="may not decide"):
        decided(root, "incident_answered", SCIENTIST, **said, answer="yes")
    with pytest.raises(DecisionRefused, match="one of yes, no, not perhaps"):
        decided(root, "incident_answered", BACKEND, **said, answer="perhaps")
    with pytest.raises(DecisionRefused, match="nobody was asked other"):
        decided(root, "incident_answered", BACKEND, **said | {"question": "other"}, answer="yes")
    decided(root, "incident_answered", BACKEND, **said, answer="yes")
    found = take(root, playbook)
    assert found.pending == () and found.step_names == ("goes_on",)
    (answered,) = found.questions
    assert (answered.answer, answered.answered_by, answered.note) == ("yes", BACKEND, "looked")
    with pytest.raises(DecisionRefused, match=f"{BACKEND} answered mended already"):
        decided(root, "incident_answered", BACKEND, **said, answer="no")
    root.ledger.verify()


def test_what_is_not_mended_yet_is_asked_again_on_the_next_day(root: Root) -> None:
    playbook = book(step("mended", asks=MENDED), step("goes_on", "mended"))
    take(root, playbook)
    said = {"incident": ID, "question": "mended", "note": ""}
    decided(root, "incident_answered", BACKEND, **said, answer="no")
    assert take(root, playbook).pending == ()
    pass_days(root)
    found = take(root, playbook)
    assert len(found.questions) == 2 and len(found.pending) == 1 and found.step_names == ()
    decided(root, "incident_answered", BACKEND, **said, answer="yes")
    assert take(root, playbook).step_names == ("goes_on",)


def test_what_a_command_of_its_own_decides_answers_the_question(root: Root) -> None:
    seen: list[Outcome] = []
    asks = Question("may it?", "approve", hours(1), seen=lambda _: seen[0] if seen else None)
    playbook = book(step("asked", asks=asks))
    (asked,) = take(root, playbook).pending
    content = {"incident": ID, "question": "asked", "answer": "yes", "note": ""}
    with pytest.raises(DecisionRefused, match="answered by a command of its own: ai-ops approve"):
        decided(root, "incident_answered", SCIENTIST, **content)
    seen.append(Outcome("yes it may", said={"answer": "approved", "answered_by": SCIENTIST}))
    found = take(root, playbook)
    assert found.pending == () and found.taken[0].words == "yes it may"
    assert (found.questions[0].answer, found.questions[0].answered_by) == ("approved", SCIENTIST)
    assert asked.due_at == found.questions[0].due_at


def test_an_incident_that_is_opened_again_is_answered_from_the_beginning(root: Root) -> None:
    playbook = book(step("looks"), step("mended", asks=MENDED))
    take(root, playbook)
    said = {"incident": ID, "question": "mended", "note": ""}
    decided(root, "incident_answered", BACKEND, **said, answer="yes")
    pass_days(root, 3)
    happened(root, "incident_resolved", incident=ID, by="ai_ops", note="")
    pass_days(root, 1)
    happened(root, "incident_reopened", incident=ID, reason="it is back", by="ai_ops")
    found = take(root, playbook)
    assert found.step_names == ("looks", "looks") and len(found.pending) == 1


def test_what_nobody_answered_before_the_incident_ended_waits_for_nobody(root: Root) -> None:
    playbook = book(step("mended", asks=MENDED), step("waits", does=lambda _: None))
    take(root, playbook)
    happened(root, "incident_resolved", incident=ID, by="ai_ops", note="")
    assert take(root, playbook).pending, "nobody had concluded it: that row ends nothing"
    decided(root, "incident_concluded", SCIENTIST, incident=ID, conclusion="other", note="")
    happened(root, "incident_resolved", incident=ID, by="ai_ops", note="")
    found = take(root, playbook)
    assert found.pending == () and found.taken[0].state == "not_needed"
    head = root.ledger.head()
    take(root, playbook)
    assert root.ledger.head() == head


def test_no_step_says_what_an_incident_is(root: Root) -> None:
    asks = Question("what is it?", "incidents conclude", hours(1))
    (asked,) = take(root, book(step(WHAT_IS_IT, asks=asks))).pending
    said = {"step": WHAT_IS_IT, "reason": "nothing", "by": "ai_ops", "answer": "false_alarm"}
    happened(root, "incident_step", incident=ID, **said)
    assert here(root).pending == (asked,)


def test_an_alert_that_joined_has_its_own_playbook_s_steps_too(root: Root) -> None:
    joined = {"alert": "accuracy_drop", "item": "accuracy", "begin": "2021-03-31"}
    happened(root, "incident_joined", incident=ID, **joined, reason="", columns=[], by="ai_ops")
    seen: list[tuple[str, str]] = []

    def looks(scene: Scene) -> Outcome:
        seen.append((scene.item, scene.begin))
        return Outcome("looked")

    books = {
        "drift": book(step("shared"), step("looks", does=looks)),
        "accuracy_drop": book(step("shared"), step("looks_too", does=looks)),
    }
    take_steps(root, FEATURE, NOW, playbooks=books)  # type: ignore[arg-type]
    assert sorted(here(root).step_names) == ["looks", "looks_too", "shared"]
    assert set(seen) == {("input_drift", "2021-03-30"), ("accuracy", "2021-03-31")}


class Killed(BaseException):
    """The process is gone."""


@settings(max_examples=20, deadline=None)
@given(
    kills=st.lists(st.integers(0, 5), max_size=6),
    fails=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_whoever_dies_between_steps_and_however_often_none_is_lost_or_taken_twice(
    kills: list[int], fails: list[bool]
) -> None:
    with TemporaryDirectory() as folder:
        root = open_incident(Path(folder))
        for at in (*kills, None):
            with suppress(Killed):
                take(root, book(*_dying(at, fails)))
        found = here(root)
        assert sorted(found.step_names) == [f"step{n}" for n in range(6)]
        states = {one.step: one.state for one in found.taken}
        assert [states[f"step{n}"] == "failed" for n in range(6)] == fails
        root.ledger.verify()


def _dying(at: int | None, fails: list[bool]) -> Iterator[Step]:
    for number in range(6):

        def does(_: Scene, number: int = number) -> Outcome:
            if number == at:
                raise Killed
            return Outcome("x", "failed" if fails[number] else "done")

        after = (f"step{number - 1}",) if number % 2 else ()
        yield step(f"step{number}", *after, does=does)
