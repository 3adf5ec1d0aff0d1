"""A feature's labels: of which predictions, how many, and whether they say what they must."""

from collections.abc import Iterator
from typing import Any

import duckdb

from ai_ops.accuracy_evaluation.label_values import label_sql
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.checking.problems import DataCheck, Problem, is_serious, of_rows
from ai_ops.storage.mapped_tables import ROWS
from ai_ops.storage.root import Root
from ai_ops.storage.sql_text import quoted, text
from ai_ops.storage.sql_values import moment, word
from ai_ops.storage.tables import (
    FILE,
    ROW,
    ReadableTable,
    UnreadableTable,
    open_table,
    scan,
    table_files,
)

_LABELS = "checked_labels"
"""The view of all labels: ``id``, ``label`` as found, ``typed``, ``file`` (path) and ``row``."""
_FIELD = "ground_truth.labels"


def check_labels(
    root: Root,
    connection: duckdb.DuckDBPyConnection,
    feature: AiFeatureSpec,
    found: DataCheck,
) -> None:
    """What does not fit between labels and predictions."""
    if not feature.labelled:
        return
    names = _label_view(root, connection, feature, found)
    if names is None:
        return
    before = len(found.problems)
    found.add(_unreadable(connection, feature, names))
    if feature.ground_truth.labels:
        found.add(_strays(connection, feature, names))
    share = _labelled_share(connection, feature)
    found.numbers["labelled_share"] = round(share, 4)
    where = feature.ground_truth.labels or (feature.source.files if feature.source else "")
    if not share:
        if len(found.problems) == before:
            words = "no prediction has a label: are there none yet? Where nobody will ever learn "
            found.mistake(where, f"{words}them, say ground_truth.kind: none")
        return
    least = feature.ground_truth.minimum_coverage
    if share < least:
        words = f"{share:.1%} of the predictions have a label, ground_truth.minimum_coverage wants "
        found.warn(where, f"{words}{least:.0%}: where are the others, or lower it")
    _check_values(connection, feature, found, where)


def _labelled_share(connection: duckdb.DuckDBPyConnection, feature: AiFeatureSpec) -> float:
    """The share of predictions with a label that can be read."""
    query = f"SELECT count(*), count(typed) FROM {_LABELS}"
    if feature.ground_truth.labels:
        once = f"SELECT id, any_value(typed) AS typed FROM {_LABELS} GROUP BY id"
        query = (
            f"SELECT count(*), count(typed) FROM (SELECT id FROM {ROWS}) LEFT JOIN ({once})"
            " USING (id)"
        )
    rows, labelled = connection.execute(query).fetchall()[0]
    return labelled / rows if rows else 0.0


def _label_view(
    root: Root, connection: duckdb.DuckDBPyConnection, feature: AiFeatureSpec, found: DataCheck
) -> dict[str, str] | None:
    """The view of the labels; gives the files' names by path, None when there is no view."""
    truth = feature.ground_truth
    if truth.labels is None:
        described = connection.execute(f"DESCRIBE SELECT label FROM {ROWS}").fetchall()
        typed = _typed(feature, "label", described[0][1], csv=True)
        connection.execute(
            f"CREATE VIEW {_LABELS} AS SELECT id, file, row, label, {typed} AS typed FROM {ROWS}"
        )
        return {}
    tables: list[ReadableTable] = []
    for file in table_files(root, truth.labels, _FIELD):
        try:
            tables.append(open_table(root, connection, file))
        except UnreadableTable as error:
            found.mistake(error.file, error.problem)
    good = [table for table in tables if not _lacks(table, feature, found)]
    if not good:
        return None
    parts = []
    for table in good:
        id, label = truth.id_column, truth.label_column
        parts.append(
            f"SELECT {word(quoted(id), table.columns[id])} AS id, {quoted(FILE)} AS file,"
            f" {quoted(ROW)} + 1 AS row, CAST({quoted(label)} AS VARCHAR) AS label,"
            f" {_typed(feature, quoted(label), table.columns[label], csv=table.is_text)} AS typed"
            f" FROM {scan([table])}"
        )
    rows = " UNION ALL BY NAME ".join(parts)
    connection.execute(f"CREATE VIEW {_LABELS} AS {rows}")
    return {table.parquet: table.file.name for table in good}


def _lacks(table: ReadableTable, feature: AiFeatureSpec, found: DataCheck) -> bool:
    """Whether a file of labels lacks a column that the YAML names."""
    truth, lacks = feature.ground_truth, False
    for field in ("id_column", "label_column", "available_at_column"):
        column = getattr(truth, field)
        if column is not None and column not in table.columns:
            has = ", ".join(table.columns)
            mend = f"name one of {has} as ground_truth.{field}"
            if field == "available_at_column":
                mend += ", or null where no column tells when a label became known"
            found.mistake(table.file.name, f"the file has no such column: {mend}", column)
            lacks = True
    column = truth.available_at_column
    kind = table.columns.get(column or "")
    if kind is not None and moment("x", kind, "UTC") is None:
        found.mistake(table.file.name, f"is no time ({kind}): name another column", column)
    return lacks


