"""The segments of an AI feature, read by day: every line, whole or damaged, with its place."""

import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.client.records import Record
from ai_ops.prediction_logging.day_part import DayPart
from ai_ops.prediction_logging.ingest import Ingest
from ai_ops.prediction_logging.landing import Landing, NotVerified
from ai_ops.prediction_logging.landing_records import MachineStatus, Manifest, place_of
from ai_ops.prediction_logging.segment_gathering import Gathering
from ai_ops.prediction_logging.segment_index import UNDATED, SegmentIndex
from ai_ops.prediction_logging.segment_store import Catalogue, Store, held_days, total_of
from ai_ops.prediction_logging.unreadable import Unreadable
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import LakeUnreachable, MissingEvidence
from ai_ops.vocabulary.moments import Moment

__all__ = ["Line", "Segments", "Unreadable", "open_segments"]


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


@dataclass(frozen=True)
class Segments:
    """The segments of one feature as they lie now, of the days that were asked for.

    ``files`` says where each can be read, ``landed`` what the manifests say of those that landed,
    ``catalogue`` which parts of which incarnation there are on every day; ``growing`` are those
    that are not whole, of whatever day.
    """

    folder: Path
    indexes: tuple[SegmentIndex, ...]
    unreadable: tuple[Unreadable, ...]
    files: Mapping[str, Path]
    landed: Mapping[str, Manifest]
    catalogue: Catalogue
    growing: tuple[SegmentIndex, ...]
    landing: Landing
    cache: Path

    @cached_property
    def statuses(self) -> tuple[MachineStatus, ...]:
        """What each machine's shipping process told last; empty when the place cannot be reached.

        ``reached`` in them says how far each incarnation was seen to have come on its machine:
        what landed and reaches less far lost a segment at its end.
        """
        try:
            return self.landing.statuses()
        except LakeUnreachable:
            return ()  # which stands among the unreadable

    def file_of(self, index: SegmentIndex) -> Path:
        """Where a segment can be read on this machine, whole and verified if it had landed."""
        file = self.files[index.name]
        manifest = self.landed.get(index.name)
        if manifest is None or file.exists():
            return file
        try:  # it was confirmed and removed since it was looked at
            return self.landing.fetch(place_of(manifest.days), manifest, self.cache, anew=False)
        except NotVerified as error:
            raise LakeUnreachable(f"{index.name}: {error}, while it was being read") from error

    def lines(self, moment: Moment) -> Iterator[Line]:
        """The lines of a moment's day that were known at its ``as_of``, segment by segment."""
        for index in self.indexes:
            yield from self.lines_of(index, moment)

    def spans(self, moment: Moment) -> Iterator[tuple[SegmentIndex, DayPart]]:
        """The sequence numbers of each segment on a moment's day, as known at its ``as_of``."""
        for index in self.indexes:
            part = index.days.get(moment.partition)
            if part is None or moment.partition not in held_days(index):
                continue
            if moment.as_of < moment.window.end:
                part = self._counted(index, part, moment)
            yield index, part

    def unreadable_on(self, day: str) -> list[Unreadable]:
        """The segments that may hold records of a day and cannot be read."""
        return [segment for segment in self.unreadable if segment.concerns(day)]

    def days(self) -> frozenset[str]:
        """The days of which there is any line, also those that were not asked for."""
        growing = {day for index in self.growing for day in held_days(index)}
        return frozenset({*self.catalogue.sums, *growing} - {UNDATED})

    def digest(self, day: str) -> str:
        """What tells the lines of a day from those that lay here before; empty without any."""
        return total_of(self.catalogue.sums.get(day), self.growing, day)

    def lines_of(self, index: SegmentIndex, moment: Moment) -> Iterator[Line]:
        """The lines of one segment of a moment's day that were known at its ``as_of``."""
        part = index.days.get(moment.partition)
        if part is None:
            return
        ranges = list(part.ranges)
        if index.tail and index.day == moment.partition:
            ranges.append((index.offset, index.offset + index.tail))
        with self.file_of(index).open("rb") as file:
            time: datetime | None = None
            for start, end in ranges:
                file.seek(start)
                for offset, raw in _split(file.read(end - start), start):
                    line = line_of(index.name, offset, raw, time)
                    time = line.time
                    if time is None or time <= moment.as_of:
                        yield line

    def _counted(self, index: SegmentIndex, part: DayPart, moment: Moment) -> DayPart:
        counted = part.again()
        for line in self.lines_of(index, moment):
            if line.record is not None:
                counted.take(line.record)
        return counted


def open_segments(
    root: Root,
    feature: str,
    days: Collection[str] | None = None,
    ingest: Ingest | None = None,
) -> Segments:
    """The segments of a feature that hold these days (all without), and those that may still grow.

    What is known of them is brought up to now and kept in the lake. ``MissingEvidence`` when no
    writer ever began one; ``LakeUnreachable`` when the lake cannot be asked.

    A segment that was not known is read whole: ``ingest`` keeps what it wants of that.
    """
    store = Store(root.lake, feature)
    gathering = Gathering(root, feature, store, days, ingest)
    found = gathering.gather()
    home = root.segments / feature
    landing = Landing(root.lake, feature)
    nothing = store.is_new and not (gathering.local or gathering.landed or found.unreadable)
    if nothing and not landing.is_used():
        raise MissingEvidence(f"{home}: no segments; no writer has begun to log this feature")
    store.save()
    names = sorted(found.indexes)
    return Segments(
        folder=home,
        indexes=tuple(found.indexes[name] for name in names),
        unreadable=tuple(found.unreadable),
        files=found.files,
        landed=found.manifests,
        catalogue=store.catalogue,
        growing=tuple(one.index for one in store.open.values()),
        landing=landing,
        cache=root.landed / feature,
    )


def _split(content: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    # A file's own iteration splits at line feeds only; bytes.splitlines() would at others too.
    for line in io.BytesIO(content):
        yield start, line
        start += len(line)


def line_of(segment: str, offset: int, raw: bytes, before: datetime | None) -> Line:
    """A line as it is read; ``before`` is the time of the line before it."""
    try:
        record = read_line(raw)
    except DamagedLine as error:
        return Line(segment, offset, raw, before, damage=error.damage, detail=str(error))
    return Line(segment, offset, raw, record.time, record=record)
