"""Pairs of columns: only dependence counts, every row once, and nothing is read into noise."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ai_ops.drift_monitoring.cells import ProfiledColumn
from ai_ops.drift_monitoring.joint_cells import SIZE, CoarseColumn
from ai_ops.drift_monitoring.joint_comparison import PairDrift
from ai_ops.drift_monitoring.joint_judgement import suspects
from ai_ops.drift_monitoring.joint_making import pair_reference
from ai_ops.drift_monitoring.joint_profiling import count_pairs
from ai_ops.drift_monitoring.joint_reference import JointReference, WatchedPair
from ai_ops.drift_monitoring.joint_tallies import tally_pairs
from ai_ops.drift_monitoring.profile import ROWS
from ai_ops.drift_monitoring.reference_making import profile_reference
from ai_ops.drift_monitoring.rows import connect
from ai_ops.drift_monitoring.statistics.dependence import dependence_shift, raked
from ai_ops_tests.drift_monitoring.synthetic_world import FEATURE, reference_table

TABLES = arrays(float, (3, 4), elements=st.integers(5, 500).map(float))
FACTORS = arrays(float, 4, elements=st.floats(0.2, 5.0))

COLUMNS = (
    CoarseColumn(ProfiledColumn("x", "input", "number"), edges=(1.0, 2.0)),
    CoarseColumn(ProfiledColumn("kind", "input", "category"), values=("a", "b")),
    CoarseColumn(ProfiledColumn("score", "output", "number"), edges=(0.5,)),
)


def joint(*pairs: tuple[str, str]) -> JointReference:
    empty = np.zeros((SIZE, SIZE), np.int64)
    watched = tuple(WatchedPair(a, b, empty, 0.1, 1.0, 7) for a, b in pairs)
    return JointReference("1", "digest", "key", False, COLUMNS, watched)


@given(table=TABLES, factors=FACTORS)
def test_margins_that_moved_are_no_change_of_the_dependence(
    table: np.ndarray, factors: np.ndarray
) -> None:
    assert float(dependence_shift(table * factors * 1000, table * 1000)) < 0.01


@given(table=TABLES, other=TABLES)
def test_what_is_raked_has_the_margins_of_the_other(table: np.ndarray, other: np.ndarray) -> None:
    fitted = raked(table, other)
    assert fitted.sum(axis=0) == pytest.approx(other.sum(axis=0), rel=1e-3)
    assert fitted.sum(axis=1) == pytest.approx(other.sum(axis=1), rel=1e-3)


def test_every_row_is_counted_once_a_pair_and_days_are_told_apart() -> None:
    rows = pa.table(
        {
            "day": ["d1"] * 5 + ["d2"] * 2,
            "model_version": ["1", "1", "2", None, "1", "1", "1"],
            "input_x": [0.5, 1.0, 2.5, None, float("nan"), 1.5, 9.0],
            "input_kind": ["a", "b", "z", None, "a", "a", "b"],
            "output_score": [0.1, 0.5, 0.9, 0.9, None, 0.2, 0.7],
        }
    )
    watched = joint(("x", "kind"), ("x", "score"))
    with connect() as connection:
        connection.register(ROWS, rows)
        table = count_pairs(connection, watched, set(rows.column_names))
    first = tally_pairs(
        watched, table.filter(pa.array([d == "d1" for d in table["day"].to_pylist()]))
    )
    inputs, outputs = first.counts
    assert inputs.sum() == 5, "of inputs every version's rows count"
    assert (inputs[1, 1], inputs[2, 2], inputs[3, 3], inputs[0, 0], inputs[0, 1]) == (1,) * 5
    assert outputs.sum() == 3, "of outputs those of the reference's version"
    assert first.others.tolist() == [0, 2]
    assert tally_pairs(watched, table).counts.sum() == 7 + 5


def test_a_column_that_the_log_lacks_has_no_value() -> None:
    rows = pa.table({"day": ["d1"], "model_version": ["1"], "input_x": [0.5]})
    watched = joint(("x", "kind"))
    with connect() as connection:
        connection.register(ROWS, rows)
        table = count_pairs(connection, watched, {"input_x"})
    assert tally_pairs(watched, table).counts[0, 1, 0] == 1


def test_columns_that_depend_on_nothing_have_no_joint_structure_and_it_is_said() -> None:
    table = reference_table()
    chance = np.random.default_rng(7)
    for name in table.column_names:
        if name.startswith(("input_", "output_")):
            place = table.column_names.index(name)
            mixed = table[name].take(pa.array(chance.permutation(table.num_rows)))
            table = table.set_column(place, name, mixed)
    reference, _ = profile_reference(FEATURE, "1", "digest", table)
    made = pair_reference(FEATURE, reference, table)
    assert made.pairs == ()
    assert "none of the reference's 10 columns surely depends on another" in made.why_none


def broken(first: str, second: str) -> PairDrift:
    return PairDrift(first, second, "input", 1.0, 0.1, 10.0, "d", 1.0, 900, 9000, 7, 7, 100)


def test_the_column_that_most_broken_pairs_share_is_the_suspect() -> None:
    pairs = [broken(*two) for two in (("a", "b"), ("a", "c"), ("b", "c"), ("d", "e"), ("c", "e"))]
    assert suspects(pairs[:2], pairs) == {"a": ["b", "c"]}
    assert suspects([pairs[0], pairs[1], pairs[3]], pairs) == {"a": ["b", "c"], "d": ["e"]}