def _unreadable(
    connection: duckdb.DuckDBPyConnection, feature: AiFeatureSpec, names: dict[str, str]
) -> Iterator[Problem]:
    truth = feature.ground_truth
    told = connection.execute(
        f"SELECT file, count(*) FILTER (typed IS NULL AND label IS NOT NULL), count(label),"
        f" arg_min(CAST(label AS VARCHAR), row) FILTER (typed IS NULL AND label IS NOT NULL),"
        f" min(row) FILTER (typed IS NULL AND label IS NOT NULL) FROM {_LABELS}"
        " GROUP BY file ORDER BY file"
    ).fetchall()
    column = truth.label_column if truth.labels else _inner_label(feature)
    for file, count, known, value, row in told:
        if count:
            mend = {
                "binary": "name the label that means yes as ground_truth.positive, or mend kind",
                "number": "mend ground_truth.kind, or the values",
            }.get(truth.kind, "mend the values")
            words = f"{value!r} is no label of kind {truth.kind}, {of_rows(count, known)} like it"
            name = names.get(file) or _file_name(feature)
            yield Problem(name, f"{words}: {mend}", column, row, is_serious(count, known))


def _strays(
    connection: duckdb.DuckDBPyConnection, feature: AiFeatureSpec, names: dict[str, str]
) -> Iterator[Problem]:
    """Labels of ids that no prediction has."""
    total = connection.execute(f"SELECT count(*) FROM {_LABELS}").fetchall()[0][0]
    told = connection.execute(
        f"SELECT file, count(*), min(row), arg_min(id, row) FROM {_LABELS} ANTI JOIN {ROWS}"
        " USING (id) GROUP BY file ORDER BY file"
    ).fetchall()
    for file, count, row, id in told:
        words = (
            f"{id!r} is no prediction of the log, {of_rows(count, total)} labels like it: is "
            "ground_truth.id_column the prediction's id, and does the log have all files?"
        )
        column = feature.ground_truth.id_column
        yield Problem(names[file], words, column, row, count > total / 2)


def _check_values(
    connection: duckdb.DuckDBPyConnection, feature: AiFeatureSpec, found: DataCheck, where: str
) -> None:
    """Classes that only labels or only answers know, and labels that are all the same."""
    kind = feature.ground_truth.kind
    if kind == "number":
        return
    told = connection.execute(
        f"SELECT CAST(typed AS VARCHAR), count(*) FROM {_LABELS} WHERE typed IS NOT NULL"
        " GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT 200"
    ).fetchall()
    seen: dict[str, int] = dict(told)
    found.numbers["labels"] = seen
    if len(seen) < 2:
        words = f"every label is {next(iter(seen))}: nothing tells a good answer from a bad one"
        found.warn(where, words)
    if kind != "classes":
        return
    declared = set(feature.judged.probabilities)
    known = declared | _decided(connection, feature)
    if unknown := [name for name in seen if name not in known]:
        words = f"labels that the model never answers: {', '.join(unknown[:10])}; it knows "
        found.warn(where, f"{words}{', '.join(sorted(known)[:10])}")
    if declared and (never := sorted(declared - set(seen))):
        words = f"no label is {', '.join(never[:10])}, which judged.probabilities names: are they "
        found.warn(where, f"{words}spelt alike (labels: {', '.join(list(seen)[:10])})?")


def _decided(connection: duckdb.DuckDBPyConnection, feature: AiFeatureSpec) -> set[str]:
    if feature.judged.decision is None:
        return set()
    title = quoted(f"output_{feature.judged.decision}")
    rows: list[Any] = connection.execute(
        f"SELECT DISTINCT CAST({title} AS VARCHAR) FROM {ROWS} WHERE {title} IS NOT NULL LIMIT 1000"
    ).fetchall()
    return {value for (value,) in rows}


def _inner_label(feature: AiFeatureSpec) -> str | None:
    return feature.source.columns.label if feature.source else None


def _file_name(feature: AiFeatureSpec) -> str:
    return feature.source.files if feature.source else ""


def _typed(feature: AiFeatureSpec, column: str, kind: str, *, csv: bool) -> str:
    """The label as the accuracy reads it; a view takes no parameters."""
    truth = feature.ground_truth
    positive = "NULL" if truth.positive is None else text(truth.positive)
    return label_sql(truth, column, kind, csv=csv).replace("$positive", positive)
