"""Alerts become incidents: which verdicts open one, and what evidence resolves one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.playbook.incidents import SEVERITY, Due, Opening, due_incidents, open_and_resolve
from ai_ops.storage.ledger import Event
from ai_ops.storage.retrainings import STALLED_AFTER
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Hold, Incident, Move, Retraining, Standing, further
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.deciding import (
    DEVOPS,
    FEATURE,
    NOW,
    SCIENTIST,
    decided,
    happened,
    launched,
    root_in,
    standing,
)

LAUNCH = datetime(2021, 4, 1, 9, tzinfo=UTC)
FINE = Verdict.passing("like the reference", sample_size=900)
SILENT = Verdict.lacking("no rows", "volume")
STATUSES = {"p": FINE, "n": SILENT}


def bad(reason: str = "temp moved on 3 of 4 days") -> Verdict:
    return Verdict.failing(reason, Finding("drift", "fail", reason), sample_size=900)


def day(n: int) -> str:
    """The n-th day after the launch's (0: the launch's own)."""
    return (LAUNCH.date() + timedelta(days=n)).isoformat()


def judged_at(n: int) -> datetime:
    """When the schedule judges that day."""
    return Window.of_day(day(n)).end + timedelta(hours=6)


def on(n: int, verdict: Verdict, item: str = "input_drift", **at: datetime) -> RecordedVerdict:
    window = Window.of_week(day(n)) if item == "cost_trend" else Window.of_day(day(n))
    as_of = at.get("as_of", window.end + timedelta(hours=6))
    return RecordedVerdict(FEATURE.name, item, "asset", day(n), window, as_of, verdict)


def history(marks: str, item: str = "input_drift") -> list[RecordedVerdict]:
    """One verdict a day from the launch on: p pass, n no evidence, f fail, a dot: not judged."""
    return [
        on(n, STATUSES.get(mark, bad(f"{item} failed on {day(n)}")), item)
        for n, mark in enumerate(marks)
        if mark != "."
    ]


def move(kind: Any, version: str, n: float) -> Move:
    at = LAUNCH + timedelta(days=n)
    return Move(kind, version, None, at, DEVOPS, {}, None, "", (int(n) + 1, 0))


LAUNCHED = Standing(moves=(move("launch", "1", 0),))


def open_one(begin: int = 3, alert: Any = "drift", item: str = "input_drift") -> Incident:
    id = f"{alert}-{day(begin)}"
    return Incident(id, alert, item, day(begin), judged_at(begin), "it moved", "1", "warning")


def concluded(one: Incident, n: int, conclusion: Any = "false_alarm") -> Incident:
    return replace(
        one,
        state="concluded",
        conclusion=conclusion,
        concluded_by=SCIENTIST,
        concluded_at=judged_at(n),
    )


def resolved(one: Incident, n: int) -> Incident:
    return replace(one, state="resolved", resolved_at=judged_at(n), resolved_by=SCIENTIST)


def with_incidents(*incidents: Incident, moves: Sequence[Move] = LAUNCHED.moves) -> Standing:
    return Standing(moves=tuple(moves), incidents=incidents)


def opened(
    standing: Standing, verdicts: Sequence[RecordedVerdict], n: int = 30
) -> list[tuple[str, str]]:
    """The ids and items of the incidents that are due when the n-th day is judged."""
    due = due_incidents(FEATURE, standing, verdicts, judged_at(n))
    return [(one.incident, one.item) for one in due.opening]


def reopened(standing: Standing, verdicts: Sequence[RecordedVerdict], n: int = 30) -> list[str]:
    """The incidents that are due to be opened again."""
    due = due_incidents(FEATURE, standing, verdicts, judged_at(n))
    return [one.incident for one in due.reopening]


def with_due(standing: Standing, due: Due, n: int) -> Standing:
    """How it stands when what is due is in the ledger."""
    for index, (kind, said) in enumerate(due.told):
        at = judged_at(n)
        standing = further(standing, Event(n, index, kind, FEATURE.name, at, said, at, None))
    return standing


def notes(
    standing: Standing, verdicts: Sequence[RecordedVerdict], n: int = 30
) -> list[tuple[str, str]]:
    """The incidents that are due to be resolved, with the evidence."""
    due = due_incidents(FEATURE, standing, verdicts, judged_at(n))
    return [(one.incident, one.note) for one in due.resolving]


@pytest.mark.requirement("PB-03", "PB-04")
@pytest.mark.parametrize(
    ("item", "alert", "severity"),
    [
        ("input_drift", "drift", "warning"),
        ("output_drift", "drift", "warning"),
        ("joint_drift", "drift", "warning"),
        ("slice_drift", "drift", "warning"),
        ("accuracy", "accuracy_drop", "critical"),
        ("cost_trend", "cost_spike", "warning"),
    ],
)
def test_a_confirmed_alert_opens_an_incident_in_the_verdict_s_own_words(
    item: str, alert: str, severity: str
) -> None:
    verdicts = [on(4, FINE, item), on(11, bad("9 % dearer, and no traffic explains it"), item)]
    due = due_incidents(FEATURE, LAUNCHED, verdicts, judged_at(30))
    reason = "9 % dearer, and no traffic explains it"
    known = (f"{alert}-{day(11)}", alert, item, day(11), reason, "1", severity)
    assert due == Due(opening=(Opening(*known),))  # type: ignore[arg-type]


def test_a_failed_retraining_opens_an_incident_that_names_the_step() -> None:
    at = (LAUNCH + timedelta(days=5)).isoformat()
    stages = {"started": {"at": at}, "failed": {"at": at, "step": "fit", "error": "no rows"}}
    failed = Retraining("r1", "drift", None, "", LAUNCH + timedelta(days=5), stages)
    one = Standing(moves=LAUNCHED.moves, retrainings=(failed,))
    (opening,) = due_incidents(FEATURE, one, [], judged_at(6)).opening
    assert (opening.incident, opening.severity) == (f"pipeline_failure-{day(5)}", "critical")
    assert opening.reason == "retraining r1 failed at fit: no rows"


@pytest.mark.requirement("WK-08")
def test_a_retraining_that_is_never_heard_of_again_is_a_failure_after_a_day() -> None:
    begun = LAUNCH + timedelta(days=5)
    started = Retraining("r1", "drift", None, "", begun, {"started": {"at": begun.isoformat()}})
    one = Standing(moves=LAUNCHED.moves, retrainings=(started,))
    before, after = begun + STALLED_AFTER - timedelta(seconds=1), begun + STALLED_AFTER
    assert due_incidents(FEATURE, one, [], before) == Due()
    (opening,) = due_incidents(FEATURE, one, [], after).opening
    assert opening.reason.startswith("nothing was heard of retraining r1 since")


def test_each_failing_retraining_is_an_incident_of_its_own_and_success_ends_them() -> None:
    def tried(id: str, n: int, stage: str) -> Retraining:
        at = LAUNCH + timedelta(days=n)
        return Retraining(id, "", None, "", at, {stage: {"at": at.isoformat()}})

    first, again, fine = (
        tried("r1", 5, "failed"),
        tried("r2", 8, "failed"),
        tried("r3", 9, "evaluated"),
    )
    answered = resolved(concluded(open_one(5, "pipeline_failure", "retraining"), 5), 6)

    def due(*retrainings: Retraining) -> list[str]:
        one = Standing(moves=LAUNCHED.moves, retrainings=retrainings, incidents=(answered,))
        return [id for id, _ in opened(one, [])]

    assert due(first) == []
    assert due(first, again) == [f"pipeline_failure-{day(8)}"]
    assert due(first, again, fine) == []
    waiting = concluded(open_one(8, "pipeline_failure", "retraining"), 8, "other")
    one = Standing(moves=LAUNCHED.moves, retrainings=(again, fine), incidents=(waiting,))
    assert notes(one, []) == [(waiting.id, "retraining r3 came to its evaluation")]
    one = Standing(moves=LAUNCHED.moves, retrainings=(again,), incidents=(waiting,))
    assert notes(one, []) == []


def live(n: int, status: str) -> RecordedVerdict:
    """What was seen of the writers at noon of the n-th day: it has no partition."""
    gone = Verdict.failing(
        "writer serve crashed", Finding("completeness", "fail", "it crashed"), sample_size=1
    )
    at = LAUNCH + timedelta(days=n, hours=3)
    verdict = {"p": FINE, "n": SILENT}.get(status, gone)
    return RecordedVerdict(
        FEATURE.name, "writers_alive", "log", None, Window.of_day(at.date()), at, verdict
    )


@pytest.mark.requirement("PB-03", "WK-10")
def test_a_writer_that_is_not_there_is_a_pipeline_failure_at_once() -> None:
    seen, now = live(3, "f"), LAUNCH + timedelta(days=3, hours=3)
    opening = due_incidents(FEATURE, LAUNCHED, [seen], now).opening
    assert [(one.incident, one.item, one.severity) for one in opening] == [
        (f"pipeline_failure-{day(3)}", "writers_alive", "critical")
    ]
    assert opening[0].reason == "writer serve crashed"
    for other in (live(3, "p"), live(3, "n"), live(4, "f")):
        assert due_incidents(FEATURE, LAUNCHED, [other], now) == Due()
    rehearsal = Standing()
    assert due_incidents(FEATURE, rehearsal, [seen], now) == Due()


def test_a_writer_that_came_back_ends_what_a_person_concluded() -> None:
    one = open_one(3, "pipeline_failure", "writers_alive")
    waiting = with_incidents(one)
    assert due_incidents(FEATURE, waiting, [live(3, "f")], judged_at(5)) == Due()
    ended = with_incidents(concluded(one, 4))
    for before in (live(3, "p"), live(7, "f"), live(7, "n")):
        assert due_incidents(FEATURE, ended, [before], judged_at(8)) == Due()
    due = due_incidents(FEATURE, ended, [live(7, "p")], judged_at(8))
    assert (due.opening, [end.incident for end in due.resolving]) == ((), [one.id])
    assert f"writers_alive passes on {day(7)}" in due.resolving[0].note
    over = with_incidents(resolved(one, 8))
    again = due_incidents(FEATURE, over, [live(11, "f")], judged_at(11))
    assert [opened.begin for opened in again.opening] == [day(11)]
    assert again.reopening == ()
    flapping = due_incidents(FEATURE, over, [live(10, "f")], judged_at(10))
    assert [back.incident for back in flapping.reopening] == [one.id]
    assert flapping.opening == ()


def test_neither_the_rehearsal_nor_a_version_that_was_replaced_opens_one() -> None:
    verdicts = history("fff")
    assert opened(Standing(), verdicts) == [], "nobody relies on it before the launch"
    assert opened(Standing(moves=(move("launch", "1", 40),)), verdicts) == []
    for kind in ("promotion", "rollback"):
        replaced = with_incidents(moves=(*LAUNCHED.moves, move(kind, "2", 3)))
        assert opened(replaced, verdicts) == []
        assert opened(replaced, history("fffff")) == [(f"drift-{day(3)}", "input_drift")]


@pytest.mark.parametrize("marks", ["", "pppp", "pnnnp", "nnnn"])
def test_without_a_failing_verdict_there_is_no_incident(marks: str) -> None:
    assert opened(LAUNCHED, history(marks)) == []


def test_a_verdict_of_another_feature_or_of_the_future_opens_none() -> None:
    assert opened(LAUNCHED, history("..........f"), n=9) == []
    other = FEATURE.model_copy(update={"name": "parcels"})
    assert due_incidents(other, LAUNCHED, history("ff"), judged_at(30)) == Due()


@given(st.text("fpn", max_size=20), st.text("fpn", max_size=20))
def test_of_each_kind_one_incident_is_answered_at_a_time(inputs: str, outputs: str) -> None:
    verdicts = [*history(inputs), *history(outputs, "output_drift")]
    due = opened(LAUNCHED, verdicts)
    assert len(due) == ("f" in inputs + outputs)
    for answered in (open_one(), concluded(open_one(), 30)):
        assert opened(with_incidents(answered), verdicts) == []
    accuracy = history("f", "accuracy")
    assert opened(with_incidents(open_one()), [*verdicts, *accuracy])[0][1] == "accuracy"


def test_a_run_of_failing_days_that_a_person_resolved_opens_no_second_one() -> None:
    answered = resolved(concluded(open_one(3), 4), 5)
    assert opened(with_incidents(answered), history("pppfffffff")) == []
    assert opened(with_incidents(answered), history("pppfffnff.f")) == []
    back = with_incidents(answered)
    assert opened(back, history("pppffffpff")) == []
    assert reopened(back, history("pppffffpff")) == [answered.id], "its windows hold days of it"
    again = opened(back, history("pppffff" + "p" * 11 + "ff"))
    assert again == [(f"drift-{day(18)}", "input_drift")]
    other = history("pppppffff", "output_drift")
    assert opened(with_incidents(answered), [*history("pppffff"), *other]) == [
        (f"drift-{day(5)}", "output_drift")
    ]


def test_days_that_could_be_seen_when_an_incident_was_concluded_need_none_of_their_own() -> None:
    answered = resolved(concluded(open_one(1), 7), 9)
    assert opened(with_incidents(answered), history("pffppffpp")) == []
    early = concluded(open_one(1), 3)
    assert opened(with_incidents(early), history("pffppffpp")) == []
    assert reopened(with_incidents(early), history("pffppffpp")) == [early.id]


def test_days_that_outlast_the_bad_data_are_asked_about_again_when_it_is_out_of_every_window() -> (
    None
):
    """The windows of a week, on each of the four days that confirm: ten days."""
    known = concluded(open_one(3), 4, "bad_data")  # on the fifth day after the launch
    assert opened(with_incidents(known), history("ppp" + "f" * 12), 20) == []
    assert opened(with_incidents(known), history("ppp" + "f" * 13), 20) == [
        (f"drift-{day(15)}", "input_drift")
    ]
    again = open_one(15)
    assert opened(with_incidents(known, again), history("ppp" + "f" * 16), 20) == []
    false_alarm = replace(known, conclusion="false_alarm")
    assert opened(with_incidents(false_alarm), history("ppp" + "f" * 16), 20) == []


def test_failing_days_after_a_passing_one_are_an_alert_of_their_own() -> None:
    answered = concluded(open_one(1), 3)
    verdicts = history("pff" + "p" * 11 + "ff")
    assert opened(with_incidents(answered), verdicts) == [(f"drift-{day(14)}", "input_drift")]
    assert reopened(with_incidents(answered), verdicts) == []


def test_an_earlier_day_judged_later_does_not_make_a_known_alert_new() -> None:
    answered = resolved(concluded(open_one(3), 4), 5)
    assert opened(with_incidents(answered), history("pffffff")) == []


def test_an_id_that_is_taken_is_numbered() -> None:
    taken = replace(concluded(open_one(1), 2), id=f"drift-{day(3)}", version="0")
    assert opened(with_incidents(taken), history("pfpf")) == [(f"drift-{day(3)}-2", "input_drift")]


def test_both_checks_of_drift_are_one_alert_to_whoever_concludes_it() -> None:
    first = concluded(open_one(3), 4)
    other = history("pppf", "output_drift")
    assert opened(with_incidents(first), [*history("pppf"), *other]) == []


def test_what_lasts_is_opened_before_what_is_over() -> None:
    verdicts = [*history("fffppp"), *history("ppppff", "output_drift")]
    assert opened(LAUNCHED, verdicts) == [(f"drift-{day(4)}", "output_drift")]
    assert opened(LAUNCHED, history("fffppp")) == [(f"drift-{day(0)}", "input_drift")]


@pytest.mark.parametrize(
    ("marks", "outputs", "why"),
    [
        ("pppfffp", "", "the other check of the kind has no verdict"),
        ("pppfffp", "ppppppn", "no evidence is no recovery"),
        ("pppfffp", "ppppppf", "the other check fails"),
        ("pppffff", "ppppppp", "it still fails"),
        ("pppffpn", "ppppppp", "the newest day has no evidence"),
        ("pppffp", "pppppp", "nothing was judged after the conclusion"),
        ("", "", "nothing was judged"),
    ],
)
def test_without_passing_evidence_after_the_conclusion_nothing_is_resolved(
    marks: str, outputs: str, why: str
) -> None:
    one = with_incidents(concluded(open_one(3), 5))
    assert notes(one, [*history(marks), *history(outputs, "output_drift")]) == [], why


@pytest.mark.parametrize("conclusion", ["bad_data", "false_alarm", "other", "genuine_shift"])
def test_a_concluded_incident_is_resolved_when_every_check_of_its_kind_passes_again(
    conclusion: str,
) -> None:
    one = with_incidents(concluded(open_one(3), 5, conclusion))
    verdicts = [*history("pppfffp"), *history("ppppppp", "output_drift")]
    ((id, note),) = notes(one, verdicts)
    assert id == f"drift-{day(3)}"
    assert f"input_drift passes on {day(6)}" in note and "output_drift passes" in note
    assert notes(with_incidents(open_one(3)), verdicts) == [], "nobody has looked at it"


def test_a_past_day_that_was_mended_and_judged_again_is_evidence() -> None:
    one = with_incidents(concluded(open_one(3), 5, "bad_data"))
    again = on(5, FINE, as_of=judged_at(6))
    mended = [*history("pppff"), again, on(5, FINE, "output_drift", as_of=judged_at(6))]
    assert len(notes(one, mended)) == 1


def test_a_genuine_shift_is_resolved_by_the_version_that_was_promoted_for_it() -> None:
    shifted = concluded(open_one(3), 5, "genuine_shift")
    moves = (*LAUNCHED.moves, move("promotion", "2", 8))
    one = with_incidents(shifted, moves=moves)
    ((id, note),) = notes(one, history("pppfffff"))
    assert (id, note) == (shifted.id, f"version 2 was promoted on {day(8)} for it")
    back = with_incidents(shifted, moves=(*LAUNCHED.moves, move("rollback", "0", 8)))
    assert notes(back, []) == []
    before = with_incidents(shifted, moves=(*LAUNCHED.moves, move("promotion", "2", 4)))
    assert notes(before, []) == []
    still = history("pppfffffffff")
    assert opened(one, still, n=11) == [(f"drift-{day(8)}", "input_drift")], "2 is no better"


@given(
    st.lists(
        st.tuples(st.sampled_from(["input_drift", "output_drift", "accuracy"]), st.text("fpn.")),
        max_size=4,
    )
)
def test_what_was_opened_and_resolved_is_not_due_again(
    facts: list[tuple[str, str]],
) -> None:
    verdicts = [v for item, marks in dict(facts).items() for v in history(marks[:20], item)]
    due = due_incidents(FEATURE, LAUNCHED, verdicts, judged_at(30))
    now = with_due(LAUNCHED, due, 30)
    assert due_incidents(FEATURE, now, verdicts, judged_at(30)) == Due()
    assert {one.severity for one in due.opening} <= set(SEVERITY.values())


def test_a_hold_does_not_hide_an_alert() -> None:
    held = Standing(moves=LAUNCHED.moves, holds=(Hold(SCIENTIST, "wait", NOW),))
    assert len(opened(held, history("f"))) == 1


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A replay in which a version was launched on April 1, at nine."""
    made = root_in(tmp_path)
    launched(made)
    return made


