"""Faults in what the model is fed, planted in real flights: each turns its check red by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ai_ops.drift_monitoring import reporting
from ai_ops.drift_monitoring.reports import (
    judge_input_drift,
    judge_inputs_well_formed,
    judge_output_drift,
)
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.drift_monitoring.world import (
    Change,
    Installation,
    between,
    install,
    names_of,
    scored,
)

FIRST, LAST = "2013-04-01", "2013-04-11"
BROKEN_FROM = pd.Timestamp("2013-04-04", tz="UTC")
CLEAN_DAY = "2013-04-09"
# The scores leave their season on the next day; until three whole windows lie behind, that is
# neither drift nor health.
CALM_SCORES = "2013-04-07"

Judge = Callable[..., Verdict]


@pytest.fixture(autouse=True)
def without_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    # The HTML page has a test of its own and takes a second each.
    monkeypatch.setattr(reporting, "make_evidently_report", lambda *_: "")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reporting, "make_evidently_report", lambda *_: "")
        return planted(tmp_path_factory.mktemp("clean"), None)


def planted(folder: Path, change: Change | None) -> Installation:
    made = install(folder, FIRST, LAST, change)
    made.monitor(FIRST, LAST)
    return made


def judged(made: Installation, judge: Judge, day: str = LAST) -> Verdict:
    return judge(made.root, made.feature, made.moment(day))


def broken(column: str, value: Callable[[pd.DataFrame], "pd.Series[Any]"]) -> Change:
    """From a day on, a column takes another value."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        late = rows["time"] >= BROKEN_FROM
        rows.loc[late, f"input_{column}"] = value(rows[late])
        return rows

    return change


def mostly_null(rows: pd.DataFrame) -> "pd.Series[Any]":
    chosen = np.random.default_rng(5).random(len(rows)) < 0.95
    return rows["input_distance"].mask(chosen)


def in_kilometres(rows: pd.DataFrame) -> "pd.Series[Any]":
    return rows["input_distance"] * 1.609


@pytest.mark.requirement("PL-20", "FR-1")
def test_the_clean_days_are_green(clean: Installation) -> None:
    assert judged(clean, judge_inputs_well_formed).status == "pass"
    assert judged(clean, judge_input_drift, CLEAN_DAY).status == "pass"
    assert judged(clean, judge_output_drift, CALM_SCORES).status == "pass"
    undecided = judged(clean, judge_output_drift, CLEAN_DAY)
    assert undecided.status == "no_evidence"
    assert "the window up to 2013-04-06 is not full" in undecided.findings[0].reason


@pytest.mark.fault("inputs_well_formed", "input_drift")
@pytest.mark.requirement("FR-1", "PB-13")
def test_a_column_that_is_mostly_null_is_named_on_its_first_day(tmp_path: Path) -> None:
    made = planted(tmp_path, broken("distance", mostly_null))
    first = BROKEN_FROM.date().isoformat()
    verdict = judged(made, judge_inputs_well_formed, first)
    assert verdict.status == "fail"
    assert names_of(verdict.findings) == {"distance"}
    assert verdict.findings[0].kind == "data_quality"
    assert verdict.findings[0].size == pytest.approx(0.95, abs=0.02)
    assert judged(made, judge_inputs_well_formed, "2013-04-03").status == "pass"
    drift = judged(made, judge_input_drift)
    assert drift.status == "fail"
    assert "distance" in names_of(drift.findings)
    assert judged(made, judge_output_drift, CALM_SCORES).status == "pass"


@pytest.mark.fault("inputs_well_formed", "input_drift")
@pytest.mark.requirement("FR-1")
def test_a_column_that_is_gone_is_missing_not_null(tmp_path: Path) -> None:
    made = planted(tmp_path, lambda rows: rows.drop(columns=["input_wind_speed"]))
    formed, drift = judged(made, judge_inputs_well_formed), judged(made, judge_input_drift)
    assert formed.status == "fail"
    assert "wind_speed is missing from the log" in formed.findings[0].reason
    assert drift.status == "no_evidence"
    assert names_of(drift.findings) == {"wind_speed"}


@pytest.mark.fault("input_drift")
@pytest.mark.requirement("FR-1", "FR-3")
def test_an_input_that_was_away_for_days_cannot_be_judged_in_the_weeks_that_hold_them(
    tmp_path: Path,
) -> None:
    away = ("2013-04-05", "2013-04-06", "2013-04-07")
    made = install(tmp_path, FIRST, LAST)
    for day in away:
        rows = between(scored("logistic").later, day, day)
        made.write_log(day, rows.drop(columns=["input_temp"]))
    made.monitor(FIRST, LAST)
    verdict = judged(made, judge_input_drift, CLEAN_DAY)
    assert verdict.status == "no_evidence"
    assert names_of(verdict.findings) == {"temp"}
    assert "has rows on 4 days of the window" in verdict.findings[0].reason


