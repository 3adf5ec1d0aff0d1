"""Slices: which rows have which value, and that what is measured of each is what it should be."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.accuracy_evaluation.binary_sums import BinaryAnswers, BinarySummer
from ai_ops.accuracy_evaluation.candidate_comparing import slices_of
from ai_ops.accuracy_evaluation.candidate_records import Sliced
from ai_ops.accuracy_evaluation.metrics import Answers, Summer, estimate, sum_days
from ai_ops.accuracy_evaluation.number_sums import NumberAnswers, NumberSummer
from ai_ops.accuracy_evaluation.reading import read_rows
from ai_ops.accuracy_evaluation.records import AnswerKind
from ai_ops.accuracy_evaluation.slice_sums import measure_slices, sums_of_slices
from ai_ops.accuracy_evaluation.slices import (
    VALUES_AT_MOST,
    SlicedColumn,
    coded,
    edges_of,
    sliced_columns,
    sliced_table,
)
from ai_ops.ai_features import AiFeatureSpec
from ai_ops_tests.accuracy_evaluation.small_world import day_of, small_feature, small_rows
from ai_ops_tests.accuracy_evaluation.world import daily, open_root, write_labels, write_log

pytestmark = pytest.mark.requirement("MO-02")


def sliced(feature: AiFeatureSpec, **columns: object) -> dict[str, SlicedColumn]:
    table = sliced_table(feature, pa.table(columns))
    return {one.column: one for one in coded(table, edges_of(table))}


def test_each_row_has_its_value_and_a_missing_one_none() -> None:
    found = sliced(small_feature(), input_carrier=["UA", None, "AA", "UA"], tenant=["t"] * 4)
    carrier = found["carrier"]
    assert carrier.values == ("AA", "UA") and carrier.codes.tolist() == [1, -1, 0, 1]
    assert {str(one): where.tolist() for one, where in carrier.slices()} == {
        "carrier AA": [False, False, True, False],
        "carrier UA": [True, False, False, True],
    }
    assert found["tenant"].values == ("t",)
    assert found["origin"].values == (), "a log that is older than the column has it empty"
    assert found["origin"].codes.tolist() == [-1] * 4


def test_a_category_that_was_logged_as_a_number_is_sliced_by_its_values() -> None:
    whole = sliced(small_feature(), input_carrier=pa.array([10, 2, 10], pa.int64()))
    assert whole["carrier"].values == ("10", "2")
    told = pa.array(["b", "a", None]).dictionary_encode()
    assert sliced(small_feature(), input_carrier=told)["carrier"].codes.tolist() == [1, 0, -1]


def test_a_number_is_sliced_by_the_quartiles_of_what_it_is_compared_with() -> None:
    feature = small_feature().model_copy(update={"slices": ("temp",)})
    launch = sliced_table(feature, pa.table({"input_temp": np.arange(101.0)}))
    edges = edges_of(launch)
    later = pa.table({"input_temp": [-5.0, 10.0, 25.0, 99.0, 500.0, None, float("nan")]})
    [temp] = coded(sliced_table(feature, later), edges)
    assert temp.values == ("0 to 25", "25 to 50", "50 to 75", "75 to 100")
    assert temp.codes.tolist() == [0, 0, 1, 3, 3, -1, -1]
    [constant] = coded(sliced_table(feature, later), {"temp": np.array([7.0])})
    assert constant.values == () and set(constant.codes) == {-1}


def test_what_divides_nothing_is_left_out_of_the_slices_of_a_log(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), small_feature()
    _, rows = small_rows()
    rows = rows.head(1500).assign(origin=[f"place-{n % (VALUES_AT_MOST + 1)}" for n in range(1500)])
    write_log(root, feature, rows, rows["score"], with_inputs=True)
    write_labels(root, rows)
    moments = daily(day_of(0), day_of(2))
    window = moments[0].window
    for moment in moments:
        window = type(window)(window.start, moment.window.end)
    read = read_rows(root.lake, feature, window, moments[-1].as_of)
    found = sliced_columns(root, feature, read)
    assert [one.column for one in found] == ["carrier"], "one tenant, and too many origins"
    by_id = dict(zip(rows["id"], rows["carrier"], strict=True))
    [carrier] = found
    named = [carrier.values[code] for code in carrier.codes]
    assert named == [by_id[id] for id in read.ids], "each row its own, in the order of the rows"

    def of_candidate(*names: str) -> Sliced:
        by = feature.model_copy(update={"slices": names})
        return slices_of(root, by, read, read, read.usable)

    assert of_candidate("tenant") == Sliced(undivided=["tenant"]), "one tenant: one slice"
    assert of_candidate("tenant", "origin").problem.startswith("origin: missing, of one value")
    some = of_candidate("origin", "carrier")
    assert (some.undivided, some.problem) == (["origin"], "") and some.slices


def binary(seed: int, rows: int) -> BinaryAnswers:
    random = np.random.default_rng(seed)
    # The middles of the cells of the log-odds, so that no two scores of one cell differ.
    score = 1 / (1 + np.exp(-(np.arange(-32, 32) + 0.5) * 12 / 64))[random.integers(0, 64, rows)]
    return BinaryAnswers(score, score > 0.5, random.random(rows) < 0.4)


def numbers(seed: int, rows: int) -> NumberAnswers:
    random = np.random.default_rng(seed)
    return NumberAnswers(random.normal(size=rows), random.normal(size=rows))


@pytest.mark.parametrize(
    ("make", "summer", "kind"),
    [(binary, BinarySummer, "score"), (numbers, NumberSummer, "number")],
)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_a_slice_is_measured_as_its_rows_alone_would_be(
    make: Callable[[int, int], Answers], summer: Callable[[], Summer], kind: AnswerKind, seed: int
) -> None:
    rows, random = 300, np.random.default_rng(seed)
    answers: Answers = make(seed, rows)
    days = np.array([f"2021-03-0{n}" for n in random.integers(1, 6, rows)])
    place = random.integers(-1, 3, rows)
    every = np.stack(
        [
            sums_of_slices(answers.take(days == day), [place[days == day]], 3)
            for day in sorted(set(days))
        ]
    )
    found = measure_slices(every, kind)
    for number in range(3):
        own = place == number
        alone = estimate(sum_days(summer(), days[own], answers.take(own)))
        count, of_days, values, errors = found.of(number)
        assert count == own.sum() and of_days == len(set(days[own]))
        for name, value in values.items():
            assert value == pytest.approx(alone[name].value, abs=1e-5)
            assert errors.get(name) == pytest.approx(alone[name].error, abs=1e-5)


def test_a_month_without_rows_measures_nothing() -> None:
    assert measure_slices(np.zeros((0, 0, 1)), "score").rows.tolist() == []
    assert pd.isna(measure_slices(np.zeros((2, 1, 4 + 128)), "score").values["auc"]).all()
