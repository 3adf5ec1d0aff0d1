"""Faults that no single column shows, planted in a small feature: each is red by name."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ai_ops.drift_monitoring.profiling import compute_reference_profile
from ai_ops_tests.drift_monitoring import synthetic_world
from ai_ops_tests.drift_monitoring.installation import Change, Installation
from ai_ops_tests.drift_monitoring.synthetic_world import (
    BROKEN_DAY,
    BROKEN_FROM,
    DAYS,
    judged,
    later,
    planted,
    reference_table,
    verdicts,
    without_pages,
)

WHOLE = DAYS[6:]
"""The days with a whole window."""
SHORT = DAYS[: DAYS.index(BROKEN_DAY) + 7]
"""The days to the end of the first window that holds broken days only."""
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
    assert set(verdicts(made, "joint_drift", WHOLE).values()) == {"pass"}
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
    made = planted(tmp_path, shuffled(column), looks=False)
    for alone in ("inputs_well_formed", "input_drift", "output_drift"):
        assert set(verdicts(made, alone, WHOLE).values()) == {"pass"}
    found = verdicts(made, "joint_drift", (BROKEN_DAY, FOUND_BY))
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

    made = planted(tmp_path, gone, days=SHORT, looks=False)
    verdict = judged(made, "joint_drift", SHORT[-1])
    assert verdict.status == "no_evidence"
    assert {f.columns for f in verdict.findings} == {("temp", "wind")}


def five_tenants(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with a tenant more, whose rows are a fifteenth of all."""
    number = rows["id"].str[-5:].astype(int)
    return rows.assign(
        tenant=rows["tenant"].mask((number % 3 == 0) & (rows["tenant"] == "crux"), "dune")
    )


def as_they_are(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows themselves."""
    return rows


def sliced(
    folder: Path,
    change: Change = lambda rows: rows,
    known: Change = as_they_are,
    days: Sequence[str] = DAYS,
    **settings: Any,
) -> Installation:
    """The watched days with slices asked for; ``known`` changes the reference."""
    table = five_tenants_before(known)
    asked = {"slices": ("tenant", "call_site")} | settings
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic_world, "reference_table", lambda: table)
        return planted(
            folder,
            lambda rows: change(five_tenants(rows)),
            days=days,
            settings=asked,
            looks=False,
        )


@cache
def five_tenants_before(known: Change) -> pa.Table:
    """The reference with the tenants, changed by ``known``."""
    return pa.Table.from_pandas(known(five_tenants(reference_table().to_pandas())))


def dearer(dimension: str, value: str, factor: float, since: pd.Timestamp = BROKEN_FROM) -> Change:
    """From a day on, the amounts of one slice are in another unit."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        own = later(rows, since) & (rows[dimension] == value)
        return rows.assign(
            input_amount=rows["input_amount"].mask(own, rows["input_amount"] * factor)
        )

    return change


@pytest.mark.requirement("FR-1", "FQ-07")
def test_no_slice_of_clean_days_drifts_green(tmp_path: Path) -> None:
    made = sliced(tmp_path, days=SHORT)
    assert set(verdicts(made, "slice_drift", SHORT[6:]).values()) == {"pass"}
    verdict = judged(made, "slice_drift", SHORT[-1])
    assert verdict.observed["slices_judged"] == 6
    assert verdict.observed["slices_unjudged"] == 0


@pytest.mark.fault("slice_drift")
@pytest.mark.requirement("FR-1", "FQ-07")
@pytest.mark.parametrize(("dimension", "value", "factor"), [("tenant", "dune", 2.5)])
def test_drift_in_one_tenant_of_many_is_red_by_name_while_the_whole_is_green(
    tmp_path: Path, dimension: str, value: str, factor: float
) -> None:
    made = sliced(tmp_path, dearer(dimension, value, factor), days=SHORT)
    for whole in ("inputs_well_formed", "input_drift", "output_drift"):
        assert set(verdicts(made, whole, SHORT[6:]).values()) == {"pass"}
    found = verdicts(made, "slice_drift", (BROKEN_DAY, FOUND_BY))
    assert found[BROKEN_DAY] == "pass"
    assert found[FOUND_BY] == "fail", "within its window"
    verdict = judged(made, "slice_drift", FOUND_BY)
    drifted = [finding for finding in verdict.findings if finding.status == "fail"]
    assert {(one.tenant, one.call_site, one.slice) for one in drifted} == {
        (value, None, f"{dimension} {value}")
    }
    assert drifted[0].columns == ("amount",)
    assert "% of all)" in drifted[0].reason
    assert "its own rows in the reference" in drifted[0].reason


@pytest.mark.fault("slice_drift")
@pytest.mark.requirement("FR-1", "FR-3")
def test_a_slice_without_a_history_is_named_until_its_own_weeks_tell_what_is_normal(
    tmp_path: Path,
) -> None:
    def untold(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.drop(columns=["tenant", "call_site"])

    change = dearer("tenant", "bolt", 4.0, pd.Timestamp(DAYS[17], tz="UTC"))
    made = sliced(tmp_path, change, untold, window_days=2, k=2, n=3)
    early = judged(made, "slice_drift", DAYS[5])
    assert early.status == "no_evidence"
    assert {one.tenant for one in early.findings} >= {"acme", "bolt"}
    assert "it has no history" in early.findings[0].reason
    assert judged(made, "slice_drift", DAYS[16]).status == "pass"
    found = judged(made, "slice_drift").findings[0]
    assert (found.status, found.tenant, found.columns) == ("fail", "bolt", ("amount",))
    assert f"its own rows in the log, {DAYS[0]} to {DAYS[11]}" in found.reason


@pytest.mark.fault("slice_drift")
@pytest.mark.requirement("FR-1", "FR-3")
def test_a_version_beside_the_live_one_is_judged_by_its_own_reference_or_named(
    tmp_path: Path,
) -> None:
    def canary(rows: pd.DataFrame) -> pd.DataFrame:
        number = rows["id"].str[-5:].astype(int)
        chosen = (number % 3 == 0) & (number < 150)  # the day's last answer is of the live version
        amount = rows["input_amount"].mask(chosen & later(rows), rows["input_amount"] * 3)
        version = rows["model_version"].mask(chosen, "2")
        return rows.assign(model_version=version, input_amount=amount)

    made = sliced(tmp_path / "untold", canary, slices=("model_version",), days=SHORT)
    unknown = judged(made, "slice_drift", SHORT[-1])
    assert unknown.status == "pass", "the live version is judged"
    assert "not judged: model_version 2" in unknown.reason
    assert "nobody profiled the reference of this version" in unknown.findings[0].reason

    made.registry.later["2"] = made.registry.table
    at = made.moment(DAYS[0]).as_of
    compute_reference_profile(made.root, made.feature, at, version="2")
    without_pages(made, SHORT[-10], SHORT[-1], looks=False)
    verdict = judged(made, "slice_drift", SHORT[-1])
    drifted = [finding for finding in verdict.findings if finding.status == "fail"]
    assert {(one.slice, one.columns) for one in drifted} == {("model_version 2", ("amount",))}
    assert "its own reference" in drifted[0].reason
