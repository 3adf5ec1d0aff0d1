"""The gate's rules on the numbers of a comparison: what passes, and what never may."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.accuracy_evaluation.binary_sums import BinarySums, sum_by_day
from ai_ops.accuracy_evaluation.candidate_records import CandidateEvaluation, Compared, Learnt
from ai_ops.accuracy_evaluation.gate import Criteria, judge_candidate, without_criteria
from ai_ops.accuracy_evaluation.gate_metrics import COMPARED, compare
from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.metrics import Floats, rows_of
from ai_ops.accuracy_evaluation.records import DayCoverage
from ai_ops.ai_features.gate import CandidateGate, Gate
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS

NOW = utc("2021-03-16T07:00:00Z")
DAYS = list(Window.trailing("2021-03-14", days=14).days())
GATE = Gate()
CRITERIA = Criteria(GATE.candidate, GATE.digest)

pytestmark = pytest.mark.requirement("PB-15", "PB-34")


def truth(rows: int = 2800, seed: int = 0) -> tuple[Floats, Floats]:
    """The true probabilities of rows, and uniform numbers that decide their labels."""
    random = np.random.default_rng(seed)
    return random.beta(1.2, 3.0, rows), random.random(rows)


def sums(score: Floats, label: Floats, days: list[str] = DAYS) -> BinarySums:
    day = [days[n % len(days)] for n in range(len(score))]
    return sum_by_day(day, score, label.astype(bool), score >= 0.3)


def evaluation(
    candidate: BinarySums, champion: BinarySums, /, **changes: object
) -> CandidateEvaluation:
    """A sound evaluation of two versions; ``changes`` make it another."""
    made = CandidateEvaluation(
        feature="parcels",
        version="3",
        champion="2",
        retraining="",
        as_of=NOW,
        label_cutoff=NOW.replace(hour=0),
        first_day=DAYS[0],
        last_day=DAYS[-1],
        coverage=[DayCoverage(day, 200, 200, 200, True) for day in DAYS],
        learnt=Learnt("t", rows=9000),
        rows=rows_of(candidate),
        days=len(candidate.days),
        positives=int(candidate.plain[:, 1].sum()),
        compared=compare(candidate, champion),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def judged(found: CandidateEvaluation, live: str | None = "2") -> dict[str, Verdict]:
    return judge_candidate(found, CRITERIA, live, NOW)


def statuses(verdicts: dict[str, Verdict]) -> list[str]:
    assert list(verdicts) == list(GATE_CHECKS) or set(verdicts) == set(GATE_CHECKS)
    return [verdicts[check].status for check in GATE_CHECKS]


def blurred(score: Floats, by: float, seed: int = 1) -> Floats:
    """The same calibration roughly, and the order of the rows spoilt."""
    noise = np.random.default_rng(seed).normal(0, by, len(score))
    return np.clip(score + noise, 0.01, 0.99)


@pytest.fixture(scope="module")
def rows() -> tuple[Floats, Floats]:
    score, drawn = truth()
    return score, (drawn < score).astype(float)


def test_a_candidate_that_is_better_passes_all_four(rows: tuple[Floats, Floats]) -> None:
    score, label = rows
    verdicts = judged(evaluation(sums(score, label), sums(blurred(score, 0.25), label)))
    assert statuses(verdicts) == ["pass"] * 4
    for verdict in verdicts.values():
        assert verdict.observed["version"] == "3" and verdict.observed["champion"] == "2"
        assert verdict.observed["gate_hash"] == GATE.digest
        assert verdict.sample_size == 2800
    improvement = verdicts["gate_improvement"]
    assert "AUC" in improvement.reason and "of version 2" in improvement.reason


def test_better_in_auc_and_worse_in_calibration_is_refused_with_both_numbers(
    rows: tuple[Floats, Floats],
) -> None:
    """The order of the rows is perfect, and every probability is a third too high."""
    score, label = rows
    candidate = sums(np.clip(score + 0.3, 0, 1), label)
    verdicts = judged(evaluation(candidate, sums(blurred(score, 0.25), label)))
    assert statuses(verdicts) == ["pass", "pass", "fail", "pass"]
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
    assert statuses(verdicts) == ["pass", "pass", "pass", "fail"]
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
    assert statuses(verdicts) == [status, *["no_evidence"] * 3]
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
    assert statuses(late) == ["no_evidence"] * 4


def test_without_criteria_nothing_passes(rows: tuple[Floats, Floats]) -> None:
    score, label = rows
    good = evaluation(sums(score, label), sums(blurred(score, 0.25), label))
    verdicts = without_criteria(good, "no criteria are frozen")
    assert statuses(verdicts) == ["no_evidence"] * 4
    assert verdicts["gate_evidence"].observed["gate_hash"] == ""


NUMBERS = st.one_of(
    st.none(), st.just(float("nan")), st.just(float("inf")), st.floats(-1, 1), st.just(0.0)
)


@given(data=st.data(), metric=st.sampled_from([metric.name for metric in COMPARED]))
@settings(max_examples=150, deadline=None)
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
        assert statuses(verdicts) == ["no_evidence"] * 4
    else:
        assert verdicts["gate_evidence"].status == "pass"


@given(
    rows=st.integers(1, 400),
    days=st.integers(1, 14),
    seed=st.integers(0, 10**6),
    shift=st.floats(-0.3, 0.3),
    noise=st.floats(0, 0.3),
)
@settings(max_examples=80, deadline=None)
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
        assert statuses(verdicts) == ["no_evidence"] * 4
        return
    assert isinstance(found.compared, Compared)
    if not all(metric.usable(found.compared) for metric in COMPARED):
        assert "pass" not in statuses(verdicts)
        return
    better = {metric: metric.better_by(found.compared) for metric in COMPARED}
    lows = {metric: estimate.low for metric, estimate in better.items()}
    within = [low is not None and low >= -metric.margin(gate) for metric, low in lows.items()]
    gained = [low is not None and low > metric.gain(gate) for metric, low in lows.items()]
    accepted = all(verdict.passed for verdict in verdicts.values())
    assert accepted == (all(within) and any(gained))
