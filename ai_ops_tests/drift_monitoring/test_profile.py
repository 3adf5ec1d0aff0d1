"""Profiles of every row: exact, mergeable, and honest about what is no number at all."""

import math
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.drift_monitoring.cells import (
    ColumnCells,
    ProfiledColumn,
    cells_of_categories,
    cells_of_numbers,
)
from ai_ops.drift_monitoring.finishing import UNSEEN_KEPT
from ai_ops.drift_monitoring.fixed_sums import exact_sum
from ai_ops.drift_monitoring.grids import grid_of
from ai_ops.drift_monitoring.profile import ROWS, rows_of
from ai_ops.drift_monitoring.rows import connect, run_profile, view_logs
from ai_ops.drift_monitoring.tallies import tally
from ai_ops.storage.root import Root

NUMBER = ProfiledColumn("x", "input", "number")
WORD = ProfiledColumn("word", "input", "category")

numbers = st.one_of(
    st.none(),
    st.floats(-1e6, 1e6),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e300]),
)


def profile(cells: ColumnCells, values: Sequence[Any], kind: pa.DataType) -> list[dict[str, Any]]:
    table = pa.table(
        {
            "day": ["2021-03-01"] * len(values),
            "model_version": ["1"] * len(values),
            cells.column.source: pa.array(values, kind),
        }
    )
    with connect() as connection:
        connection.register(ROWS, table)
        return rows_of(run_profile(connection, [cells], set(table.column_names), "1", "digest"))


def counted(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["cell"]] = totals.get(row["cell"], 0) + row["count"]
    return totals


def test_every_kind_of_number_has_a_cell_of_its_own() -> None:
    cells = cells_of_numbers(NUMBER, range(101), bins=4)
    values = [None, math.nan, -1.0, 101.0, -101.0, 1e9, math.inf, -math.inf, 0.0, 50.0, 100.0]
    assert counted(profile(cells, values, pa.float64())) == {
        "null": 1,
        "nan": 1,
        "under": 1,
        "over": 1,
        "far_under": 2,
        "far_over": 2,
        "bin": 3,
    }


def test_text_in_a_column_of_numbers_is_counted_as_invalid_not_as_null() -> None:
    cells = cells_of_numbers(NUMBER, range(101), bins=4)
    rows = profile(cells, ["12.5", "twelve", None, "1'; DROP TABLE ok_rows"], pa.string())
    assert counted(rows) == {"bin": 1, "invalid": 2, "null": 1}


def test_a_missing_column_is_not_a_column_of_nulls() -> None:
    cells = cells_of_numbers(ProfiledColumn("gone", "input", "number"), range(10), bins=4)
    table = pa.table({"day": ["2021-03-01"] * 3, "model_version": ["1"] * 3})
    with connect() as connection:
        connection.register(ROWS, table)
        rows = rows_of(run_profile(connection, [cells], set(table.column_names), "1", "digest"))
    assert counted(rows) == {"missing": 3}
    assert tally(cells, rows).missing
    assert tally(cells, rows).rows == 0


def test_categories_that_the_reference_never_had_keep_their_name_up_to_a_cap() -> None:
    cells = cells_of_categories(WORD, ["a", "b", None])
    values = ["a", "b", None, *(f"new {place:04}" for place in range(UNSEEN_KEPT + 50))]
    rows = profile(cells, values, pa.string())
    unseen = [row for row in rows if row["cell"] == "unseen"]
    assert counted(rows) == {"value": 2, "null": 1, "unseen": UNSEEN_KEPT + 50}
    assert len(unseen) == UNSEEN_KEPT + 1
    assert next(row["count"] for row in unseen if row["value"] is None) == 50


def test_a_boolean_is_a_category() -> None:
    rows = profile(cells_of_categories(WORD, ["true", "false"]), [True, False, True], pa.bool_())
    assert {(row["value"], row["count"]) for row in rows} == {("true", 2), ("false", 1)}


@given(st.lists(numbers, min_size=1, max_size=60), st.integers(0, 60))
@settings(max_examples=25, deadline=None)
def test_profiles_of_parts_sum_exactly_to_the_profile_of_the_whole_in_any_order(
    values: list[float | None], cut: int
) -> None:
    cells = cells_of_numbers(NUMBER, [-10, -1, 0, 0, 0, 1, 2, 3, 500], bins=4)
    whole = tally(cells, profile(cells, values[::-1], pa.float64()))
    parts = [part for part in (values[:cut], values[cut:]) if part]
    merged = [tally(cells, profile(cells, part, pa.float64())) for part in parts]
    together = merged[0] if len(merged) == 1 else merged[0] + merged[1]
    assert (together.counts == whole.counts).all()
    assert together.total == whole.total
    assert together.rows == len(values)


@given(st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=80), st.integers(4, 12))
@settings(max_examples=25, deadline=None)
def test_a_bin_counts_what_numpy_counts_between_the_same_borders(
    values: list[float], bins: int
) -> None:
    cells = cells_of_numbers(NUMBER, values, bins)
    counts = tally(cells, profile(cells, values, pa.float64())).counts
    expected = np.bincount(np.searchsorted(cells.edges, values, side="right"))
    assert counts[: len(expected)].tolist() == expected.tolist()
    assert counts.sum() == len(values)


