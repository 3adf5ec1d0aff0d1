"""The tables of a day: the typed log, and the quarantine of what could not enter it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
import pyarrow as pa

from ai_ops.client.records import PredictionRecord
from ai_ops.prediction_logging.log_columns import (
    ARROW,
    PROTECTED,
    PROTECTED_RULES,
    ColumnType,
    LogColumn,
    LogColumns,
)

TIME: Final = pa.timestamp("us", tz="UTC")

_COLUMNS: Final[tuple[tuple[str, pa.DataType], ...]] = (
    ("id", pa.string()),
    ("time", TIME),
    ("feature", pa.string()),
    ("model_version", pa.string()),
    ("status", pa.string()),
    ("error", pa.string()),
    ("withheld", pa.string()),
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
RAW: Final = ("cost", "input", "output")
_ACCEPTED: Final[Mapping[ColumnType, tuple[type, ...]]] = {
    "number": (float, int),
    "probability": (float, int),
    "category": (str,),
    "boolean": (bool,),
}

Wrong = Counter[tuple[str, str]]
"""How many values a typed column could not take, by column and model version ("" for none)."""

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


def log_schema(columns: LogColumns) -> pa.Schema:
    """The columns of a log: the record's, its raw JSON, and one per input and output."""
    typed = [(column.title, ARROW[column.type]) for column in columns.columns]
    return pa.schema([*_COLUMNS, *((name, pa.string()) for name in RAW), *typed])


def log_table(columns: LogColumns, records: Sequence[PredictionRecord]) -> tuple[pa.Table, Wrong]:
    """The table of these records, in their order, and what its typed columns could not take.

    A value of the wrong type is null in its typed column and stays as it came in the raw one. A
    refused record has no typed values: what was sent was not an input of the model; a record that
    was not answered has no outputs; one that was withheld has neither.
    """
    values: dict[str, Any] = {n: [getattr(r, n) for r in records] for n, _ in _COLUMNS}
    for name in RAW:
        values[name] = [_raw(getattr(r, name)) for r in records]
    asked = [
        _members(r.input) if r.status != "refused" and r.withheld is None else None for r in records
    ]
    answered = [
        _members(r.output) if r.status == "ok" and r.withheld is None else None for r in records
    ]
    versions = [r.model_version for r in records]
    wrong: Wrong = Counter()
    for column in columns.columns:
        rows = asked if column.role == "input" else answered
        told = {version: columns.is_told(column, version) for version in set(versions)}
        values[column.title], missed = _typed(rows, column, [told[v] for v in versions])
        wrong.update((column.title, versions[row] or "") for row in missed)
    return pa.table(values, schema=log_schema(columns)), wrong


def quarantine_table(rows: Sequence[Quarantined]) -> pa.Table:
    """The quarantine of a day, by segment and place."""
    ordered = sorted(rows, key=lambda row: (row.segment, row.offset or 0, row.reason))
    return pa.Table.from_pylist(
        [{name: getattr(row, name) for name in QUARANTINE_SCHEMA.names} for row in ordered],
        schema=QUARANTINE_SCHEMA,
    )


def _typed(
    rows: Sequence[Mapping[str, Any] | None], column: LogColumn, told: Sequence[bool]
) -> tuple[list[Any], list[int]]:
    """One column's values, and the rows whose value was missing or of another type.

    ``told`` says of each row whether it was to have the column at all.

    >>> column = LogColumn("input", "x", "number", nullable=False)
    >>> _typed([{"x": 1}, {"x": "far"}, {}, {}, None], column, [True, True, True, False, True])
    ([1.0, None, None, None, None], [1, 2])
    """
    accepted = _ACCEPTED[column.type]
    # type() and not isinstance(): True would pass for a number.
    found = [None if row is None else row.get(column.name) for row in rows]
    values = [value if type(value) in accepted else None for value in found]
    if column.is_number:
        values = [None if value is None else _as_float(value) for value in values]
    if None not in values:
        return values, []
    missed = [
        place
        for place, value in enumerate(values)
        if value is None and _is_wrong(rows[place], column, told[place])
    ]
    return values, missed


def _is_wrong(row: Mapping[str, Any] | None, column: LogColumn, told: bool) -> bool:
    """Whether it is a mistake that a row has no value in a typed column."""
    if row is None:
        return False
    if column.name not in row:
        return told
    found = row[column.name]
    if found is None:
        return not column.nullable
    # What the privacy policy hashed or encrypted is text, as it was meant to be.
    meant = column.rule in PROTECTED_RULES
    return not (meant and isinstance(found, str) and found.startswith(PROTECTED))


def _as_float(value: float) -> float | None:
    try:
        return float(value)
    except OverflowError:  # JSON's integers have no end
        return None


def _members(raw: msgspec.Raw) -> Mapping[str, Any]:
    try:
        data = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return {}  # every column then counts a value that it could not take
    return data if isinstance(data, dict) else {}


def _raw(raw: msgspec.Raw) -> str | None:
    text = bytes(raw).decode()
    return None if text == "null" else text
