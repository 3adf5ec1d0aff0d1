"""One day of an existing log: its rows once each, contradictions set apart, mistakes counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.block_scan import Flags, Places
from ai_ops.prediction_logging.day_log import CONFLICTING_ID
from ai_ops.prediction_logging.log_columns import LogColumns
from ai_ops.prediction_logging.log_table import Quarantined, log_schema
from ai_ops.prediction_logging.source_days import FILE, MADE_ID
from ai_ops.prediction_logging.source_rows import AVAILABLE_AT, LABEL, ROW, WRONG

NO_ID: Final = "no id"
UNKNOWN_STATUS: Final = "unknown status"

_TELLINGS: Final = ("time", "latency_ms", "request_id", "cost")
"""What differs between two tellings of one prediction, and makes no other of it."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """Values of one column in one file that do not fit, or are missing: of which rows."""

    column: str
    version: str
    file: str
    rows: int
    first: int
    last: int


@dataclass(frozen=True)
class SourceDay:
    """A day's rows (those of ``table`` that ``order`` names) and all that is known of them."""

    table: pa.Table
    order: Places
    labels: pa.Table
    misfits: Sequence[Misfit]
    rows_by_file: Mapping[str, int]
    repeated: int
    quarantined: Sequence[Quarantined]


def source_day(
    rows: pa.Table, feature: AiFeatureSpec, columns: LogColumns, files: Sequence[str]
) -> SourceDay:
    """A day made of its rows; ``files`` are the names of those that they are of."""
    if MADE_ID in rows.column_names:
        rows = _with_made_ids(rows)
    rows = _with_usual(rows, feature)
    stand: Flags = np.ones(rows.num_rows, np.bool_)
    quarantined: list[Quarantined] = []
    for name, reason, detail in (
        ("id", NO_ID, "the column of the id holds none"),
        ("status", UNKNOWN_STATUS, "the column of the status says neither ok, failed nor refused"),
    ):
        bad = rows[name].is_null().to_numpy() & stand
        quarantined += _apart(rows, bad, files, reason, detail)
        stand &= ~bad
    repeated, conflicting = _repetitions(rows, stand, columns)
    detail = "another row answers the same id otherwise"
    quarantined += _apart(rows, conflicting, files, CONFLICTING_ID, detail)
    labels = _labels(rows, stand & ~conflicting)
    stand &= ~(conflicting | repeated)
    table = _log(rows, feature.name, columns)
    order = pc.sort_indices(
        rows.select(["time", "id"]), sort_keys=[("time", "ascending"), ("id", "ascending")]
    ).to_numpy()
    order = order[stand[order]].astype(np.int64)
    kept = rows if stand.all() else rows.filter(pa.array(stand))
    return SourceDay(
        table=table,
        order=order,
        labels=labels,
        misfits=_misfits(kept, files),
        rows_by_file=_by_file(rows, files),
        repeated=int(repeated.sum()),
        quarantined=quarantined,
    )


def _with_usual(rows: pa.Table, feature: AiFeatureSpec) -> pa.Table:
    """The rows with what the source does not tell and is the same for all of them."""
    version = feature.source.version if feature.source else None
    for name, value in (("model_version", version), ("status", "ok")):
        if name not in rows.column_names:
            usual = pa.repeat(pa.scalar(value, pa.string()), rows.num_rows)
            rows = rows.append_column(name, usual)
    return rows


def _with_made_ids(rows: pa.Table) -> pa.Table:
    """The rows with ids of their own: the digest of each, and how often it came before."""
    keys = [(MADE_ID, "ascending"), (FILE, "ascending"), (ROW, "ascending")]
    order = pc.sort_indices(rows, sort_keys=keys).to_numpy()
    sorted_ids = rows[MADE_ID].take(pa.array(order)).combine_chunks()
    begins = np.ones(len(order), np.bool_)
    if len(order) > 1:
        begins[1:] = pc.not_equal(sorted_ids[1:], sorted_ids[:-1]).to_numpy(zero_copy_only=False)
    if begins.all():
        return rows.append_column("id", rows[MADE_ID])
    places = np.arange(len(order))
    number = places - np.maximum.accumulate(np.where(begins, places, 0))
    numbered = pc.binary_join_element_wise("-", pa.array(number + 1).cast(pa.string()), "")
    suffix = pc.if_else(pa.array(begins), "", numbered)
    ids = pc.binary_join_element_wise(sorted_ids, suffix, "")
    back = np.empty_like(order)
    back[order] = places
    return rows.append_column("id", ids.take(pa.array(back)))


