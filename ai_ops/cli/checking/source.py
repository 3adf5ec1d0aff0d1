"""The rows of a source: columns, types, times and ids, by the same view that the log is read by."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import duckdb

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.source import Source
from ai_ops.cli.checking.problems import DataCheck, Problem, is_serious, of_rows
from ai_ops.prediction_logging.source_reading import Opened
from ai_ops.storage.mapped_members import TOLD_OF
from ai_ops.storage.mapped_tables import ROWS
from ai_ops.storage.sql_text import quoted
from ai_ops.storage.tables import ReadableTable
from ai_ops.vocabulary.counts import told_of

_TYPES = {
    "number": ("is no number", "correct it, or declare the column a category"),
    "probability": ("is no number", "correct it, or declare the output a number or a category"),
    "boolean": ("is neither true nor false (nor 1, 0)", "correct it, or declare a category"),
    "category": ("is no text that could be read", "save the file as UTF-8"),
}


def check_columns(
    feature: AiFeatureSpec, source: Source, tables: list[ReadableTable]
) -> list[Problem]:
    """Inputs and outputs that a file lacks: by the file and the names that it has instead."""
    problems = []
    for table in tables:
        for role, columns, mapping in (
            ("inputs", feature.inputs, source.inputs),
            ("outputs", feature.outputs, source.outputs),
        ):
            for one in columns:
                column = mapping.get(one.name, one.name)
                if column not in table.columns:
                    like = _alike(column, table.columns)
                    mend = f"map it with source.{role}.{one.name}: {like or 'COLUMN'}"
                    words = f"the file has no such column: {mend}, or remove {one.name}"
                    problems.append(Problem(table.file.name, words, column))
    return problems


def check_rows(
    connection: duckdb.DuckDBPyConnection,
    feature: AiFeatureSpec,
    opened: Opened,
    found: DataCheck,
    absent: set[str],
) -> dict[date, int]:
    """What does not fit among the rows that are read; gives how many each day has."""
    names = [table.file.name for table in opened.tables]
    counts = [table.rows for table in opened.tables]
    for table in opened.tables:
        for row in table.rejected[:1]:
            words = f"{row.problem}, {of_rows(len(table.rejected), table.rows)} rows: mend the file"
            found.add([Problem(table.file.name, words, row=row.row)])
    found.add(_undated(connection, feature, names, counts))
    found.add(_misfits(connection, feature, names, counts, absent))
    found.add(_outside(connection, feature, names, counts))
    found.add(_ids(connection, feature, names))
    return _days(connection)


def check_times(
    connection: duckdb.DuckDBPyConnection, names: list[str], now: datetime
) -> Iterator[Problem]:
    """Rows that say they were predicted after this moment."""
    late = connection.execute(
        f"SELECT file, count(*), min(row), max(time) FROM {ROWS} WHERE time > $now"
        " GROUP BY file ORDER BY file",
        {"now": now},
    ).fetchall()
    for file, count, row, last in late:
        lie = told_of(count, "row", "lies", "lie")
        words = f"{lie} in the future (until {last:%Y-%m-%d %H:%M} UTC): correct the"
        yield Problem(names[file], f"{words} time or its zone", row=row, serious=False)


def _undated(
    connection: duckdb.DuckDBPyConnection,
    feature: AiFeatureSpec,
    names: list[str],
    counts: list[int],
) -> Iterator[Problem]:
    column = feature.source.columns.time if feature.source else None
    told = connection.execute(
        f"SELECT file, why, count(*), min(row) FROM {ROWS} WHERE time IS NULL"
        " GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for file, why, count, row in told:
        rows = of_rows(count, counts[file])
        words = f"{why}: {rows} rows belong to no day and enter no day's log; correct them"
        yield Problem(names[file], words, column, row, is_serious(count, counts[file]))


def _misfits(
    connection: duckdb.DuckDBPyConnection,
    feature: AiFeatureSpec,
    names: list[str],
    counts: list[int],
    absent: set[str],
) -> Iterator[Problem]:
    wrong = (
        "SELECT file, row, unnest(wrong) AS title, input, output"
        f" FROM {ROWS} WHERE wrong IS NOT NULL"
    )
    path = "'$.\"' || regexp_replace(title, '^(in|out)put_', '') || '\"'"
    value = f"json_extract_string(CASE WHEN title LIKE 'input%' THEN input ELSE output END, {path})"
    told = connection.execute(
        f"SELECT file, title, value IS NULL, count(*), min(row), arg_min(value, row)"
        f" FROM (SELECT *, {value} AS value FROM ({wrong})) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    columns: dict[str, Any] = {f"input_{one.name}": one for one in feature.inputs}
    columns |= {f"output_{one.name}": one for one in feature.outputs}
    for file, title, nothing, count, row, value in told:
        if title in TOLD_OF and feature.source:
            wanted = "a number" if title == "latency_ms" else "text in UTF-8"
            words = f"{of_rows(count, counts[file])} values are not {wanted}: mend the file"
            column = getattr(feature.source.columns, title)
            yield Problem(names[file], words, column, row, is_serious(count, counts[file]))
            continue
        one = columns[title]
        column = _column_of(feature, title, one.name)
        if column in absent:
            continue
        rows, what = of_rows(count, counts[file]), one.type
        if nothing and title.startswith("input"):
            words = f"{rows} values are missing: declare the input `nullable: true`, or fill them"
        elif nothing:
            words = f"{rows} answers are missing: map source.columns.status if they failed"
        else:
            wrong_as, mend = _TYPES[what]
            words = f"{value!r} {wrong_as}, {rows} values like it: {mend}"
        yield Problem(names[file], words, column, row, is_serious(count, counts[file]))


def _outside(
    connection: duckdb.DuckDBPyConnection,
    feature: AiFeatureSpec,
    names: list[str],
    counts: list[int],
) -> Iterator[Problem]:
    """Probabilities below 0 or above 1."""
    for one in feature.outputs:
        if one.type != "probability":
            continue
        title = quoted(f"output_{one.name}")
        told = connection.execute(
            f"SELECT file, count(*), min(row), arg_min({title}, row) FROM {ROWS}"
            f" WHERE {title} NOT BETWEEN 0 AND 1 GROUP BY file ORDER BY file"
        ).fetchall()
        column = _column_of(feature, f"output_{one.name}", one.name)
        for file, count, row, value in told:
            words = (
                f"{value!r} is no probability, {of_rows(count, counts[file])} values like it: "
                "name the right column, or declare the output a number"
            )
            yield Problem(names[file], words, column, row, is_serious(count, counts[file]))


def _ids(
    connection: duckdb.DuckDBPyConnection, feature: AiFeatureSpec, names: list[str]
) -> Iterator[Problem]:
    column = feature.source.columns.id if feature.source else None
    if column is None:
        return
    rows, ids, known = connection.execute(
        f"SELECT count(*), count(DISTINCT id), count(id) FROM {ROWS}"
    ).fetchall()[0]
    if known < rows:
        told = connection.execute(
            f"SELECT file, min(row), count(*) FROM {ROWS} WHERE id IS NULL GROUP BY file ORDER BY 1"
        ).fetchall()
        for file, row, count in told:
            words = f"{told_of(count, 'row', 'has', 'have')} no id, set apart: fill it, or leave "
            words += "out source.columns.id (ids are then made from what each row holds)"
            yield Problem(names[file], words, column, row, is_serious(count, rows))
    if ids < known:
        twice = connection.execute(
            f"SELECT id, list(struct_pack(file, row) ORDER BY file, row) FROM {ROWS} SEMI JOIN"
            f" (SELECT id AS twice FROM {ROWS} WHERE id IS NOT NULL GROUP BY id"
            " HAVING count(*) > 1 ORDER BY id LIMIT 1) ON id = twice GROUP BY id"
        ).fetchall()
        for id, places in twice:
            first, again = places[:2]
            words = (
                f"{id!r} stands here and in {names[first['file']]} row {first['row']:,}, "
                f"{of_rows(known - ids, rows)} rows repeat an id: rows that say the same count "
                "once, contradictions are set apart; name a column that is unique"
            )
            serious = is_serious(known - ids, rows)
            yield Problem(names[again["file"]], words, column, again["row"], serious)


def _days(connection: duckdb.DuckDBPyConnection) -> dict[date, int]:
    counted = connection.execute(
        f"SELECT CAST(time AS DATE) AS day, count(*) FROM {ROWS} WHERE time IS NOT NULL"
        " GROUP BY day ORDER BY day"
    ).fetchall()
    return dict(counted)


def _column_of(feature: AiFeatureSpec, title: str, name: str) -> str:
    source = feature.source
    if source is None:
        return name
    mapping = source.inputs if title.startswith("input") else source.outputs
    return mapping.get(name, name)


def _alike(name: str, columns: Any) -> str | None:
    """A column whose name differs in case and signs only."""
    bare = "".join(filter(str.isalnum, name)).lower()
    same = (one for one in columns if "".join(filter(str.isalnum, one)).lower() == bare)
    return next(same, None)