def judge(root: Root, *verdicts: RecordedVerdict) -> None:
    root.ledger.record_verdicts(verdicts, clock=root.clock)


@pytest.mark.requirement("PB-03", "PB-05")
def test_the_ledger_is_answered_once_however_often_it_is_looked_at(root: Root) -> None:
    clock = root.begin_replay(judged_at(2))
    judge(root, *history("pff"))
    assert open_and_resolve(root, FEATURE, NOW) == [], "at the launch there was nothing to see"
    (event,) = open_and_resolve(root, FEATURE, clock.now())
    assert (event.kind, event.as_of) == ("incident_opened", judged_at(2))
    assert event.payload == {
        "incident": f"drift-{day(1)}",
        "alert": "drift",
        "item": "input_drift",
        "begin": day(1),
        "reason": f"input_drift failed on {day(2)}",
        "version": "1",
        "severity": "warning",
    }
    head = root.ledger.head()
    assert open_and_resolve(root, FEATURE, clock.now()) == []
    assert root.ledger.head() == head
    (forbidding,) = standing(root).forbidding
    assert f"incident drift-{day(1)} (drift) is concluded by nobody" in forbidding


def test_a_person_concludes_and_evidence_resolves(root: Root) -> None:
    clock = root.begin_replay(judged_at(2))
    judge(root, *history("pff"))
    (event,) = open_and_resolve(root, FEATURE, clock.now())
    id = event.payload["incident"]
    said = {"incident": id, "conclusion": "bad_data", "note": "the feed sent °C"}
    decided(root, "incident_concluded", SCIENTIST, **said)
    clock.advance(judged_at(3))
    judge(root, on(3, FINE), on(3, FINE, "output_drift"))
    (event,) = open_and_resolve(root, FEATURE, clock.now())
    assert (event.kind, event.payload["by"]) == ("incident_resolved", "ai_ops")
    one = standing(root).incident(id)
    assert one is not None
    assert (one.state, one.resolved_by, one.conclusion) == ("resolved", "ai_ops", "bad_data")
    assert standing(root).forbidding == ()
    root.ledger.verify()


def test_an_alert_that_another_process_answers_meanwhile_is_not_answered_twice(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = root.begin_replay(judged_at(2))
    judge(root, *history("pff"))
    read = type(root.ledger).verdicts
    raced: list[int] = []

    def verdicts(self: Any, *args: Any, **kwargs: Any) -> list[RecordedVerdict]:
        found = read(self, *args, **kwargs)
        if len(raced) < 2:
            raced.append(1)
            if len(raced) == 2:  # between reading and appending
                happened(root, "incident_opened", **answered)
        return found

    answered = {
        "incident": f"drift-{day(1)}",
        "alert": "drift",
        "item": "input_drift",
        "begin": day(1),
        "reason": "seen by the other",
        "version": "1",
        "severity": "warning",
    }
    monkeypatch.setattr(type(root.ledger), "verdicts", verdicts)
    assert open_and_resolve(root, FEATURE, clock.now()) == []
    assert [one.reason for one in standing(root).incidents] == ["seen by the other"]
