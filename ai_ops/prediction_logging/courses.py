"""The incarnations around a day, read from where their segments, locks and machines are."""

import fcntl
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from ai_ops.client.names import incarnation_of
from ai_ops.prediction_logging.between_parts import Seen
from ai_ops.prediction_logging.day_part import DayPart
from ai_ops.prediction_logging.incarnation import Incarnation, Owner
from ai_ops.prediction_logging.landing_records import MachineStatus
from ai_ops.prediction_logging.reconciling import Course
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.prediction_logging.segments import Segments, open_segments
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window

_Key = tuple[str, str]


def segments_around(root: Root, feature: str, moments: Collection[Moment]) -> Segments:
    """The segments of the moments' days and of the days beside them.

    What an incarnation wrote last before them is read as well, however long ago it was.
    """
    days = {day for moment in moments for day in _days_around(moment)}
    segments = open_segments(root, feature, days)
    further = _days_before(segments, min(moment.partition for moment in moments)) - days
    return open_segments(root, feature, days | further) if further else segments


def courses_of(segments: Segments) -> tuple[Course, ...]:
    """Every incarnation that was read, its copied segments counted once."""
    parts: dict[_Key, dict[int, list[SegmentIndex]]] = defaultdict(lambda: defaultdict(list))
    for index in segments.indexes:
        if index.days:
            parts[_writer(index), index.incarnation][index.number].append(index)
    seen = _seen(segments.statuses)
    filed = _filed(segments)
    here = [
        _course(segments, key, numbered, filed.get(key, frozenset()), seen.get(key))
        for key, numbered in sorted(parts.items())
    ]
    elsewhere = [
        Course(*key, (), seen=one)
        for key, one in sorted(seen.items())
        if key not in parts and key not in filed
    ]
    return (*here, *elsewhere)


def counted(segments: Segments, moment: Moment) -> dict[str, DayPart]:
    """The parts of a moment's day as they stood at its ``as_of``, by the name of their segment."""
    return {index.name: part for index, part in segments.spans(moment)}


def incarnations_on(
    courses: Iterable[Course], moment: Moment, counted: dict[str, DayPart]
) -> tuple[Incarnation, ...]:
    """What each incarnation did on a moment's day."""
    found = (course.on(moment, counted) for course in courses)
    return tuple(incarnation for incarnation in found if incarnation is not None)


def began(segments: Segments) -> datetime | None:
    """When the feature's first writer began; to the day where its segment was not read."""
    first = min(segments.days(), default=None)
    if first is None:
        return None
    # By its opening: the lines of a clock that was set back are dated before it.
    parts = [
        index.opening.time if index.opening else index.days[first].begin
        for index in segments.indexes
        if first in index.days
    ]
    return min((begin for begin in parts if begin), default=Window.of_day(first).start)


def owner_of(file: Path) -> Owner:
    """Whether a process holds the lock of a segment that it writes."""
    try:
        handle = os.open(file, os.O_RDONLY)
    except OSError:
        return "unknown"
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return "holds"
    except OSError:
        return "unknown"
    finally:
        os.close(handle)  # which gives the lock back
    return "gone"


def _course(
    segments: Segments,
    key: _Key,
    numbered: dict[int, list[SegmentIndex]],
    filed: frozenset[int],
    seen: Seen | None,
) -> Course:
    chosen, copies = [], []
    for _, same in sorted(numbered.items()):
        original, *others = sorted(same, key=_likeness)
        chosen.append(original)
        copies += [
            f"{other.name} repeats the {other.count} predictions of {original.name}"
            for other in others
        ]
    last = chosen[-1]
    owner = _owner(segments, last)
    return Course(
        writer=key[0],
        incarnation=key[1],
        parts=tuple(chosen),
        elsewhere=filed - set(numbered),
        copies=tuple(copies),
        owner=owner,
        skew=_skew(last) if owner == "holds" else None,
        seen=seen,
    )


