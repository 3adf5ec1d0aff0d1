"""Runs of failing days: of a check, and of each of its columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.vocabulary.alerts import alerts_of, column_alerts_of, is_well
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window

FINE = Verdict.passing("fine", sample_size=9)
SILENT = Verdict.lacking("no rows", "volume")


def moved(*columns: str, lacking: str = "") -> Verdict:
    found = [Finding("drift", "fail", "it moved", columns=(one,) if one else ()) for one in columns]
    unsure = [Finding("drift", "no_evidence", "?", columns=(one,)) for one in lacking.split()]
    return Verdict.failing("it moved", *found, *unsure)


def on(n: int, verdict: Verdict) -> RecordedVerdict:
    day = f"2021-03-{n + 1:02}"
    window = Window.of_day(day)
    return RecordedVerdict("fee", "input_drift", "asset", day, window, window.end, verdict)


def days(*verdicts: Verdict) -> dict[str, RecordedVerdict]:
    return {one.partition or "": one for one in (on(n, v) for n, v in enumerate(verdicts))}


def runs(*verdicts: Verdict) -> list[tuple[str, int, int, bool]]:
    """Column, first and last day (from 0), and whether it lasts."""
    return [
        ("".join(one.columns), int(one.begin[-2:]) - 1, int(one.last[-2:]) - 1, one.open)
        for one in column_alerts_of("input_drift", days(*verdicts))
    ]


@pytest.mark.requirement("PB-03")
def test_each_column_is_an_alert_of_its_own_within_a_check_that_fails_throughout() -> None:
    assert runs(FINE, moved("a"), moved("a", "b"), moved("a"), moved("b")) == [
        ("a", 1, 3, False),
        ("b", 2, 2, False),
        ("b", 4, 4, True),
    ]
    assert len(alerts_of("input_drift", days(FINE, moved("a"), moved("b")))) == 1


@pytest.mark.requirement("WK-03")
def test_neither_silence_nor_a_column_that_cannot_be_judged_ends_an_alert() -> None:
    assert runs(moved("a"), SILENT, moved("a")) == [("a", 0, 2, True)]
    unsure = moved("b", lacking="a")
    assert runs(moved("a", "b"), unsure, moved("a")) == [("a", 0, 2, True), ("b", 0, 1, False)]
    assert not is_well(on(0, unsure), ("a",)) and is_well(on(0, unsure), ("c",))


def test_a_verdict_that_names_no_column_is_an_alert_of_the_check_itself() -> None:
    assert runs(moved(""), moved(""), FINE, moved("", "a")) == [
        ("", 0, 1, False),
        ("", 3, 3, True),
        ("a", 3, 3, True),
    ]
    assert not is_well(on(0, moved("a")), ()), "only a pass says that all of it is well"
    assert is_well(on(0, FINE), ()) and not is_well(on(0, SILENT), ("a",))


VERDICTS = st.one_of(
    st.just(FINE),
    st.just(SILENT),
    st.sets(st.sampled_from("abc"), min_size=1).map(lambda s: moved(*s)),
)


@given(st.lists(VERDICTS, max_size=20))
def test_the_columns_alerts_lie_within_the_check_s_and_cover_its_failing_days(
    history: list[Verdict],
) -> None:
    known = days(*history)
    whole, columns = alerts_of("input_drift", known), column_alerts_of("input_drift", known)
    for one in columns:
        assert sum(run.begin <= one.begin and one.last <= run.last for run in whole) == 1
    failing = {day for day, one in known.items() if one.verdict.status == "fail"}
    for day in failing:
        named = {c for f in known[day].verdict.findings for c in f.columns}
        assert named == {c for one in columns if one.begin <= day <= one.last for c in one.columns}
    assert any(one.open for one in whole) == any(one.open for one in columns)
