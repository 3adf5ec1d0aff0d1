"""Healthy weeks stay quiet although days differ, and a small lasting shift is found."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import norm

from ai_ops.drift_monitoring.calibration import Rule, calibrate
from ai_ops.drift_monitoring.cells import OUTSIDE, ColumnCells, ProfiledColumn
from ai_ops.drift_monitoring.contrasts import Contrasts
from ai_ops.drift_monitoring.limits import gauged
from ai_ops.drift_monitoring.statistics import Floats, sustained, window_counts

RULE = Rule(window_days=7, k=3, n=4)
REFERENCE, AFTER, COLUMNS = 84, 63, 8
EDGES = norm.ppf(np.arange(1, 10) / 10)


def counted(chance: np.random.Generator, restless: float, rows: int, shift: float) -> Floats:
    """Rows per cell of normal values whose mean differs by day; shifted after the reference."""
    days = REFERENCE + AFTER
    means = restless * chance.standard_normal(days) + shift * (np.arange(days) >= REFERENCE)
    below = norm.cdf(EDGES - means[:, np.newaxis])
    shares = np.diff(np.hstack([np.zeros((days, 1)), below, np.ones((days, 1))]), axis=1)
    return np.hstack([chance.multinomial(rows, shares), np.zeros((days, len(OUTSIDE)), int)])


def alarmed_weeks(seed: int, rows: int, shift: float = 0.0) -> "np.ndarray[tuple[int], np.dtype]":
    """Of the weeks after the reference but the first, which had a failing day; one column moves."""
    chance = np.random.default_rng([seed, rows])
    cells = [
        ColumnCells(ProfiledColumn(f"x{place}", "input", "number"), tuple(EDGES), -4.0, 4.0)
        for place in range(COLUMNS)
    ]
    restless = np.exp(chance.uniform(np.log(0.02), np.log(0.15), COLUMNS))
    restless[0] = 0.05
    daily = [
        counted(chance, size, rows, shift if place == 0 else 0.0)
        for place, size in enumerate(restless)
    ]
    columns = [(own, counts[:REFERENCE]) for own, counts in zip(cells, daily, strict=True)]
    failing = np.zeros(AFTER, bool)
    for (own, known), counts, found in zip(columns, daily, calibrate(columns, RULE), strict=True):
        windows = window_counts(counts[REFERENCE - 9 :], RULE.window_days)
        days = sliding_window_view(counts[REFERENCE - 9 :], 7, axis=0).swapaxes(1, 2)
        results = gauged(Contrasts(own, known.sum(axis=0)), found.limits, windows, days=days)
        ratios = np.max([result.ratios for result in results], axis=0)
        failing |= sustained(ratios, k=RULE.k, n=RULE.n)[RULE.n - 1 :] > 1
    return failing.reshape(-1, 7).any(axis=1)[1:]


@pytest.mark.requirement("PL-20", "FQ-07")
@pytest.mark.parametrize("rows", [200, 10_000])
def test_of_a_hundred_healthy_weeks_hardly_one_alarms(rows: int) -> None:
    weeks = np.concatenate([alarmed_weeks(seed, rows) for seed in range(20)])
    assert len(weeks) == 160
    assert weeks.sum() <= 3  # 1 % gives more than three in two runs of a hundred


@pytest.mark.requirement("PL-20")
@pytest.mark.parametrize("rows", [200, 10_000])
def test_a_lasting_shift_of_a_quarter_of_a_standard_deviation_is_found(rows: int) -> None:
    found = np.concatenate([alarmed_weeks(100 + seed, rows, shift=0.25) for seed in range(5)])
    assert found.mean() > 0.95


def test_one_bad_day_is_no_drift_and_the_same_distance_that_lasts_is() -> None:
    chance = np.random.default_rng(11)
    cells = ColumnCells(ProfiledColumn("x", "input", "number"), tuple(EDGES), -4.0, 4.0)
    known = [counted(chance, 0.1, 10_000, 0.0)[:REFERENCE] for _ in range(COLUMNS)]
    found = calibrate([(cells, daily) for daily in known], RULE)[0]
    location = tuple(limit for limit in found.limits if limit.test == "location")
    contrasts = Contrasts(cells, known[0].sum(axis=0))
    quiet = np.random.default_rng(12)
    lasting = np.array([counted(quiet, 0.0, 10_000, 0.3)[REFERENCE : REFERENCE + 7]])
    once = np.array([counted(quiet, 0.0, 10_000, 0.0)[REFERENCE : REFERENCE + 7]])
    once[0, 3] = counted(quiet, 0.0, 10_000, 2.1)[REFERENCE]

    def level(days: Floats, *, by_day: bool = True) -> float:
        told = days if by_day else None
        return float(gauged(contrasts, location, days.sum(axis=1), days=told)[0].ratios[0])

    assert level(lasting) > 1
    assert level(once, by_day=False) > 1  # as far as the lasting one, by what the week sums to
    assert level(once) < 0.5
