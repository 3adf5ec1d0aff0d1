"""The segments of an AI feature, read by day: every line, whole or damaged, with its place."""

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.client.records import Record
from ai_ops.prediction_logging.day_part import DayPart
from ai_ops.prediction_logging.segment_index import UNDATED, SegmentIndex
from ai_ops.storage.lake import Lake
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment

INDEX_VERSION = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a segment: its record, or the damage that keeps it from being one.

    ``time`` is the record's; for a damaged line, the time of the line before it.
    """

    segment: str
    offset: int
    raw: bytes
    time: datetime | None
    record: Record | None = None
    damage: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A segment that cannot be read as a whole, and since which day it may hold records.

    ``days`` are the days it is known to have held, when it was read before; ``lost`` says that
    none of its lines can be read now, so that an earlier table may hold more than can be made.
    """

    segment: str
    reason: str
    since: str
    days: frozenset[str] = frozenset()
    lost: bool = True

    def concerns(self, day: str) -> bool:
        """Whether records of that day may lie in it."""
        return day in self.days or (not self.days and day >= self.since)


@dataclass(frozen=True, slots=True)
class Segments:
    """All segments of one feature as they lie now."""

    folder: Path
    indexes: tuple[SegmentIndex, ...]
    unreadable: tuple[Unreadable, ...]

    def lines(self, moment: Moment) -> Iterator[Line]:
        """The lines of a moment's day that were known at its ``as_of``, segment by segment."""
        for index in self.indexes:
            yield from self._lines(index, moment)

    def spans(self, moment: Moment) -> Iterator[tuple[SegmentIndex, DayPart]]:
        """The sequence numbers of each segment on a moment's day, as known at its ``as_of``."""
        for index in self.indexes:
            part = index.days.get(moment.partition)
            if part is None:
                continue
            if moment.as_of < moment.window.end:
                part = self._counted(index, part, moment)
            yield index, part

    def unreadable_on(self, day: str) -> list[Unreadable]:
        """The segments that may hold records of a day and cannot be read."""
        return [segment for segment in self.unreadable if segment.concerns(day)]

    def days(self) -> frozenset[str]:
        """The days of which there is any line."""
        return frozenset(day for index in self.indexes for day in index.days if day != UNDATED)

    def digest(self, day: str) -> str:
        """What tells the lines of a day from those that lay here before; empty without any."""
        sizes = [(index.name, index.size_of(day)) for index in self.indexes if day in index.days]
        return sha256(json.dumps(sorted(sizes)).encode()).hexdigest()[:16] if sizes else ""

    def _lines(self, index: SegmentIndex, moment: Moment) -> Iterator[Line]:
        part = index.days.get(moment.partition)
        if part is None:
            return
        ranges = list(part.ranges)
        if index.tail and index.day == moment.partition:
            ranges.append((index.offset, index.offset + index.tail))
        with (self.folder / index.name).open("rb") as file:
            time: datetime | None = None
            for start, end in ranges:
                file.seek(start)
                for offset, raw in _split(file.read(end - start), start):
                    line = _line(index.name, offset, raw, time)
                    time = line.time
                    if time is None or time <= moment.as_of:
                        yield line

    def _counted(self, index: SegmentIndex, part: DayPart, moment: Moment) -> DayPart:
        counted = part.again()
        for line in self._lines(index, moment):
            if line.record is not None:
                counted.take(line.record)
        return counted


def open_segments(root: Root, feature: str) -> Segments:
    """The segments of a feature, their indexes brought up to now and kept in the lake.

    ``MissingEvidence`` when no writer ever began one.
    """
    lake = root.lake
    path = lake.path(feature, "prediction_log/index", None, "json")
    known = _known_indexes(lake, path)
    home = root.segments / feature
    files = {f"{file.parent.name}/{file.name}": file for file in home.glob("*/*.jsonl")}
    if not files and not known:
        raise MissingEvidence(f"{home}: no segments; no writer has begun to log this feature")
    indexes, unreadable = [], []
    for name, file in sorted(files.items()):
        try:
            index = _refreshed(known.get(name), file)
        except OSError as error:
            since = SegmentIndex.of(file.parent.name, file.stem).day
            unreadable.append(
                Unreadable(name, error.strerror or str(error), since, _days(known, name))
            )
            continue
        if UNDATED in index.days:
            unreadable.append(Unreadable(name, "no line of it tells its day", UNDATED, lost=False))
        indexes.append(index)
    unreadable += [
        Unreadable(name, "the file is gone", UNDATED, _days(known, name))
        for name in sorted(set(known) - set(files))
    ]
    kept = {**known, **{index.name: index for index in indexes}}
    data = msgspec.to_builtins({"version": INDEX_VERSION, "segments": list(kept.values())})
    lake.write_json(path, data)
    return Segments(home, tuple(indexes), tuple(unreadable))


def _known_indexes(lake: Lake, path: str) -> dict[str, SegmentIndex]:
    try:
        data, _ = lake.read_json(path)
        if data["version"] != INDEX_VERSION:
            return {}
        return {i.name: i for i in msgspec.convert(data["segments"], list[SegmentIndex])}
    except (MissingEvidence, ValueError, KeyError, TypeError):
        return {}  # a cache: what is absent or unreadable is built again from the segments


def _refreshed(known: SegmentIndex | None, file: Path) -> SegmentIndex:
    with file.open("rb") as content:
        found = os.fstat(content.fileno())
        index = known
        head, size, changed = content.read(128), found.st_size, found.st_mtime_ns
        if index is None or not index.describes(head, size, changed):
            index = SegmentIndex.of(file.parent.name, file.stem)
        if size > index.offset and not (index.sealing and index.looked == changed):
            content.seek(index.offset)
            index.grow(content)
            index.looked = changed
            index.compare_with_seal(content)
        return index


def _days(known: dict[str, SegmentIndex], name: str) -> frozenset[str]:
    return frozenset(known[name].days) if name in known else frozenset()


def _split(content: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    # A file's own iteration splits at line feeds only; bytes.splitlines() would at others too.
    for line in io.BytesIO(content):
        yield start, line
        start += len(line)


def _line(segment: str, offset: int, raw: bytes, before: datetime | None) -> Line:
    try:
        record = read_line(raw)
    except DamagedLine as error:
        return Line(segment, offset, raw, before, damage=error.damage, detail=str(error))
    return Line(segment, offset, raw, record.time, record=record)
