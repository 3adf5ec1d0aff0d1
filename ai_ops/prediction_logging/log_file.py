"""The file of a day's log: zstd Parquet, sorted, with bloom filters on what is looked up."""

from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.prediction_logging.block_scan import Places
from ai_ops.prediction_logging.picking import Rows

ROWS_A_GROUP: Final = 32 * 1024
_ROWS_AT_ONCE: Final = 4 * 1024
_PAGE_BYTES: Final = 128 * 1024
"""Of a page that holds no row that is asked for nothing is decoded; smaller ones cost space."""
FALSE_POSITIVES: Final = 0.01
"""How often a row group without an id has to be read for it."""

LOOKED_UP: Final = ("id", "subject", "request_id")
"""Columns with a bloom filter: what a prediction is asked for by."""

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
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        use_dictionary=dictionaries,
        data_page_size=_PAGE_BYTES,
        bloom_filter_options=_filters(table, len(order)),
    ) as writer:
        rows = Rows(table)
        for start in range(0, len(order), ROWS_A_GROUP):
            end = min(start + ROWS_A_GROUP, len(order))
            group = [
                rows.pick(order[some : min(some + _ROWS_AT_ONCE, end)])
                for some in range(start, end, _ROWS_AT_ONCE)
            ]
            writer.write_table(pa.Table.from_batches(group), row_group_size=ROWS_A_GROUP)
    return sink.getvalue()


def _filters(table: pa.Table, rows: int) -> dict[str, dict[str, float]]:
    """The filters that are worth their bytes: none for a column in which nothing stands."""
    told = {name: table.num_rows - table[name].null_count for name in LOOKED_UP}
    most = max(min(rows, ROWS_A_GROUP), 1)
    return {
        name: {"ndv": min(most, max(told[name], 1)), "fpp": FALSE_POSITIVES}
        for name in LOOKED_UP
        if told[name] or name == "id"
    }
