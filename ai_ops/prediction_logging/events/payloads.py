"""What a model was sent and what it answered, as rows: the shapes that model servers speak.

KServe's V1 protocol has ``instances`` and ``predictions``, its V2 (the Open Inference Protocol)
tensors in ``inputs`` and ``outputs``; SageMaker's built-in algorithms speak the words of V1, and
MLflow's scoring server ``dataframe_split`` and ``dataframe_records``.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol (and v2-protocol)
https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally
"""

import json
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Final

import msgspec

WRAPPERS: Final = ("instances", "predictions", "inputs", "outputs", "dataframe_records")
_SPLIT: Final = "dataframe_split"


class Unreadable(ValueError):
    """Something of an event that cannot be read: which field, and what is wrong with it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


def read_json(text: str | bytes, field: str) -> Any:
    """The JSON of a payload; the NaN of Python's own writer is read, too."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            return json.loads(text)
        except ValueError:
            raise Unreadable(field, f"no JSON ({error})") from error


def rows_of(payload: Any, field: str) -> list[Any]:
    """The rows of a JSON payload: each an object by name, a list by position, or one value.

    >>> rows_of({"instances": [[6.8, 2.8], [6.0, 3.4]]}, "data")
    [[6.8, 2.8], [6.0, 3.4]]
    >>> rows_of({"distance": 3, "carrier": "AA"}, "data")
    [{'distance': 3, 'carrier': 'AA'}]
    >>> rows_of({"predictions": [1, 0], "probabilities": [0.8, 0.1]}, "data")
    [{'predictions': 1, 'probabilities': 0.8}, {'predictions': 0, 'probabilities': 0.1}]
    >>> rows_of([0.2, 0.8], "data")  # one answer of two values, or two answers: see ``paired``
    [[0.2, 0.8]]
    """
    if isinstance(payload, Mapping):
        return _of_object(payload, field)
    if isinstance(payload, list):
        if any(isinstance(one, list | dict) for one in payload):
            return payload
        return [payload] if payload else []
    return [[payload]]


def paired(asked: int, answered: Sequence[Any], field: str, *, spread: bool) -> Sequence[Any]:
    """The answers, one for each row that was asked; ``Unreadable`` where there are more or fewer.

    Where an answer is one value (``spread``), a list of values answers as many rows.

    >>> paired(2, [[0.2, 0.8]], "data", spread=True)
    [[0.2], [0.8]]
    """
    if asked == len(answered):
        return answered
    [first, *more] = answered
    if spread and not more and isinstance(first, list) and len(first) == asked:
        return [[one] for one in first]
    raise Unreadable(field, f"{asked} rows were asked and {len(answered)} answered")


def _of_object(payload: Mapping[str, Any], field: str) -> list[Any]:
    split = payload.get(_SPLIT)
    if isinstance(split, Mapping) and isinstance(split.get("data"), list):
        names = split.get("columns") or []
        return [dict(zip(names, row, strict=False)) if names else row for row in split["data"]]
    for wrapper in WRAPPERS:
        inner = payload.get(wrapper)
        if isinstance(inner, list) and _are_tensors(inner):
            return _of_tensors(inner, f"{field}.{wrapper}")
        if isinstance(inner, list):
            return _beside(payload, wrapper, inner)
        if isinstance(inner, Mapping):
            return _of_columns(inner)
    return [payload]


def _beside(payload: Mapping[str, Any], wrapper: str, rows: list[Any]) -> list[Any]:
    """The rows of a wrapper, joined by what stands beside it with a value for each of them."""
    beside = {
        name: values
        for name, values in payload.items()
        if name != wrapper and isinstance(values, list) and rows and len(values) == len(rows)
    }
    if not beside:
        return [row if isinstance(row, list | dict) else [row] for row in rows]
    return [
        {
            **(row if isinstance(row, dict) else {wrapper: row}),
            **{name: values[place] for name, values in beside.items()},
        }
        for place, row in enumerate(rows)
    ]


def _of_columns(columns: Mapping[str, Any]) -> list[Any]:
    sizes = {len(one) if isinstance(one, list) else -1 for one in columns.values()}
    if len(sizes) != 1 or -1 in sizes:
        return [columns]
    [size] = sizes
    return [{name: one[place] for name, one in columns.items()} for place in range(size)]


def _are_tensors(inner: list[Any]) -> bool:
    return bool(inner) and all(
        isinstance(one, Mapping) and "datatype" in one and "shape" in one for one in inner
    )


def _of_tensors(tensors: list[Any], field: str) -> list[Any]:
    """Rows of tensors: by name; where there is one tensor alone, by position as well."""
    columns: dict[str, list[Any]] = {}
    for place, tensor in enumerate(tensors):
        name = str(tensor.get("name", place))
        if not isinstance(tensor.get("data"), list):
            raise Unreadable(f"{field}.{name}", "its data is not JSON (the binary extension?)")
        values, shape = _flat(tensor["data"]), tensor["shape"]
        if not _is_shape(shape) or prod(shape) != len(values):
            raise Unreadable(f"{field}.{name}", f"shape {shape} does not hold {len(values)} values")
        width = max(prod(shape[1:]), 1)
        columns[name] = [
            values[start] if width == 1 else values[start : start + width]
            for start in range(0, len(values), width)
        ]
    sizes = {name: len(rows) for name, rows in columns.items()}
    if len(set(sizes.values())) != 1:
        raise Unreadable(field, f"tensors of differing numbers of rows {sizes}")
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if len(columns) == 1:
        [name] = columns
        return [_by_position(row, row[name]) for row in rows]
    return rows


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, list) and bool(shape) and all(type(one) is int for one in shape)


def _by_position(row: dict[str, Any], values: Any) -> dict[str, Any]:
    listed = values if isinstance(values, list) else [values]
    return {**row, **{str(place): value for place, value in enumerate(listed)}}


def _flat(data: list[Any]) -> list[Any]:
    if not any(isinstance(one, list) for one in data):
        return data
    return [value for one in data for value in (_flat(one) if isinstance(one, list) else [one])]
