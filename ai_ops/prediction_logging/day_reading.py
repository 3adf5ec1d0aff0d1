"""A day's lines: many at once where a segment is what was sealed, one by one elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import numpy as np
import pyarrow as pa

from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.prediction_logging.ingest import OFFSET, SEGMENT, Ingest
from ai_ops.prediction_logging.line_scan import Flags, Scan, blocks_of
from ai_ops.prediction_logging.line_stamps import micros_of
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.prediction_logging.segments import Line, Segments, line_of
from ai_ops.vocabulary.moments import Moment

FEWEST_BYTES: Final = 256 * 1024
"""A part of a day that is smaller is read sooner line by line."""

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
    for index in segments.indexes:
        if not (
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
        for start, block in blocks_of(file, index.offset):
            digest.update(block[: max(index.sealed_at - start, 0)])
            tables, done, scan = ingest.read(block, opening, times)
            for table in tables:
                place = pa.repeat(pa.scalar(len(rows.segments), pa.int32()), table.num_rows)
                offsets = pa.array(table[OFFSET].to_numpy() + start)
                table = table.set_column(table.num_columns - 1, OFFSET, offsets)
                found.tables.append(table.append_column(SEGMENT, place))
            inside = _inside(scan, index, moment.partition, start)
            for line in _lines_left(scan, inside & ~done, index.name, start, before):
                if line.time is None or line.time <= moment.as_of:
                    found.lines.append(line)
            before = _time_before(scan, len(scan.ends)) or before
    if digest.hexdigest() != seal.sha256:
        return False
    rows.segments.append(index)
    rows.tables += found.tables
    rows.lines += found.lines
    return True


def _inside(scan: Scan, index: SegmentIndex, day: str, start: int) -> Flags:
    """Which lines lie in the byte ranges of a day."""
    starts = scan.starts + start
    inside = np.zeros(len(starts), np.bool_)
    for begin, end in index.days[day].ranges:
        inside |= (starts >= begin) & (starts < end)
    return inside


def _lines_left(
    scan: Scan, wanted: Flags, segment: str, start: int, before: datetime | None
) -> Iterator[Line]:
    for row in np.flatnonzero(wanted).tolist():
        offset = start + int(scan.starts[row])
        line = line_of(segment, offset, scan.line(row), None)
        if line.record is None:  # it has the time of the line before it
            time = _time_before(scan, row) or before
            line = line_of(segment, offset, scan.line(row), time)
        yield line


def _time_before(scan: Scan, row: int) -> datetime | None:
    for earlier in range(row - 1, -1, -1):
        try:
            return read_line(scan.line(earlier)).time
        except DamagedLine:
            continue
    return None
