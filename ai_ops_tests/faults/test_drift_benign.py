"""What looks odd and is not: holidays, growth, another order, noise, a column more stay green.

Two rows a day are no evidence, and no alarm.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ai_ops_tests.drift_monitoring.synthetic_world import (
    BROKEN_DAY,
    DAYS,
    Change,
    Installation,
    judged,
    later,
    more_rows,
    planted,
    verdicts,
)

DAILY = ("inputs_well_formed", "volume_steady", "feed_alive", "input_drift", "output_drift")
AFTER = DAYS[DAYS.index(BROKEN_DAY) :]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return planted(tmp_path_factory.mktemp("clean"))


def test_the_clean_days_are_green(clean: Installation) -> None:
    assert {judged(clean, check).status for check in DAILY} == {"pass"}


def holiday(rows: pd.DataFrame) -> pd.DataFrame:
    day = rows["time"].dt.strftime("%Y-%m-%d") == BROKEN_DAY
    lost = day & (np.random.default_rng(4).random(len(rows)) < 0.7)
    kept: pd.DataFrame = rows[~lost]
    return kept


def growth(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([rows, more_rows(AFTER, times=2)], ignore_index=True)


def reordered(rows: pd.DataFrame) -> pd.DataFrame:
    own = rows[later(rows)].sample(frac=1, random_state=3)
    return pd.concat([rows[~later(rows)], own], ignore_index=True)


def noisy(rows: pd.DataFrame) -> pd.DataFrame:
    names = ["input_amount", "input_temp", "input_wind", "output_probability"]
    moved = rows.copy()
    moved.loc[later(rows), names] *= 1 + 1e-13
    return moved


def added(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(input_brand_new=1.5)


@pytest.mark.requirement("PL-20", "FQ-07")
@pytest.mark.parametrize("change", [holiday, growth])
def test_fewer_or_more_rows_of_the_same_mix_alarm_nobody(tmp_path: Path, change: Change) -> None:
    made = planted(tmp_path, change, days=DAYS[:-4], looks=False)
    for check in DAILY:
        assert set(verdicts(made, check, AFTER[:-4]).values()) == {"pass"}, check
    told = judged(made, "volume_steady", BROKEN_DAY).reason
    assert ("low, but not on 3 of 4 days" in told) == (change is holiday)


@pytest.mark.requirement("PL-20", "FQ-07")
def test_another_order_noise_in_the_last_digits_and_a_column_more_change_no_verdict(
    clean: Installation, tmp_path: Path
) -> None:
    made = planted(
        tmp_path, lambda rows: added(noisy(reordered(rows))), days=DAYS[:-4], looks=False
    )
    for check in DAILY:
        for day in AFTER[:-4]:
            before, after = judged(clean, check, day), judged(made, check, day)
            assert (before.status, before.reason) == (after.status, after.reason)


def two_a_day(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.groupby(rows["time"].dt.date).head(2)


@pytest.mark.fault("inputs_well_formed", "volume_steady", "feed_alive", "input_drift")
@pytest.mark.requirement("FR-1", "FR-3")
def test_two_rows_a_day_are_no_evidence_and_no_alarm(tmp_path: Path) -> None:
    made = planted(tmp_path, two_a_day, days=DAYS[:10], looks=False)
    for check in ("volume_steady", "feed_alive", "input_drift", "output_drift"):
        found = judged(made, check, DAYS[9])
        assert found.status == "no_evidence", (check, found.reason)
        assert {one.kind for one in found.findings} == {"volume"}
    statuses = {judged(made, check, day).status for check in DAILY for day in DAYS[8:10]}
    assert "fail" not in statuses