@pytest.mark.fault("output_drift")
@pytest.mark.requirement("FR-1")
def test_an_output_that_is_gone_is_no_evidence(tmp_path: Path) -> None:
    made = planted(tmp_path, lambda rows: rows.drop(columns=["output_probability"]))
    verdict = judged(made, judge_output_drift)
    assert verdict.status == "no_evidence"
    assert names_of(verdict.findings) == {"probability"}


@pytest.mark.fault("inputs_well_formed", "input_drift")
@pytest.mark.requirement("FR-1")
def test_categories_that_nobody_has_seen_are_counted_and_named(tmp_path: Path) -> None:
    def renamed(rows: pd.DataFrame) -> "pd.Series[Any]":
        return rows["input_origin"].replace({"EWR": "KEWR", "JFK": "KJFK"})

    made = planted(tmp_path, broken("origin", renamed))
    verdict = judged(made, judge_inputs_well_formed)
    assert verdict.status == "fail"
    assert names_of(verdict.findings) == {"origin"}
    assert "2 categories that the reference never had" in verdict.findings[0].reason
    assert "origin" in names_of(judged(made, judge_input_drift).findings)


@pytest.mark.fault("input_drift")
@pytest.mark.requirement("FR-1", "PB-13")
def test_another_unit_is_drift_of_that_column(tmp_path: Path) -> None:
    made = planted(tmp_path, broken("distance", in_kilometres))
    verdict = judged(made, judge_input_drift)
    assert verdict.status == "fail"
    worst = verdict.findings[0]
    assert (worst.kind, worst.columns) == ("drift", ("distance",))
    assert worst.size is not None
    assert worst.size > 1
    assert worst.begin is not None


@pytest.mark.fault("inputs_well_formed")
@pytest.mark.requirement("FR-1")
def test_values_far_outside_everything_seen_are_implausible_at_once(tmp_path: Path) -> None:
    made = planted(tmp_path, broken("pressure", lambda rows: rows["input_pressure"] * 100))
    verdict = judged(made, judge_inputs_well_formed, BROKEN_FROM.date().isoformat())
    assert verdict.status == "fail"
    assert names_of(verdict.findings) == {"pressure"}


@pytest.mark.fault("inputs_well_formed", "input_drift", "output_drift")
@pytest.mark.requirement("FR-1", "FR-3")
def test_a_feed_that_went_dead_is_no_evidence_from_its_first_day(tmp_path: Path) -> None:
    made = planted(tmp_path, lambda rows: rows[rows["time"] < BROKEN_FROM])
    for judge in (judge_inputs_well_formed, judge_input_drift, judge_output_drift):
        verdict = judged(made, judge, BROKEN_FROM.date().isoformat())
        assert verdict.status == "no_evidence"
        assert verdict.findings[0].kind == "volume"


@pytest.mark.fault("inputs_well_formed", "input_drift", "output_drift")
@pytest.mark.requirement("FR-1")
def test_days_on_which_everything_failed_are_an_empty_window(tmp_path: Path) -> None:
    made = planted(tmp_path, lambda rows: rows.assign(status="failed"))
    for judge in (judge_inputs_well_formed, judge_input_drift, judge_output_drift):
        verdict = judged(made, judge)
        assert verdict.status == "no_evidence"
        assert verdict.findings[0].kind == "volume"


@pytest.mark.fault("output_drift")
@pytest.mark.requirement("FR-1", "FQ-07")
def test_a_model_that_answers_alike_to_all_drifts_in_its_output_only(tmp_path: Path) -> None:
    def stuck(rows: pd.DataFrame) -> pd.DataFrame:
        late = rows["time"] >= BROKEN_FROM
        rows.loc[late, "output_probability"] = rows["output_probability"].median()
        return rows

    made = planted(tmp_path, stuck)
    verdict = judged(made, judge_output_drift)
    assert verdict.status == "fail"
    assert "probability" in names_of(verdict.findings)
    assert judged(made, judge_input_drift, CLEAN_DAY).status == "pass"


@pytest.mark.parametrize("benign", ["another order of rows", "noise in the last digits"])
def test_what_changes_nothing_changes_no_verdict(
    clean: Installation, tmp_path: Path, benign: str
) -> None:
    def shuffled(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.sample(frac=1, random_state=3)

    def noisy(rows: pd.DataFrame) -> pd.DataFrame:
        moved = rows["input_recent_delay"] * (1 + 1e-12)
        return rows.assign(input_recent_delay=moved)

    change = shuffled if benign == "another order of rows" else noisy
    other = planted(tmp_path, change)
    for judge in (judge_inputs_well_formed, judge_input_drift, judge_output_drift):
        before, after = judged(clean, judge, CLEAN_DAY), judged(other, judge, CLEAN_DAY)
        assert (before.status, before.reason) == (after.status, after.reason)
