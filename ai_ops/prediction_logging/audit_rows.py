"""What a spot check compares, row by row: with user actions, with what was written, with a day."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, get_args

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.prediction_logging.audit import NO_PREDICTION, AuditError
from ai_ops.prediction_logging.log_columns import PROTECTED, LogColumns
from ai_ops.prediction_logging.log_table import TIME, log_schema
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Mode, PredictionStatus

_BASE: Final = log_schema(LogColumns((), frozenset(), {}, {}))
COMPARED: Final = ("id", "time", "call_site", "tenant")
"""What an action and its prediction have in common."""


def beside_actions(
    actions: pa.Table, today: pa.Table | None, earlier: pa.Table | None, window: Window
) -> list[AuditError]:
    """What is wrong with the predictions of some user actions of a day.

    A prediction may have been asked for on the day before its action. Call site and tenant are
    compared where both tell them, and not where the privacy policy hides one.
    """
    known = [table.select(COMPARED) for table in (today, earlier) if table is not None]
    log = pa.concat_tables(known) if known else actions.select(COMPARED).slice(0, 0)
    places = pc.index_in(actions["id"], value_set=log["id"].combine_chunks()).to_pylist()
    day = window.start.date().isoformat()
    errors = []
    for action, place in zip(actions.to_pylist(), places, strict=True):
        said = (action["id"], None, action["call_site"], action["tenant"])
        if place is None:
            errors.append(_of_action(day, said, NO_PREDICTION))
            continue
        found = log.slice(place, 1).to_pylist()[0]
        if found["time"] is None or found["time"] >= window.end:
            errors.append(_of_action(day, said, "its prediction has a time of another day"))
        for name in ("call_site", "tenant"):
            words = f"its prediction names another {name.replace('_', ' ')}"
            if _contradict(action[name], found[name]):
                errors.append(_of_action(day, said, words, (name,)))
    return errors


def misbuilt(table: pa.Table) -> tuple[str, ...]:
    """The columns that every log has and that a table lacks, or has in another type."""
    return tuple(
        field.name
        for field in _BASE
        if field.name not in table.column_names or table.schema.field(field.name).type != field.type
    )


def structure_of(
    table: pa.Table, feature: str, window: Window, unregistered: Collection[str]
) -> list[AuditError]:
    """What is wrong with how a day's records are built, whatever they say."""
    day = window.start.date().isoformat()
    errors = []
    for what, column, wrong in _faults(table, feature, window, unregistered):
        ids = table["id"].filter(pc.fill_null(wrong, False)).to_pylist()
        errors += [AuditError("structure", day, id, what, (column,)) for id in ids]
    return errors


def differing(rows: pa.Table, again: pa.Table) -> list[tuple[str, ...]]:
    """Of each row the columns in which it is not what was read again; those that both have."""
    shared = [name for name in rows.column_names if name in again.column_names]
    columns = {name: (rows[name].to_pylist(), again[name].to_pylist()) for name in shared}
    return [
        tuple(name for name, (here, there) in columns.items() if here[place] != there[place])
        for place in range(rows.num_rows)
    ]


def _of_action(
    day: str,
    action: tuple[str | None, Any, str | None, str | None],
    what: str,
    columns: tuple[str, ...] = (),
) -> AuditError:
    id, _, call_site, tenant = action
    return AuditError("actions", day, id, what, columns, call_site, tenant)


def _contradict(acted: str | None, logged: str | None) -> bool:
    if acted is None or logged is None or logged.startswith(PROTECTED):
        return False
    return acted != logged


def _faults(
    table: pa.Table, feature: str, window: Window, unregistered: Collection[str]
) -> Iterator[tuple[str, str, pa.ChunkedArray]]:
    ids, time, status = table["id"], table["time"], table["status"]
    yield "it has no id", "id", pc.or_kleene(pc.is_null(ids), pc.equal(ids, ""))
    yield "its id stands there more than once", "id", pc.is_in(ids, value_set=_repeated(ids))
    outside = pc.or_(
        pc.less(time, pa.scalar(window.start, TIME)),
        pc.greater_equal(time, pa.scalar(window.end, TIME)),
    )
    yield "its time is not of its day", "time", pc.fill_null(outside, True)
    yield "it is of another feature", "feature", _not_one_of(table["feature"], [feature])
    unknown = _not_one_of(status, get_args(PredictionStatus))
    yield "its status is none of the log's", "status", unknown
    # An existing log need not tell how it was asked.
    unknown = _not_one_of(table["mode"], get_args(Mode))
    yield "its mode is none of the log's", "mode", pc.and_(unknown, pc.is_valid(table["mode"]))
    version = table["model_version"]
    unnamed = pc.and_(pc.is_null(version), pc.equal(status, "ok"))
    yield "it was answered by no version", "model_version", unnamed
    unknown = pc.is_in(version, value_set=pa.array(sorted(unregistered), pa.string()))
    yield "its version is not in the registry", "model_version", unknown


def _repeated(ids: pa.ChunkedArray) -> pa.Array:
    counted = pc.value_counts(ids.drop_null())
    counts: Mapping[str, pa.Array] = dict(zip(("id", "n"), counted.flatten(), strict=True))
    return counts["id"].filter(pc.greater(counts["n"], 1))


def _not_one_of(values: pa.ChunkedArray, words: Collection[str]) -> pa.ChunkedArray:
    return pc.invert(pc.is_in(values, value_set=pa.array(list(words), pa.string())))
