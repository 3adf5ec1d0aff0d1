"""A day's lines: many at once where a segment is what was sealed, one by one elsewhere."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import BinaryIO, Final

import numpy as np
import pyarrow as pa

from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.prediction_logging.block_scan import Scan, blocks_of
from ai_ops.prediction_logging.ingest import SEGMENT, Ingest, Read
from ai_ops.prediction_logging.micros import micros_of
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.prediction_logging.segments import Line, Segments, line_of
from ai_ops.vocabulary.moments import Moment

FEWEST_BYTES: Final = 64 * 1024
"""A smaller part of a day is read sooner line by line."""

_LINE_BYTES: Final = 4096
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass
class DayRows:
    """What a day holds: rows that are typed already, and lines that are not."""

    tables: list[pa.Table] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    segments: list[SegmentIndex] = field(default_factory=list)


def read_day(segments: Segments, feature: str, ingest: Ingest, moment: Moment) -> DayRows:
    """The lines of a moment's day that were known at its ``as_of``.

    A segment whose digest is the one in its seal is whole: its lines need no checksum of their
    own. What is not sealed, damaged or of an older form is read line by line.
    """
    rows = DayRows()
    for index in segments.indexes:
        at_once = _may_be_whole(index, feature, moment)
        if not (at_once and _take_whole(segments, index, ingest, moment, rows)):
            rows.lines += segments.lines_of(index, moment)
    return rows


def _may_be_whole(index: SegmentIndex, feature: str, moment: Moment) -> bool:
    sealed = index.sealing is not None and index.opening is not None
    if not sealed or index.unlike_seal or index.behind_seal or index.tail:
        return False
    if index.opening is None or index.opening.feature != feature:
        return False
    return moment.partition in index.days and index.size_of(moment.partition) >= FEWEST_BYTES


def _take_whole(
    segments: Segments, index: SegmentIndex, ingest: Ingest, moment: Moment, rows: DayRows
) -> bool:
    """Take a sealed segment at once; False, and nothing taken, when it is not what was sealed."""
    last = min(moment.window.end - _MICROSECOND, moment.as_of)
    begin, end = micros_of(moment.window.start), micros_of(last)
    with segments.file_of(index).open("rb") as file:
        found = os.fstat(file.fileno())
        reads = ingest.kept.pop((index.name, found.st_size, found.st_mtime_ns), None)
        if reads is None and (reads := _read_whole(file, index, ingest)) is None:
            return False
        for read in reads:
            wanted = (read.times >= begin) & (read.times <= end)
            table = read.table if wanted.all() else read.table.filter(pa.array(wanted))
            place = pa.repeat(pa.scalar(len(rows.segments), pa.int32()), table.num_rows)
            rows.tables.append(table.append_column(SEGMENT, place))
            for line in _lines_left(read, file, index, moment.partition):
                if line.time is None or line.time <= moment.as_of:
                    rows.lines.append(line)
    rows.segments.append(index)
    return True


def _read_whole(file: BinaryIO, index: SegmentIndex, ingest: Ingest) -> list[Read] | None:
    opening, seal = index.opening, index.sealing
    if opening is None or seal is None:
        return None
    # What did not change since it was compared with its seal need not be digested again.
    compared = index.unlike_seal == [] and os.fstat(file.fileno()).st_mtime_ns == index.looked
    digest, reached, reads = sha256(), 0, []
    for start, block in blocks_of(file, index.offset, ingest.buffer):
        reached = start + len(block)
        if not compared:
            digest.update(block[: max(index.sealed_at - start, 0)])
        reads.append(ingest.read(Scan(block), start, opening))
    whole = reached == index.offset and (compared or digest.hexdigest() == seal.sha256)
    return reads if whole else None


def _lines_left(read: Read, file: BinaryIO, index: SegmentIndex, day: str) -> Iterator[Line]:
    """The lines that are no rows and lie in the byte ranges of a day."""
    left = read.left
    starts, ends = read.starts[left], read.ends[left]
    inside = np.zeros(len(left), np.bool_)
    for begin, end in index.days[day].ranges:
        inside |= (starts >= begin) & (starts < end)
    for start, end in zip(starts[inside].tolist(), ends[inside].tolist(), strict=True):
        line = line_of(index.name, start, _between(file, start, end), None)
        if line.record is None:  # it has the time of the line before it
            line = replace(line, time=_time_before(file, start))
        yield line


def _time_before(file: BinaryIO, end: int) -> datetime | None:
    """The time of the last line that can be read before a place."""
    reach = _LINE_BYTES
    while end > 0:
        begin = max(end - reach, 0)
        part = _between(file, begin, end)
        found = part.rfind(b"\n", 0, -1) + 1
        if not found and begin:
            reach *= 2
            continue
        try:
            return read_line(part[found:]).time
        except DamagedLine:
            end = begin + found
    return None


def _between(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)
