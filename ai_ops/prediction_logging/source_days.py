"""The rows of an existing log, day after day: read once for all the days that are asked for."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.prediction_logging.log_columns import LogColumns
from ai_ops.prediction_logging.micros import DAY
from ai_ops.prediction_logging.source_rows import ROW, WRONG
from ai_ops.storage.mapped_members import MEMBERS
from ai_ops.storage.mapped_tables import ROWS
from ai_ops.storage.sql_text import quoted
from ai_ops.vocabulary.windows import Window

FILE: Final = "file"
"""The column that says which of the opened files a row is of."""
MADE_ID: Final = "made_id"
"""The digest of what a row holds, where the source has no ids; the same for rows that are alike."""

_ALWAYS: Final = (FILE, ROW, "time", "input", "output", WRONG)
_CELLS_AT_ONCE: Final = 1_500_000


def rows_of_days(
    connection: duckdb.DuckDBPyConnection,
    columns: LogColumns,
    days: Sequence[str],
    told: Collection[str],
    *,
    with_ids: bool,
) -> Iterator[tuple[str, pa.Table]]:
    """Each of these days that has rows, in order, with its rows by time.

    ``told`` are the members of a record that the source tells at all: only they are read. The
    engine sorts the rows and spills what does not fit in memory: no more than one day is held.
    """
    wanted = sorted(days)
    start, end = Window.of_day(wanted[0]).start, Window.of_day(wanted[-1]).end
    kept = [*_ALWAYS, *(name for name in MEMBERS if name in told)]
    kept += [column.title for column in columns.columns]
    read = [quoted(name) for name in kept]
    if not with_ids:
        read.append(f"{_digest(columns)} AS {MADE_ID}")
    among = "" if len(wanted) == (end - start).days else " AND list_contains($days, day_of(time))"
    query = (
        f"SELECT {', '.join(read)} FROM {ROWS}"
        f" WHERE time >= $start AND time < $end{among} ORDER BY time"
    )
    parameters: dict[str, object] = {"start": start, "end": end}
    if among:
        query = query.replace("day_of(time)", "CAST(CAST(time AS DATE) AS VARCHAR)")
        parameters["days"] = wanted
    at_once = max(_CELLS_AT_ONCE // len(read), 2048)
    reader = connection.sql(query, params=parameters).to_arrow_reader(at_once)
    yield from _by_day(reader)


def _by_day(reader: pa.RecordBatchReader) -> Iterator[tuple[str, pa.Table]]:
    held: list[pa.RecordBatch] = []
    day = -1
    for batch in reader:
        numbers = pc.cast(batch["time"], pa.int64()).to_numpy() // DAY
        cuts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
        for begin, end in pairwise(cuts):
            if begin == end:
                continue
            if numbers[begin] != day and held:
                yield _named(day), pa.Table.from_batches(held)
                held = []
            day = int(numbers[begin])
            held.append(batch.slice(begin, end - begin))
    if held:
        yield _named(day), pa.Table.from_batches(held)


def _named(number: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number)).date().isoformat()


def _digest(columns: LogColumns) -> str:
    """SQL of a digest over what a row holds, its label not: that may become known later."""
    left_out = {"id", "label", "available_at", "latency_ms", "cost"}
    names = [name for name in MEMBERS if name not in left_out]
    names += [column.title for column in columns.columns]
    told = ["CAST(epoch_us(time) AS VARCHAR)"]
    # A null is told from an empty text, and one member from the next.
    told += [f"coalesce(CAST({quoted(name)} AS VARCHAR), chr(30))" for name in names]
    told += ["coalesce(input, '')", "coalesce(output, '')"]
    return f"md5(concat_ws(chr(31), {', '.join(told)}))"
