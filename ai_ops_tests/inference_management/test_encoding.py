"""The server and the training read a row in the same way, and refuse the same mistakes."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.ai_features.parts import InputColumn
from ai_ops.inference_management.encoded_columns import UNSEEN
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.vocabulary.errors import BadInput

INPUTS = (
    InputColumn(name="temp", type="number", nullable=True),
    InputColumn(name="city", type="category"),
    InputColumn(name="rain", type="boolean", nullable=True),
    InputColumn(name="miles", type="number"),
    InputColumn(name="wind", type="category", nullable=True),
)
SEEN = {
    "temp": [10.0, None, 20.0, 60.0],
    "city": ["B", "A", "B", "C"],
    "rain": [True, False, None, True],
    "miles": [1.0, 2.0, 3.0, 4.0],
    "wind": ["N", None, "S", "N"],
}
ENCODER = TabularEncoder.fit(SEEN, INPUTS)
ROW: dict[str, Any] = {"temp": 5.0, "city": "A", "rain": True, "miles": 2.0, "wind": "N"}

numbers = st.floats(-1e6, 1e6, allow_nan=False)
rows = st.fixed_dictionaries(
    {
        "temp": st.none() | st.just(math.nan) | numbers,
        "city": st.sampled_from("ABCD") | st.text(max_size=3),
        "rain": st.none() | st.booleans(),
        "miles": numbers | st.integers(-1000, 1000),
        "wind": st.none() | st.sampled_from("NS"),
    }
)


@given(st.lists(rows, min_size=1, max_size=5))
def test_rows_and_columns_give_the_same_matrix(some: list[dict[str, Any]]) -> None:
    columns = {name: [row[name] for row in some] for name in ROW}
    by_columns = ENCODER.encode(columns)
    assert by_columns.dtype == np.float32 and by_columns.shape == (len(some), ENCODER.width)
    np.testing.assert_array_equal(by_columns, ENCODER.encode_rows(some))
    assert np.isfinite(by_columns).all()


def test_a_fitted_number_is_standardised_and_a_missing_one_is_the_median() -> None:
    encoded = ENCODER.encode(SEEN)
    place = ENCODER.names.index("temp")
    known = np.array([10.0, 20.0, 60.0])
    expected = (np.array([10.0, 20.0, 20.0, 60.0]) - known.mean()) / known.std()
    np.testing.assert_allclose(encoded[:, place], expected, rtol=1e-6)
    assert encoded[:, place + 1].tolist() == [0, 1, 0, 0]


def test_every_known_category_has_its_own_code_and_the_others_share_one() -> None:
    codes = ENCODER.encode({**SEEN, "city": ["A", "B", "C", "Z"]})[:, 0]
    assert codes.tolist() == [1, 2, 3, UNSEEN]
    assert ENCODER.category_sizes == (4, 3)


def test_a_constant_number_is_encoded_without_dividing_by_zero() -> None:
    inputs = (InputColumn(name="n", type="number"),)
    assert TabularEncoder.fit({"n": [3.0, 3.0]}, inputs).encode({"n": [3.0, 4.0]}).tolist() == [
        [0.0],
        [1.0],
    ]


def test_json_gives_the_same_encoder_and_other_text_is_refused() -> None:
    assert TabularEncoder.from_json(ENCODER.to_json()) == ENCODER
    for text in ("{}", "not json", '{"categories": [{}], "numbers": []}'):
        with pytest.raises(BadInput, match=r"encoder\.json"):
            TabularEncoder.from_json(text)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"miles": None}, "miles: a value is missing"),
        ({"miles": math.nan}, "miles: a value is missing"),
        ({"miles": "far"}, "miles: expected a number, found 'far'"),
        ({"miles": "3"}, "miles: expected a number, found '3'"),
        ({"miles": math.inf}, "miles: infinity"),
        ({"temp": -math.inf}, "temp: infinity"),
        ({"city": None}, "city: a value is missing"),
        ({"city": 7}, "city: expected a text, found 7"),
        ({"city": ["A"]}, "city: expected a text"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name_in_both_ways(
    change: dict[str, Any], names: str
) -> None:
    row = {**ROW, **change}
    with pytest.raises(BadInput, match=names):
        ENCODER.encode_rows([row])
    with pytest.raises(BadInput, match=names):
        ENCODER.encode({name: [value] for name, value in row.items()})


@pytest.mark.parametrize("absent", list(ROW))
def test_an_absent_input_is_named(absent: str) -> None:
    row = {name: value for name, value in ROW.items() if name != absent}
    with pytest.raises(BadInput, match=f"{absent}: the row lacks"):
        ENCODER.encode_rows([row])
    with pytest.raises(BadInput, match=f"{absent}: the rows lack"):
        ENCODER.encode({name: [value] for name, value in row.items()})
    with pytest.raises(BadInput, match=f"{absent}: the rows to fit on lack"):
        TabularEncoder.fit({n: v for n, v in SEEN.items() if n != absent}, INPUTS)


def test_a_number_that_no_row_has_cannot_be_fitted() -> None:
    with pytest.raises(BadInput, match="temp: no row"):
        TabularEncoder.fit({**SEEN, "temp": [None] * 4}, INPUTS)
