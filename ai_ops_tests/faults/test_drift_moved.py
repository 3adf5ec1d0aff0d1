"""A world that changed while its feed is whole: drift is found within its window, and named."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ai_ops_tests.drift_monitoring.synthetic_world import (
    BROKEN_DAY,
    DAYS,
    LAST,
    START,
    Installation,
    judged,
    planted,
    setting,
)

WEEK_AFTER = DAYS[DAYS.index(BROKEN_DAY) + 6]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return planted(tmp_path_factory.mktemp("clean"))


def test_the_clean_days_are_green(clean: Installation) -> None:
    for check in ("input_drift", "output_drift", "inputs_well_formed"):
        assert {judged(clean, check, day).status for day in (WEEK_AFTER, LAST)} == {"pass"}


def slowly(rows: pd.DataFrame) -> "pd.Series[Any]":
    """Every day a twentieth more: two thirds more on the last one."""
    age = (rows["time"] - pd.Timestamp(START, tz="UTC")).dt.days
    return rows["input_amount"] * 1.05 ** (age - DAYS.index(BROKEN_DAY))


def wider(rows: pd.DataFrame) -> "pd.Series[Any]":
    mean = rows["input_age"].mean()
    return (mean + 1.5 * (rows["input_age"] - mean)).round()


def one_more(rows: pd.DataFrame) -> "pd.Series[Any]":
    return rows["input_region"].mask(np.random.default_rng(2).random(len(rows)) < 0.06, "i")


def surer(rows: pd.DataFrame) -> "pd.Series[Any]":
    return rows["output_probability"] ** 1.5


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Three inputs and the score move on the same day, each in a way of its own."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        rows = setting("input_amount", lambda own: own["input_amount"] * 1.4)(rows)
        rows = setting("input_age", wider)(rows)
        rows = setting("input_region", one_more)(rows)
        return setting("output_probability", surer)(rows)

    return planted(
        tmp_path_factory.mktemp("moved"),
        change,
        days=DAYS[: DAYS.index(WEEK_AFTER) + 1],
        looks=False,
    )


@pytest.mark.fault("input_drift")
@pytest.mark.requirement("FR-1", "FQ-07", "PL-20")
def test_a_sudden_shift_a_wider_spread_and_a_new_category_are_named_and_nothing_else(
    moved: Installation,
) -> None:
    found = judged(moved, "input_drift", WEEK_AFTER)
    assert found.status == "fail", found.reason
    named = {name for one in found.findings for name in one.columns}
    assert named == {"amount", "age", "region"}
    assert judged(moved, "input_drift", DAYS[DAYS.index(BROKEN_DAY) - 1]).status == "pass"
    for check in ("feed_alive", "volume_steady"):
        assert judged(moved, check, WEEK_AFTER).status == "pass", "the feed is whole"


@pytest.mark.fault("input_drift")
@pytest.mark.requirement("FR-1", "FQ-07")
def test_a_slow_drift_is_named_before_it_has_doubled(tmp_path: Path) -> None:
    made = planted(tmp_path, setting("input_amount", slowly), looks=False)
    found = judged(made, "input_drift", LAST)
    assert found.status == "fail", found.reason
    assert {name for one in found.findings for name in one.columns} == {"amount"}
    assert judged(made, "input_drift", BROKEN_DAY).status == "pass"


@pytest.mark.fault("inputs_well_formed")
def test_a_new_category_is_named_on_its_first_day(moved: Installation) -> None:
    found = judged(moved, "inputs_well_formed", BROKEN_DAY)
    assert found.status == "fail"
    assert found.findings[0].columns == ("region",)


@pytest.mark.fault("output_drift")
@pytest.mark.requirement("FQ-07")
def test_scores_that_moved_are_drift_of_the_output(moved: Installation) -> None:
    found = judged(moved, "output_drift", WEEK_AFTER)
    assert found.status == "fail"
    assert found.findings[0].columns == ("probability",)
