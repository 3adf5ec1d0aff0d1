"""The labels of given predictions, as they were found: each once, contradictions left out."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.storage.root import Root
from ai_ops.storage.sql_values import moment, word
from ai_ops.storage.tables import (
    ReadableTable,
    UnreadableTable,
    open_table,
    quoted,
    scan,
    table_files,
    tables_engine,
)

SOURCE_LABELS: Final = "source_labels"
_KEPT: Final = ["id", "label", "available_at"]
_TIME: Final = pa.timestamp("us", "UTC")


def with_labels(
    root: Root, feature: AiFeatureSpec, table: pa.Table, days: Sequence[str]
) -> pa.Table:
    """The rows of these days with ``label`` and ``available_at``, null where none is known.

    Labels that stand in the source lie by the day of their prediction; those of tables of their
    own are looked up there, as text. ``MissingEvidence`` when those cannot be read.
    """
    if feature.ground_truth.labels is None:
        paths = [root.lake.path(feature.name, SOURCE_LABELS, day) for day in days]
        whole, _, _ = root.lake.read_tables(paths)
        found = whole.select(_KEPT) if whole is not None else None
    else:
        found = _of_tables(root, feature, feature.ground_truth.labels, table["id"])
    if found is None or not found.num_rows:
        nothing = pa.nulls(table.num_rows)
        return table.append_column("label", nothing).append_column(
            "available_at", nothing.cast(_TIME)
        )
    known = _once(found)
    places = pc.index_in(table["id"], known["id"])
    for name in ("label", "available_at"):
        table = table.append_column(name, known[name].take(places))
    return table


def _of_tables(root: Root, feature: AiFeatureSpec, pattern: str, ids: pa.ChunkedArray) -> pa.Table:
    truth = feature.ground_truth
    zone = feature.source.time_zone if feature.source else None
    files = table_files(root, pattern, "ground_truth.labels")
    with tables_engine(root) as connection:
        parts = [_selected(open_table(root, connection, file), truth, zone) for file in files]
        connection.register("wanted", pa.table({"id": ids}))
        rows = " UNION ALL ".join(parts)
        query = f"SELECT * FROM ({rows}) SEMI JOIN wanted USING (id) WHERE label IS NOT NULL"
        return connection.sql(query).to_arrow_table()


def _selected(table: ReadableTable, truth: GroundTruth, zone: str | None) -> str:
    for column in (truth.id_column, truth.label_column):
        if column not in table.columns:
            has = ", ".join(table.columns)
            raise UnreadableTable(table.file.name, f"no column {column} (the file has {has})")
    known = None
    told_at = truth.available_at_column
    if told_at is not None and told_at in table.columns:
        known = moment(quoted(told_at), table.columns[told_at], zone)
    known = known or "CAST(NULL AS TIMESTAMPTZ)"
    # As text they must be what the log calls them: 3 and not 3.0, whichever type the file has.
    named = (truth.id_column, truth.label_column)
    told = (word(quoted(name), table.columns[name]) for name in named)
    names = ("id", "label")
    members = ", ".join(f"{sql} AS {name}" for sql, name in zip(told, names, strict=True))
    return f"SELECT {members}, {known} AS available_at FROM {scan([table])}"


def _once(rows: pa.Table) -> pa.Table:
    labelled = rows.filter(pc.and_(pc.is_valid(rows["id"]), pc.is_valid(rows["label"])))
    by_id = labelled.group_by("id", use_threads=False).aggregate(
        [("label", "min"), ("label", "max"), ("available_at", "min")]
    )
    agreed = by_id.filter(pc.equal(by_id["label_min"], by_id["label_max"]))
    columns = [agreed["id"], agreed["label_min"], agreed["available_at_min"].cast(_TIME)]
    return pa.table(columns, names=_KEPT)
