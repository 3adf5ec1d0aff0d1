"""Faults of labels that are classes, numbers, or beside decisions: from a day on they are wrong."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ai_ops.accuracy_evaluation.evaluation import (
    compute_evaluation_run,
    judge_accuracy,
    judge_labels_plausible,
)
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.accuracy_evaluation.kinds_world import (
    DAYS,
    FAULT_DAY,
    Change,
    World,
    built,
    day_of,
    from_the_fault_day,
    moment,
)

pytestmark = pytest.mark.requirement("MO-02", "FR-1")

LAST = moment(DAYS - 1)


def plausible(world: World) -> Verdict:
    compute_evaluation_run(world.root, world.feature, [LAST])
    return judge_labels_plausible(world.root, world.feature, LAST)


def names_exchanged(rows: pd.DataFrame) -> pd.DataFrame:
    told = rows["truth"].replace({"ant": "bee", "bee": "ant"})
    return rows.assign(truth=rows["truth"].mask(from_the_fault_day(rows), told))


def in_seconds(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(truth=rows["truth"] * np.where(from_the_fault_day(rows), 60.0, 1.0))


def other_sign(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(truth=rows["truth"] * np.where(from_the_fault_day(rows), -1.0, 1.0))


def all_zero(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(truth=rows["truth"].mask(from_the_fault_day(rows), 0.0))


def all_benign(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(truth=rows["truth"].mask(from_the_fault_day(rows), "benign"))


def answers_worse(rows: pd.DataFrame) -> pd.DataFrame:
    """The model, not the labels: its answers are those of other rows."""
    late = from_the_fault_day(rows)
    random = np.random.default_rng(2)
    columns = [name for name in rows.columns if name == "answer" or name.startswith("p_")]
    changed = rows.copy()
    order = random.permutation(np.flatnonzero(late))
    changed.loc[late, columns] = rows.loc[order, columns].to_numpy()
    return changed.astype({name: rows[name].dtype for name in columns})


@pytest.mark.fault("labels_plausible")
@pytest.mark.parametrize(
    ("kind", "change", "named"),
    [
        ("classes", names_exchanged, "ant for bee, bee for ant"),
        ("numbers", in_seconds, "the labels are 60 times what they were"),
        ("numbers", other_sign, "the labels have the other sign"),
        ("numbers", all_zero, "say 0, where at least"),
        ("decisions", all_benign, "say false, where at least"),
    ],
)
def test_what_only_labels_can_have_done_is_named_with_its_day(
    tmp_path: Path, kind: str, change: Change, named: str
) -> None:
    world = built(tmp_path, kind, change)
    verdict = plausible(world)
    assert verdict.status == "fail" and named in verdict.reason
    assert {finding.kind for finding in verdict.findings} == {"labels"}
    begun = min(f.begin for f in verdict.findings if f.begin is not None)
    assert begun == Window.of_day(day_of(FAULT_DAY)).start
    accuracy = judge_accuracy(world.root, world.feature, LAST)
    assert accuracy.status == "no_evidence" and "the labels look wrong" in accuracy.reason


@pytest.mark.parametrize("kind", ["classes", "numbers", "decisions"])
def test_clean_labels_are_green(tmp_path: Path, kind: str) -> None:
    verdict = plausible(built(tmp_path, kind))
    assert verdict.status == "pass" and verdict.sample_size > 700


@pytest.mark.parametrize("kind", ["classes", "numbers", "decisions"])
def test_answers_that_get_worse_leave_their_labels_green(tmp_path: Path, kind: str) -> None:
    world = built(tmp_path, kind, answers_worse)
    verdict = plausible(world)
    assert verdict.status == "pass", verdict.reason
    assert judge_accuracy(world.root, world.feature, LAST).status == "fail"
