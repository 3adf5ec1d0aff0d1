"""What a record's line holds of values that JSON has no word for."""

import json
import math
from collections import deque
from types import MappingProxyType
from typing import Any

import pytest

from ai_ops.client.lines import DamagedLine, encode, read_line, seal
from ai_ops.client.records import Prediction

NAN = math.nan


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"x": [NAN]}, {"x": ["nan"]}),
        ([1.0, {"x": {"y": (NAN, 2.0)}}], [1.0, {"x": {"y": ["nan", 2.0]}}]),
        (MappingProxyType({"x": [-math.inf]}), {"x": ["-inf"]}),
        ({"x": deque([NAN])}, {"x": ["nan"]}),
    ],
)
def test_inner_numbers_that_json_has_no_word_for_are_kept_by_name(told: Any, kept: Any) -> None:
    line = encode(Prediction(id="a", model_version="1", input=told, output={"p": [math.inf]}))
    assert json.loads(line)["input"] == kept
    assert json.loads(line)["output"] == {"p": ["inf"]}


def test_a_line_that_is_no_text_is_no_record() -> None:
    line = seal(b'{"kind":"prediction","id":"\xff","model_version":"1","input":{}}')
    with pytest.raises(DamagedLine) as damaged:
        read_line(line)
    assert damaged.value.damage == "not a record"
