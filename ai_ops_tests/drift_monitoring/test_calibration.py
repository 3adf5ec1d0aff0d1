"""Thresholds from the reference's own weeks."""

import numpy as np
import pytest

from ai_ops.drift_monitoring.calibration import (
    MATERIAL_PSI,
    Rule,
    calibrate,
    chance_floor,
    own_distances,
)
from ai_ops.drift_monitoring.statistics import psi

RULE = Rule(window_days=7, k=3, n=4)


def weather(days: int, *, spread: float, seed: int = 3) -> "np.ndarray[tuple[int, ...], np.dtype]":
    """Counts [days, cells] whose shares wander from week to week."""
    chance = np.random.default_rng(seed)
    cells = np.arange(10)
    rows = []
    for week in range(-(-days // 7)):
        centre = 4.5 + spread * chance.standard_normal()
        shares = np.exp(-((cells - centre) ** 2) / 12)
        rows += [chance.multinomial(900, shares / shares.sum()) for _ in range(7) if week >= 0]
    return np.array(rows[:days])


def test_a_window_is_judged_against_the_reference_without_itself() -> None:
    daily = weather(30, spread=1)
    own = own_distances(daily, 7)
    assert len(own) == 24
    rest = np.vstack([daily[:5], daily[12:]]).sum(axis=0)
    assert own[5] == pytest.approx(float(psi(daily[5:12].sum(axis=0), rest)))


def test_a_restless_column_gets_a_threshold_above_everything_its_own_weeks_sustained() -> None:
    restless, calm = calibrate(weather(90, spread=2), RULE), calibrate(weather(90, spread=0), RULE)
    assert restless.threshold is not None
    assert restless.season is not None
    assert restless.threshold >= restless.season
    assert restless.threshold > 0.25
    assert (calm.threshold, calm.basis) == (MATERIAL_PSI, "material")


@pytest.mark.parametrize("days", [0, 3, 7, 27])
def test_a_reference_too_short_to_know_its_spread_has_no_threshold(days: int) -> None:
    calibration = calibrate(weather(28, spread=1)[:days].reshape(days, 10), RULE)
    assert calibration.threshold is None
    assert calibration.basis is None


def test_a_day_off_every_week_is_borne_and_a_lost_day_is_not() -> None:
    daily = weather(84, spread=1)
    daily[::7] = 0
    assert calibrate(daily, RULE).days_needed == 6
    assert calibrate(weather(84, spread=1), RULE).days_needed == 7


def test_a_small_sample_needs_more_than_a_large_one() -> None:
    assert chance_floor(500, 80_000, 12, 19) > 5 * chance_floor(6_500, 80_000, 12, 19)
