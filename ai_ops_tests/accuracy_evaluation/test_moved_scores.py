"""The bound on calibration that asks for no label: it is one, and the gate reads it as one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.accuracy_evaluation.gate import Criteria, judge_candidate
from ai_ops.accuracy_evaluation.gate_metrics import compare
from ai_ops.accuracy_evaluation.metrics import Bools, Floats
from ai_ops.accuracy_evaluation.moved_scores import moved_scores
from ai_ops.ai_features.gate import CandidateGate
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.accuracy_evaluation.test_gate import DAYS, NOW, evaluation, sums, truth

pytestmark = pytest.mark.requirement("PB-15", "PB-34")


def error_in(groups: Floats, score: Floats, label: Bools) -> float:
    """The calibration error over groups of rows."""
    of_group = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    apart = [abs(score[rows].sum() - label[rows].sum()) for rows in of_group]
    return float(sum(apart) / len(score))


@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(20, 400),
    shift=st.floats(-0.4, 0.4),
    noise=st.floats(0, 0.4),
    luck=st.floats(0, 1),
)
@settings(max_examples=150, deadline=None)
def test_whatever_the_labels_no_version_is_worse_by_more(
    seed: int, rows: int, shift: float, noise: float, luck: float
) -> None:
    random = np.random.default_rng(seed)
    champion = random.random(rows)
    candidate = np.clip(champion + shift + random.normal(0, noise, rows), 0, 1)
    label = random.random(rows) < luck
    day = np.array([f"2021-03-{1 + n % 7:02d}" for n in range(rows)])
    groups = np.minimum(np.floor((candidate + champion) / 2 * 10), 9)
    worse = error_in(groups, candidate, label) - error_in(groups, champion, label)
    assert worse <= moved_scores(day, candidate, champion).value + 1e-9


@pytest.mark.parametrize("swapped", [0.05, 0.06, 0.08])
def test_scores_that_changed_places_are_apart(swapped: float) -> None:
    """Half the rows have their scores of .5 and a little exchanged, the others gain what that
    costs: the mean of both versions' scores is everywhere the same."""
    random, rows = np.random.default_rng(3), 2000
    first = np.arange(rows) % 2 == 0
    sign = np.where(random.random(rows) < 0.5, 1, -1)
    rest = random.choice([0.25, 0.35, 0.65, 0.75], rows)
    champion = np.where(first, 0.5 + sign * swapped / 2, rest)
    candidate = np.where(first, 0.5 - sign * swapped / 2, rest + sign * 0.08)
    day = np.array([DAYS[n // 2 % len(DAYS)] for n in range(rows)])
    high = moved_scores(day, candidate, champion).high
    assert high is not None and high > CandidateGate().ece_margin


def calibration(shift: float) -> Verdict:
    """The gate on 2,000 rows, of two versions that err alike, every score of one moved."""
    score, drawn = truth(2000, seed=0)
    label = (drawn < score).astype(float)
    noise = (np.random.default_rng(seed).normal(0, 0.05, 2000) for seed in (50, 90))
    champion, candidate = (np.clip(score + one, 0, 1) for one in noise)
    candidate = np.clip(candidate + shift, 0, 1)
    compared = compare(sums(candidate, label), sums(champion, label))
    day = np.array([DAYS[n % len(DAYS)] for n in range(2000)])
    moved = moved_scores(day, candidate, champion)
    found = evaluation(
        sums(candidate, label),
        sums(champion, label),
        compared=replace(compared, moved=moved),
    )
    # Not surely within the margin by the labels alone.
    assert compared.difference["ece"].high is not None and compared.difference["ece"].high > 0.02
    return judge_candidate(found, Criteria(CandidateGate(), "h"), "2", NOW)["gate_calibration"]


def test_scores_that_lie_near_those_of_production_are_as_well_calibrated() -> None:
    verdict = calibration(0.0)
    assert verdict.status == "pass"
    assert "whatever the labels, worse by 0.0" in verdict.reason


@pytest.mark.parametrize("shift", [0.04, -0.04])
def test_scores_that_were_moved_are_judged_by_the_labels(shift: float) -> None:
    verdict = calibration(shift)
    assert verdict.status == "fail" and "whatever the labels" not in verdict.reason
