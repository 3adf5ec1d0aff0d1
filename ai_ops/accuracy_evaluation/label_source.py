"""The tables that labels stand in: Parquet or CSV, the feature's own or the source of its log."""

import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ai_ops.accuracy_evaluation.label_values import label_parameters, label_sql
from ai_ops.accuracy_evaluation.queue_marks import HUMAN_LABELS
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.storage.sql_text import quoted, text
from ai_ops.storage.sql_values import moment
from ai_ops.storage.tables import (
    FILE,
    TableFile,
    UnreadableTable,
    first_line,
    open_table,
    table_files,
    tables_engine,
)
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.windows import Window

SOURCE_LABELS = "source_labels"
_ZONED = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS")
_REJECTED, _PREDICTED = "rejected_rows", "predicted"


@dataclass(frozen=True)
class _Columns:
    """The names of the three columns; without ``available_at`` the log tells the time."""

    id: str
    label: str
    available_at: str | None


PEOPLE = _Columns("id", "label", "available_at")
"""Of the labels that people gave through the queue."""


@dataclass(frozen=True)
class _File:
    """One file, as DuckDB reads it, and the SQL types of its columns."""

    path: str
    id_kind: str
    label_kind: str
    time_kind: str
    csv: bool

    @property
    def form(self) -> tuple[str, str, str, bool]:
        """What files have in common that are read together."""
        return self.id_kind, self.label_kind, self.time_kind, self.csv


@dataclass(frozen=True)
class LabelSource:
    """Labels that can be asked for: ``sql`` gives ``id``, ``raw``, ``label``, ``available_at`` and
    ``file`` of each row, in ``engine``, with ``parameters``."""

    engine: duckdb.DuckDBPyConnection
    sql: str
    parameters: dict[str, str]


@contextmanager
def label_source(root: Root, feature: AiFeatureSpec, span: Window) -> Iterator[LabelSource]:
    """The labels of a feature; ``span`` are the days on which those asked for became known.

    Raises ``MissingEvidence`` naming the YAML's field or the file, column and mend.
    """
    truth = feature.ground_truth
    if truth.labels is None:
        pattern = posixpath.join(root.lake.url, feature.name, SOURCE_LABELS, "*.parquet")
        columns = _Columns("id", "label", "available_at")
        found = table_files(root, pattern, "source.columns.label, read with prediction_log")
    else:
        columns = _Columns(truth.id_column, truth.label_column, truth.available_at_column)
        found = table_files(root, truth.labels, "ground_truth.labels")
    zone = feature.source.time_zone if feature.source else None
    with tables_engine(root, threads=1) as engine:
        files, rejected = _opened(root, engine, found, columns, zone)
        engine.register(_REJECTED, rejected)
        if columns.available_at is None:
            engine.register(_PREDICTED, _predicted(root, feature, span))
        parts = _parts(feature, columns, files, zone)
        own = {file.path for file in found}
        people = [file for file in people_files(root, feature) if file.path not in own]
        if people:
            labelled, _ = _opened(root, engine, people, PEOPLE, None)
            parts += _parts(feature, PEOPLE, labelled, None)
        unread = (
            f"SELECT NULL AS id, raw, NULL AS label, NULL AS available_at, file FROM {_REJECTED}"
        )
        sql = " UNION ALL ".join(f"({part})" for part in [*parts, unread])
        yield LabelSource(engine, sql, label_parameters(truth))


def people_files(root: Root, feature: AiFeatureSpec) -> list[TableFile]:
    """The files of what people labelled through the queue; empty where nobody ever did."""
    if not root.lake.glob(f"{feature.name}/{HUMAN_LABELS}/*.parquet"):
        return []
    pattern = posixpath.join(root.lake.url, feature.name, HUMAN_LABELS, "*.parquet")
    return table_files(root, pattern, "ai-ops labels import")


def _parts(
    feature: AiFeatureSpec, columns: _Columns, files: Sequence[_File], zone: str | None
) -> list[str]:
    ordered = sorted(files, key=lambda one: one.form)
    return [
        _select(feature, columns, list(alike), zone)
        for _, alike in groupby(ordered, lambda one: one.form)
    ]


