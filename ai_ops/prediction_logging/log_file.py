"""The file of a day's log: zstd Parquet, sorted, with a bloom filter on the id."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.prediction_logging.line_scan import Places

ROWS_A_GROUP: Final = 64 * 1024
_ROWS_AT_ONCE: Final = 8 * 1024
FALSE_POSITIVES: Final = 0.01
"""How often a row group without an id has to be read for it."""

_PLAIN: Final = frozenset({"id", "subject", "request_id", "error", "cost", "input", "output"})
"""Columns in which few values come twice: a dictionary would cost and not pay."""


def log_content(table: pa.Table, order: Places) -> pa.Buffer:
    """The file's content: the rows of a table that ``order`` names, in that order.

    They are put in order one row group at a time, so that no second table is held.
    """
    sink = pa.BufferOutputStream()
    dictionaries = [
        column.name
        for column in table.schema
        if pa.types.is_string(column.type) and column.name not in _PLAIN
    ]
    distinct = max(min(len(order), ROWS_A_GROUP), 1)
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        use_dictionary=dictionaries,
        bloom_filter_options={"id": {"ndv": distinct, "fpp": FALSE_POSITIVES}},
    ) as writer:
        starts, pieces = _pieces(table)
        for start in range(0, len(order), ROWS_A_GROUP):
            end = min(start + ROWS_A_GROUP, len(order))
            group = [
                _picked(starts, pieces, order[some : min(some + _ROWS_AT_ONCE, end)])
                for some in range(start, end, _ROWS_AT_ONCE)
            ]
            writer.write_table(pa.Table.from_batches(group), row_group_size=ROWS_A_GROUP)
    return sink.getvalue()


def _pieces(table: pa.Table) -> tuple[Places, list[pa.RecordBatch]]:
    """The table as it lies in memory, piece by piece, and each one's first row."""
    pieces = [batch for batch in table.to_batches() if batch.num_rows]
    ends = np.cumsum([piece.num_rows for piece in pieces], dtype=np.int64)
    return np.concatenate([np.zeros(1, np.int64), ends[:-1]]), pieces


def _picked(starts: Places, pieces: Sequence[pa.RecordBatch], order: Places) -> pa.RecordBatch:
    """These rows in this order; only what lies between the first and the last of a piece is
    copied: picking rows out of many pieces at once costs several times more."""
    owner = np.searchsorted(starts, order, side="right") - 1
    parts, places, shift = [], np.zeros(len(order), np.int64), 0
    for number in np.unique(owner).tolist():
        here = owner == number
        rows = order[here] - starts[number]
        first, last = int(rows.min()), int(rows.max())
        parts.append(pieces[number].slice(first, last - first + 1))
        places[here] = rows - first + shift
        shift += last - first + 1
    return pa.concat_batches(parts).take(pa.array(places))
