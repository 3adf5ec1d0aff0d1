"""A day's lines: many at once where a segment is what was sealed, one by one elsewhere."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import numpy as np
import pyarrow as pa

from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.prediction_logging.ingest import OFFSET, SEGMENT, Ingest, Read
from ai_ops.prediction_logging.line_scan import blocks_of
from ai_ops.prediction_logging.line_stamps import micros_of
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.prediction_logging.segments import Line, Segments, line_of
from ai_ops.vocabulary.moments import Moment

FEWEST_BYTES: Final = 1024 * 1024
FEWEST_BYTES_A_DAY: Final = 8 * 1024 * 1024
"""A smaller part of a day, or a smaller day, is read sooner line by line."""

_LINE_BYTES: Final = 4096
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass
class DayRows:
    """What a day holds: rows that are typed already, and lines that are not."""

    tables: list[pa.Table] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    segments: list[SegmentIndex] = field(default_factory=list)


def read_day(segments: Segments, ingest: Ingest, moment: Moment) -> DayRows:
    """The lines of a moment's day that were known at its ``as_of``.

    A segment whose digest is the one in its seal is whole: its lines need no checksum of their
    own. What is not sealed, damaged or of an older form is read line by line.
    """
    rows = DayRows()
    size = sum(index.size_of(moment.partition) for index in segments.indexes)
    for index in segments.indexes:
        if size < FEWEST_BYTES_A_DAY or not (
            _may_be_whole(index, moment) and _read_whole(segments, index, ingest, moment, rows)
        ):
            rows.lines += segments.lines_of(index, moment)
    return rows


def _may_be_whole(index: SegmentIndex, moment: Moment) -> bool:
    sealed = index.sealing is not None and index.opening is not None
    if not sealed or index.unlike_seal or index.behind_seal or index.tail:
        return False
    return moment.partition in index.days and index.size_of(moment.partition) >= FEWEST_BYTES


def _read_whole(
    segments: Segments, index: SegmentIndex, ingest: Ingest, moment: Moment, rows: DayRows
) -> bool:
    """Read a sealed segment at once; False, and nothing taken, when it is not what was sealed."""
    opening, seal = index.opening, index.sealing
    if opening is None or seal is None:
        return False
    found = DayRows()
    digest = sha256()
    last = moment.window.end - _MICROSECOND
    times = micros_of(moment.window.start), micros_of(min(last, moment.as_of))
    before: datetime | None = None
    with segments.file_of(index).open("rb") as file:
        # What did not change since it was compared with its seal need not be digested again.
        compared = index.unlike_seal == [] and os.fstat(file.fileno()).st_mtime_ns == index.looked
        reached = 0
        for start, block in blocks_of(file, index.offset, ingest.buffer):
            reached = start + len(block)
            if not compared:
                digest.update(block[: max(index.sealed_at - start, 0)])
            read = ingest.read(block, opening, times)
            for table in read.tables:
                place = pa.repeat(pa.scalar(len(rows.segments), pa.int32()), table.num_rows)
                offsets = pa.array(table[OFFSET].to_numpy() + start)
                table = table.set_column(table.num_columns - 1, OFFSET, offsets)
                found.tables.append(table.append_column(SEGMENT, place))
            for line in _lines_left(read, block, index, moment.partition, start, before):
                if line.time is None or line.time <= moment.as_of:
                    found.lines.append(line)
            before = _time_before(block, len(block)) or before
    if reached != index.offset or not (compared or digest.hexdigest() == seal.sha256):
        return False
    rows.segments.append(index)
    rows.tables += found.tables
    rows.lines += found.lines
    return True


def _lines_left(
    read: Read,
    block: memoryview,
    index: SegmentIndex,
    day: str,
    start: int,
    before: datetime | None,
) -> Iterator[Line]:
    """The lines that are no rows and lie in the byte ranges of a day."""
    starts = read.starts + start
    inside = np.zeros(len(starts), np.bool_)
    for begin, end in index.days[day].ranges:
        inside |= (starts >= begin) & (starts < end)
    for row in np.flatnonzero(inside).tolist():
        place = int(read.starts[row])
        raw = bytes(block[place : read.ends[row]])
        line = line_of(index.name, start + place, raw, None)
        if line.record is None:  # it has the time of the line before it
            line = replace(line, time=_time_before(block, place) or before)
        yield line


def _time_before(block: memoryview, end: int) -> datetime | None:
    """The time of the last line that can be read before a place."""
    reach = _LINE_BYTES
    while end > 0:
        begin = max(end - reach, 0)
        found = bytes(block[begin : end - 1]).rfind(b"\n") + 1
        if not found and begin:
            reach *= 2
            continue
        try:
            return read_line(bytes(block[begin + found : end])).time
        except DamagedLine:
            end = begin + found
    return None
