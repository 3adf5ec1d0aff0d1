"""Feeds that broke, planted in a made feature: each turns its check red by name, within its window.

Faults of several columns share a world, for each must be told from the others. Clean, the same
checks are green on every day whose window is full.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ai_ops_tests.drift_monitoring.synthetic_world import (
    BROKEN_DAY,
    DAYS,
    LAST,
    Change,
    Installation,
    judged,
    later,
    planted,
    reference_table,
    setting,
    verdicts,
)

DAILY = ("inputs_well_formed", "volume_steady", "feed_alive", "input_drift", "output_drift")
BROKEN = DAYS.index(BROKEN_DAY)
BEFORE = DAYS[BROKEN - 1]
THIRD = DAYS[BROKEN + 2]
"""When k of n days are reached that are judged each by itself."""
WITHIN = DAYS[BROKEN + 8]
"""A window of a week full of what broke, and a day more."""


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return planted(tmp_path_factory.mktemp("clean"))


def failing(made: Installation, check: str, day: str) -> set[str]:
    """The columns that a check finds at fault."""
    found = judged(made, check, day)
    assert found.status == "fail", f"{check} on {day}: {found.status}, {found.reason}"
    return {name for one in found.findings if one.status == "fail" for name in one.columns}


def together(*changes: Change) -> Change:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        for one in changes:
            rows = one(rows)
        return rows

    return change


@pytest.mark.requirement("PL-20", "FR-1")
def test_the_clean_days_are_green(clean: Installation) -> None:
    for check in DAILY:
        found = verdicts(clean, check, DAYS[6:])
        assert set(found.values()) == {"pass"}, (check, found)


def mostly_null(rows: pd.DataFrame) -> "pd.Series[Any]":
    return rows["input_amount"].mask(np.random.default_rng(5).random(len(rows)) < 0.95)


def renamed(rows: pd.DataFrame) -> "pd.Series[Any]":
    return rows["input_kind"].replace({"repeat": "REPEAT"})


@pytest.mark.fault("inputs_well_formed", "input_drift")
@pytest.mark.requirement("FR-1")
def test_nulls_and_a_renamed_category_are_named_on_their_first_day(tmp_path: Path) -> None:
    broken = together(setting("input_amount", mostly_null), setting("input_kind", renamed))
    made = planted(tmp_path, broken, days=DAYS[: BROKEN + 4], looks=False)
    assert judged(made, "inputs_well_formed", BEFORE).status == "pass"
    assert failing(made, "inputs_well_formed", BROKEN_DAY) == {"amount", "kind"}
    assert failing(made, "input_drift", DAYS[BROKEN + 3]) == {"amount", "kind"}


@pytest.mark.fault("inputs_well_formed", "input_drift")
@pytest.mark.requirement("FR-1")
def test_a_column_that_is_gone_is_missing_and_never_health(tmp_path: Path) -> None:
    def gone(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.drop(columns=["input_wind"])

    made = planted(tmp_path, gone, days=DAYS[:7], looks=False)
    assert failing(made, "inputs_well_formed", DAYS[6]) == {"wind"}
    drift = judged(made, "input_drift", DAYS[6])
    assert (drift.status, drift.findings[0].columns) == ("no_evidence", ("wind",))


def swapped(rows: pd.DataFrame) -> pd.DataFrame:
    own, moved = later(rows), rows.copy()
    moved.loc[own, "input_temp"] = rows.loc[own, "input_wind"]
    moved.loc[own, "input_wind"] = rows.loc[own, "input_temp"]
    return moved


@pytest.mark.fault("input_drift")
@pytest.mark.requirement("FR-1", "FQ-07", "PB-13")
def test_units_signs_and_swapped_columns_are_drift_of_those_columns_alone(tmp_path: Path) -> None:
    in_cents = setting("input_amount", lambda rows: rows["input_amount"] * 100)
    negated = setting("input_age", lambda rows: -rows["input_age"])
    made = planted(
        tmp_path, together(in_cents, negated, swapped), days=DAYS[: BROKEN + 9], looks=False
    )
    assert judged(made, "input_drift", BEFORE).status == "pass"
    assert failing(made, "input_drift", THIRD) >= {"amount", "age"}
    # Of two columns that look alike the one that is told apart first is enough.
    found = failing(made, "input_drift", WITHIN)
    assert found >= {"amount", "age"} and found & {"temp", "wind"}
    assert found <= {"amount", "age", "temp", "wind"}
    assert judged(made, "output_drift", WITHIN).status == "pass"


def frozen(rows: pd.DataFrame) -> pd.DataFrame:
    """From a day on, the rows of the day before come again and again; last a reference's day."""
    last = rows[rows["time"].dt.strftime("%Y-%m-%d") == BEFORE]
    again = [
        last.assign(time=last["time"] + pd.Timedelta(days=n), id=last["id"] + f"-{n}")
        for n in range(1, len(DAYS) - BROKEN)
    ]
    known: pd.DataFrame = reference_table().to_pandas()
    old = known[known["time"].dt.strftime("%Y-%m-%d") == "2021-02-03"]
    since = pd.Timestamp(LAST, tz="UTC") - pd.Timestamp("2021-02-03", tz="UTC")
    replayed = old.assign(time=old["time"] + since)
    frozen: pd.DataFrame = pd.concat([rows[~later(rows)], *again, replayed], ignore_index=True)
    return frozen