def _select(
    feature: AiFeatureSpec, columns: _Columns, files: Sequence[_File], zone: str | None
) -> str:
    one, label = files[0], quoted(columns.label)
    paths = ", ".join(text(file.path) for file in files)
    time = "predicted.available_at"
    if columns.available_at is not None:
        time = quoted(columns.available_at)
        if one.time_kind != _ZONED[0]:  # as it stands, whole groups of rows can be passed over
            time = str(moment(time, one.time_kind, zone))
    read = (
        f"SELECT CAST(labels.{quoted(columns.id)} AS VARCHAR) AS id, "
        f"CAST({label} AS VARCHAR) AS raw, "
        f"{label_sql(feature.ground_truth, label, one.label_kind, csv=one.csv)} AS label, "
        f"{time} AS available_at, {FILE} AS file "
        f"FROM read_parquet([{paths}], filename = {text(FILE)}) AS labels"
    )
    if columns.available_at is not None:
        return read
    return f"{read} JOIN {_PREDICTED} AS predicted ON labels.{quoted(columns.id)} = predicted.known"


def _opened(
    root: Root,
    engine: duckdb.DuckDBPyConnection,
    found: Sequence[TableFile],
    columns: _Columns,
    zone: str | None,
) -> tuple[list[_File], pa.Table]:
    """File by file: together, a file that lacks a column would look like one full of nulls."""
    files, rejected, known = [], [], dict[str, dict[str, str]]()
    for file in found:
        csv, path = False, file.path
        if file.is_local and file.name.endswith((".parquet", ".pq")):
            kinds = _kinds(engine, file, known)
        else:
            table = open_table(root, engine, file)
            kinds, path, csv = dict(table.columns), table.parquet, table.is_text
            rejected += [(one.raw, path) for one in table.rejected]
        wanted = (columns.id, columns.label, columns.available_at)
        if absent := [name for name in wanted if name is not None and name not in kinds]:
            raise UnreadableTable(file.name, f"no column {absent[0]} (have {', '.join(kinds)})")
        time = kinds[columns.available_at] if columns.available_at is not None else ""
        naive = time.startswith("TIMESTAMP") and zone is not None
        if columns.available_at is not None and not (csv or time in _ZONED or naive):
            words = f"{columns.available_at} is {time}; write it with its zone (UTC)"
            raise UnreadableTable(file.name, words)
        files.append(_File(path, kinds[columns.id], kinds[columns.label], time, csv))
    raws, places = [raw for raw, _ in rejected], [path for _, path in rejected]
    text_ = pa.string()
    return files, pa.table({"raw": pa.array(raws, text_), "file": pa.array(places, text_)})


def _kinds(
    engine: duckdb.DuckDBPyConnection, file: TableFile, known: dict[str, dict[str, str]]
) -> dict[str, str]:
    """The columns' SQL types; files of one schema are described once."""
    try:
        schema = pq.read_schema(file.path)
        key = schema.remove_metadata().to_string()
        if key not in known:
            told = engine.execute("DESCRIBE SELECT * FROM read_parquet(?)", [file.path]).fetchall()
            known[key] = {name: kind for name, kind, *_ in told}
    except (pa.ArrowInvalid, duckdb.Error, OSError) as error:
        problem = f"not a readable Parquet file: {first_line(error)}"
        raise UnreadableTable(file.name, problem) from error
    return known[key]


def _predicted(root: Root, feature: AiFeatureSpec, span: Window) -> pa.Table:
    """When the label of each prediction counts as known, for labels that do not say it: some hours
    after the prediction. Only those of the span are here."""
    after = timedelta(hours=feature.ground_truth.mature_after_hours)
    asked = Window(span.start - after, span.end - after)
    schema = pa.schema([("known", pa.string()), ("available_at", pa.timestamp("us", "UTC"))])
    tables, missing = [schema.empty_table()], []
    days = list(Window(Window.of_day(asked.start.date()).start, asked.end).days())
    for day in days:
        path = root.lake.path(feature.name, "prediction_log", day)
        try:
            log, _ = root.lake.read_table(path, ["id", "time"])
        except MissingEvidence:
            missing.append(day)
            continue
        time = pc.add(log["time"].cast(schema.field(1).type), pa.scalar(after))
        tables.append(pa.table([log["id"].cast(pa.string()), time], schema=schema))
    if len(missing) == len(days):
        raise MissingEvidence(
            f"{feature.name}: prediction_log of {days[0]} to {days[-1]} was not there to tell when "
            "its labels count as known; materialise it, or name ground_truth.available_at_column"
        )
    rows = pa.concat_tables(tables).group_by("known", use_threads=False)
    first = rows.aggregate([("available_at", "min")])
    return first.rename_columns(["known", "available_at"]).cast(schema)
