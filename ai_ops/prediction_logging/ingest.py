"""Many lines at once: DuckDB types the lines of a shape, and each column comes out as it would
from the lines one by one. What it could take otherwise is left to be decoded by itself.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.client.records import OpenRecord, PredictionRecord
from ai_ops.prediction_logging.ingest_lines import Lines, texts_of
from ai_ops.prediction_logging.line_scan import Flags, Places, Scan, parts_of
from ai_ops.prediction_logging.line_shapes import (
    BOOLEAN,
    NULL,
    NUMBER,
    TEXT,
    Shape,
    Shaped,
    shaped_lines,
)
from ai_ops.prediction_logging.line_stamps import stamps_of
from ai_ops.prediction_logging.log_columns import PROTECTED, LogColumn, LogColumns
from ai_ops.prediction_logging.log_table import log_schema

BLOCK_BYTES: Final = 64 * 1024 * 1024
"""So many bytes are typed by one query: to plan one costs as much as to type some thousand rows."""
_PART_BYTES: Final = 1024 * 1024
"""So many are scanned at once, and stay in the processor's cache meanwhile."""

OFFSET: Final = "__offset"
SEGMENT: Final = "__segment"
"""Where a row's line lies, beside its columns."""

_TEXTS: Final = (
    "id",
    "model_version",
    "error",
    "call_site",
    "mode",
    "tenant",
    "subject",
    "request_id",
)
_KIND: Final = {"number": NUMBER, "probability": NUMBER, "category": TEXT, "boolean": BOOLEAN}
_SQL: Final = {
    "number": "DOUBLE",
    "probability": "DOUBLE",
    "category": "VARCHAR",
    "boolean": "BOOLEAN",
}
_FITS: Final = "__fits"


@dataclass(frozen=True, slots=True)
class Read:
    """The rows of a block, and where the lines lie that are to be read one by one."""

    tables: list[pa.Table]
    starts: Places
    ends: Places


