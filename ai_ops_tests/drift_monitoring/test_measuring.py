"""The statistics of cells beside those of the rows themselves, and their chances beside chance."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ai_ops.drift_monitoring import statistics
from ai_ops.drift_monitoring.cells import ColumnCells, ProfiledColumn, cells_of_numbers
from ai_ops.drift_monitoring.statistics import (
    STATISTICS,
    Counted,
    Floats,
    Measures,
    chi_square,
    constant,
    jensen_shannon,
    kolmogorov_smirnov,
    kolmogorov_smirnov_chance,
    measure,
    missingness,
    out_of_range,
    unseen,
    vanished,
    volume,
    wasserstein,
)

NUMBER = ProfiledColumn("x", "input", "number")
COLOUR = ColumnCells(ProfiledColumn("colour", "input", "category"), values=("blue", "green", "red"))
counts = st.lists(st.integers(0, 400), min_size=4, max_size=4)


def counted(cells: ColumnCells, values: Floats) -> Counted:
    """Rows per cell, and the sums of their values, as a profile has them."""
    assert cells.low is not None and cells.high is not None
    words: list[str] = [word for word, _ in cells.names]
    places = np.searchsorted(cells.edges, values, side="right")
    for beyond, word in (
        (values < cells.low, "under"),
        (values < cells.far[0], "far_under"),
        (values > cells.high, "over"),
        (values > cells.far[1], "far_over"),
        (np.isnan(values), "nan"),
    ):
        places = np.where(beyond, words.index(word), places)
    sums = np.bincount(places, np.nan_to_num(values), minlength=len(words)).astype(float)
    return Counted(np.bincount(places, minlength=len(words)), sums)


def measured(now: Floats, then: Floats) -> Measures:
    cells = cells_of_numbers(NUMBER, then, bins=20)
    return measure(cells, counted(cells, now), counted(cells, then), float(np.nanstd(then)))


def cases() -> dict[str, tuple[Floats, Floats]]:
    r = np.random.default_rng(3)
    then = r.normal(size=20_000)
    rain = np.where(r.random(20_000) < 0.8, 0, r.gamma(0.5, 2, 20_000))
    return {
        "shifted": (r.normal(0.1, 1, 5_000), then),
        "wider": (r.normal(0, 1.3, 5_000), then),
        "narrower": (r.normal(0, 0.7, 5_000), then),
        "tenfold": (10 * r.lognormal(0, 1.5, 5_000), r.lognormal(0, 1.5, 20_000)),
        "counted": (r.poisson(3.3, 5_000) * 1.0, r.poisson(3, 20_000) * 1.0),
        "mostly zero": (np.where(r.random(20_000) < 0.75, 0, rain), rain),
    }


CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_twenty_cells_with_their_sums_tell_how_far_the_rows_moved(name: str) -> None:
    now, then = CASES[name]
    found = measured(now, then)
    moved = stats.wasserstein_distance(now, then) / then.std()
    assert found.wasserstein == pytest.approx(moved, rel=0.02, abs=0.002)
    apart = stats.ks_2samp(now, then).statistic
    assert found.ks is not None
    assert apart - 0.05 <= found.ks <= apart + 1e-12


def test_a_shift_of_every_value_is_told_exactly_whatever_the_cells() -> None:
    then = np.random.default_rng(1).normal(size=3_000)
    assert measured(then + 0.3, then).wasserstein == pytest.approx(0.3 / then.std(), rel=1e-9)


def test_infinite_values_leave_the_distance_unknown() -> None:
    then = np.random.default_rng(1).normal(size=300)
    cells = cells_of_numbers(NUMBER, then, bins=20)
    now = counted(cells, then)
    now.counts[[word for word, _ in cells.names].index("far_over")] = 2  # without any sum
    assert measure(cells, now, counted(cells, then), 1.0).wasserstein is None


def test_nulls_are_not_values() -> None:
    then = np.random.default_rng(2).normal(size=4_000)
    now = np.where(np.arange(4_000) % 4 == 0, np.nan, then)
    found = measured(now, then)
    assert found.null_difference == pytest.approx(0.25)
    assert found.null_chance == pytest.approx(0, abs=1e-12)
    assert found.wasserstein == pytest.approx(0, abs=0.03)


def test_values_beyond_the_reference_are_told_and_a_stuck_column_is() -> None:
    then = np.random.default_rng(2).normal(size=4_000)
    found = measured(np.full(50, 9.0), then)
    assert (found.outside, found.fullest, found.stuck) == (1.0, 1.0, True)
    assert found.outside_chance is not None and found.outside_chance < 1e-50


def test_no_rows_measure_nothing() -> None:
    then = Counted(np.array([5, 5, 5, 0, 1]), np.zeros(5))
    nothing = Counted(np.zeros(5, np.int64), np.zeros(5))
    assert measure(COLOUR, nothing, then) == measure(COLOUR, then, nothing) == Measures()
    only_nulls = measure(COLOUR, Counted(np.array([0, 0, 0, 0, 9]), np.zeros(5)), then)
    assert (only_nulls.unseen, only_nulls.vanished, only_nulls.fullest) == (None, None, None)
    assert only_nulls.null_difference == pytest.approx(15 / 16)


def test_a_vanished_and_a_new_category_are_named_with_their_chance() -> None:
    then = Counted(np.array([5_000, 3_000, 2_000, 0, 0]), np.zeros(5))
    found = measure(COLOUR, Counted(np.array([600, 380, 0, 20, 0]), np.zeros(5)), then)
    assert (found.unseen, found.vanished, found.vanished_values) == (0.02, 0.2, ("red",))
    assert found.unseen_chance is not None and found.vanished_chance is not None
    assert max(found.unseen_chance, found.vanished_chance) < 1e-20


@given(counts, counts)
def test_distances_lie_within_their_bounds_and_are_symmetric(
    now: list[int], then: list[int]
) -> None:
    js, ks = jensen_shannon(now, then), kolmogorov_smirnov(now, then)
    if not sum(now) or not sum(then):
        assert np.isnan(js) and np.isnan(ks)
        return
    assert 0 <= js <= np.sqrt(np.log(2)) + 1e-12
    assert 0 <= ks <= 1 + 1e-12
    assert js == pytest.approx(float(jensen_shannon(then, now)))


@given(counts, counts)
def test_the_chance_of_chi_square_is_scipy_s_wherever_it_pools_nothing(
    now: list[int], then: list[int]
) -> None:
    found = chi_square(now, then)
    if not sum(now) or not sum(then):
        assert np.isnan(found.chance)
        return
    table = np.array([now, then])[:, (np.array(now) + then) > 0]
    if found.degrees == table.shape[1] - 1 > 0:
        told = stats.chi2_contingency(table, correction=False)
        assert found.statistic == pytest.approx(told.statistic)
        assert found.chance == pytest.approx(told.pvalue)
    assert 0 <= found.chance <= 1


@given(st.integers(0, 12), st.integers(12, 300), st.integers(0, 12), st.integers(12, 300))
def test_the_chance_of_rare_nulls_is_fisher_s_one_sided_doubled(
    nulls: int, rows: int, others: int, other_rows: int
) -> None:
    share = (nulls + others) / (rows + other_rows)
    found = missingness(nulls, rows, others, other_rows)
    assert found.low <= found.difference <= found.high
    if 0 < min(share, 1 - share) * min(rows, other_rows) < 10:
        table = [[nulls, rows - nulls], [others, other_rows - others]]
        tails = [stats.fisher_exact(table, side).pvalue for side in ("less", "greater")]
        assert found.chance == pytest.approx(min(1.0, 2 * min(tails)))


def test_chances_are_as_rare_as_they_say_when_nothing_changed() -> None:
    r = np.random.default_rng(11)
    shares = np.array([0.5, 0.3, 0.15, 0.04, 0.01])
    found: dict[str, list[float]] = {"chi": [], "ks": [], "nulls": [], "out": []}
    for _ in range(1_500):
        now, then = r.multinomial(400, shares), r.multinomial(3_000, shares)
        found["chi"].append(chi_square(now, then).chance)
        apart = float(kolmogorov_smirnov(now, then))
        found["ks"].append(kolmogorov_smirnov_chance(apart, 400, 3_000))
        found["nulls"].append(missingness(int(now[4]), 400, int(then[4]), 3_000).chance)
        rows = r.random(3_000)
        beyond = r.random(400)
        outside = int(((beyond < rows.min()) | (beyond > rows.max())).sum())
        found["out"].append(out_of_range(outside, 400, 3_000).chance)
    fired = {name: np.mean(np.array(chances) < 0.05) for name, chances in found.items()}
    assert 0.03 < fired["chi"] < 0.07
    assert max(fired.values()) < 0.07


def test_the_rare_may_be_absent_by_luck_and_the_common_not() -> None:
    then = [900, 95, 5]
    assert vanished([60, 0, 0], then).chance < 0.01
    assert vanished([60, 6, 0], then).chance > 0.5
    assert unseen(3, 1_000, once=90, reference_rows=30_000).chance > 0.3
    assert constant([9, 0], [5, 5]).chance == pytest.approx(2 * 0.5**9)


def test_rows_are_beside_the_usual_by_how_comparable_days_differ() -> None:
    quiet, lively = [1_000, 1_010, 990, 1_005], [1_000, 2_000, 500, 1_400]
    assert volume(600, quiet).deviations < 3 * volume(600, lively).deviations < 0
    assert volume(0, quiet).ratio == 0
    assert np.isnan(volume(10, []).ratio)


def test_without_sums_there_is_no_wasserstein_distance_and_the_rest_is() -> None:
    cells = cells_of_numbers(NUMBER, np.arange(100.0), bins=4)
    one = counted(cells, np.arange(100.0))
    found = measure(cells, one, Counted(one.counts, np.zeros(0)), 1.0)
    assert (found.wasserstein, found.ks, found.js) == (None, 0.0, 0.0)
    assert np.isnan(wasserstein([0, 0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 0], [0, 2], 1.0))


def test_every_statistic_says_what_its_number_means_and_where_it_comes_from() -> None:
    assert len({one.name for one in STATISTICS}) == len(STATISTICS)
    assert all(one.title and one.unit and one.meaning and one.source for one in STATISTICS)
    assert all(name in dir(statistics) for name in statistics.__all__)


def test_the_page_on_statistics_names_every_one_of_them() -> None:
    page = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text()
    missing = [one.name for one in STATISTICS if one.title.partition(" (")[0] not in page]
    assert not missing