def _owner(segments: Segments, last: SegmentIndex) -> Owner:
    if last.sealing is not None:
        return "unknown"  # nobody needs to hold it any more
    if last.name in segments.landed:
        return "gone"  # what has no seal lands only once its process is gone
    alive = {part.segment: part.alive for told in segments.statuses for part in told.unsealed}
    if last.name in alive and not segments.file_of(last).is_relative_to(segments.folder):
        return "holds" if alive[last.name] else "gone"
    file = segments.file_of(last)
    owner = owner_of(file)
    if owner == "gone" and file.stat().st_mtime_ns != last.looked:
        return "unknown"  # it ended after its segment was read, perhaps in order
    return owner


def _skew(index: SegmentIndex) -> float | None:
    """How far a live writer's clock is behind the one that dates the file that it writes."""
    if index.opening is None or index.opening.clock != "live" or index.newest is None:
        return None
    return index.looked / 1e9 - index.newest.timestamp()


def _likeness(index: SegmentIndex) -> tuple[bool, bool, int, int, str]:
    """Sorts the original first: it has the name that it tells, a seal that holds, all lines."""
    named = incarnation_of(index.stem) == (index.incarnation, index.number)
    at_home = named and index.writer == _writer(index)
    return not at_home, index.unlike_seal != [], -index.count, -index.offset, index.name


def _writer(index: SegmentIndex) -> str:
    return index.opening.writer if index.opening else index.writer


def _filed(segments: Segments) -> dict[_Key, frozenset[int]]:
    """The numbers of the parts that are there, read or not; without those that cannot be read."""
    lost = {lost.segment for lost in segments.unreadable if lost.lost}
    found: dict[_Key, frozenset[int]] = {}
    for name, days in segments.catalogue.filed.items():
        writer, _, incarnation = name.rpartition("/")
        gone = {incarnation_of(n.rpartition("/")[2]) for n in lost if n.startswith(f"{writer}/")}
        numbers = {
            number
            for first, last in chain.from_iterable(days.values())
            for number in range(max(first, 1), last + 1)
            if (incarnation, number) not in gone
        }
        found[writer, incarnation] = frozenset(numbers)
    return found


def _seen(statuses: Iterable[MachineStatus]) -> dict[_Key, Seen]:
    found: dict[_Key, Seen] = {}
    for status in statuses:
        unsealed: dict[_Key, list[datetime]] = {}
        for part in status.unsealed:
            signs = unsealed.setdefault(_named(part.segment), [])
            signs += [part.heartbeat.time] if part.heartbeat else []
        for name, reached in status.reached.items():
            writer, _, incarnation = name.rpartition("/")
            key = writer, incarnation
            seen = Seen(
                part=reached.part,
                last=reached.last,
                at=max([utc(reached.at), *unsealed.get(key, ())]),
                by=f"machine {status.machine}",
                looked=utc(status.at),
                pending=key in unsealed or status.spool.to_ship > 0,
            )
            if key not in found or found[key].at < seen.at:
                found[key] = seen
    return found


def _named(segment: str) -> _Key:
    writer, _, file = segment.rpartition("/")
    return writer, incarnation_of(file)[0]


def _days_around(moment: Moment) -> Iterator[str]:
    day = timedelta(days=1)
    yield from Window(moment.window.start - day, moment.window.end + day).days()


def _days_before(segments: Segments, first_day: str) -> set[str]:
    """The days on which incarnations wrote last that are here only from ``first_day`` on."""
    first: dict[_Key, SegmentIndex] = {}
    for index in segments.indexes:
        before = first.get((index.writer, index.incarnation), index)
        first[index.writer, index.incarnation] = min(before, index, key=lambda part: part.number)
    wanted = set()
    for (writer, incarnation), begin in first.items():
        if begin.number > 1 and min(begin.days, default="") >= first_day:
            days = segments.catalogue.filed.get(f"{writer}/{incarnation}", {})
            wanted |= {max(days_before)} if (days_before := _before(days, first_day)) else set()
    return wanted


def _before(days: Iterable[str], first_day: str) -> list[str]:
    return [day for day in days if day < first_day]
