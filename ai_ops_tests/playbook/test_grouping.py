"""One cause is one incident: which alerts are asked about together, which are another matter."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.playbook.due import GROUPED, Due
from ai_ops.playbook.grouping import Seen, answering
from ai_ops.playbook.incidents import due_incidents
from ai_ops.storage.standing import Incident, Standing
from ai_ops.vocabulary.alerts import Alert
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.words import AlertKind, Conclusion, DriftCause
from ai_ops_tests.deciding import FEATURE
from ai_ops_tests.playbook.test_incidents import (
    FINE,
    LAUNCHED,
    SILENT,
    concluded,
    day,
    judged_at,
    live,
    move,
    on,
    with_due,
    with_incidents,
)


def moved(*columns: str, cause: DriftCause | None = None) -> Verdict:
    """A verdict of drift that names these columns, each in a finding of its own."""
    found = [Finding("drift", "fail", f"{c} moved", columns=(c,), cause=cause) for c in columns]
    return Verdict.failing(f"moved: {', '.join(columns)}", *found, sample_size=900)


def told(days: Iterable[Verdict], item: str = "input_drift") -> list[RecordedVerdict]:
    return [on(n, verdict, item) for n, verdict in enumerate(days)]


def due(standing: Standing, verdicts: list[RecordedVerdict], n: int) -> Due:
    seen = [one for one in verdicts if one.as_of <= judged_at(n)]
    return due_incidents(FEATURE, standing, seen, judged_at(n))


def told_of(found: Due) -> dict[str, Any]:
    """What is due, without words."""
    return {
        "opened": [(one.incident, one.item, one.columns) for one in found.opening],
        "joined": [(one.incident, one.item, one.begin, one.columns) for one in found.joining],
        "again": [one.incident for one in found.reopening],
        "over": [one.incident for one in found.resolving],
    }


def end(standing: Standing, n: int, conclusion: Conclusion = "genuine_shift") -> Standing:
    """A person concludes what waits on a day."""
    ended = [
        concluded(one, n, conclusion) if one.state == "open" else one for one in standing.incidents
    ]
    return replace(standing, incidents=tuple(ended))


NOTHING = told_of(Due())
DEST, BOTH = moved("dest"), moved("dest", "dewp")


@pytest.mark.requirement("PB-03", "PB-13")
def test_a_column_that_moves_while_nobody_concluded_joins_and_one_after_it_is_asked_about() -> None:
    verdicts = told([FINE, DEST, DEST, BOTH, BOTH, moved("dest", "dewp", "age"), FINE])
    first = due(LAUNCHED, verdicts, 2)
    assert told_of(first)["opened"] == [(f"drift-{day(1)}", "input_drift", ("dest",))]
    now = with_due(LAUNCHED, first, 2)
    second = due(now, verdicts, 3)
    joined = (f"drift-{day(1)}", "input_drift", day(3), ("dewp",))
    assert told_of(second) == {**NOTHING, "joined": [joined]}
    assert second.joining[0].reason == "moved: dest, dewp"
    now = with_due(now, second, 3)
    assert due(now, verdicts, 4) == Due(), "it is asked about"
    now = end(now, 4)
    assert due(now, verdicts, 4) == Due()
    third = due(now, verdicts, 5)
    assert told_of(third)["opened"] == [(f"drift-{day(5)}", "input_drift", ("age",))]
    assert len(with_due(now, third, 5).forbidding) == 1


@pytest.mark.requirement("PB-03")
def test_one_late_look_finds_what_many_would_have_joined() -> None:
    verdicts = [*told([FINE, DEST, DEST, BOTH]), *told([FINE, FINE, moved("late")], "output_drift")]
    found = due(LAUNCHED, verdicts, 3)
    assert told_of(found) == {
        **NOTHING,
        "opened": [(f"drift-{day(1)}", "input_drift", ("dest",))],
        "joined": [
            (f"drift-{day(1)}", "output_drift", day(2), ("late",)),
            (f"drift-{day(1)}", "input_drift", day(3), ("dewp",)),
        ],
    }
    assert due(with_due(LAUNCHED, found, 3), verdicts, 3) == Due()


def test_a_column_of_a_genuine_shift_that_comes_and_goes_is_asked_about_once() -> None:
    verdicts = told([DEST, DEST, BOTH, DEST, BOTH, DEST, BOTH])
    now = with_due(LAUNCHED, due(LAUNCHED, verdicts, 2), 2)
    for n in (3, 4, 5, 6):
        assert due(end(now, 3), verdicts, n) == Due()
    well = [*verdicts, on(7, FINE), on(7, FINE, "output_drift")]
    over = due(end(now, 3), well, 7)
    assert told_of(over) == {**NOTHING, "over": [f"drift-{day(0)}"]}
    assert due(with_due(end(now, 3), over, 7), well, 7) == Due(), "nor when it is resolved"
    other = replace(end(now, 3), moves=(*LAUNCHED.moves, move("promotion", "2", 4)))
    assert told_of(due(other, verdicts, 6))["opened"], "of another version it is another one"


@pytest.mark.parametrize("conclusion", ["false_alarm", "other"])
def test_what_was_found_to_be_nothing_is_asked_about_again_when_more_moves(
    conclusion: Conclusion,
) -> None:
    verdicts = told([DEST, DEST, BOTH])
    now = end(with_due(LAUNCHED, due(LAUNCHED, verdicts, 1), 1), 1, conclusion)
    found = due(now, verdicts, 2)
    id = f"drift-{day(0)}"
    joined = (id, "input_drift", day(2), ("dewp",))
    assert told_of(found) == {**NOTHING, "again": [id], "joined": [joined]}
    (one,) = with_due(now, found, 2).incidents
    assert (one.state, one.conclusion, [e.conclusion for e in one.earlier]) == (
        "open",
        None,
        [conclusion],
    )
    assert one.forbids_promotion and one.reopened == (judged_at(2),)
    assert due(with_due(now, found, 2), verdicts, 2) == Due()


@pytest.mark.requirement("PB-05")
@pytest.mark.parametrize(("gap", "again"), [(1, True), (10, True), (11, False)])
def test_what_returns_within_the_days_that_it_looks_back_on_is_the_same_incident(
    gap: int, again: bool
) -> None:
    """Seven days, at each of the four that confirm: ten days since it was resolved."""
    inputs = [FINE, DEST, *[FINE] * gap, DEST]
    verdicts = [*told(inputs), *told([FINE] * 3, "output_drift")]
    now = end(with_due(LAUNCHED, due(LAUNCHED, verdicts, 1), 1), 1, "other")
    over = due(now, verdicts, 2)
    id = f"drift-{day(1)}"
    assert told_of(over)["over"] == [id]
    now = with_due(now, over, 1)
    found = told_of(due(now, verdicts, 2 + gap))
    assert found["again"] == ([id] if again else [])
    fresh = (f"drift-{day(2 + gap)}", "input_drift", ("dest",))
    assert found["opened"] == ([] if again else [fresh])


def test_an_incident_is_over_when_its_own_column_is_well_though_another_s_is_not() -> None:
    verdicts = [*told([DEST, BOTH, moved("dewp")]), *told([FINE] * 3, "output_drift")]
    now = end(with_due(LAUNCHED, due(LAUNCHED, verdicts, 0), 0), 0, "bad_data")
    found = due(now, verdicts, 1)
    assert told_of(found)["opened"] == [(f"drift-{day(1)}", "input_drift", ("dewp",))]
    now = with_due(now, found, 1)
    found = due(now, verdicts, 2)
    assert told_of(found) == {**NOTHING, "over": [f"drift-{day(0)}"]}
    assert "input_drift finds nothing more of dest" in found.resolving[0].note
    lack = Finding("drift", "no_evidence", "dest is missing", columns=("dest",))
    unsure = replace(moved("dewp"), findings=(*moved("dewp").findings, lack))
    assert due(now, [*verdicts[:2], on(2, unsure), *verdicts[3:]], 2) == Due()


@pytest.mark.requirement("PB-03", "PB-04")
@pytest.mark.parametrize(
    ("cause", "own"), [("bad_data", False), ("undecided", False), ("genuine_shift", True)]
)
def test_a_drop_of_accuracy_on_days_of_a_drift_that_may_be_its_cause_joins_it(
    cause: DriftCause, own: bool
) -> None:
    drift = moved("dest", cause=cause)
    gap = Verdict.failing("worse", Finding("accuracy", "fail", "worse"), sample_size=90)
    verdicts = [*told([FINE, drift, drift, drift]), *told([FINE, FINE, FINE, gap], "accuracy")]
    now = with_due(LAUNCHED, due(LAUNCHED, verdicts, 1), 1)
    now = replace(now, incidents=tuple(replace(one, cause=cause) for one in now.incidents))
    found = due(now, verdicts, 3)
    id = f"drift-{day(1)}"
    if own:
        assert told_of(found)["opened"] == [(f"accuracy_drop-{day(3)}", "accuracy", ())]
        return
    assert told_of(found) == {**NOTHING, "joined": [(id, "accuracy", day(3), ())]}
    (one,) = with_due(now, found, 3).incidents
    assert (one.severity, one.alerts) == ("critical", ("drift", "accuracy_drop"))
    at_once = with_due(LAUNCHED, due(LAUNCHED, verdicts, 3), 3)
    assert [one.alerts for one in at_once.incidents] == [("drift", "accuracy_drop")]
    other_days = [*told([FINE, drift, FINE, FINE]), *verdicts[4:]]
    assert told_of(due(now, other_days, 3))["opened"] == [
        (f"accuracy_drop-{day(3)}", "accuracy", ())
    ]
    assert told_of(due(end(now, 2), verdicts, 3))["opened"], "what was concluded takes nothing in"


def test_a_joined_drop_of_accuracy_is_waited_for() -> None:
    drift = moved("dest", cause="undecided")
    gap = Verdict.failing("worse", Finding("accuracy", "fail", "worse"), sample_size=90)
    verdicts = [*told([drift]), *told([gap], "accuracy")]
    now = end(with_due(LAUNCHED, due(LAUNCHED, verdicts, 0), 0), 0, "other")
    well = [on(1, FINE), on(1, FINE, "output_drift")]
    assert due(now, [*verdicts, *well], 1) == Due()
    assert told_of(due(now, [*verdicts, *well, on(1, FINE, "accuracy")], 1))["over"]


@pytest.mark.requirement("WK-10")
@pytest.mark.parametrize("item", ["volume_steady", "feed_alive"])
def test_a_day_that_nobody_wrote_is_the_failure_of_its_writers(item: str) -> None:
    lost = Verdict.failing("few rows", Finding("volume", "fail", "few rows"), sample_size=90)
    dead = [live(3, "f"), live(4, "f")]
    now = with_due(LAUNCHED, due(LAUNCHED, dead[:1], 3), 3)
    verdicts = [*told([FINE, FINE, FINE, lost], item), *dead]
    found = due(now, verdicts, 4)
    joined = (f"pipeline_failure-{day(3)}", item, day(3), ())
    assert told_of(found) == {**NOTHING, "joined": [joined]}
    now = with_due(now, found, 4)
    assert due(now, verdicts, 4) == Due()
    longer = [*told([FINE, FINE, lost, lost], item), *dead]
    opened = (f"drift-{day(2)}", item, ())
    before = with_due(LAUNCHED, due(LAUNCHED, dead[:1], 3), 3)
    assert told_of(due(before, longer, 4))["opened"] == [opened], "it was written on that day"
    other = [*told([FINE, FINE, FINE, DEST]), *dead]
    assert told_of(due(now, other, 4))["opened"], "columns are no matter of the writers"


def test_two_pipelines_that_break_are_two_incidents() -> None:
    other = replace(live(3, "f"), item="registry_reconciled")
    found = due(LAUNCHED, [live(3, "f"), other], 4)
    assert [(one.incident, one.item) for one in found.opening] == [
        (f"pipeline_failure-{day(3)}", "writers_alive"),
        (f"pipeline_failure-{day(3)}-2", "registry_reconciled"),
    ]
    assert due(with_due(LAUNCHED, found, 4), [live(3, "f"), other], 4) == Due()


COLUMNS = ("age", "dest", "fee")
VERDICTS = st.one_of(
    st.just(FINE),
    st.just(SILENT),
    st.builds(
        lambda found, cause: moved(*sorted(found), cause=cause),
        st.sets(st.sampled_from(COLUMNS), min_size=1),
        st.sampled_from(["bad_data", "genuine_shift", "undecided", None]),
    ),
)
WRITERS = st.dictionaries(st.integers(0, 16), st.sampled_from("pnf"), max_size=5)
HISTORIES = st.dictionaries(
    st.sampled_from(["input_drift", "output_drift", "volume_steady", "accuracy", "cost_trend"]),
    st.lists(VERDICTS, max_size=16),
    max_size=3,
)
CONCLUSIONS = st.sampled_from(["bad_data", "genuine_shift", "false_alarm", "other", None])


def lived(
    verdicts: list[RecordedVerdict], looks: Mapping[int, Conclusion | None]
) -> tuple[Standing, list[Due]]:
    """How it stands after looks on some days, after each of which a person may conclude."""
    now, every = LAUNCHED, []
    for n, conclusion in sorted(looks.items()):
        found = due(now, verdicts, n)
        now = with_causes(with_due(now, found, n), found)
        assert due(now, verdicts, n) == Due(), "the next look finds nothing more"
        every.append(found)
        if conclusion is not None:
            now = end(now, n, conclusion)
            again = due(now, verdicts, n)
            assert (again.opening, again.joining, again.reopening) == ((), (), ())
    return now, every


def with_causes(now: Standing, found: Due) -> Standing:
    """As the first step of each incident tells its cause."""
    causes = {one.incident: one.cause for one in found.opening}
    told = [replace(one, cause=causes.get(one.id, one.cause)) for one in now.incidents]
    return replace(now, incidents=tuple(told))


def unanswered(now: Standing, verdicts: list[RecordedVerdict], n: int) -> list[Alert]:
    by_item: dict[str, dict[str, RecordedVerdict]] = {}
    for one in verdicts:
        if one.as_of <= judged_at(n):
            by_item.setdefault(one.item, {})[one.partition or ""] = one
    by_item.pop("writers_alive", None)
    seen = Seen(FEATURE, now, by_item, judged_at(n))
    return [
        run
        for kind in GROUPED
        for run in seen.runs(kind)
        if answering(run, kind, [i for i in now.incidents if kind in i.alerts], seen) is None
    ]


@settings(max_examples=150, deadline=None)
@given(HISTORIES, st.dictionaries(st.integers(0, 24), CONCLUSIONS, min_size=1, max_size=8), WRITERS)
def test_every_alert_is_answered_by_one_incident_however_often_and_late_anybody_looks(
    histories: dict[str, list[Verdict]],
    looks: dict[int, Conclusion | None],
    writers: dict[int, str],
) -> None:
    verdicts = [one for item, days in histories.items() for one in told(days, item)]
    verdicts += [live(n, status) for n, status in sorted(writers.items())]
    now, every = lived(verdicts, {**looks, 30: None})
    assert unanswered(now, verdicts, 30) == []
    ids = [one.id for one in now.incidents]
    assert len(ids) == len(set(ids))
    opened = [one.incident for found in every for one in found.opening]
    assert sorted(opened) == sorted(ids), "each is opened once"
    about = [
        (one.id, a.item, a.begin, c) for one in now.incidents for a in one.about for c in a.columns
    ]
    assert len(about) == len(set(about)), "nothing joins twice"
    waiting: list[AlertKind] = [one.alert for one in now.incidents if one.state == "open"]
    assert len(waiting) == len(set(waiting)), "of each kind one waits for its conclusion"
    once, _ = lived(verdicts, {30: None})
    assert unanswered(once, verdicts, 30) == []
    assert writers or bool(once.incidents) == bool(now.incidents)


def test_an_incident_without_columns_is_about_all_of_its_check() -> None:
    """As those were that stand in ledgers which know of no columns."""
    one = Incident(
        f"drift-{day(0)}", "drift", "input_drift", day(0), judged_at(0), "moved", "1", "warning"
    )
    assert due(with_incidents(one), told([DEST, BOTH]), 1) == Due()
    ended = with_incidents(concluded(one, 0))
    assert told_of(due(ended, told([DEST, BOTH]), 1))["again"] == [one.id]
