"""On the real flights: April is no broken feed, and a thermometer that changes its unit is one."""

from pathlib import Path

import pandas as pd
import pytest

from ai_ops.drift_monitoring import reporting
from ai_ops.drift_monitoring.cause_evidence import causes_of
from ai_ops.drift_monitoring.cause_look import Look
from ai_ops.drift_monitoring.causes.signs import Cause
from ai_ops.drift_monitoring.history import history_of
from ai_ops.drift_monitoring.profiling import compute_prediction_profile
from ai_ops.drift_monitoring.references import load_reference
from ai_ops_tests.drift_monitoring.world import Change, days, install

FIRST, LAST = "2013-04-01", "2013-04-18"
CHANGED = pd.Timestamp("2013-04-11", tz="UTC")


def causes(folder: Path, change: Change | None, *names: str) -> dict[str, Cause]:
    """Why these columns lie where they lie (every one without names), alarmed or not."""
    made = install(folder, FIRST, LAST, change)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reporting, "make_evidently_report", lambda *_: "")
        patch.setattr(reporting, "note_causes", lambda *_: None)
        moments = [made.moment(day) for day in days(FIRST, LAST)]
        compute_prediction_profile(made.root, made.feature, moments)
        reporting.compute_drift_report(made.root, made.feature, moments[-1:])
    history, _ = history_of(made.root, made.feature, LAST)
    report = history.reports[LAST]
    reference = load_reference(made.root, made.feature, "1")
    look = Look(made.root, made.feature, reference, LAST, report)
    found = causes_of(look, names or [column.column for column in report], {})
    return {one.column: one.cause for one in found}


def in_celsius(rows: pd.DataFrame) -> pd.DataFrame:
    late = rows["time"] >= CHANGED
    rows.loc[late, "input_temp"] = (rows.loc[late, "input_temp"] - 32) * 5 / 9
    return rows


@pytest.mark.requirement("PB-13")
def test_no_column_of_april_is_taken_for_broken(tmp_path: Path) -> None:
    found = causes(tmp_path, None)
    assert {name: one.reason for name, one in found.items() if one.kind == "bad_data"} == {}


@pytest.mark.requirement("PB-13")
def test_a_thermometer_that_changes_its_unit_is_told_by_what_it_is_beside_the_dew_point(
    tmp_path: Path,
) -> None:
    found = causes(tmp_path, in_celsius, "temp")["temp"]
    assert found.kind == "bad_data"
    signs = {one.name: one for one in found.signs}
    assert signs["relation"].direction == "bad_data"
    assert "°F to °C" in signs["relation"].words
    assert signs["onset"].numbers["since"] == CHANGED.date().isoformat()
