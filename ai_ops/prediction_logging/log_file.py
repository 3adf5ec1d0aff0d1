"""The file of a day's log: zstd Parquet, sorted, with a bloom filter on the id."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.prediction_logging.line_scan import Places

ROWS_A_GROUP: Final = 64 * 1024
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
        pieces = _pieces(table)
        for start in range(0, len(order), ROWS_A_GROUP):
            group = _picked(pieces, order[start : start + ROWS_A_GROUP])
            writer.write_table(group, row_group_size=ROWS_A_GROUP)
    return sink.getvalue()


def _pieces(table: pa.Table) -> list[tuple[int, pa.Table]]:
    """The table as it lies in memory, piece by piece, each with its first row's place."""
    pieces, start = [], 0
    for batch in table.to_batches():
        pieces.append((start, pa.Table.from_batches([batch])))
        start += batch.num_rows
    return pieces


def _picked(pieces: Sequence[tuple[int, pa.Table]], order: Places) -> pa.Table:
    """These rows in this order; only what lies between the first and the last of a piece is
    copied: picking rows out of many pieces at once costs several times more."""
    parts, places, shift = [], np.zeros(len(order), np.int64), 0
    for start, piece in pieces:
        here = (order >= start) & (order < start + piece.num_rows)
        if not here.any():
            continue
        rows = order[here]
        first, last = int(rows.min()), int(rows.max())
        parts.append(piece.slice(first - start, last - first + 1))
        places[here] = rows - first + shift
        shift += last - first + 1
    if not parts:
        return pieces[0][1].slice(0, 0)
    return pa.concat_tables(parts).combine_chunks().take(pa.array(places))
