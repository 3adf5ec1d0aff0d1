"""The gate of decisions, classes and numbers: each kind by metrics of its own."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.accuracy_evaluation.candidate_comparing import differing
from ai_ops.accuracy_evaluation.candidate_records import CandidateEvaluation, Sliced
from ai_ops.accuracy_evaluation.class_sums import ClassAnswers, ClassSummer
from ai_ops.accuracy_evaluation.decision_sums import DecisionAnswers, DecisionSummer
from ai_ops.accuracy_evaluation.gate import Criteria, judge_candidate
from ai_ops.accuracy_evaluation.gate_metrics import METRICS, metrics_of
from ai_ops.accuracy_evaluation.gate_slices import slices_by_label
from ai_ops.accuracy_evaluation.metrics import Answers, DaySums, sum_days
from ai_ops.accuracy_evaluation.number_sums import NumberAnswers, NumberSummer
from ai_ops.ai_features.gate import CandidateGate
from ai_ops.vocabulary.words import GATE_CHECKS
from ai_ops_tests.accuracy_evaluation.gate_world import refusing
from ai_ops_tests.accuracy_evaluation.made_candidates import (
    DAYS,
    NOW,
    evaluation,
    judged,
    statuses,
)

pytestmark = pytest.mark.requirement("PB-15", "PB-34")

ROWS = 2800
CLASSES = ("ant", "bee", "cat")
SUMMERS: dict[type[Any], Callable[[], Any]] = {
    DecisionAnswers: DecisionSummer,
    ClassAnswers: ClassSummer,
    NumberAnswers: NumberSummer,
}


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def decisions(wrong: float, seed: int, lean: float = 0.0) -> DecisionAnswers:
    """Answers of which a share is wrong, and a share of the others is yes whatever is true."""
    label = random(0).random(ROWS) < 0.3
    draw = random(seed).random((2, ROWS))
    answer = (label ^ (draw[0] < wrong)) | (draw[1] < lean)
    return DecisionAnswers(answer, np.ones(ROWS, bool), label)


def classes(sharp: float, seed: int, without: str | None = None) -> ClassAnswers:
    """Probabilities of three classes, the sharper the better; of one of them never a word."""
    rates = [0.55, 0.35, 0.1]
    code = random(0).choice(3, ROWS, p=rates)
    seen = random(seed).normal(0, 1, (ROWS, 3))
    seen[np.arange(ROWS), code] += sharp
    logits = sharp * seen + np.log(rates)
    if without is not None:
        logits[:, CLASSES.index(without)] -= 20
    likely = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return ClassAnswers(CLASSES, likely.argmax(axis=1), code, likely, np.arange(3))


def numbers(spread: float, seed: int, shift: float = 0.0) -> NumberAnswers:
    label = random(0).normal(300, 40, ROWS)
    return NumberAnswers(label + shift + random(seed).normal(0, spread, ROWS), label)


def summed(answers: Answers) -> DaySums:
    day = np.array(DAYS)[np.arange(ROWS) % len(DAYS)]
    found: DaySums = sum_days(SUMMERS[type(answers)](), day.tolist(), answers)
    return found


def beside(candidate: Answers, champion: Answers) -> CandidateEvaluation:
    own, other = summed(candidate), summed(champion)
    return evaluation(own, other, sliced=Sliced(slices_by_label(own, other), ["tenant"]))


@pytest.mark.parametrize(
    ("better", "worse", "check", "metric"),
    [
        (decisions(0.05, 1), decisions(0.12, 2), "gate_discrimination", "accuracy"),
        (decisions(0.05, 1), decisions(0.05, 2, lean=0.2), "gate_calibration", "gap of decisions"),
        (classes(2.2, 1), classes(1.5, 2), "gate_discrimination", "macro F1"),
        (numbers(15, 1), numbers(20, 2), "gate_discrimination", "mean absolute error"),
        (numbers(15, 1), numbers(15, 2, shift=6), "gate_calibration", "bias"),
    ],
)
def test_the_better_one_passes_and_the_worse_one_is_refused(
    better: Answers, worse: Answers, check: str, metric: str
) -> None:
    assert not refusing(judged(beside(better, worse)))
    verdicts = judged(beside(worse, better))
    assert verdicts[check].status == "fail" and metric in verdicts[check].reason
    assert verdicts["gate_improvement"].status == "fail"


@pytest.mark.parametrize(
    "answers", [decisions(0.05, 1), classes(2.2, 1), numbers(15, 1)], ids=["yes", "classes", "mae"]
)
def test_a_candidate_that_answers_alike_is_never_better(answers: Answers) -> None:
    assert "gate_improvement" in refusing(judged(beside(answers, answers)))
    assert differing(answers, answers) == 0


def test_better_on_the_whole_and_one_class_forgotten_is_found_in_its_slice() -> None:
    """The rarest of three: the accuracy hardly tells."""
    verdict = judged(beside(classes(3.0, 1, without="cat"), classes(2.0, 2)))["gate_slices"]
    assert verdict.status == "fail" and verdict.findings[0].slice == "label cat"
    assert "recall" in verdict.reason and verdict.findings[0].columns == ("label",)


def test_classes_without_probabilities_have_no_calibration_to_pass() -> None:
    found = [
        replace(one, probabilities=np.zeros((ROWS, 0)), told=np.array([], np.int64))
        for one in (classes(2.2, 1), classes(1.5, 2))
    ]
    verdicts = judged(beside(*found))
    assert statuses(verdicts) == ["no_evidence"] * len(GATE_CHECKS)
    assert "log loss, ECE has no finite value" in verdicts["gate_evidence"].reason


def test_labels_that_are_all_the_same_tell_nothing() -> None:
    found = replace(beside(numbers(15, 1), numbers(20, 2)), outcomes=1)
    verdicts = judged(found)
    assert statuses(verdicts) == ["no_evidence"] * len(GATE_CHECKS)
    assert "every one of its 2800 labels is the same" in verdicts["gate_evidence"].reason


def test_how_many_rows_two_versions_answer_differently() -> None:
    one, other = numbers(15, 1), numbers(15, 2)
    assert differing(one, replace(one, score=one.score * (1 + 1e-9))) == 0
    assert differing(one, other) == ROWS
    likely = classes(2.2, 1)
    shifted = likely.probabilities.copy()
    shifted[:3] = shifted[:3, ::-1]
    assert differing(likely, replace(likely, probabilities=shifted)) in (2, 3)
    with pytest.raises(ValueError, match="one kind"):
        differing(one, likely)


PAIRS: Sequence[Callable[[int, float], tuple[Answers, Answers]]] = (
    lambda seed, by: (decisions(0.1, seed), decisions(0.1 + by / 5, seed + 1)),
    lambda seed, by: (classes(2.0, seed), classes(2.0 - by, seed + 1)),
    lambda seed, by: (numbers(15, seed), numbers(15 * (1 + by), seed + 1)),
)


@given(
    pair=st.sampled_from(PAIRS),
    seed=st.integers(1, 10**6),
    by=st.floats(-0.3, 0.3),
    name=st.sampled_from([name for name in CandidateGate.model_fields if name.endswith("_margin")]),
    wider=st.floats(0, 1),
)
@settings(max_examples=25, deadline=None)
def test_what_passes_is_within_its_margins_and_surely_better_in_one(
    pair: Callable[[int, float], tuple[Answers, Answers]],
    seed: int,
    by: float,
    name: str,
    wider: float,
) -> None:
    """Of every kind; and a wider margin refuses nothing that passed."""
    found, gate = beside(*pair(seed, by)), CandidateGate()
    compared = found.compared
    assert compared is not None
    metrics = metrics_of(compared).all
    assert metrics == METRICS[compared.candidate.kind].all
    verdicts = judge_candidate(found, Criteria(gate, "h"), "2", NOW)
    lows = {one: one.better_by(compared.difference).low or 0.0 for one in metrics}
    within = all(low >= -one.margin(gate, compared) for one, low in lows.items())
    gains = {one: one.gain(gate, compared) for one in metrics}
    gained = any(low > gain for one, low in lows.items() if (gain := gains[one]) is not None)
    accepted = not refusing(verdicts) - {"gate_slices"}
    assert accepted == (within and gained)
    loose = gate.model_copy(update={name: getattr(gate, name) + wider})
    again = judge_candidate(found, Criteria(loose, "h"), "2", NOW)
    assert refusing(again) <= refusing(verdicts)
