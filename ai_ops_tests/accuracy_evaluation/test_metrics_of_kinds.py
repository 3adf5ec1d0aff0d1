"""Metrics of classes, numbers and decisions agree with scikit-learn and add up over days."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from ai_ops.accuracy_evaluation.class_sums import ClassAnswers, ClassSummer
from ai_ops.accuracy_evaluation.decision_sums import DecisionAnswers, DecisionSummer
from ai_ops.accuracy_evaluation.metrics import (
    Answers,
    Summer,
    difference,
    estimate,
    replicates,
    rows_of,
    sum_days,
)
from ai_ops.accuracy_evaluation.number_sums import NumberAnswers, NumberSummer

CLASSES = ("ant", "bee", "cat")
seeds = st.integers(0, 10_000)

pytestmark = pytest.mark.requirement("MO-02")


def classes(seed: int, rows: int = 60) -> ClassAnswers:
    random = np.random.default_rng(seed)
    likely = random.dirichlet([1, 1, 1], rows)
    label = random.integers(0, 3, rows)
    return ClassAnswers(CLASSES, likely.argmax(axis=1), label, likely, np.arange(3))


def numbers(seed: int, rows: int = 60) -> NumberAnswers:
    random = np.random.default_rng(seed)
    label = 1e6 + random.normal(size=rows)
    return NumberAnswers(label + random.normal(0.2, 0.5, rows), label)


def decisions(seed: int, rows: int = 60) -> DecisionAnswers:
    random = np.random.default_rng(seed)
    return DecisionAnswers(
        random.random(rows) < 0.4, np.ones(rows, bool), random.random(rows) < 0.3
    )


KINDS: list[tuple[Callable[[int], Any], Callable[[], Summer]]] = [
    (classes, ClassSummer),
    (numbers, NumberSummer),
    (decisions, DecisionSummer),
]


def days_of(answers: Answers, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.array([f"2021-03-0{day}" for day in random.integers(1, 6, len(answers))])


def values(summer: Summer, answers: Answers, days: np.ndarray) -> dict[str, float]:
    return {name: one.value for name, one in estimate(sum_days(summer, days, answers)).items()}


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_each_metric_of_classes_is_scikit_learns(seed: int) -> None:
    answers = classes(seed)
    label, decision = answers.codes, answers.decision
    found = values(ClassSummer(), answers, days_of(answers))
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(label, decision))
    assert found["macro_f1"] == pytest.approx(sk.f1_score(label, decision, average="macro"))
    loss = sk.log_loss(label, answers.probabilities, labels=[0, 1, 2])
    assert found["log_loss"] == pytest.approx(loss)
    recalls = sk.recall_score(label, decision, average=None, labels=[0, 1, 2])
    for place, name in enumerate(CLASSES):
        if (label == place).any():
            assert found[f"recall_{name}"] == pytest.approx(recalls[place])
    shares = np.bincount(label, minlength=3) / len(label)
    always = np.tile(shares, (len(label), 1))
    assert found["log_loss_skill"] == pytest.approx(
        1 - loss / sk.log_loss(label, always, labels=[0, 1, 2])
    )


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_each_metric_of_numbers_is_scikit_learns(seed: int) -> None:
    answers = numbers(seed)
    label, answer = answers.labels, answers.score
    found = values(NumberSummer(), answers, days_of(answers))
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(label, answer))
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(label, answer))
    assert found["r2"] == pytest.approx(sk.r2_score(label, answer), rel=1e-6)
    assert found["bias"] == pytest.approx((answer - label).mean(), rel=1e-6)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_each_metric_of_decisions_is_scikit_learns(seed: int) -> None:
    answers = decisions(seed)
    label, decision = answers.labels, answers.decision
    found = values(DecisionSummer(), answers, days_of(answers))
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(label, decision))
    assert found["f1"] == pytest.approx(sk.f1_score(label, decision))
    both = sk.balanced_accuracy_score(label, decision)
    assert found["balanced_accuracy"] == pytest.approx(both)
    assert found["decision_gap"] == pytest.approx(decision.mean() - label.mean())
    assert not {"auc", "brier", "ece"} & set(found), "what needs a score is not made up"


@pytest.mark.parametrize(("make", "summer"), KINDS)
def test_leaving_a_day_out_is_having_never_seen_it(
    make: Callable[[int], Any], summer: Callable[[], Summer]
) -> None:
    answers = make(3)
    days = days_of(answers)
    sums = sum_days(summer(), days, answers)
    assert rows_of(sums) == len(answers) and sums.days == tuple(sorted(set(days)))
    left_out = replicates(sums)
    for place, day in enumerate(sums.days):
        others = days != day
        again = replicates(sum_days(summer(), days[others], answers.take(others)))
        part = replicates(sums.of([one for one in sums.days if one != day]))
        for name, found in left_out.items():
            assert found[1 + place] == pytest.approx(again[name][0], nan_ok=True, rel=1e-6)
            assert part[name][0] == pytest.approx(again[name][0], nan_ok=True, rel=1e-6)


@pytest.mark.parametrize(("make", "summer"), KINDS)
def test_a_version_beside_itself_differs_in_nothing(
    make: Callable[[int], Any], summer: Callable[[], Summer]
) -> None:
    answers = make(4)
    sums = sum_days(summer(), days_of(answers), answers)
    assert {one.value for one in difference(sums, sums).values()} == {0.0}
    with pytest.raises(ValueError, match="the same rows"):
        difference(sums, sums.of(sums.days[1:]))


def test_classes_without_probabilities_have_no_loss_and_no_curve() -> None:
    told = classes(1)
    silent = ClassAnswers(
        CLASSES, told.decision, told.codes, np.zeros((60, 0)), np.zeros(0, np.int64)
    )
    sums = sum_days(ClassSummer(), days_of(told), silent)
    assert not {"log_loss", "log_loss_skill", "ece", "confidence_gap"} & set(estimate(sums))
    assert "accuracy" in estimate(sums) and sums.curve() == []


def test_a_label_that_the_model_knows_no_probability_for_costs_what_an_impossible_one_does() -> (
    None
):
    answers = ClassAnswers(
        ("ant", "bee"), np.array([0, 0]), np.array([0, 1]), np.array([[1.0], [1.0]]), np.array([0])
    )
    found = values(ClassSummer(), answers, np.array(["2021-03-01", "2021-03-02"]))
    assert found["log_loss"] == pytest.approx(-np.log(1e-15) / 2)


def test_answers_that_are_none_are_refused() -> None:
    nothing = NumberAnswers(np.array([np.nan]), np.array([1.0]))
    with pytest.raises(ValueError, match="finite number"):
        NumberSummer().day("2021-03-01", nothing)
    unknown = ClassAnswers(
        ("ant",), np.array([-1]), np.array([0]), np.zeros((1, 0)), np.zeros(0, int)
    )
    with pytest.raises(ValueError, match="are classes"):
        ClassSummer().day("2021-03-01", unknown)
