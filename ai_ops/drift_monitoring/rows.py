"""DuckDB over the rows: the one place where a profile's SQL meets an engine and files."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec.core import url_to_fs

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.cells import ColumnCells
from ai_ops.drift_monitoring.finishing import finished
from ai_ops.drift_monitoring.profile import ROWS, quoted
from ai_ops.drift_monitoring.profile_query import BY, Stored, profile_query
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

LOG: Final = "prediction_log"
IN_MEMORY: Final = 8_000_000
"""At most this many values of a log are read into memory to be profiled together."""
AT_ONCE: Final = 25
"""At most this many columns are profiled by one query."""
NUMBERS: Final = (
    "DOUBLE", "FLOAT", "DECIMAL", "BOOLEAN", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT",
    "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT", "UHUGEINT",
)  # fmt: skip


def connect() -> duckdb.DuckDBPyConnection:
    """An empty DuckDB with one thread: a day is small, and the machine serves others too."""
    connection = duckdb.connect(":memory:", config={"threads": 1})
    # NaN is in no Parquet file's lowest and highest value. By those DuckDB 2.0 would leave out
    # comparisons that every value passes but NaN: test_a_nan_that_a_file_does_not_tell_of_is_found.
    connection.execute("SET disabled_optimizers = 'statistics_propagation'")
    return connection


def read_logs(
    connection: duckdb.DuckDBPyConnection, root: Root, feature: AiFeatureSpec, days: Iterable[str]
) -> list[str]:
    """Show the answered predictions of those days as ``ROWS``; returns the days that have a log."""
    paths = {day: root.lake.path(feature.name, LOG, day) for day in days}
    found = {day: path for day, path in paths.items() if columns_of_file(root, path) is not None}
    if found:
        view_logs(connection, root, found)
    return list(found)


@dataclass(frozen=True, slots=True)
class Answered:
    """The first and the last answer that a version gave in some days."""

    version: str
    first: datetime
    last: datetime


def answered_by(root: Root, feature: AiFeatureSpec, days: Iterable[str]) -> list[Answered]:
    """Every version that answered in those days; the one that gave the latest answer comes last."""
    found: dict[str, Answered] = {}
    for day in days:
        try:
            log, _ = root.lake.read_table(
                root.lake.path(feature.name, LOG, day), ["model_version", "status", "time"]
            )
        except MissingEvidence:
            continue
        for one in _answered(log):
            known = found.get(one.version, one)
            first, last = min(known.first, one.first), max(known.last, one.last)
            found[one.version] = Answered(one.version, first, last)
    return sorted(found.values(), key=lambda one: (one.last, one.version))


def _answered(log: pa.Table) -> Iterable[Answered]:
    answered = pc.and_(pc.equal(log["status"], "ok"), pc.is_valid(log["time"]))
    rows = log.filter(answered).group_by("model_version").aggregate([("time", "min_max")])
    for row in rows.to_pylist():
        times = row["time_min_max"]
        yield Answered(str(row["model_version"]), times["min"], times["max"])


def view_logs(connection: duckdb.DuckDBPyConnection, root: Root, files: Mapping[str, str]) -> None:
    """Show these log files (day → path) as ``ROWS``: answered predictions with their day."""
    if "://" in root.lake.url:
        fs, _ = url_to_fs(root.lake.url, **(root.lake.storage_options or {}))
        connection.register_filesystem(fs)
    parts = [
        f'SELECT *{_as_texts(root, path)}, {_text(day)} AS "day" FROM read_parquet({_text(path)})'
        for day, path in files.items()
    ]
    connection.execute(
        f"CREATE VIEW {ROWS} AS SELECT * FROM ({' UNION ALL BY NAME '.join(parts)}) AS logs"
        " WHERE status = 'ok'"
    )


def _as_texts(root: Root, path: str) -> str:
    """What a file has as lists or bytes, as the text that a profile counts: other days may have it
    as numbers, and one relation has one type."""
    schema = _told_by_file(root, path)
    other = [
        quoted(one.name)
        for one in (schema[0] if schema else ())
        if pa.types.is_nested(one.type) or pa.types.is_binary(one.type)
    ]
    return f" REPLACE ({', '.join(f'CAST({n} AS VARCHAR) AS {n}' for n in other)})" if other else ""


def show_rows(
    connection: duckdb.DuckDBPyConnection,
    root: Root,
    files: Mapping[str, str],
    columns: Iterable[str],
) -> None:
    """Show these columns of these log files (day → path) as ``ROWS``, read into memory once: each
    column of a profile is a query of its own, which would open every file again."""
    read = ["status", "model_version", *columns]
    tables = []
    for day, path in files.items():
        log, _ = root.lake.read_table(path, read)
        answered = log.filter(pc.equal(log["status"], "ok"))
        tables.append(answered.append_column("day", pa.repeat(day, answered.num_rows)))
    connection.register(ROWS, pa.concat_tables(tables, promote_options="permissive"))


def columns_of_file(root: Root, path: str) -> tuple[str, ...] | None:
    """The names of a Parquet file's columns, sorted; None when there is no such file."""
    shape = shape_of_file(root, path)
    return shape[0] if shape else None