@pytest.mark.fault("feed_alive")
@pytest.mark.requirement("FR-1", "PB-13")
def test_a_frozen_feed_and_a_copy_of_the_reference_are_red_on_their_first_day(
    tmp_path: Path,
) -> None:
    made = planted(tmp_path, frozen, reports=False)
    assert judged(made, "feed_alive", BEFORE).status == "pass"
    whole = judged(made, "feed_alive", BROKEN_DAY).findings[0]
    assert f"every input is exactly as on {BEFORE}" in whole.reason
    assert (whole.kind, whole.status, whole.cause) == ("data_quality", "fail", "bad_data")
    assert {"temp", "kind", "age"} <= set(whole.columns)
    lasting = judged(made, "feed_alive", DAYS[-2]).findings[0]
    assert lasting.begin is not None
    assert lasting.begin.date().isoformat() == BROKEN_DAY
    replayed = judged(made, "feed_alive")
    assert replayed.status == "fail"
    assert "every input is exactly as on 2021-02-03 of the reference" in replayed.reason
    assert judged(made, "inputs_well_formed").status == "pass", "which is why it needs a check"


def stale(rows: pd.DataFrame) -> Any:
    """A cache of the weather: for each hour the value of the day before the fault."""
    hours = rows["time"].dt.hour + rows["time"].dt.minute // 15 / 4
    return (14 + 4 * np.sin((hours / 24 - 0.3) * 2 * np.pi)).round(3)


STUCK: Change = together(
    setting("output_probability", lambda rows: 0.5),
    setting("input_temp", stale),
    setting("input_wind", lambda rows: 7.25),
)
COARSE: Change = together(
    setting("output_probability", lambda rows: np.round(rows["output_probability"] * 17) / 17),
    setting("input_amount", lambda rows: rows["input_amount"].round()),
)


@pytest.mark.fault("feed_alive", "output_drift")
@pytest.mark.requirement("FR-1", "FQ-07")
def test_a_constant_output_and_stuck_inputs_are_named_at_once(tmp_path: Path) -> None:
    made = planted(tmp_path, STUCK, days=DAYS[: BROKEN + 7], looks=False)
    assert judged(made, "feed_alive", BEFORE).status == "pass"
    assert failing(made, "feed_alive", BROKEN_DAY) == {"probability", "wind"}
    second = judged(made, "feed_alive", DAYS[BROKEN + 1])
    words = {one.columns[0]: one.reason for one in second.findings}
    assert "one value only" in words["probability"]
    assert f"since {BROKEN_DAY}" in words["probability"]
    assert f"has the values of {BROKEN_DAY}" in words["temp"]
    assert {one.cause for one in second.findings} == {"bad_data"}
    assert failing(made, "output_drift", DAYS[BROKEN + 6]) == {"probability"}


@pytest.mark.fault("feed_alive")
@pytest.mark.requirement("FR-1")
def test_quantised_outputs_and_rounded_inputs_are_named_on_the_third_day(tmp_path: Path) -> None:
    made = planted(tmp_path, COARSE, days=DAYS[: BROKEN + 3], reports=False)
    second = judged(made, "feed_alive", DAYS[BROKEN + 1])
    assert second.status == "pass"
    assert "not on 3 of 4 days: amount, probability" in second.reason
    third = judged(made, "feed_alive", THIRD)
    assert third.status == "fail"
    words = {one.columns[0]: one.reason for one in third.findings}
    assert set(words) == {"amount", "probability"}
    assert "in steps of 1, in the reference in steps of 0.01" in words["amount"]
    assert "lies on few points" in words["probability"]
    assert f"since {BROKEN_DAY}" in words["probability"]


def thinned(rows: pd.DataFrame) -> pd.DataFrame:
    lost = later(rows) & (np.random.default_rng(9).random(len(rows)) < 0.6)
    kept: pd.DataFrame = rows[~lost]
    return kept


@pytest.mark.fault("volume_steady")
@pytest.mark.requirement("FR-1")
def test_sixty_per_cent_of_the_rows_missing_is_red_on_the_third_day_and_stays(
    tmp_path: Path,
) -> None:
    made = planted(tmp_path, thinned, looks=False)
    assert verdicts(made, "volume_steady", DAYS[BROKEN:]) == {
        day: "fail" if day >= THIRD else "pass" for day in DAYS[BROKEN:]
    }
    [finding] = judged(made, "volume_steady", WITHIN).findings
    assert finding.kind == "volume"
    assert finding.size == pytest.approx(0.6, abs=0.1)
    assert f"since {BROKEN_DAY}" in finding.reason
    assert "low, but not on 3 of 4 days" in judged(made, "volume_steady", BROKEN_DAY).reason
    for check in ("inputs_well_formed", "feed_alive", "input_drift"):
        assert judged(made, check).status == "pass", "which is why it needs a check"


@pytest.mark.fault("volume_steady")
@pytest.mark.requirement("FR-1")
def test_one_call_site_and_one_tenant_that_went_silent_are_named(tmp_path: Path) -> None:
    def silenced(rows: pd.DataFrame) -> pd.DataFrame:
        silent = (rows["call_site"] == "app") | (rows["tenant"] == "crux")
        return rows[~(later(rows) & silent)]

    made = planted(tmp_path, silenced, days=DAYS[: BROKEN + 3], reports=False)
    assert judged(made, "volume_steady", DAYS[BROKEN + 1]).status == "pass"
    found = judged(made, "volume_steady", THIRD)
    assert found.status == "fail"
    assert {one.call_site for one in found.findings} == {None, "app"}
    assert {one.tenant for one in found.findings} == {None, "crux"}
    [app] = [one for one in found.findings if one.call_site]
    assert "call site app went silent: 0 rows" in app.reason
    assert f"since {BROKEN_DAY}" in app.reason
