"""The index of a sealed segment, made many lines at a time.

It is the one that ``SegmentIndex.grow`` makes line by line, for a segment whose digest is the one
in its seal; every other segment is left to that.
"""

import os
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import BinaryIO, Final

import numpy as np
import pyarrow.compute as pc

from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.client.records import SealRecord
from ai_ops.prediction_logging.block_scan import Flags, Places, Scan, blocks_of
from ai_ops.prediction_logging.day_part import EDGE_SECONDS, DayPart, Hour
from ai_ops.prediction_logging.ingest import Ingest, Read
from ai_ops.prediction_logging.micros import DAY, HOUR, SECOND, moment_of
from ai_ops.prediction_logging.segment_index import SegmentIndex

FEWEST_BYTES: Final = 64 * 1024
"""What is smaller is read sooner line by line."""

_SEAL_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Stamps:
    """Of each line of a block: whether it is plain, and then its time (µs, UTC) and number."""

    plain: Flags
    times: Places
    numbers: Places

    @classmethod
    def of(cls, read: Read) -> "_Stamps":
        """Plain are answered predictions of a request of their own."""
        count = len(read.starts)
        plain, times = np.zeros(count, np.bool_), np.zeros(count, np.int64)
        numbers = np.zeros(count, np.int64)
        plain[read.rows] = pc.equal(read.table["mode"], "sync").to_numpy()
        times[read.rows], numbers[read.rows] = read.times, read.table["seq"].to_numpy()
        return cls(plain, times, numbers)


def whole_index(
    empty: SegmentIndex, file: BinaryIO, ingest: Ingest | None = None
) -> SegmentIndex | None:
    """The index of a file that is what was sealed; None for any other, and for a small one.

    What ``ingest`` reads of the day that it keeps is there afterwards.
    """
    size = file.seek(0, 2)
    last = _last_line(file, size) if size >= FEWEST_BYTES else b""
    try:
        sealing = read_line(last)
    except DamagedLine:
        return None
    if not isinstance(sealing, SealRecord):
        return None
    changed = os.fstat(file.fileno()).st_mtime_ns
    ingest = ingest or Ingest()
    index, reads = SegmentIndex.of(empty.writer, empty.stem), []
    digest, sealed_at = sha256(), size - len(last)
    for start, block in blocks_of(file, size, ingest.buffer):
        digest.update(block[: max(sealed_at - start, 0)])
        read = _take_block(index, Scan(block), ingest)
        if ingest.keep and read:
            reads.append(read)
    if digest.hexdigest() != sealing.sha256 or index.sealed_at != sealed_at:
        return None
    index.judge_seal(digest.hexdigest())
    if ingest.keep in index.days:
        ingest.kept[index.name, size, changed] = reads
    return index


def _last_line(file: BinaryIO, size: int) -> bytes:
    file.seek(max(size - _SEAL_BYTES, 0))
    end = file.read(_SEAL_BYTES)
    return end[end.rfind(b"\n", 0, -1) + 1 :]


def _take_block(index: SegmentIndex, scan: Scan, ingest: Ingest) -> Read | None:
    begin, place = 0, index.offset
    if index.opening is None and len(scan.ends):
        index.grow([scan.line(0)])
        begin = 1
    opening = index.opening
    if opening is None:
        _take_singly(index, scan, begin, len(scan.ends))
        return None
    read = ingest.read(scan, place, opening)
    stamps = _Stamps.of(read)
    stamps.plain[:begin] = False
    for start, end in pairwise(_runs(stamps, opening.heartbeat_seconds).tolist()):
        start = max(start, begin)
        if start < end and not (stamps.plain[start] and _take_run(index, scan, stamps, start, end)):
            _take_singly(index, scan, start, end)
    return read


def _take_singly(index: SegmentIndex, scan: Scan, start: int, end: int) -> None:
    index.grow(scan.line(row) for row in range(start, end))


def _runs(stamps: _Stamps, heartbeat: float | None) -> Places:
    """Where runs of plain lines begin and end: one day, numbers without a gap, time going on."""
    plain = stamps.plain
    breaks = np.ones(len(plain) + 1, np.bool_)
    if len(plain) > 1:
        silent = np.diff(stamps.times)
        on = plain[1:] & plain[:-1] & (np.diff(stamps.numbers) == 1) & (silent >= 0)
        on &= stamps.times[1:] // DAY == stamps.times[:-1] // DAY
        if heartbeat is not None:  # a longer silence is looked at by itself
            on &= silent <= heartbeat * SECOND
        breaks[1:-1] = ~on
    # Neighbours that are not plain are one stretch: it is taken line by line anyway.
    both = np.zeros(len(breaks), np.bool_)
    both[1:-1] = ~plain[1:] & ~plain[:-1]
    return np.flatnonzero(breaks & ~both)


def _take_run(index: SegmentIndex, scan: Scan, stamps: _Stamps, start: int, end: int) -> bool:
    """Take a run at once, after its first line; False, and at most that taken, when it may not."""
    index.grow([scan.line(start)])
    part = index.days[index.day]
    first = moment_of(int(stamps.times[start]))
    settled = part.reached == int(stamps.numbers[start]) and part.end == first
    if index.sealing is not None or not settled:
        _take_singly(index, scan, start + 1, end)
        return True
    if end - start > 1:
        times = stamps.times[start + 1 : end]
        last = int(stamps.numbers[end - 1])
        part.n += len(times)
        part.reached, part.last = last, max(part.last or last, last)
        part.end = moment_of(int(times[-1]))
        _count_hours(part, times)
        size = int(scan.ends[end - 1] - scan.ends[start])
        part.ranges[-1] = (part.ranges[-1][0], index.offset + size)
        index.offset += size
    return True


def _count_hours(part: DayPart, times: Places) -> None:
    inside = times % HOUR // SECOND
    hours = times % DAY // HOUR
    for hour in np.unique(hours).tolist():
        here = inside[hours == hour]
        known = part.hours.setdefault(f"{hour:02}", Hour())
        known.records += len(here)
        known.requests += len(here)
        known.early += int((here < EDGE_SECONDS).sum())
        known.late += int((here >= 3600 - EDGE_SECONDS).sum())
