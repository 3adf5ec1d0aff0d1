"""Faults that no single column shows, planted in a small feature: each is red by name."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ai_ops_tests.drift_monitoring.installation import Change
from ai_ops_tests.drift_monitoring.synthetic_world import (
    BROKEN_DAY,
    DAYS,
    LAST,
    judged,
    later,
    planted,
    verdicts,
)

WHOLE = DAYS[6:]
"""The days with a whole window."""
FOUND_BY = DAYS[DAYS.index(BROKEN_DAY) + 6]
"""The last day of the first window that holds broken days only."""


def shuffled(*columns: str) -> Change:
    """From a day on, columns of the log keep each day's values and lose their rows."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        chance = np.random.default_rng(3)
        own = rows[later(rows)]
        for _, day in own.groupby(own["time"].dt.date):
            for column in columns:
                rows.loc[day.index, column] = chance.permutation(day[column].to_numpy())
        return rows

    return change


@pytest.mark.requirement("FR-1", "FQ-07")
def test_clean_days_have_their_pairs_together_green(tmp_path: Path) -> None:
    made = planted(tmp_path)
    assert {status for day, status in verdicts(made, "joint_drift").items() if day in WHOLE} == {
        "pass"
    }
    first = judged(made, "joint_drift", DAYS[0])
    assert first.status == "no_evidence"
    assert "holds rows of 1 of its 7 days" in first.reason
    assert "region, rain" in judged(made, "joint_drift").reason, "what is not watched is told"


@pytest.mark.fault("joint_drift")
@pytest.mark.requirement("FR-1", "FQ-07")
@pytest.mark.parametrize(
    ("column", "partner"),
    [("input_amount", "probability"), ("input_temp", "wind"), ("output_probability", "amount")],
)
def test_a_column_shuffled_against_the_others_is_named_where_no_column_drifts(
    tmp_path: Path, column: str, partner: str
) -> None:
    made = planted(tmp_path, shuffled(column))
    for alone in ("inputs_well_formed", "input_drift", "output_drift"):
        assert {verdicts(made, alone)[day] for day in WHOLE} == {"pass"}
    found = verdicts(made, "joint_drift")
    assert found[BROKEN_DAY] == "pass"
    assert found[FOUND_BY] == "fail", "within its window"
    verdict = judged(made, "joint_drift")
    finding = verdict.findings[0]
    name = column.partition("_")[2]
    assert (finding.kind, finding.columns) == ("drift", (name,))
    assert f"{name} moves apart from" in finding.reason
    assert partner in finding.reason
    assert "it looks shuffled" in finding.reason
    assert finding.begin is not None
    assert f"{finding.begin:%Y-%m-%d}" >= BROKEN_DAY


@pytest.mark.fault("joint_drift")
@pytest.mark.requirement("FR-1", "FR-3")
def test_a_column_that_is_gone_leaves_its_pairs_unjudged(tmp_path: Path) -> None:
    def gone(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.drop(columns=["input_wind"])

    verdict = judged(planted(tmp_path, gone), "joint_drift", LAST)
    assert verdict.status == "no_evidence"
    assert {f.columns for f in verdict.findings} == {("temp", "wind")}
