"""The gate's rules on the numbers of a comparison: what passes, and what never may."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.accuracy_evaluation.candidate_records import Compared, Learnt
from ai_ops.accuracy_evaluation.gate import Criteria, judge_candidate, without_criteria
from ai_ops.accuracy_evaluation.gate_metrics import COMPARED, compare
from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.metrics import Floats
from ai_ops.accuracy_evaluation.records import DayCoverage
from ai_ops.ai_features.gate import CandidateGate
from ai_ops.vocabulary.words import GATE_CHECKS
from ai_ops_tests.accuracy_evaluation.gate_world import refusing
from ai_ops_tests.accuracy_evaluation.made_candidates import (
    CRITERIA,
    DAYS,
    GATE,
    NOW,
    blurred,
    evaluation,
    judged,
    statuses,
    sums,
    truth,
)

NONE = ["no_evidence"] * len(GATE_CHECKS)
pytestmark = pytest.mark.requirement("PB-15", "PB-34")


@pytest.fixture(scope="module")
def rows() -> tuple[Floats, Floats]:
    score, drawn = truth()
    return score, (drawn < score).astype(float)


def test_a_candidate_that_is_better_passes(rows: tuple[Floats, Floats]) -> None:
    score, label = rows
    verdicts = judged(evaluation(sums(score, label), sums(blurred(score, 0.25), label)))
    assert statuses(verdicts) == ["pass"] * len(GATE_CHECKS)
    for check, verdict in verdicts.items():
        assert verdict.observed["version"] == "3" and verdict.observed["champion"] == "2"
        assert verdict.observed["gate_hash"] == GATE.digest
        assert verdict.sample_size == (25 if check == "gate_budget" else 2800)
    improvement = verdicts["gate_improvement"]
    assert "AUC" in improvement.reason and "of version 2" in improvement.reason


def test_better_in_auc_and_worse_in_calibration_is_refused_with_both_numbers(
    rows: tuple[Floats, Floats],
) -> None:
    """The order of the rows is perfect, and every probability is a third too high."""
    score, label = rows
    candidate = sums(np.clip(score + 0.3, 0, 1), label)
    verdicts = judged(evaluation(candidate, sums(blurred(score, 0.25), label)))
    assert refusing(verdicts) == {"gate_calibration"}
    calibration = verdicts["gate_calibration"]
    assert "worse by more than the gate's 0.02" in calibration.reason
    assert "although it is better in AUC" in calibration.reason
    seen = calibration.observed
    assert f"{seen['auc']:.4f} against {seen['champion_auc']:.4f}" in calibration.reason
    assert f"{seen['ece']:.4f} against {seen['champion_ece']:.4f}" in calibration.reason
    assert seen["ece_margin"] == 0.02


def test_a_candidate_that_orders_worse_is_refused(rows: tuple[Floats, Floats]) -> None:
    score, label = rows
    verdicts = judged(evaluation(sums(blurred(score, 0.25), label), sums(score, label)))
    assert verdicts["gate_discrimination"].status == "fail"
    assert "worse by more than the gate's 0.01" in verdicts["gate_discrimination"].reason
    assert verdicts["gate_improvement"].status == "fail"


def test_a_candidate_that_is_no_better_is_refused(rows: tuple[Floats, Floats]) -> None:
    score, label = rows
    same = sums(score, label)
    verdicts = judged(evaluation(same, same))
    assert refusing(verdicts) == {"gate_improvement"}
    assert "version 3 is no better than version 2" in verdicts["gate_improvement"].reason


def test_what_is_not_surely_within_the_margin_is_refused() -> None:
    """As good on average, on few rows: a worse one would look like this every other time."""
    score, drawn = truth(280)
    label = (drawn < score).astype(float)
    one, other = sums(blurred(score, 0.2, 1), label), sums(blurred(score, 0.2, 2), label)
    gate = CandidateGate(minimum_rows=200, auc_margin=0.005)
    verdicts = judge_candidate(evaluation(one, other), Criteria(gate, "h"), "2", NOW)
    found = verdicts["gate_discrimination"]
    assert found.status == "fail" and "not surely within the gate's 0.005" in found.reason


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"champion": None, "compared": None}, "no_evidence", "no version was in production"),
        ({"champion": "3"}, "fail", "held against itself"),
        ({"champion": "1"}, "no_evidence", "held against version 1, in production is 2"),
        ({"learnt": Learnt("t", 9000, 2, ["p-1", "p-2"])}, "fail", "from 2 rows of the hold-out"),
        ({"learnt": Learnt("t", problem="no such file")}, "no_evidence", "no such file"),
        ({"missing": ["parcels/prediction_log/2021-03-04"]}, "no_evidence", "2021-03-04 was not"),
        ({"rows": 1999}, "no_evidence", "1999 labelled rows of 14 days, needed are 2000 of 10"),
        ({"days": 9}, "no_evidence", "2800 labelled rows of 9 days"),
        ({"positives": 0}, "no_evidence", "every one of its 2800 labels is false"),
        ({"positives": 2800}, "no_evidence", "every one of its 2800 labels is true"),
        ({"compared": None, "no_comparison": "it cannot answer"}, "no_evidence", "cannot answer"),
        ({"last_day": "2021-03-01"}, "no_evidence", "its hold-out ended 14 days ago"),
    ],
)
def test_a_comparison_that_does_not_hold_is_evidence_for_nothing(
    rows: tuple[Floats, Floats], changes: dict[str, object], status: str, words: str
) -> None:
    score, label = rows
    better = evaluation(sums(score, label), sums(blurred(score, 0.25), label), **changes)
    verdicts = judged(better)
    assert statuses(verdicts) == [status, *NONE[1:]]
    assert words in verdicts["gate_evidence"].reason
    assert all(words in verdict.reason for verdict in verdicts.values())


def test_days_with_too_few_labels_are_named(rows: tuple[Floats, Floats]) -> None:
    score, label = rows
    coverage = [DayCoverage(day, 200, 200, 100, False) for day in DAYS[:5]]
    few = sums(score[:1800], label[:1800], DAYS[5:])
    verdicts = judged(evaluation(few, few, coverage=coverage))
    assert "too few labels on 2021-03-01 (50%)" in verdicts["gate_evidence"].reason


def test_an_evaluation_is_too_old_two_weeks_after_its_hold_out(
    rows: tuple[Floats, Floats],
) -> None:
    score, label = rows
    good = evaluation(sums(score, label), sums(blurred(score, 0.25), label))
    end = good.window.end
    assert judge_candidate(good, CRITERIA, "2", end + timedelta(days=14))["gate_evidence"].passed
    late = judge_candidate(good, CRITERIA, "2", end + timedelta(days=14, seconds=1))
    assert statuses(late) == NONE


def test_without_criteria_nothing_passes(rows: tuple[Floats, Floats]) -> None:
    score, label = rows
    good = evaluation(sums(score, label), sums(blurred(score, 0.25), label))
    verdicts = without_criteria(good, "no criteria are frozen")
    assert statuses(verdicts) == NONE
    assert verdicts["gate_evidence"].observed["gate_hash"] == ""


NUMBERS = st.one_of(
    st.none(), st.just(float("nan")), st.just(float("inf")), st.floats(-1, 1), st.just(0.0)
)


@given(data=st.data(), metric=st.sampled_from([metric.name for metric in COMPARED]))
@settings(max_examples=60, deadline=None)
def test_no_number_that_is_none_lets_a_candidate_through(data: st.DataObject, metric: str) -> None:
    """Whatever stands in an interval: only finite numbers within the margins pass."""
    value = data.draw(st.one_of(st.just(float("nan")), st.floats(-1, 1)))
    low, high = data.draw(NUMBERS), data.draw(NUMBERS)
    score, drawn = truth(280)
    label = (drawn < score).astype(float)
    compared = compare(sums(score, label), sums(blurred(score, 0.25), label))
    broken = Estimate(value, low, high, 0.01, 280, 14)
    compared = replace(compared, difference={**compared.difference, metric: broken})
    gate = CandidateGate(minimum_rows=100, auc_margin=1, ece_margin=1, brier_margin=1)
    found = evaluation(sums(score, label), sums(score, label), compared=compared)
    verdicts = judge_candidate(found, Criteria(gate, "h"), "2", NOW)
    numbers = (value, low, high)
    if any(number is None or not np.isfinite(number) for number in numbers):
        assert statuses(verdicts) == NONE
    else:
        assert verdicts["gate_evidence"].status == "pass"


@given(
    rows=st.integers(1, 400),
    days=st.integers(1, 14),
    seed=st.integers(0, 10**6),
    shift=st.floats(-0.3, 0.3),
    noise=st.floats(0, 0.3),
)
@settings(max_examples=40, deadline=None)
def test_what_passes_is_within_every_margin_and_surely_better_in_one(
    rows: int, days: int, seed: int, shift: float, noise: float
) -> None:
    score, drawn = truth(rows, seed)
    label = (drawn < score).astype(float)
    candidate = sums(np.clip(score + shift, 0, 1), label, DAYS[:days])
    champion = sums(blurred(score, noise, seed + 1), label, DAYS[:days])
    gate = CandidateGate(minimum_rows=150, minimum_days=5)
    found = evaluation(candidate, champion)
    verdicts = judge_candidate(found, Criteria(gate, "h"), "2", NOW)
    if found.rows < 150 or found.days < 5 or found.positives in (0, found.rows):
        assert statuses(verdicts) == NONE
        return
    assert isinstance(found.compared, Compared)
    if not all(metric.usable(found.compared) for metric in COMPARED):
        assert "pass" not in statuses(verdicts)
        return
    better = {metric: metric.better_by(found.compared.difference) for metric in COMPARED}
    lows = {metric: estimate.low for metric, estimate in better.items()}
    within = [
        low is not None and low >= -metric.margin(gate, found.compared)
        for metric, low in lows.items()
    ]
    gains = {metric: metric.gain(gate, found.compared) or 0.0 for metric in COMPARED}
    gained = [low is not None and low > gains[metric] for metric, low in lows.items()]
    accepted = not refusing(verdicts)
    assert accepted == (all(within) and any(gained))
