"""Evidently's own statistics, read off fine profiles: as near as parity promises, on any data."""

import warnings
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.drift_monitoring.cells import ColumnCells, ProfiledColumn
from ai_ops.drift_monitoring.profile import ROWS, rows_of
from ai_ops.drift_monitoring.rows import connect, run_profile
from ai_ops.drift_monitoring.statistics import Floats
from ai_ops.drift_monitoring.statistics.fine import cells_of_grid, fine_profile
from ai_ops.drift_monitoring.statistics.parity import (
    Parity,
    parity_of_categories,
    parity_of_numbers,
    sturges_borders,
)

NUMBER = ProfiledColumn("x", "input", "number")
WITHIN = {"psi": 0.002, "js": 0.001, "wasserstein": 0.0005}


def _data() -> dict[str, tuple[Floats, Floats]]:
    """Reference and current: of every shape that a column has been seen to have."""
    r = np.random.default_rng(7)

    def normal(mean: float = 0, std: float = 1, rows: int = 5_000) -> Floats:
        return r.normal(mean, std, rows)

    nulls, rain = normal(0.2), r.gamma(0.5, 2, 5_000)
    nulls[r.random(5_000) < 0.3] = np.nan
    return {
        "normal": (normal(), normal()),
        "shifted": (normal(), normal(0.25)),
        "wider": (normal(), normal(0, 1.5)),
        "skewed": (r.lognormal(0, 1.5, 5_000), r.lognormal(0.1, 1.5, 5_000)),
        "heavy_tails": (r.standard_t(1.2, 5_000), r.standard_t(1.2, 5_000)),
        "discrete": (r.poisson(40, 5_000) * 1.0, r.poisson(42, 5_000) * 1.0),
        "few_values": (r.integers(0, 5, 5_000) / 10, r.integers(1, 7, 5_000) / 10),
        "nulls": (normal(), nulls),
        "small_current": (normal(), normal(0.2, 1, 150)),
        "outlier_in_reference": (np.append(normal(), 1e5), normal(0.1)),
        "outlier_now": (normal(), np.append(normal(0.1), -1e6)),
        "mostly_zero": (np.where(r.random(5_000) < 0.8, 0, rain), np.where(rain < 1, 0, rain)),
        "two_peaks": (np.concatenate([normal(-3, 0.1), normal(3, 0.1)]), normal(0, 3)),
        "rounded": (normal().round(2), normal(0.05).round(2)),
        "infinite": (normal(), np.append(normal(0.1), [np.inf, -np.inf])),
    }


def _far() -> dict[str, tuple[Floats, Floats]]:
    """What leaves the reference's range altogether."""
    r = np.random.default_rng(8)
    weight = r.normal(70, 10, 5_000)
    return {
        "tenfold": (weight, 10 * r.normal(70, 10, 5_000)),
        "thousandfold": (weight, 1_000 * r.normal(70, 10, 5_000)),
        "other_sign": (r.gamma(2, 2, 5_000), -r.gamma(2, 2, 5_000)),
        "stuck": (weight, np.full(500, 70.3)),
        "one_value_before": (np.full(100, 5.0), r.normal(5, 1, 5_000)),
    }


DATA, FAR = _data(), _far()


def evidently(reference: Floats, current: Floats) -> Parity:
    """Its own functions on rows, cleaned as its report cleans them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently.legacy.calculations import stattests
        from evidently.legacy.core import ColumnType

        sides = [
            pd.Series(side).replace([-np.inf, np.inf], np.nan).dropna()
            for side in (reference, current)
        ]
        tests = ("psi_stat_test", "jensenshannon_stat_test", "wasserstein_stat_test")
        return Parity(
            *(
                float(getattr(stattests, test)(*sides, ColumnType.Numerical, None).drift_score)
                for test in tests
            )
        )


def profiled(cells: ColumnCells, values: Floats) -> list[Mapping[str, Any]]:
    """The rows that the SQL gives, made without it, of the finite values."""
    values = np.sort(values[np.isfinite(values)])
    assert cells.low is not None and cells.high is not None
    beside = {0: "far_under", 1: "under"}
    inner = len(cells.edges) + 1
    beside |= {inner + 2: "over", inner + 3: "far_over"}
    borders = [cells.far[0], cells.low, *cells.edges]
    places = np.searchsorted(borders, values, side="right")
    places += (values > cells.high).astype(int) + (values > cells.far[1])
    rows: list[Mapping[str, Any]] = []
    for place in np.unique(places):
        own = values[places == place]
        word = beside.get(int(place), "bin")
        rows.append(
            {
                "column": "x",
                "cell": word,
                "value": str(place - 2) if word == "bin" else None,
                "count": len(own),
                "sum": sum(Decimal(str(value)) for value in own.round(6)),
                "min": own[0],
                "max": own[-1],
            }
        )
    return rows


def parity(reference: Floats, current: Floats, *, known: bool) -> Parity:
    """By profiles alone; ``known`` makes cells of the bins of both sides' extremes and rows."""
    finite = np.concatenate([reference, current])
    finite = finite[np.isfinite(finite)]
    borders = sturges_borders(finite.min(), finite.max(), len(finite)).tolist() if known else ()
    cells = cells_of_grid(NUMBER, reference, borders=borders)
    sides = [fine_profile(cells, profiled(cells, side)) for side in (current, reference)]
    return parity_of_numbers(*sides)


