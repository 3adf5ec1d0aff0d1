"""Many lines at once, each column as it would come out of the lines one by one.

What could come out otherwise is left to be decoded by itself: the lines one by one say what is
right.
"""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.client.records import OpenRecord
from ai_ops.prediction_logging.block_scan import Flags, Places, Scan
from ai_ops.prediction_logging.ingest_members import OBJECTS
from ai_ops.prediction_logging.ingest_parse import Parsed, Parser
from ai_ops.prediction_logging.log_columns import LogColumn, LogColumns
from ai_ops.prediction_logging.log_table import TIME, log_schema
from ai_ops.prediction_logging.plain_lines import column_of, moments_of, plain_lines
from ai_ops.prediction_logging.raw_spans import Spans, texts_of
from ai_ops.prediction_logging.typed_values import Telling, typed_values

BLOCK_BYTES: Final = 8 * 1024 * 1024
"""So many are parsed at once: what is needed meanwhile then stays small."""

OFFSET: Final = "__offset"
SEGMENT: Final = "__segment"
"""Where a row's line lies, beside its columns."""

_BEGINS: Final = b'{"kind":"prediction",'
_SEAL: Final = b',"crc":"'
_SEAL_BYTES: Final = len(b',"crc":"00000000"}\n')


_INDEXED: Final = pa.schema([("time", TIME), ("seq", pa.int64()), ("mode", pa.string())])


@dataclass(frozen=True, slots=True)
class Read:
    """The rows of a block, which of its lines they are, and where all its lines lie in the file."""

    table: pa.Table
    rows: Places
    starts: Places
    ends: Places

    @property
    def times(self) -> Places:
        """The rows' times (µs since 1970, UTC)."""
        times: Places = self.table["time"].cast(pa.int64()).to_numpy()
        return times

    @property
    def left(self) -> Places:
        """The lines that are to be read one by one."""
        single = np.ones(len(self.starts), np.bool_)
        single[self.rows] = False
        return np.flatnonzero(single)


@dataclass(frozen=True)
class Ingest:
    """Reads blocks of whole lines of sealed segments into tables of these columns.

    Without any it reads what an index needs. ``kept`` holds what was read of a day, ``keep``,
    when its segments were indexed, by segment, size and time of change.
    """

    columns: LogColumns | None = None
    keep: str | None = None
    kept: dict[tuple[str, int, int], list[Read]] = field(default_factory=dict)

    @cached_property
    def buffer(self) -> bytearray:
        """Where a block lies while it is read."""
        return bytearray(BLOCK_BYTES)

    @cached_property
    def _parser(self) -> Parser:
        return Parser(self._typed)

    @property
    def _typed(self) -> tuple[LogColumn, ...]:
        return self.columns.columns if self.columns else ()

    @cached_property
    def _schema(self) -> pa.Schema:
        place = pa.field(OFFSET, pa.int64())
        return log_schema(self.columns).append(place) if self.columns else _INDEXED.append(place)

    def read(self, scan: Scan, start: int, opening: OpenRecord) -> Read:
        """The rows of a block that lies there in the segment that begins with ``opening``."""
        tables, rows = [self._schema.empty_table()], [np.zeros(0, np.int64)]
        lines, sealed = _sealed(scan)
        for parsed in self._parser.parse(sealed):
            here = lines[parsed.first : parsed.first + parsed.batch.num_rows]
            table, kept = self._rows(parsed, scan.starts[here] + start, opening)
            tables.append(table)
            rows.append(here[kept])
        return Read(
            pa.concat_tables(tables), np.concatenate(rows), scan.starts + start, scan.ends + start
        )

    def _rows(
        self, parsed: Parsed, offsets: Places, opening: OpenRecord
    ) -> tuple[pa.Table, Places]:
        plain, spans = plain_lines(parsed, opening)
        kept = np.flatnonzero(plain)
        batch = parsed.batch if plain.all() else parsed.batch.filter(pa.array(plain))
        times = moments_of(batch) if len(kept) else None
        if times is None:
            return self._schema.empty_table(), kept[:0]
        fits: Flags = np.ones(len(kept), np.bool_)
        given: dict[str, pa.Array] = {
            "time": times,
            "status": pa.repeat(pa.scalar("ok", pa.string()), len(kept)),
            "mode": pc.fill_null(column_of(batch, "mode"), "sync"),
            OFFSET: pa.array(offsets[kept]),
        }
        if self.columns:
            given |= _raw(parsed.scan, spans, kept)
            telling = Telling(self.columns, column_of(batch, "model_version"))
        for column in self._typed:
            objects, raw = batch.column(column.role), given[column.role]
            given[column.title], sure = typed_values(column, objects, raw, telling)
            fits &= sure
        arrays = [
            given[field.name] if field.name in given else column_of(batch, field.name, field.type)
            for field in self._schema
        ]
        table = pa.table(arrays, schema=self._schema)
        return (table, kept) if fits.all() else (table.filter(pa.array(fits)), kept[fits])


def _sealed(scan: Scan) -> tuple[Places, Scan]:
    """The lines that begin as a prediction and end with a checksum, and where they lie."""
    like = scan.stands_at(_BEGINS, scan.starts) & scan.stands_at(_SEAL, scan.ends - _SEAL_BYTES)
    like &= (scan.octets[scan.ends - 3] == ord('"')) & (scan.octets[scan.ends - 2] == ord("}"))
    rows = np.flatnonzero(like)
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    runs = list(pairwise([0, *breaks.tolist(), len(rows)])) if len(rows) else []
    if not runs:
        return rows, scan.lines(0, 0)
    pieces = [scan.lines(int(rows[begin]), int(rows[end - 1]) + 1) for begin, end in runs]
    if len(pieces) == 1:
        return rows, pieces[0]
    return rows, Scan(memoryview(b"".join(piece.content for piece in pieces)))


def _raw(scan: Scan, spans: Spans, rows: Places) -> dict[str, pa.Array]:
    texts = {}
    for name in OBJECTS:
        starts, ends = spans.starts[name][rows], spans.ends[name][rows]
        there = ends > 0
        if there.all():
            texts[name] = texts_of(scan, starts, ends)
        elif not there.any():
            texts[name] = pa.nulls(len(rows), pa.string())
        else:
            found = np.where(there, np.cumsum(there) - 1, 0)
            found = pa.array(found, mask=~there)
            texts[name] = texts_of(scan, starts[there], ends[there]).take(found)
    return texts
