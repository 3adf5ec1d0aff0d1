"""What is proposed about the thresholds of drift, and its back-test over the stored reports."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.drift_monitoring.allowances import threshold_changes
from ai_ops.drift_monitoring.back_test import (
    ColumnAlert,
    KnownAlert,
    alerts_under,
    back_test,
    levels,
)
from ai_ops.drift_monitoring.proposing import LATER_DAYS, propose, proposed_factors
from ai_ops.drift_monitoring.threshold_deciding import decision_of
from ai_ops.drift_monitoring.thresholds import compute_drift_thresholds, proposal_of
from ai_ops.storage.root import Root
from ai_ops.storage.threshold_changes import in_force
from ai_ops.storage.threshold_proposals import proposal_path
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.deciding import FEATURE, SCIENTIST, decided
from ai_ops_tests.drift_monitoring.threshold_world import (
    APRIL,
    DAYS,
    DIGEST,
    IN_MAY,
    MARCH,
    MOMENT,
    MORNING,
    RULE,
    answered,
    installed,
    quiet_but,
    reports_of,
    store,
)

START = FEATURE.monitoring.start


def alerts(far: dict[str, list[float]], **factors: float) -> list[tuple[str, str, str]]:
    found = alerts_under(reports_of(far), DAYS, RULE, START, factors or None)
    return [(one.column, one.begin[-2:], one.last[-2:]) for one in found]


@pytest.mark.requirement("MO-04")
def test_other_factors_judge_the_stored_days_again_by_the_rule_that_judged_them() -> None:
    far = {"temp": quiet_but(1.3, 5, 6, 7, 8, 20), "wind": quiet_but(4.0, 20, 21, 22)}
    assert alerts(far) == [("temp", "07", "08"), ("wind", "22", "22")]
    assert alerts(far, temp=1.2, wind=1.0) == [("temp", "07", "08"), ("wind", "22", "22")]
    assert alerts(far, temp=1.31, wind=5.0) == []


@pytest.mark.requirement("MO-04")
@settings(max_examples=30)
@given(
    far=st.lists(st.floats(0.1, 4), min_size=len(DAYS), max_size=len(DAYS)),
    factor=st.floats(0.3, 5),
)
def test_a_level_is_the_least_factor_with_which_a_day_does_not_fire(
    far: list[float], factor: float
) -> None:
    reports = reports_of({"temp": far})
    level = levels(reports, DAYS, RULE, "temp")
    fired = {
        day
        for one in alerts_under(reports, DAYS, RULE, START, {"temp": factor})
        for day in DAYS
        if one.begin <= day <= one.last
    }
    assert fired == {day for day, reached in level.items() if reached / factor > 1}


@pytest.mark.requirement("MO-04", "MO-05")
def test_alerts_that_people_found_to_be_none_vanish_and_what_they_confirmed_stays(
    tmp_path: Path,
) -> None:
    far = {
        "temp": quiet_but(1.3, 5, 6, 7, 8),
        "wind": quiet_but(3.0, 18, 19, 20, 21),
        "origin": quiet_but(1.5, 26, 27, 28, 29),
    }
    root = installed(tmp_path, far)
    answered(root, "2021-03-07", "false_alarm")
    shift = answered(root, "2021-03-20", "genuine_shift")
    answered(root, "2021-03-28", "false_alarm", "volume_steady")
    made = proposal_of(root, FEATURE, MOMENT)
    assert dict(made.tested.factors) == {"temp": 1.43}
    assert (
        made.tested.words == "with these, 1 of 3 alerts vanish and no confirmed incident is missed"
    )
    fates = {one.alert.column: (one.fate, one.incident) for one in made.days.known}
    assert fates["wind"] == ("confirmed", shift)
    assert fates["origin"][0] == "open", "that the volume was well says nothing of it"
    by_hand = made.days.test({"wind": 3.5})
    assert by_hand.missed == (shift,)
    assert f"CONFIRMED INCIDENTS ARE MISSED: {shift}" in by_hand.words


@pytest.mark.requirement("MO-04")
@pytest.mark.parametrize(("columns", "wind"), [((), "false_alarm"), (("temp",), "open")])
def test_what_was_found_of_a_column_says_nothing_of_one_that_moved_later(
    tmp_path: Path, columns: tuple[str, ...], wind: str
) -> None:
    far = {"temp": quiet_but(1.5, 9, 10, 11, 12), "wind": quiet_but(1.5, 22, 23, 24, 25)}
    root = installed(tmp_path, far)
    answered(root, "2021-03-11", "false_alarm", columns=columns, over=False)
    root.begin_replay(MORNING)
    known = proposal_of(root, FEATURE, MOMENT).days.known
    assert {one.alert.column: one.fate for one in known} == {"temp": "false_alarm", "wind": wind}


@pytest.mark.requirement("MO-04")
def test_what_was_confirmed_before_the_last_review_is_not_forgotten(tmp_path: Path) -> None:
    root = installed(tmp_path, {"temp": quiet_but(1.5, 18, 19, 20, 21)})
    shift = answered(root, "2021-03-20", "genuine_shift")
    root.begin_replay(MORNING)
    compute_drift_thresholds(root, FEATURE, [MOMENT])
    kept = decision_of(root, FEATURE, {"decision": "keep", "reason": "it was one"})
    decided(root, "threshold_change", SCIENTIST, **kept)
    store(root, reports_of({"temp": quiet_but(1.9, 9, 10, 11, 12)}, tuple(APRIL.days())))
    answered(root, "2021-04-11", "false_alarm")
    root.begin_replay(IN_MAY.as_of)
    made = proposal_of(root, FEATURE, IN_MAY)
    assert [one.alert.begin for one in made.days.known] == ["2021-04-11"]
    assert not made.changes and "no factor tells them apart" in made.proposed[0].reason
    assert made.days.test({"temp": 2.1}).missed == (shift,)


@pytest.mark.requirement("MO-04")
def test_what_cannot_be_told_apart_from_a_confirmed_incident_is_not_proposed(
    tmp_path: Path,
) -> None:
    far = {"temp": [*quiet_but(1.6, 5, 6, 7, 8)[:14], *quiet_but(1.5, 20, 21, 22, 23)[14:]]}
    root = installed(tmp_path, far)
    answered(root, "2021-03-07", "false_alarm")
    answered(root, "2021-03-22", "bad_data")
    made = proposal_of(root, FEATURE, MOMENT)
    assert not made.changes and dict(made.tested.factors) == {}
    (told,) = made.proposed
    assert told.factor is None and "no factor tells them apart" in told.reason


@pytest.mark.requirement("MO-04")
@settings(max_examples=30)
@given(
    temp=st.lists(st.sampled_from([0.4, 0.9, 1.2, 1.6, 2.4]), min_size=31, max_size=31),
    wind=st.lists(st.sampled_from([0.4, 0.9, 1.2, 1.6, 2.4]), min_size=31, max_size=31),
    fates=st.lists(st.sampled_from(["confirmed", "false_alarm", "harmless", "open"]), min_size=16),
)
def test_whatever_people_found_no_confirmed_or_open_alert_is_ever_proposed_away(
    temp: list[float], wind: list[float], fates: list[str]
) -> None:
    reports = reports_of({"temp": temp, "wind": wind})
    found = alerts_under(reports, DAYS, RULE, START)
    known = [
        KnownAlert(one, fate, "someone", one.words)  # type: ignore[arg-type]
        for one, fate in zip(found, fates * 4, strict=False)
    ]
    factors = proposed_factors({}, propose(reports, RULE, known, {}))
    tested = back_test(reports, DAYS, RULE, START, known, factors)
    assert not tested.missed and all(days <= LATER_DAYS for days in tested.later.values())
    assert {one.fate for one in tested.vanished} <= {"false_alarm", "harmless"}
    assert not tested.appeared and all(factor > 1 for factor in factors.values())


def test_an_alert_says_its_column_and_days() -> None:
    one = ColumnAlert("temp", "input", "2021-03-07", "2021-03-08", lasts=False)
    assert one.words == "temp (2021-03-07 … 2021-03-08)"
    assert MARCH.holds(MARCH.start)


@pytest.mark.requirement("MO-05")
def test_usage_that_changed_is_a_reason_to_look(tmp_path: Path) -> None:
    root = installed(tmp_path, {"temp": [0.5]})
    log(root, MARCH, {"web": 80, "batch": 20})
    root.begin_replay(MORNING)
    compute_drift_thresholds(root, FEATURE, [MOMENT])
    store(root, reports_of({"temp": [0.5]}, list(APRIL.days())))
    log(root, APRIL, {"web": 100, "batch": 110})
    root.begin_replay(IN_MAY.as_of)
    summary = compute_drift_thresholds(root, FEATURE, [IN_MAY])["2021-04-01"]
    looks = str(summary.numbers["reasons_to_look"])
    assert "210 rows a day, 100 in 2021-03" in looks
    assert "call_site: web 80 % → 48 % of the rows since 2021-03" in looks
    assert "tenant" not in looks, "who asks has not changed"
    proposal, _ = root.lake.read_json(proposal_path(root, FEATURE.name, "2021-04-01"))
    assert looks == "; ".join(proposal["looks"]) and not proposal["changes"]


def log(root: Root, month: Window, sites: dict[str, int]) -> None:
    """Every day's log of a month: so many rows of each call site, all of one tenant."""
    site = [name for name, rows in sites.items() for _ in range(rows)]
    rows = {"status": ["ok"] * len(site), "call_site": site, "tenant": ["acme"] * len(site)}
    for day in month.days():
        path = root.lake.path(FEATURE.name, "prediction_log", day)
        root.lake.write_table(path, pa.table(rows))