def assert_agree(ours: Parity, theirs: Parity) -> None:
    for name, within in WITHIN.items():
        value = getattr(theirs, name)
        # Of a distance of thousands, its own digits are the measure.
        assert getattr(ours, name) == pytest.approx(value, abs=within, rel=1e-6), name


@pytest.mark.requirement("PL-20")
@pytest.mark.parametrize("name", DATA)
def test_a_grid_of_the_reference_alone_agrees_with_evidently(name: str) -> None:
    assert_agree(parity(*DATA[name], known=False), evidently(*DATA[name]))


@pytest.mark.parametrize("name", [*DATA, *FAR])
def test_a_grid_that_knows_both_extremes_agrees_however_far_the_values_went(name: str) -> None:
    sides = (DATA | FAR)[name]
    assert_agree(parity(*sides, known=True), evidently(*sides))


thousandths = st.integers(-3_000, 3_000).map(lambda value: value / 1_000)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(thousandths, min_size=1, max_size=60),
    st.lists(thousandths, min_size=1, max_size=60),
)
def test_a_few_rows_agree_whatever_they_are(then: list[float], now: list[float]) -> None:
    sides = np.array(then), np.array(now)
    assert_agree(parity(*sides, known=True), evidently(*sides))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=80),
    st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=80),
)
def test_categories_agree_exactly(then: list[str], now: list[str]) -> None:
    from evidently.legacy.calculations import stattests
    from evidently.legacy.core import ColumnType

    sides = pd.Series(then), pd.Series(now)
    ours = parity_of_categories(Counter(now), Counter(then))
    for test, value in (("psi_stat_test", ours.psi), ("jensenshannon_stat_test", ours.js)):
        told = getattr(stattests, test)(*sides, ColumnType.Categorical, None).drift_score
        # Summed in another order: equal but for the last bits, whose root JS takes near 0.
        assert value == pytest.approx(float(told), rel=1e-9, abs=2e-8)


def test_the_profile_s_own_sql_tells_the_same() -> None:
    reference, current = DATA["nulls"]
    cells = cells_of_grid(NUMBER, reference)
    sides = []
    for side in (current, reference):
        with connect() as connection:
            rows = {"input_x": side, "day": ["2021-01-01"] * len(side), "model_version": "1"}
            connection.register(ROWS, pa.Table.from_pandas(pd.DataFrame(rows)))
            sides.append(
                fine_profile(cells, rows_of(run_profile(connection, [cells], {"input_x"}, "1", "")))
            )
    assert sides[0].rows == np.isfinite(current).sum()
    assert_agree(parity_of_numbers(*sides), evidently(reference, current))


def test_infinite_numbers_among_finite_ones_in_one_cell_are_refused() -> None:
    cells = cells_of_grid(NUMBER, [0.0, 1.0])
    row = {"column": "x", "cell": "far_over", "value": None, "count": 2, "sum": Decimal(1_000)}
    with pytest.raises(ValueError, match="leave the infinite ones out"):
        fine_profile(cells, [row | {"min": 1_000.0, "max": np.inf}])
    nothing = fine_profile(cells, [row | {"min": np.inf, "max": np.inf}])
    with pytest.raises(ValueError, match="nothing to compare"):
        parity_of_numbers(nothing, nothing)