@dataclass(frozen=True)
class Ingest:
    """Reads the blocks of whole segments of one feature into tables of these columns."""

    feature: str
    columns: LogColumns

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """An empty DuckDB with one thread: the machine serves others too."""
        return duckdb.connect(":memory:", config={"threads": 1})

    @cached_property
    def buffer(self) -> bytearray:
        """Where a block lies while it is read."""
        return bytearray(BLOCK_BYTES)

    def read(self, content: memoryview, opening: OpenRecord, times: tuple[int, int]) -> Read:
        """The rows of a block of lines.

        ``times`` are the first moment and the last (µs, both included) of the rows wanted; lines
        of others are neither rows nor left.
        """
        either: dict[tuple[str, str], int] = {
            (c.role, c.name): _KIND[c.type] | NULL for c in self.columns.columns if c.nullable
        }
        gathered: dict[Shape, list[Lines]] = defaultdict(list)
        left: list[tuple[Places, Places]] = []
        for start, part in parts_of(content, _PART_BYTES):
            scan = Scan(part)
            stamps = stamps_of(scan, opening)
            inside = (stamps.times >= times[0]) & (stamps.times <= times[1])
            single: Flags = np.ones(len(scan.ends), np.bool_)
            own = opening.feature == self.feature and _is_utf8(part)
            rows = np.flatnonzero(stamps.found & own)
            for shaped in shaped_lines(scan, rows, either):
                if _is_plain(shaped, scan) and self._may_fit(shaped.shape):
                    single[shaped.rows] = False
                    lines = Lines.of(scan, stamps, shaped, inside[shaped.rows], start)
                    gathered[shaped.shape].append(lines)
            left.append((scan.starts[single] + start, scan.ends[single] + start))
        tables = []
        for shape, found in gathered.items():
            lines = Lines.together(found)
            table, fits = self._typed(Scan(content), shape, lines, opening)
            wanted = fits & lines.inside
            tables.append(table if wanted.all() else table.filter(pa.array(wanted)))
            # What lies outside and does not fit is looked at again, and is outside still.
            left.append((lines.starts[~fits], lines.ends[~fits]))
        starts = np.concatenate([starts for starts, _ in left])
        order = np.argsort(starts, kind="stable")
        return Read(tables, starts[order], np.concatenate([ends for _, ends in left])[order])

    def _may_fit(self, shape: Shape) -> bool:
        """Whether the members' kinds are those of the columns, as far as a shape can tell."""
        for column in self.columns.columns:
            kind = shape.kind(column.role, column.name)
            if kind in (None, _KIND[column.type]):
                continue
            if not (kind == NULL and column.nullable) and not _is_protected(column, kind):
                return False
        return True

    def _typed(
        self, content: Scan, shape: Shape, lines: Lines, opening: OpenRecord
    ) -> tuple[pa.Table, Flags]:
        count = len(lines.starts)
        schema = log_schema(self.columns)
        texts = {name: texts_of(content, *span) for name, span in lines.spans.items()}
        texts["line"] = texts_of(content, lines.starts, lines.ends)
        self.connection.register("lines", pa.table(texts))
        query, structure = self._query(shape, tuple(lines.spans))
        typed = self.connection.sql(query, params=[structure]).to_arrow_table()
        fits = typed[_FITS].to_numpy()
        fits &= self._has_all(shape, typed["model_version"])
        given: dict[str, Any] = {
            "time": pa.array(lines.times).cast(schema.field("time").type),
            "seq": pa.array(lines.numbers),
            "feature": _repeated(opening.feature, count),
            "writer": _repeated(opening.writer, count),
            "incarnation": _repeated(opening.incarnation, count),
            "status": _repeated("ok", count),
        }
        arrays = []
        for column in schema:
            if column.name in given:
                arrays.append(given[column.name])
            elif column.name in typed.column_names:
                arrays.append(typed[column.name])
            else:
                arrays.append(pa.nulls(count, column.type))
        table = pa.table(arrays, names=schema.names).cast(schema)
        return table.append_column(OFFSET, pa.array(lines.starts)), fits

    def _query(self, shape: Shape, raw: Sequence[str]) -> tuple[str, str]:
        """The query that types the lines of a shape, and the structure that it reads them by."""
        structure: dict[str, Any] = {"input": {}, "output": {}}
        chosen, fits = [f"lines.{name} AS {name}" for name in raw], []
        for name in _TEXTS:
            if shape.place("", name) is not None:
                structure[name] = "VARCHAR"
                chosen.append(f"r.{_name(name)}")
        if "mode" in structure:
            fits.append("r.mode IN ('sync', 'batch')")
        else:
            chosen.append("'sync' AS mode")
        if shape.kind("", "latency_ms") == NUMBER:
            structure["latency_ms"] = "DOUBLE"
            chosen.append("r.latency_ms")
            fits.append("isfinite(r.latency_ms)")
        for column in self.columns.columns:
            kind = shape.kind(column.role, column.name)
            if kind is None or (kind == NULL and not column.nullable):
                continue
            value = f"r.{column.role}.{_name(column.name)}"
            if kind == TEXT and column.type != "category":
                structure[column.role][column.name] = "VARCHAR"
                begins = " OR ".join(f"starts_with({value}, '{word}')" for word in PROTECTED)
                fits.append(f"({value} IS NULL OR {begins})")
                continue
            structure[column.role][column.name] = _SQL[column.type]
            chosen.append(f"{value} AS {_name(column.title)}")
            if column.is_number:  # one that no float holds comes out as an infinity
                fits.append(f"({value} IS NULL OR isfinite({value}))")
            if not column.nullable:
                fits.append(f"{value} IS NOT NULL")
        structure = {name: inner for name, inner in structure.items() if inner}
        query = (
            f"SELECT {', '.join(chosen)}, coalesce({' AND '.join(fits) or 'true'}, false)"
            f" AS {_FITS} FROM (SELECT *, json_transform(line, $1) AS r FROM lines) AS lines"
        )
        return query, json.dumps(structure)

    def _has_all(self, shape: Shape, versions: pa.ChunkedArray) -> Flags:
        """Which rows have every column that their version is to tell."""
        lacking = [
            version
            for version in versions.unique().to_pylist()
            if any(
                shape.place(column.role, column.name) is None
                and self.columns.is_told(column, version)
                for column in self.columns.columns
            )
        ]
        if not lacking:
            return np.ones(len(versions), np.bool_)
        known = pa.array(lacking, pa.string())
        found: Flags = pc.is_in(versions, value_set=known).to_numpy()
        return ~found


def _is_plain(shaped: Shaped, scan: Scan) -> bool:
    """Whether lines of this shape are answered predictions, with all that a record needs."""
    try:
        record = read_line(scan.line(int(shaped.rows[0])))
    except DamagedLine:
        return False
    return isinstance(record, PredictionRecord) and not any(
        shaped.shape.place("", name) is not None for name in ("status", "withheld")
    )


def _is_protected(column: LogColumn, kind: int) -> bool:
    return kind == TEXT and column.rule in ("hash", "encrypt")


def _is_utf8(content: bytes) -> bool:
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _repeated(value: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), count)


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