def shape_of_file(root: Root, path: str) -> tuple[tuple[str, ...], int] | None:
    """The names of a Parquet file's columns, sorted, and its rows; None without such a file."""
    told = _told_by_file(root, path)
    return (tuple(sorted(told[0].names)), told[1]) if told else None


def days_alike(
    root: Root, feature: AiFeatureSpec, days: Iterable[str]
) -> Iterator[tuple[tuple[str, ...], dict[str, int]]]:
    """The days whose log exists, in groups that can be read as one table: of the same columns, of
    the same types. Of each group the columns' names and the rows of each day."""
    alike: dict[tuple[tuple[str, ...], ...], dict[str, int]] = defaultdict(dict)
    for day in days:
        told = _told_by_file(root, root.lake.path(feature.name, LOG, day))
        if told is not None:
            kinds = sorted(f"{one.name} {one.type}" for one in told[0] if not _promoted(one.type))
            alike[tuple(sorted(told[0].names)), tuple(kinds)][day] = told[1]
    yield from ((columns, rows) for (columns, _), rows in alike.items())


def _promoted(kind: pa.DataType) -> bool:
    """Whether columns of that type become one with those of another such type."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind))


def _told_by_file(root: Root, path: str) -> tuple[pa.Schema, int] | None:
    fs, inner = url_to_fs(path, **(root.lake.storage_options or {}))
    try:
        with fs.open(inner, "rb") as file:
            told = pq.read_metadata(file)
            return told.schema.to_arrow_schema(), told.num_rows
    except FileNotFoundError:
        return None


def run_profile(
    connection: duckdb.DuckDBPyConnection,
    cells: Sequence[ColumnCells],
    present: Collection[str],
    version: str,
    digest: str,
) -> pa.Table:
    """The profile of every row in ``ROWS`` in these cells; a column that is not present is counted
    as missing, which the report finds."""
    by = ", ".join(map(quoted, BY))
    parts = connection.execute(f"SELECT {by}, count(*) FROM {ROWS} GROUP BY {by}").fetchall()
    whole = _Whole(
        stored_as(connection, present),
        {name: parts[0][place] for place, name in enumerate(BY) if _alike(parts, place)},
        sum(part[-1] for part in parts),
    )
    # Each branch of a query keeps the footer of a large file in memory: one column at a time.
    at_once = AT_ONCE if whole.rows * AT_ONCE <= IN_MEMORY else 1
    parts_of = [cells[start : start + at_once] for start in range(0, len(cells), at_once)]
    rows = [row for part in parts_of for row in _counted(connection, part, cells, whole)]
    return finished(rows, cells, version, digest)


@dataclass(frozen=True)
class _Whole:
    """What is known of the rows before they are profiled: as what each column is stored, what all
    rows share, and how many there are."""

    stored: Mapping[str, Stored]
    shared: Mapping[str, str | None]
    rows: int


def _alike(parts: Sequence[tuple[Any, ...]], place: int) -> bool:
    return len({part[place] for part in parts}) == 1


def stored_as(connection: duckdb.DuckDBPyConnection, present: Collection[str]) -> dict[str, Stored]:
    """As what each of these columns is stored in ``ROWS``."""
    told = connection.execute(f"DESCRIBE SELECT * FROM {ROWS}").fetchall()
    return {name: _stored(kind) for name, kind, *_ in told if name in present}


def _stored(kind: str) -> Stored:
    if kind == "VARCHAR" or kind.startswith("ENUM"):
        return "text"
    of_many = kind.endswith("]")  # DOUBLE[] is a list of numbers, and none
    return "number" if kind.startswith(NUMBERS) and not of_many else "other"


def _counted(
    connection: duckdb.DuckDBPyConnection,
    part: Sequence[ColumnCells],
    every: Sequence[ColumnCells],
    whole: _Whole,
) -> list[dict[str, Any]]:
    """The counts of some of the columns: of a wide log, these are copied first, for each branch
    of the query looks at all columns of what it reads."""
    rows = ROWS
    if len(every) > AT_ONCE and whole.rows * AT_ONCE <= IN_MEMORY:
        rows = "rows_of_a_part"
        own = [one.column.source for one in part if one.column.source in whole.stored]
        chosen = ", ".join(map(quoted, (*BY, *own)))
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {rows} AS SELECT {chosen} FROM {ROWS}")
    query = profile_query(part, whole.stored, whole.shared, rows)
    answer = connection.execute(query.text, query.parameters)
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _text(value: str) -> str:
    # A view takes no parameters: a path as an SQL text, with its quotes doubled.
    return "'" + value.replace("'", "''") + "'"
