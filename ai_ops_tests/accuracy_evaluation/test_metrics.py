"""The metrics agree with scikit-learn, add up over days, and know how sure they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, roc_auc_score

from ai_ops.accuracy_evaluation.binary_sums import BinarySums, sum_by_day
from ai_ops.accuracy_evaluation.intervals import Estimate, interval, jackknife
from ai_ops.accuracy_evaluation.metrics import (
    difference,
    estimate,
    replicates,
    rows_of,
)

Row = tuple[int, float, bool]

rows_of_days = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 20).map(lambda n: n / 20), st.booleans()),
    min_size=2,
    max_size=60,
)


def sums_of(rows: list[Row], threshold: float = 0.5) -> BinarySums:
    day = np.array([f"2021-03-0{d + 1}" for d, _, _ in rows])
    score = np.array([s for _, s, _ in rows])
    label = np.array([y for _, _, y in rows])
    return sum_by_day(day, score, label, score >= threshold)


@given(rows_of_days)
@settings(max_examples=60, deadline=None)
def test_each_metric_is_scikit_learns(rows: list[Row]) -> None:
    score = np.array([s for _, s, _ in rows])
    label = np.array([y for _, _, y in rows])
    found = {name: e.value for name, e in estimate(sums_of(rows)).items()}
    assert found["brier"] == pytest.approx(brier_score_loss(label, score))
    assert found["accuracy"] == pytest.approx(accuracy_score(label, score >= 0.5))
    assert found["calibration_gap"] == pytest.approx(score.mean() - label.mean(), abs=1e-12)
    if len(set(label.tolist())) == 2:
        assert found["auc"] == pytest.approx(roc_auc_score(label, score))
        rate = label.mean()
        assert found["brier_skill"] == pytest.approx(1 - found["brier"] / (rate * (1 - rate)))
    else:
        assert "auc" not in found and "brier_skill" not in found, "undefined is not a number"
    if label.any() or (score >= 0.5).any():
        assert found["f1"] == pytest.approx(f1_score(label, score >= 0.5))


@given(rows_of_days)
@settings(max_examples=40, deadline=None)
def test_leaving_a_day_out_is_having_never_seen_it(rows: list[Row]) -> None:
    sums = sums_of(rows)
    left_out = replicates(sums)
    for place, day in enumerate(sums.days):
        others = [row for row in rows if f"2021-03-0{row[0] + 1}" != day]
        if not others:
            continue
        again = {name: values[0] for name, values in replicates(sums_of(others)).items()}
        for name, values in left_out.items():
            assert values[1 + place] == pytest.approx(again[name], nan_ok=True, abs=1e-9)


@given(rows_of_days)
@settings(max_examples=30, deadline=None)
def test_some_days_of_the_sums_are_the_sums_of_those_days(rows: list[Row]) -> None:
    kept = ["2021-03-01", "2021-03-03"]
    part = sums_of(rows).of(kept)
    fresh = [row for row in rows if f"2021-03-0{row[0] + 1}" in kept]
    assert rows_of(part) == len(fresh)
    if fresh:
        again = sums_of(fresh)
        assert np.array_equal(part.wins, again.wins) and np.allclose(part.cells, again.cells)


@given(st.floats(0.01, 100), st.integers(2, 30))
def test_one_bad_day_alone_is_never_beyond_doubt(effect: float, days: int) -> None:
    """A mean that differs from nothing on one day has a bound that reaches nothing."""
    without = np.array([0.0] + [effect / (days - 1)] * (days - 1))
    assert not jackknife(effect / days, without, rows=100 * days).beyond(0.0)


def test_most_bad_days_of_a_week_are_beyond_doubt() -> None:
    gaps = np.array([0.2, 0.25, 0.18, 0.22, 0.24, 0.0, 0.21])
    without = (gaps.sum() - gaps) / 6
    assert jackknife(float(gaps.mean()), without, rows=700).beyond(0.05)


def test_an_unknown_interval_confirms_nothing() -> None:
    one_day = interval(0.9, None, rows=1000, days=1)
    assert one_day == Estimate(0.9, None, None, None, 1000, 1)
    assert not one_day.beyond(0.0) and not one_day.below(1.0)


def test_the_interval_covers_the_truth_of_correlated_days() -> None:
    """Seven days that are late together: 95 % intervals hold the true rate about that often."""
    random = np.random.default_rng(7)
    held = 0
    for _ in range(300):
        rates = np.clip(random.normal(0.3, 0.1, size=7), 0.01, 0.99)
        label = np.concatenate([random.random(150) < rate for rate in rates])
        day = np.repeat([f"2021-03-0{d}" for d in range(1, 8)], 150)
        found = estimate(sum_by_day(day, np.full(1050, 0.3), label, np.zeros(1050, bool)))
        rate = found["observed_rate"]
        held += rate.low is not None and rate.high is not None and rate.low <= 0.3 <= rate.high
    assert 0.91 <= held / 300 <= 0.99


def test_two_scores_are_compared_on_the_same_rows_only() -> None:
    rows = [(0, 0.2, False), (0, 0.7, True), (1, 0.4, True), (1, 0.3, False)]
    with pytest.raises(ValueError, match="the same rows"):
        difference(sums_of(rows), sums_of(rows[:3]))
    same = difference(sums_of(rows), sums_of(rows))
    assert same["brier"].value == 0 and same["brier"].error == 0


def test_a_score_that_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        sums_of([(0, float("nan"), True), (0, 0.5, False)])


def test_the_calibration_curve_has_every_row_once() -> None:
    rows = [(d % 3, n / 40, n % 3 == 0) for d, n in enumerate(range(41))]
    assert sum(n for *_, n in sums_of(rows).curve()) == 41