def _repetitions(rows: pa.Table, stand: Flags, columns: LogColumns) -> tuple[Flags, Flags]:
    """Rows that say again what another row says, and those that contradict each other.

    An attempt that failed or was refused answers nothing: it stands beside the answer.
    """
    repeated, conflicting = np.zeros((2, rows.num_rows), np.bool_)
    counts = pc.value_counts(rows["id"].filter(pa.array(stand)).combine_chunks())
    often = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if not len(often):
        return repeated, conflicting
    places = np.flatnonzero(pc.is_in(rows["id"], value_set=often).to_numpy() & stand)
    group = rows.take(pa.array(places))
    answered = pc.equal(group["status"], "ok")
    says = [n for n in log_schema(columns).names if _says(n) and n in group.column_names]
    content = _codes(group, says)
    codes = np.stack([_code(group["id"]), answered.to_numpy().astype(np.int64), content])
    tie = np.stack([_code(group[name]) for name in ("time", FILE, ROW)][::-1])
    order = np.lexsort(np.concatenate([tie, codes[::-1]]))
    ordered = codes[:, order]
    same_id = np.zeros(len(order), np.bool_)
    same_id[1:] = (ordered[:2, 1:] == ordered[:2, :-1]).all(axis=0)
    same = same_id.copy()
    same[1:] &= ordered[2, 1:] == ordered[2, :-1]
    number = np.cumsum(~same_id)
    contradicted = np.unique(number[same_id & ~same & (ordered[1] == 1)])
    doubted = np.isin(number, contradicted)
    conflicting[places[order[doubted]]] = True
    repeated[places[order[same & ~doubted]]] = True
    return repeated, conflicting


def _says(name: str) -> bool:
    untold = {"id", "feature", "withheld", "writer", "incarnation", "seq", *_TELLINGS}
    return name not in untold


def _codes(rows: pa.Table, names: Sequence[str]) -> Any:
    """A number for each row, the same for rows that hold the same in these columns."""
    whole = np.zeros(rows.num_rows, np.int64)
    for name in names:
        code = _code(rows[name])
        _, whole = np.unique(whole * (int(code.max(initial=0)) + 1) + code, return_inverse=True)
    return whole


def _code(column: pa.ChunkedArray) -> Any:
    found = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return found.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _apart(
    rows: pa.Table, bad: Flags, files: Sequence[str], reason: str, detail: str
) -> list[Quarantined]:
    if not bad.any():
        return []
    wanted = [name for name in rows.column_names if name != MADE_ID]
    found = rows.select(wanted).filter(pa.array(bad)).to_pylist()
    return [
        Quarantined(
            reason,
            files[row[FILE]],
            detail,
            row[ROW],
            row["time"],
            row["id"],
            repr({name: value for name, value in row.items() if value is not None}).encode(),
        )
        for row in found
    ]


def _log(rows: pa.Table, feature: str, columns: LogColumns) -> pa.Table:
    """The rows in the columns of the log: of writers and their numbers nothing is known."""
    values = []
    schema, known = log_schema(columns), frozenset(rows.column_names)
    for one in schema:
        if one.name == "feature":
            values.append(pa.repeat(pa.scalar(feature), rows.num_rows))
        elif one.name in known:
            values.append(rows[one.name].cast(one.type))
        else:
            values.append(pa.nulls(rows.num_rows, one.type))
    return pa.table(values, schema=schema)


def _labels(rows: pa.Table, stand: Flags) -> pa.Table:
    """The labels of the rows, as they were found, and when each became known."""
    if LABEL not in rows.column_names:
        return rows.select([]).slice(0, 0)
    known = rows[LABEL].is_valid().to_numpy() & stand
    return rows.select(["id", LABEL, AVAILABLE_AT]).filter(pa.array(known))


def _misfits(rows: pa.Table, files: Sequence[str]) -> list[Misfit]:
    wrong = rows.filter(rows[WRONG].is_valid())
    if not wrong.num_rows:
        return []
    lists = wrong[WRONG].combine_chunks()
    parents = pc.list_parent_indices(lists)
    told = pa.table(
        {
            "column": lists.flatten(),
            "version": pc.fill_null(wrong["model_version"], "").take(parents),
            "file": wrong[FILE].take(parents),
            "row": wrong[ROW].take(parents),
        }
    )
    grouped = told.group_by(["column", "version", "file"], use_threads=False).aggregate(
        [("row", "count"), ("row", "min"), ("row", "max")]
    )
    return [
        Misfit(
            one["column"],
            one["version"],
            files[one["file"]],
            one["row_count"],
            one["row_min"],
            one["row_max"],
        )
        for one in grouped.to_pylist()
    ]


def _by_file(rows: pa.Table, files: Sequence[str]) -> dict[str, int]:
    counts = pc.value_counts(rows[FILE].combine_chunks()).to_pylist()
    return {files[one["values"]]: one["counts"] for one in counts}
