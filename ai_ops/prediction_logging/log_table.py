"""The tables of a day: the typed log, and the quarantine of what could not enter it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client.records import PredictionRecord

TIME: Final = pa.timestamp("us", tz="UTC")

_COLUMNS: Final[tuple[tuple[str, pa.DataType], ...]] = (
    ("id", pa.string()),
    ("time", TIME),
    ("feature", pa.string()),
    ("model_version", pa.string()),
    ("status", pa.string()),
    ("error", pa.string()),
    ("latency_ms", pa.float64()),
    ("call_site", pa.string()),
    ("mode", pa.string()),
    ("tenant", pa.string()),
    ("subject", pa.string()),
    ("request_id", pa.string()),
    ("writer", pa.string()),
    ("incarnation", pa.string()),
    ("seq", pa.int64()),
)
_RAW: Final = ("cost", "input", "output")
_TYPES: Final[Mapping[str, pa.DataType]] = {
    "number": pa.float64(),
    "probability": pa.float64(),
    "category": pa.string(),
    "boolean": pa.bool_(),
}
_ACCEPTED: Final[Mapping[str, tuple[type, ...]]] = {
    "number": (float, int),
    "probability": (float, int),
    "category": (str,),
    "boolean": (bool,),
}

QUARANTINE_SCHEMA: Final = pa.schema(
    [
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("segment", pa.string()),
        ("offset", pa.int64()),
        ("time", TIME),
        ("id", pa.string()),
        ("raw", pa.binary()),
    ]
)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something that could not enter the log: why, where it lies, and its bytes as found."""

    reason: str
    segment: str
    detail: str | None = None
    offset: int | None = None
    time: datetime | None = None
    id: str | None = None
    raw: bytes | None = None


def log_schema(feature: AiFeatureSpec) -> pa.Schema:
    """The columns of a feature's log: the record's, its raw JSON, and one per input and output."""
    typed = [
        *((f"input_{c.name}", _TYPES[c.type]) for c in feature.inputs),
        *((f"output_{c.name}", _TYPES[c.type]) for c in feature.outputs),
    ]
    return pa.schema([*_COLUMNS, *((name, pa.string()) for name in _RAW), *typed])


def log_table(
    feature: AiFeatureSpec, records: Sequence[PredictionRecord]
) -> tuple[pa.Table, dict[str, int]]:
    """The day's table, in the order given, and how many values a typed column could not take.

    A value of the wrong type is null in its typed column and stays as it came in the raw one. A
    refused record has no typed values: what was sent was not an input of the model; a record that
    was not answered has no outputs.
    """
    columns: dict[str, Any] = {n: [getattr(r, n) for r in records] for n, _ in _COLUMNS}
    for name in _RAW:
        columns[name] = [_raw(getattr(r, name)) for r in records]
    wrong: dict[str, int] = {}
    asked = [_members(r.input) if r.status != "refused" else None for r in records]
    answered = [_members(r.output) if r.status == "ok" else None for r in records]
    for column in feature.inputs:
        name = f"input_{column.name}"
        columns[name], wrong[name] = _typed(asked, column.name, column.type, column.nullable)
    for output in feature.outputs:
        name = f"output_{output.name}"
        columns[name], wrong[name] = _typed(answered, output.name, output.type, False)
    table = pa.table(columns, schema=log_schema(feature))
    return table, {name: count for name, count in wrong.items() if count}


def quarantine_table(rows: Sequence[Quarantined]) -> pa.Table:
    """The quarantine of a day, by segment and place."""
    ordered = sorted(rows, key=lambda row: (row.segment, row.offset or 0, row.reason))
    return pa.Table.from_pylist(
        [{name: getattr(row, name) for name in QUARANTINE_SCHEMA.names} for row in ordered],
        schema=QUARANTINE_SCHEMA,
    )


def _typed(
    rows: Sequence[Mapping[str, Any] | None], name: str, kind: str, nullable: bool
) -> tuple[list[Any], int]:
    """One column's values, and how many were missing or of another type.

    >>> _typed([{"x": 1}, {"x": "far"}, {}, None], "x", "number", nullable=False)
    ([1.0, None, None, None], 2)
    """
    accepted = _ACCEPTED[kind]
    # type() and not isinstance(): True would pass for a number.
    found = [None if row is None else row.get(name) for row in rows]
    values = [value if type(value) in accepted else None for value in found]
    if kind in ("number", "probability"):
        values = [None if value is None else float(value) for value in values]
    absent = sum(value is None for value in values) - sum(row is None for row in rows)
    if nullable:
        absent -= sum(row is not None and name in row and row[name] is None for row in rows)
    return values, absent


def _members(raw: msgspec.Raw) -> Mapping[str, Any]:
    try:
        data = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return {}  # every column then counts a value that it could not take
    return data if isinstance(data, dict) else {}


def _raw(raw: msgspec.Raw) -> str | None:
    text = bytes(raw).decode()
    return None if text == "null" else text
