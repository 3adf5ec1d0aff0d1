"""Rows of an existing log as every adapter hands them to the writer of the day logs.

An adapter gives batches: a table with the columns of the log that it knows, typed as the log types
them, and what could not become a row. Besides the log's columns a table may tell of each row its
place in the file, the titles of the columns whose value did not fit or is missing, and its label.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.log_columns import LogColumns
from ai_ops.prediction_logging.log_table import TIME, Quarantined, log_schema

ROW: Final = "row"
"""The row's number in its file, from 1 on: of lines the line's number."""
WRONG: Final = "wrong"
"""Titles (``input_x``) of the columns whose value does not fit their type or is missing."""
LABEL: Final = "label"
AVAILABLE_AT: Final = "available_at"

_BESIDE: Final = (
    pa.field(ROW, pa.int64()),
    pa.field(WRONG, pa.list_(pa.string())),
    pa.field(LABEL, pa.string()),
    pa.field(AVAILABLE_AT, TIME),
)


@dataclass(frozen=True, slots=True)
class SourceBatch:
    """Some rows of one file, and what of it could not become a row.

    A row without ``time`` belongs to no day: it is set apart when the days are written, and so is
    one without ``id`` where the source has ids. Without a column ``id`` one is made of each row.
    A value that its typed column could not take is null there, named in ``wrong``, and kept as JSON
    in ``input`` or ``output``, which are null otherwise.
    """

    table: pa.Table
    quarantined: Sequence[Quarantined] = field(default_factory=tuple)


def source_schema(columns: LogColumns) -> pa.Schema:
    """All that a batch's table may hold: the columns of the log, and those beside it."""
    schema = log_schema(columns)
    for beside in _BESIDE:
        schema = schema.append(beside)
    return schema


def whole_rows(batch: SourceBatch, feature: AiFeatureSpec, columns: LogColumns) -> pa.Table:
    """A batch's rows with every column of the schema: what it does not know is null.

    Of the feature's name, an answer that went well and the YAML's version no batch need speak.
    """
    table, count = batch.table, batch.table.num_rows
    version = feature.source.version if feature.source else None
    usual = {
        "feature": pa.scalar(feature.name),
        "model_version": pa.scalar(version, pa.string()),
        "status": pa.scalar("ok"),
    }
    schema = source_schema(columns)
    if unknown := [name for name in table.column_names if name not in schema.names]:
        raise ValueError(f"a batch of {feature.name} has columns that no log has: {unknown}")
    values = []
    for one in schema:
        if one.name in table.column_names:
            values.append(pc.cast(table[one.name], one.type))
        elif one.name in usual:
            values.append(pa.repeat(usual[one.name], count))
        else:
            values.append(pa.nulls(count, one.type))
    return pa.table(values, schema=schema)
