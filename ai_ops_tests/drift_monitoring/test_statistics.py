"""PSI, its noise and the alert rule, on what is known of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.drift_monitoring.statistics import psi, psi_of_chance, sustained

counts = st.lists(st.integers(0, 5_000), min_size=3, max_size=12)


@given(counts, st.randoms(use_true_random=False))
def test_psi_is_never_negative_and_does_not_depend_on_the_order_of_cells(
    now: list[int], chance: object
) -> None:
    then = [n + 3 for n in reversed(now)]
    distance = psi(now, then)
    if sum(now) == 0:
        assert np.isnan(distance)
        return
    assert distance >= 0
    order = np.random.default_rng(0).permutation(len(now))
    assert psi(np.array(now)[order], np.array(then)[order]) == pytest.approx(float(distance))


@given(counts.filter(any))
def test_psi_of_equal_counts_is_zero(now: list[int]) -> None:
    assert psi(now, now) == pytest.approx(0, abs=1e-12)


def test_psi_agrees_with_its_definition_on_shares() -> None:
    now, then = np.array([700_000, 200_000, 100_000]), np.array([500_000, 300_000, 200_000])
    a, b = now / now.sum(), then / then.sum()
    assert psi(now, then) == pytest.approx(float(((a - b) * np.log(a / b)).sum()), rel=1e-4)


def test_a_sample_without_drift_exceeds_what_chance_allows_as_rarely_as_it_says() -> None:
    chance = np.random.default_rng(7)
    shares = np.full(12, 1 / 12)
    now = chance.multinomial(900, shares, size=4_000)
    then = chance.multinomial(60_000, shares, size=4_000)
    limit = psi_of_chance(900, 60_000, 12, alpha=0.05)
    assert 0.03 < (psi(now, then) > limit).mean() < 0.07


@given(
    st.lists(st.floats(0, 10), min_size=1, max_size=30),
    st.integers(1, 5),
    st.integers(0, 3),
    st.floats(0, 10),
)
def test_the_sustained_level_exceeds_a_threshold_exactly_when_the_alert_rule_fires(
    values: list[float], k: int, more: int, threshold: float
) -> None:
    n = k + more
    levels = sustained(values, k=k, n=n)
    for place, value in enumerate(values):
        recent = values[max(0, place - n + 1) : place + 1]
        fires = value > threshold and sum(one > threshold for one in recent) >= k
        assert bool(levels[place] > threshold) == fires
