"""The segments that lie on a writers' machine: whose they are, how far they got, how they grow."""

import fcntl
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import file_digest
from pathlib import Path
from typing import Final

import msgspec

from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.client.names import incarnation_of
from ai_ops.client.records import HeartbeatRecord
from ai_ops.prediction_logging.landing_records import Manifest, Reached, Spool, UnsealedPart
from ai_ops.prediction_logging.segment_gathering import local_segments
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.prediction_logging.segment_store import held_days

TREND_SECONDS: Final = 3600.0
"""The span of time over which a spool's growth is measured."""

REMEMBERED_DAYS: Final = 35
"""How long a status tells how far an incarnation had come."""

_GRACE_SECONDS: Final = 5.0
"""A segment that has no owner is left alone for so long: its writer may be about to take it."""

_LOCKED_SINCE: Final = 2
"""From this schema on a writer holds a lock on the segment that it writes."""

_DAY: Final = 24 * 3600.0
_TAIL: Final = 256 * 1024
_HEARTBEAT: Final = b'{"kind":"heartbeat"'


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """How many bytes of all features waited at a moment (seconds, wall clock)."""

    at: float
    waiting: int


def is_sealed(index: SegmentIndex) -> bool:
    """Whether its seal is there and holds."""
    return index.sealing is not None and index.unlike_seal == [] and not index.behind_seal


def is_ended(file: Path, index: SegmentIndex) -> bool:
    """Whether nothing will be written to it any more: it is sealed, or its owner is gone."""
    if index.sealing is not None and not index.tail:
        return True
    age = time.time() - file.stat().st_mtime
    if index.opening is None or index.opening.schema < _LOCKED_SINCE:
        return age > _DAY
    return age > _GRACE_SECONDS and not is_owned(file)


def is_owned(file: Path) -> bool:
    """Whether a living process holds the segment."""
    with file.open("rb") as content:
        try:
            fcntl.flock(content, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def describe(file: Path, index: SegmentIndex, host: str, now: datetime) -> Manifest:
    """The manifest of a segment as it lies here."""
    with file.open("rb") as content:
        digest = file_digest(content, "sha256").hexdigest()
        size = os.fstat(content.fileno()).st_size
    parts = index.days.values()
    return Manifest(
        segment=index.name,
        size=size,
        sha256=digest,
        sealed=is_sealed(index),
        first=min((part.first for part in parts if part.first is not None), default=None),
        last=max((part.last for part in parts if part.last is not None), default=None),
        count=index.count,
        days=held_days(index),
        host=host,
        landed=now.isoformat(),
    )


def is_as_sent(file: Path, manifest: Manifest) -> bool:
    """Whether a local file still is what its manifest says."""
    with file.open("rb") as content:
        digest = file_digest(content, "sha256").hexdigest()
        return (os.fstat(content.fileno()).st_size, digest) == (manifest.size, manifest.sha256)


def unsealed(file: Path, index: SegmentIndex) -> UnsealedPart:
    """What is known of a segment without a seal."""
    size = file.stat().st_size
    return UnsealedPart(
        segment=index.name, size=size, alive=is_owned(file), heartbeat=last_heartbeat(file)
    )


def last_heartbeat(file: Path) -> HeartbeatRecord | None:
    """The last heartbeat near the end of a segment; None when none stands there."""
    with file.open("rb") as content:
        size = os.fstat(content.fileno()).st_size
        content.seek(max(0, size - _TAIL))
        lines = content.read().split(b"\n")
    for line in reversed(lines):
        if line.startswith(_HEARTBEAT):
            try:
                record = read_line(line + b"\n")
            except DamagedLine:
                continue
            if isinstance(record, HeartbeatRecord):
                return record
    return None


def reached(
    before: Mapping[str, Reached], indexes: Sequence[SegmentIndex], now: datetime
) -> dict[str, Reached]:
    """How far each incarnation was seen to have come; what is long gone is forgotten."""
    since = now - timedelta(days=REMEMBERED_DAYS)
    found = {key: one for key, one in before.items() if datetime.fromisoformat(one.seen) >= since}
    for index in indexes:
        newest = index.newest
        if newest is None or index.reached is None:
            continue
        key = f"{index.writer}/{incarnation_of(index.stem)[0]}"
        earlier = found.get(key)
        if earlier is None or (index.number, index.reached) > (earlier.part, earlier.last):
            found[key] = Reached(
                part=index.number,
                last=index.reached,
                at=newest.isoformat(),
                seen=now.isoformat(),
            )
    return found


def features_in(folder: Path) -> list[str]:
    """The features that were logged in a folder of segments."""
    try:
        return sorted(e.name for e in os.scandir(folder) if e.is_dir() and e.name[0] != ".")
    except FileNotFoundError:
        return []


def bytes_in(home: Path) -> int:
    """How many bytes the segments of a feature have on this machine."""
    return sum(entry.stat().st_size for entry in local_segments(home).values())


def spool_of(folder: Path, sizes: Sequence[int], to_ship: int, samples: Sequence[Sample]) -> Spool:
    """What waits in a folder, and when its disk is full if that goes on growing as it did."""
    free = shutil.disk_usage(folder).free
    rate = growth(samples)
    return Spool(
        waiting=len(sizes),
        waiting_bytes=sum(sizes),
        to_ship=to_ship,
        free_bytes=free,
        growth_bytes_per_second=rate,
        seconds_to_full=time_to_full(free, rate),
    )


def growth(samples: Sequence[Sample]) -> float:
    """Bytes a second between the first and the last sample; 0 as long as there is but one.

    >>> growth([Sample(0.0, 100), Sample(10.0, 300)])
    20.0
    """
    if len(samples) < 2 or samples[-1].at <= samples[0].at:
        return 0.0
    return (samples[-1].waiting - samples[0].waiting) / (samples[-1].at - samples[0].at)


def time_to_full(free: int, rate: float) -> float | None:
    """Seconds until a disk with ``free`` bytes is full; None when nothing grows.

    >>> time_to_full(3600, 2.0), time_to_full(3600, 0.0)
    (1800.0, None)
    """
    return free / rate if rate > 0 else None


def recent(samples: Sequence[Sample], sample: Sample) -> list[Sample]:
    """The samples with one more, of the last hour; a clock that was set back begins anew.

    >>> recent([Sample(0.0, 1), Sample(3000.0, 2)], Sample(4000.0, 3))
    [Sample(at=3000.0, waiting=2), Sample(at=4000.0, waiting=3)]
    """
    return [
        *(one for one in samples if sample.at - TREND_SECONDS <= one.at < sample.at),
        sample,
    ]
