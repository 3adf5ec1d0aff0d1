"""Faults of answers that are classes, numbers or decisions: from a day on they are worse."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ai_ops.vocabulary.windows import Window
from ai_ops_tests.accuracy_evaluation.kinds_world import (
    DAYS,
    FAULT_DAY,
    Change,
    built,
    day_of,
    from_the_fault_day,
)

pytestmark = pytest.mark.requirement("MO-02", "FR-1")


def bees_taken_for_cats(rows: pd.DataFrame) -> pd.DataFrame:
    confused = from_the_fault_day(rows) & (rows["answer"] == "bee")
    swapped = rows.loc[confused, ["p_cat", "p_bee"]].to_numpy()
    changed = rows.assign(answer=rows["answer"].mask(confused, "cat"))
    changed.loc[confused, ["p_bee", "p_cat"]] = swapped
    return changed


def thirty_more(rows: pd.DataFrame) -> pd.DataFrame:
    """Every answer is too high by one and a half of what the usual error is."""
    return rows.assign(answer=rows["answer"] + 30 * from_the_fault_day(rows))


def alarmed(rows: pd.DataFrame) -> pd.DataFrame:
    """Every second benign finding is called malignant."""
    chosen = np.random.default_rng(1).random(len(rows)) < 0.5
    wrong = from_the_fault_day(rows) & chosen & (rows["answer"] == "benign")
    return rows.assign(answer=rows["answer"].mask(wrong, "malignant"))


@pytest.mark.parametrize("kind", ["classes", "numbers", "decisions"])
def test_answers_that_stay_as_good_are_green(tmp_path: Path, kind: str) -> None:
    world = built(tmp_path, kind)
    verdict = world.accuracy()
    assert verdict.status == "pass", verdict.reason
    assert verdict.sample_size > 700 and verdict.observed["version"] == "1"
    assert not [finding for finding in verdict.findings if finding.status != "pass"]


@pytest.mark.fault("accuracy")
@pytest.mark.parametrize(
    ("kind", "change", "named"),
    [
        ("classes", bees_taken_for_cats, "class bee: recall 0.000"),
        ("numbers", thirty_more, "bias: mean error"),
        ("decisions", alarmed, "share of positive decisions minus observed rate"),
    ],
)
def test_what_is_worse_from_a_day_on_is_confirmed_within_a_week_and_named(
    tmp_path: Path, kind: str, change: Change, named: str
) -> None:
    verdict = built(tmp_path, kind, change).accuracy()
    assert verdict.status == "fail"
    (finding,) = [one for one in verdict.findings if named in one.reason]
    assert finding.kind == "accuracy" and finding.status == "fail"
    assert finding.begin is not None
    begun, ended = Window.of_day(day_of(FAULT_DAY)).start, Window.of_day(day_of(DAYS - 1)).start
    assert begun <= finding.begin <= ended, "the days that pay for it, no earlier one"
    if kind == "classes":
        assert verdict.observed["worst_class"] == "bee"
        assert finding.columns == ("answer",)