@pytest.mark.requirement("MO-05")
def test_factors_hold_against_their_own_reference_only_and_the_next_proposal_says_so(
    tmp_path: Path,
) -> None:
    root = installed(tmp_path, {"temp": quiet_but(1.3, 5, 6, 7, 8)})
    answered(root, "2021-03-07", "false_alarm")
    root.begin_replay(MORNING)
    picture = compute_drift_thresholds(root, FEATURE, [MOMENT])[MOMENT.partition].picture
    assert picture is not None and picture.startswith(b"\x89PNG")
    content = decision_of(root, FEATURE, {"decision": "approve", "reason": "none"})
    decided(root, "threshold_change", SCIENTIST, **content)
    changes, _ = threshold_changes(root, FEATURE)
    assert in_force(changes, DIGEST, MORNING) == {"temp": 1.43}
    assert in_force(changes, DIGEST, MORNING - timedelta(minutes=1)) == {}, "from the signature on"
    assert in_force(changes, "of the next version", IN_MAY.as_of) == {}
    store(root, reports_of({"temp": [0.5]}, list(APRIL.days()), "of the next version"))
    made = proposal_of(root, FEATURE, IN_MAY)
    assert (made.days.in_force, made.days.lapsed) == ({}, {"temp": 1.43})
    assert "temp × 1.43 was signed against another reference" in "; ".join(made.looks)


@pytest.mark.requirement("MO-04")
def test_a_factor_that_no_day_of_a_quarter_needed_is_proposed_to_go() -> None:
    days = list(Window.trailing("2021-03-31", days=90).days())
    reports = {
        day: tuple(replace(one, allowance=1.5) for one in report)
        for day, report in reports_of({"temp": [0.4], "wind": [0.9]}, days).items()
    }
    (temp, wind) = propose(reports, RULE, (), {"temp": 1.5, "wind": 1.5})
    assert (temp.column, temp.factor) == ("temp", 1.0), "at most 0.6 of its own threshold"
    assert (wind.column, wind.factor) == ("wind", 1.49)
    assert "× 1.5 is not needed" in temp.reason
    few = {day: reports[day] for day in days[-40:]}
    assert propose(few, RULE, (), {"temp": 1.5}) == ()
