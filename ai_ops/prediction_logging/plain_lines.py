"""Which of many parsed lines surely are answered predictions, just as a record's own decoder says.

Arrow's parser takes more for JSON than that decoder, and tells no null from what is absent; where
that could make a difference a line is not plain.
"""

import re
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.client.records import OpenRecord
from ai_ops.prediction_logging.block_scan import Flags, Places, Scan
from ai_ops.prediction_logging.ingest_members import OBJECTS
from ai_ops.prediction_logging.ingest_parse import Parsed
from ai_ops.prediction_logging.log_table import TIME
from ai_ops.prediction_logging.raw_spans import Spans, raw_spans

MOMENT: Final = (
    r"^(19[789]\d|2\d\d\d)-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)$"  # the rest is seldom
)
_NO_VERSION: Final = b',"model_version":null'


def plain_lines(parsed: Parsed, opening: OpenRecord) -> tuple[Flags, Spans]:
    """Which lines are plain, and where the raw members of each lie."""
    batch, scan = parsed.batch, parsed.scan
    plain: Flags = np.ones(batch.num_rows, np.bool_)
    for name, value in (
        ("kind", "prediction"),
        ("feature", opening.feature),
        ("writer", opening.writer),
        ("incarnation", opening.incarnation),
    ):
        plain &= _flags(pc.equal(column_of(batch, name, pa.string()), value))
    for name in ("id", "seq"):
        plain &= _given(batch, name)
    for name in ("status", "withheld"):
        plain &= ~_given(batch, name)
    plain &= _flags(pc.match_substring_regex(column_of(batch, "time", pa.string()), MOMENT))
    modes = pa.array(["sync", "batch"])
    plain &= ~_given(batch, "mode") | _flags(pc.is_in(column_of(batch, "mode"), value_set=modes))
    for numbers in _numbers(batch):
        plain &= ~_odd(numbers)
    spans = raw_spans(scan, {name: _given(batch, name) for name in OBJECTS})
    plain &= spans.found
    unversioned = np.flatnonzero(plain & ~_given(batch, "model_version"))
    places = spans.starts["input"][unversioned] - len(b',"input":') - len(_NO_VERSION)
    plain[unversioned] = scan.stands_at(_NO_VERSION, places)
    for name in ("status", "mode"):
        if name in batch.schema.names and not _given(batch, name)[plain].all():
            plain[_told_null(scan, spans, name, _given(batch, name))] = False
    return plain, spans


def column_of(batch: pa.RecordBatch, name: str, type: pa.DataType | None = None) -> pa.Array:
    """A column, or nulls where no line has that member."""
    if name in batch.schema.names:
        return batch.column(name)
    return pa.nulls(batch.num_rows, type or pa.string())


def moments_of(batch: pa.RecordBatch) -> pa.Array | None:
    """The times of plain lines; None when one of them is no time at all."""
    try:
        return batch.column("time").cast(TIME)
    except pa.ArrowInvalid:
        return None


def _told_null(scan: Scan, spans: Spans, name: str, given: Flags) -> Places:
    """The lines that may tell a null in so many words for a member that must not be null."""
    found = [match.start() for match in re.finditer(b'"%b"' % name.encode(), scan.content)]
    # What is escaped may be any name.
    places = np.concatenate([np.array(found, np.int64), scan.backslashes])
    rows = np.searchsorted(scan.starts, places, side="right") - 1
    doubtful = ~spans.cover(rows, places) & ~given[rows]
    return np.unique(rows[doubtful])


def _numbers(batch: pa.RecordBatch) -> list[pa.Array]:
    own = [batch.column(name) for name in batch.schema.names if name not in OBJECTS]
    inner = [
        batch.column(name).field(place)
        for name in OBJECTS
        for place in range(batch.column(name).type.num_fields)
    ]
    return [column for column in (*own, *inner) if pa.types.is_float64(column.type)]


def _odd(numbers: pa.Array) -> Flags:
    """Which are no numbers in JSON, or a zero that Python reads without its sign."""
    values = numbers.to_numpy(zero_copy_only=False)
    odd: Flags = ~np.isfinite(values)
    if numbers.null_count:
        odd &= _flags(numbers.is_valid())
    odd |= (values == 0) & np.signbit(values)
    return odd


def _given(batch: pa.RecordBatch, name: str) -> Flags:
    if name not in batch.schema.names:
        return np.zeros(batch.num_rows, np.bool_)
    column = batch.column(name)
    return np.ones(len(column), np.bool_) if not column.null_count else _flags(column.is_valid())


def _flags(array: pa.Array) -> Flags:
    """As numbers, null being no."""
    flags: Flags = pc.fill_null(array, False).to_numpy(zero_copy_only=False)
    return flags