def test_the_sum_is_fixed_point_so_no_order_of_rows_changes_it() -> None:
    cells = cells_of_numbers(NUMBER, [0.0, 1.0], bins=4)
    values = [0.1] * 10 + [1e15]
    total = tally(cells, profile(cells, values, pa.float64())).total
    assert total == tally(cells, profile(cells, values[::-1], pa.float64())).total
    assert total == 1 + 100, "what is absurdly far is summed as a hundred times the largest"


@pytest.mark.parametrize("values", [[], [math.nan], [5.0, 5.0]])
def test_a_reference_with_little_in_it_still_has_cells(values: list[float]) -> None:
    cells = cells_of_numbers(NUMBER, values, bins=10)
    assert ColumnCells.from_data(cells.as_data()) == cells
    assert tally(cells, profile(cells, [5.0, None], pa.float64())).rows == 2


def stored_as_files(folder: Path, days: dict[str, list[float | None]]) -> dict[str, str]:
    """Each day's values as a log file of small groups of rows."""
    files = {}
    for day, values in days.items():
        files[day] = str(folder / f"{day}.parquet")
        table = {"status": ["ok"] * len(values), "model_version": ["1"] * len(values)}
        log = pa.table({**table, NUMBER.source: pa.array(values, pa.float64())})
        pq.write_table(log, files[day], row_group_size=50)
    return files


@pytest.mark.parametrize("reference", [[0.0, 9.0], range(100), [1.0, 1.5, 1e9], [5.0]])
def test_a_nan_that_a_file_does_not_tell_of_is_found(
    reference: Sequence[float], tmp_path: Path
) -> None:
    cells = cells_of_numbers(NUMBER, reference, bins=4)
    assert cells.high is not None
    files = stored_as_files(tmp_path, {"2021-03-01": [cells.high, math.nan, cells.high]})
    assert counted(run(tmp_path, files, cells)) == {"bin": 2, "nan": 1}


@pytest.mark.requirement("PL-20")
@given(st.lists(numbers, min_size=7, max_size=300), st.randoms(use_true_random=False))
@settings(max_examples=6, deadline=None)
def test_seven_daily_profiles_sum_to_the_weekly_one_whatever_the_order_of_rows_and_files(
    values: list[float | None], order: Random
) -> None:
    cells = cells_of_numbers(NUMBER, np.linspace(-900_000, 1_000_000, 500), bins=6)
    names = [f"2021-03-0{number}" for number in range(1, 8)]
    with TemporaryDirectory() as name:
        folder = Path(name)
        daily = stored_as_files(folder, {day: values[n::7] for n, day in enumerate(names)})
        shuffled = order.sample(values, len(values))
        weekly = stored_as_files(folder, {"week": shuffled})
        parts = [tally(cells, run(folder, {day: daily[day]}, cells)) for day in names]
        order.shuffle(parts)
        together = sum(parts[1:], parts[0])
        for threads in (1, 3):
            whole = tally(cells, run(folder, weekly, cells, threads))
            assert together.counts.tolist() == whole.counts.tolist()
            assert (together.total, together.numbers) == (whole.total, whole.numbers)


def run(
    folder: Path, files: dict[str, str], cells: ColumnCells, threads: int = 1
) -> list[dict[str, Any]]:
    with connect() as connection:
        connection.execute(f"SET threads = {threads}")
        view_logs(connection, Root.open(folder, environment={}), files)
        return rows_of(run_profile(connection, [cells], {NUMBER.source}, "1", "digest"))


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=300), st.integers(2, 12), st.integers(0, 6)
)
@settings(max_examples=40, deadline=None)
def test_a_step_of_a_grid_says_of_every_float_what_the_borders_say(
    values: list[float], bins: int, decimals: int
) -> None:
    known = np.round(values, decimals)
    cells = cells_of_numbers(NUMBER, known, bins)
    assert cells.low is not None and cells.high is not None
    grid = grid_of(cells.low, cells.high, cells.edges)
    if grid is None or not cells.edges:
        return
    near = [math.nextafter(edge, way) for edge in cells.edges for way in (-math.inf, math.inf)]
    asked = np.array([*known, *cells.edges, *near, cells.low, cells.high])
    asked = asked[(asked >= cells.low) & (asked <= cells.high)]
    steps = np.floor((asked - grid.low) * grid.per_unit)
    found = np.searchsorted(grid.borders, steps, side="right")
    assert found.tolist() == np.searchsorted(cells.edges, asked, side="right").tolist()


def test_a_sum_that_floats_cannot_hold_exactly_is_left_out_not_rounded() -> None:
    row = {"count": 10**9, "sum": 9e17, "min": 900.0, "max": 900.0}
    assert exact_sum(row, digits=6, furthest=1e5) is None
    assert exact_sum(row | {"count": 1000, "sum": 9e11}, digits=6, furthest=1e5) == 900_000


def test_zeros_among_numbers_too_large_to_be_summed_are_profiled() -> None:
    cells = cells_of_numbers(NUMBER, [-1e300, 0.0, 1e300], bins=2)
    assert sum(row["count"] for row in profile(cells, [0.0, -1e300], pa.float64())) == 2


def test_lists_in_a_column_of_numbers_are_no_numbers() -> None:
    cells = cells_of_numbers(NUMBER, range(101), bins=4)
    rows = profile(cells, [[1.0, 2.0], None], pa.list_(pa.float64()))
    assert counted(rows) == {"invalid": 1, "null": 1}
