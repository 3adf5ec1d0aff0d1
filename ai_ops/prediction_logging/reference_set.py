"""The declared reference of a model that somebody else trains, read once and kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.source import RecordColumns, Source
from ai_ops.prediction_logging.compaction import LOG, compute_prediction_log
from ai_ops.storage.declared_reference import (
    days_of,
    declaration_of,
    keep_problem,
    reference_rows,
    write_reference,
)
from ai_ops.storage.mapped_tables import ROWS, map_tables
from ai_ops.storage.root import Root
from ai_ops.storage.sql_text import quoted
from ai_ops.storage.tables import digest_of, open_table, table_files, tables_engine
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.windows import Window

FIELD: Final = "reference.files"
_KEPT: Final = ("id", "time", "model_version")

Read = list[list[str]]
"""What a table was read from: [source, digest] each."""


def compute_reference_set(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Summary:
    """What the YAML declares as normal, where somebody else trains the model: a set of its own, or
    days of the log, with the labels that stand in it.

    Days that lie before the monitoring are read from the source here. What cannot be read leaves
    the set as it was, and says why: a part of a reference is none.
    """
    try:
        declaration_of(feature)
        table, read = _read(root, feature, as_of)
        undated = _undated(table)
        rows = table.filter(pc.is_valid(table["time"])) if undated < table.num_rows else table
        if not rows.num_rows:
            raise MissingEvidence(f"{feature.name}: the declared reference holds no answered row")
    except MissingEvidence as missing:
        keep_problem(root, feature, str(missing))
        return Summary({"rows": 0, "missing": str(missing)})
    write_reference(root, feature, rows, read)
    _, digest = reference_rows(root, feature)
    return Summary(
        {
            "rows": rows.num_rows,
            "rows_without_time": undated,
            "days": len(pc.unique(rows["time"].cast(pa.date32()).drop_null())),
            "versions": ", ".join(sorted(pc.unique(rows["model_version"].drop_null()).to_pylist())),
            "sources": len(read),
            "digest": digest,
        }
    )


def _read(root: Root, feature: AiFeatureSpec, as_of: datetime) -> tuple[pa.Table, Read]:
    declared = feature.reference
    if declared is None:
        raise MissingEvidence(f"{feature.name}: no reference is declared")
    if declared.files is not None:
        return _of_files(root, feature, declared.files)
    return _of_days(root, feature, days_of(declared), as_of)


def _undated(table: pa.Table) -> int:
    count: int = table["time"].null_count
    return count


def _of_files(root: Root, feature: AiFeatureSpec, pattern: str) -> tuple[pa.Table, Read]:
    """The rows of a set of its own, by the mapping of the source or by the declared names."""
    mapped = feature
    if feature.source is None:
        named = Source.model_construct(kind="table", files=pattern, columns=RecordColumns())
        mapped = feature.model_copy(update={"source": named})
    files = table_files(root, pattern, FIELD)
    with tables_engine(root) as connection:
        tables = [open_table(root, connection, file) for file in files]
        found = map_tables(connection, mapped, tables, set_of_its_own=True)
        if found.refused:
            raise found.refused[0]
        names = ["time", "model_version", *_members(feature)]
        if mapped.source is not None and mapped.source.columns.label is not None:
            names += ["label", "available_at"]
        made = "coalesce(id, 'reference-' || file || '-' || row) AS id"
        query = f"SELECT {made}, {', '.join(map(quoted, names))} FROM {ROWS} WHERE status = 'ok'"
        table = connection.sql(f"{query} ORDER BY file, row").to_arrow_table()
    return table, [[file.name, digest_of(file)] for file in files]


def _of_days(
    root: Root, feature: AiFeatureSpec, days: Sequence[str], as_of: datetime
) -> tuple[pa.Table, Read]:
    """The answered rows of these days' logs; a day that has no log yet is read from its source."""
    if Window.of_day(days[-1]).end > as_of:
        raise MissingEvidence(
            f"{feature.name}: reference.last_day ({days[-1]}) is not over: a reference is past"
        )
    paths = {day: root.lake.path(feature.name, LOG, day) for day in days}
    known = set(root.lake.glob(f"{feature.name}/{LOG}/*.parquet"))
    absent = [day for day, path in paths.items() if _name(path) not in map(_name, known)]
    if absent:
        moments = [Moment(day, Window.of_day(day), as_of) for day in absent]
        compute_prediction_log(root, feature, moments)
    tables, read = [], []
    for path in paths.values():
        try:
            log, evidence = root.lake.read_table(path)
        except MissingEvidence:
            continue  # a day on which nothing was logged
        answered = log.filter(pc.equal(log["status"], "ok"))
        columns = frozenset(log.column_names)
        own = [name for name in (*_KEPT, *_members(feature)) if name in columns]
        tables.append(answered.select(own).replace_schema_metadata(None))
        read.append([evidence.source, evidence.digest])
    if not tables:
        span = f"{days[0]} … {days[-1]}"
        raise MissingEvidence(f"{feature.name}: there is no log of any day of the reference {span}")
    return pa.concat_tables(tables, promote_options="permissive"), read


def _members(feature: AiFeatureSpec) -> list[str]:
    inputs = [f"input_{column.name}" for column in feature.inputs]
    return inputs + [f"output_{column.name}" for column in feature.outputs]


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]
