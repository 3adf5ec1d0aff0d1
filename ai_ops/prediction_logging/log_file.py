"""The file of a day's log: zstd Parquet, sorted, with a bloom filter on the id."""

from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_A_GROUP: Final = 128 * 1024
FALSE_POSITIVES: Final = 0.01
"""How often a row group without an id has to be read for it."""

_PLAIN: Final = frozenset({"id", "subject", "request_id", "error", "cost", "input", "output"})
"""Columns in which few values come twice: a dictionary would cost and not pay."""


def log_content(table: pa.Table, order: pa.Array | None = None) -> pa.Buffer:
    """The file's content; ``order`` says in which order the rows are written, None as they stand.

    The rows are put in order one row group at a time, so that no second table is held.
    """
    sink = pa.BufferOutputStream()
    dictionaries = [
        column.name
        for column in table.schema
        if pa.types.is_string(column.type) and column.name not in _PLAIN
    ]
    distinct = max(min(table.num_rows, ROWS_A_GROUP), 1)
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        use_dictionary=dictionaries,
        bloom_filter_options={"id": {"ndv": distinct, "fpp": FALSE_POSITIVES}},
        store_schema=True,
    ) as writer:
        for start in range(0, table.num_rows, ROWS_A_GROUP):
            rows = (
                table.slice(start, ROWS_A_GROUP)
                if order is None
                else table.take(order.slice(start, ROWS_A_GROUP))
            )
            writer.write_table(rows, row_group_size=ROWS_A_GROUP)
    return sink.getvalue()
