"""Thresholds from the reference's own weeks."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.drift_monitoring.calibration import Calibration, Rule, calibrate, own_distances
from ai_ops.drift_monitoring.cells import OUTSIDE, ColumnCells, ProfiledColumn
from ai_ops.drift_monitoring.limits import MATERIAL, Limit
from ai_ops.drift_monitoring.statistics import psi

RULE = Rule(window_days=7, k=3, n=4)
CELLS = ColumnCells(ProfiledColumn("x", "input", "number"), tuple(np.arange(0.5, 9)), 0.0, 9.0)


def calibrated(daily: "np.ndarray[tuple[int, ...], np.dtype]") -> Calibration:
    """The calibration of one column by itself, from counts of its bins."""
    outside = np.zeros((len(daily), len(OUTSIDE)), int)
    return calibrate([(CELLS, np.hstack([daily, outside]))], RULE)[0]


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
    restless, calm = calibrated(weather(90, spread=2)), calibrated(weather(90, spread=0))
    assert restless.threshold is not None
    assert restless.season is not None
    assert restless.threshold >= restless.season
    assert restless.threshold > 0.25
    assert (calm.threshold, calm.basis) == (MATERIAL["psi"], "material")


@pytest.mark.parametrize("days", [0, 3, 7, 27])
def test_a_reference_too_short_to_know_its_spread_has_no_threshold(days: int) -> None:
    calibration = calibrated(weather(28, spread=1)[:days].reshape(days, 10))
    assert calibration.threshold is None
    assert calibration.basis is None


def test_a_day_off_every_week_is_borne_and_a_lost_day_is_not() -> None:
    daily = weather(84, spread=1)
    daily[::7] = 0
    assert calibrated(daily).days_needed == 6
    assert calibrated(weather(84, spread=1)).days_needed == 7


def test_a_window_with_fewer_rows_needs_more_and_one_with_more_rows_no_less() -> None:
    for limit in calibrated(weather(90, spread=0)).limits:
        fewer, usual, more = limit.bound([limit.rows / 20, limit.rows, limit.rows * 20])
        assert fewer > 2 * usual
        assert more == usual


def test_a_shift_too_small_for_psi_is_beyond_the_limit_of_the_location() -> None:
    limits = {limit.test: limit for limit in calibrated(weather(84, spread=0)).limits}
    assert isinstance(limits["location"], Limit)
    assert float(limits["location"].threshold(6_300)) < 0.08


def faulty(daily: "np.ndarray[tuple[int, ...], np.dtype]", *days: int) -> "np.ndarray":
    """The same with all rows of these days far up, as numbers in another unit are."""
    broken = daily.copy()
    broken[list(days)] = 0
    broken[list(days), -1] = daily[list(days)].sum(axis=1)
    return broken


@pytest.mark.requirement("FQ-07")
@settings(max_examples=25, deadline=None)
@given(first=st.integers(0, 49), seed=st.integers(0, 9))
def test_a_faulty_week_is_left_out_on_whatever_day_it_begins(first: int, seed: int) -> None:
    daily = weather(56, spread=0, seed=seed)
    week = tuple(range(first, first + 7))
    found = calibrated(faulty(daily, *week))
    assert [one.days for one in found.left_out] == [week]
    rest = calibrated(np.delete(daily, week, axis=0))
    assert (found.threshold, found.season) == (rest.threshold, rest.season)
    stored = json.loads(json.dumps(found.as_data()))
    assert Calibration.from_data(stored) == found


def test_two_faulty_weeks_of_eight_do_not_hide_each_other() -> None:
    found = calibrated(faulty(weather(56, spread=0), *range(7, 14), *range(30, 37)))
    days = {day for week in found.left_out for day in week.days}
    assert days == {*range(7, 14), *range(30, 37)}
    assert found.threshold == MATERIAL["psi"]


def test_of_four_weeks_without_the_faulty_one_no_threshold_is_known() -> None:
    found = calibrated(faulty(weather(28, spread=0), *range(7, 14)))
    assert len(found.left_out) == 1
    assert found.threshold is None


@pytest.mark.parametrize("seed", range(5))
def test_weeks_that_all_differ_are_all_normal(seed: int) -> None:
    restless = weather(84, spread=1, seed=seed)
    cells = np.arange(10)
    shares = np.exp(-((cells - np.arange(84)[:, np.newaxis] / 9) ** 2) / 4)
    season = np.random.default_rng(seed).multinomial(
        900, shares / shares.sum(axis=1, keepdims=True)
    )
    for daily in (restless, season):
        assert calibrated(daily).left_out == ()


def test_a_week_of_a_few_rows_is_far_by_chance_and_stays() -> None:
    daily = weather(56, spread=0)
    daily[:7] = 0
    daily[3, 9] = 3
    assert calibrated(daily).left_out == ()
