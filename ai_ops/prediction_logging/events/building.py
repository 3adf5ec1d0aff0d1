"""Many events at once as rows of the log, column by column."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from ai_ops.prediction_logging.block_scan import Places
from ai_ops.prediction_logging.events.mapped import (
    MISSING_FIELD,
    Event,
    Mapped,
    set_apart,
    status_of,
)
from ai_ops.prediction_logging.events.paths import MISSING, find
from ai_ops.prediction_logging.events.payloads import Unreadable
from ai_ops.prediction_logging.events.sides import Members, Side
from ai_ops.prediction_logging.events.times import moment
from ai_ops.prediction_logging.events.typed import typed
from ai_ops.prediction_logging.log_columns import LogColumn
from ai_ops.prediction_logging.log_table import TIME
from ai_ops.prediction_logging.source_rows import AVAILABLE_AT, ROW, WRONG, SourceBatch

Values = dict[str, Any]
_LATENCY: Final = LogColumn("input", "latency_ms", "number", nullable=True)


@dataclass(frozen=True, slots=True)
class Sides:
    """The rows of some events' two sides, and how many rows each event has."""

    counts: Places
    asked: Side
    answered: Side


def build(mapped: Mapped, file: str, events: Sequence[Event], sides: Sides) -> SourceBatch:
    """The rows of some events; an event that lacks its id or its time is set apart."""
    quarantined, records, kept = [], [], []
    for place, event in enumerate(events):
        try:
            records.append(mapped.record(event))
            kept.append(place)
        except Unreadable as error:
            quarantined.append(set_apart(file, event, MISSING_FIELD, error))
    stands = np.zeros(len(events), dtype=np.bool_)
    stands[kept] = True
    rows = np.flatnonzero(np.repeat(stands, sides.counts))
    counts = sides.counts[stands]
    index = pa.array(np.repeat(np.arange(len(kept)), counts))
    values: Values = {
        name: _column(name, [record.get(name) for record in records]).take(index)
        for name in sorted({name for record in records for name in record})
    }
    values[ROW] = pa.array([events[place].line for place in kept], pa.int64()).take(index)
    if "id" in values:
        values["id"] = _numbered(values["id"], counts)
    _tell_by_row(mapped, sides, rows, values)
    _tell_sides(mapped, sides, rows, values)
    return SourceBatch(pa.table(values), quarantined)


def _numbered(ids: pa.Array, counts: Places) -> pa.Array:
    """The ids of rows: where an event has several, each has its place in it behind a ``#``."""
    if not len(counts) or counts.max() < 2:
        return ids
    places = np.arange(len(ids)) - np.repeat(np.cumsum(counts) - counts, counts)
    several = np.repeat(counts > 1, counts)
    told = zip(ids.to_pylist(), places.tolist(), several.tolist(), strict=True)
    return pa.array([f"{id}#{place}" if many else id for id, place, many in told], pa.string())


def _tell_sides(mapped: Mapped, sides: Sides, rows: Places, values: Values) -> None:
    """Add the typed columns of both sides, and what they could not take.

    A refused row has no typed inputs, one that was not answered no outputs; what it holds instead
    is kept as JSON.
    """
    wrong: list[list[str] | None] = [None] * len(rows)
    status = values["status"].to_pylist() if "status" in values else []
    refused = frozenset(row for row, one in enumerate(status) if one == "refused")
    unanswered = frozenset(row for row, one in enumerate(status) if one not in (None, "ok"))
    told = (
        ("input", mapped.inputs, sides.asked, refused),
        ("output", mapped.outputs, sides.answered, unanswered),
    )
    for role, members, side, untold in told:
        damaged, given = set(untold), [_taken(side.values(n), rows) for n in members.places]
        for column, found in zip(members.columns, given, strict=True):
            values[column.title], missed = typed(_without(found, untold), column)
            for row in missed:
                if row not in untold:
                    wrong[row] = [*(wrong[row] or ()), column.title]
                    damaged.add(row)
        if damaged:
            values[role] = _as_found(members, given, damaged, len(rows))
    if any(wrong):
        values[WRONG] = pa.array(wrong, pa.list_(pa.string()))


def _without(given: pa.Array | list[Any], untold: frozenset[int]) -> pa.Array | list[Any]:
    if not untold:
        return given
    listed = given if isinstance(given, list) else given.to_pylist()
    return [None if row in untold else one for row, one in enumerate(listed)]


def _as_found(
    members: Members, given: Sequence[pa.Array | list[Any]], damaged: set[int], rows: int
) -> pa.Array:
    """The declared members of damaged rows as JSON, as they came; null where nothing came."""
    found: list[str | None] = [None] * rows
    for row in damaged:
        told = {
            column.name: _in_words(one[row] if isinstance(one, list) else one[row].as_py())
            for column, one in zip(members.columns, given, strict=True)
            if column.rule != "drop"
        }
        if any(one is not None for one in told.values()):
            found[row] = msgspec.json.encode(told).decode()
    return pa.array(found, pa.string())


def _in_words(value: Any) -> Any:
    """A value of which every number is one that JSON has a word for."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _in_words(one) for name, one in value.items()}
    return [_in_words(one) for one in value] if isinstance(value, list) else value


def _taken(given: pa.Array | list[Any], rows: Places) -> pa.Array | list[Any]:
    if len(given) == len(rows):
        return given
    if isinstance(given, list):
        return [given[row] for row in rows]
    return given.take(pa.array(rows))


def _tell_by_row(mapped: Mapped, sides: Sides, rows: Places, values: Values) -> None:
    """Add the members of records that stand in the rows themselves (``input.customer``)."""
    for name, path in mapped.by_row.items():
        role, _, inner = path.partition(".")
        side = sides.asked if role == "input" else sides.answered
        found = []
        for row in rows:
            one = find(side.told(row), inner)
            found.append(None if one is MISSING else _read(name, one, path, mapped))
        values[name] = _column(name, found)


def _read(name: str, told: Any, path: str, mapped: Mapped) -> Any:
    try:
        if name in ("time", AVAILABLE_AT):
            return moment(told, path, mapped.zone)
        return status_of(told, path) if name == "status" else told
    except Unreadable:  # such a row is set apart with those that tell no time, or no status
        return None


def _column(name: str, values: list[Any]) -> pa.Array:
    return _MAKERS.get(name, _texts)(values)


def _texts(values: list[Any]) -> pa.Array:
    return pa.array([one if one is None else _text(one) for one in values], pa.string())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _moments(values: list[Any]) -> pa.Array:
    return pa.array(values, TIME)


def _numbers(values: list[Any]) -> pa.Array:
    return typed(values, _LATENCY)[0]


def _modes(values: list[Any]) -> pa.Array:
    return pa.array([one if one in ("sync", "batch") else None for one in values], pa.string())


_MAKERS: Final[Mapping[str, Callable[[list[Any]], pa.Array]]] = {
    "time": _moments,
    AVAILABLE_AT: _moments,
    "latency_ms": _numbers,
    "mode": _modes,
}
