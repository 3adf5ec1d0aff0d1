"""What lies where in a segment: byte ranges and sequence numbers of each UTC day.

An index is a cache: it is grown by the lines that came since, and can be rebuilt from the segment
at any time. It lets one day of a long-running writer be read without reading the whole file.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from zlib import crc32

import msgspec

from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.client.names import ENDING, incarnation_of
from ai_ops.client.records import CloseRecord, PredictionRecord, Record

UNDATED = ""
"""The key of bytes that no day can be told for: damage in a file whose name tells no day either."""

_FINGERPRINT_BYTES = 128
_STARTED = re.compile(r"^(\d{8}T\d{6})-")


class DayPart(msgspec.Struct, kw_only=True):
    """What a segment holds of one day.

    ``ranges`` are half-open spans of bytes. ``before`` is the last sequence number before
    them; ``gaps`` are spans of numbers, both ends included, that are missing before a line of
    this day.
    """

    ranges: list[tuple[int, int]] = []
    before: int = 0
    first: int | None = None
    last: int | None = None
    n: int = 0
    gaps: list[tuple[int, int]] = []
    closed: bool = False

    def count(self, record: Record, reached: int) -> int:
        """Take in one record, after the number ``reached``; returns what is reached with it."""
        match record:
            case PredictionRecord(seq=seq):
                self._missing(reached, seq)
                self.first = seq if self.first is None else min(self.first, seq)
                self.last = seq if self.last is None else max(self.last, seq)
                self.n += 1
                return max(reached, seq)
            case CloseRecord(last=last):
                self._missing(reached, last + 1)
                self.closed = True
                return max(reached, last)
            case _:
                return reached

    def _missing(self, reached: int, seq: int) -> None:
        if seq > reached + 1:
            self.gaps.append((reached + 1, seq - 1))


class SegmentIndex(msgspec.Struct, kw_only=True):
    """The index of one segment: how far it was read, and the days found so far.

    ``offset`` is where the last whole line ends, ``tail`` how many bytes without an end of line
    lay behind it; ``day`` is the day of the last line, to which damage behind it belongs.
    """

    writer: str
    stem: str
    fingerprint: int = 0
    offset: int = 0
    tail: int = 0
    day: str = UNDATED
    last: int = 0
    days: dict[str, DayPart] = {}

    @classmethod
    def of(cls, writer: str, stem: str) -> "SegmentIndex":
        """An empty index; the day that the file's name tells holds until a line tells one.

        >>> SegmentIndex.of("web", "20210304T050607-12-ab").day
        '2021-03-04'
        """
        return cls(writer=writer, stem=stem, day=_named_day(stem))

    @property
    def name(self) -> str:
        """The segment's path below the feature's folder of segments."""
        return f"{self.writer}/{self.stem}{ENDING}"

    @property
    def incarnation(self) -> str:
        """Whose part this segment is."""
        return incarnation_of(self.stem)[0]

    @property
    def number(self) -> int:
        """Which part of its incarnation it is, from 1."""
        return incarnation_of(self.stem)[1]

    def describes(self, head: bytes, size: int) -> bool:
        """Whether this still is the index of a file with that beginning and size."""
        known = min(self.offset, _FINGERPRINT_BYTES)
        return size >= self.offset and crc32(head[:known]) == self.fingerprint

    def grow(self, lines: Iterable[bytes]) -> None:
        """Take in the lines that lie behind ``offset``; a last one without its end is the tail."""
        self.tail = 0
        for line in lines:
            if not line.endswith(b"\n"):
                self.tail = len(line)
                self.part(self.day)
                return
            if self.offset < _FINGERPRINT_BYTES:
                self.fingerprint = crc32(line[: _FINGERPRINT_BYTES - self.offset], self.fingerprint)
            self._take(line)

    def part(self, day: str) -> DayPart:
        """The part of a day, made when there is none."""
        if day not in self.days:
            self.days[day] = DayPart(before=self.last)
        return self.days[day]

    def size_of(self, day: str) -> int:
        """How many bytes belong to a day: more than before, when lines came late."""
        ranges = self.days[day].ranges if day in self.days else []
        return sum(end - start for start, end in ranges) + (self.tail if day == self.day else 0)

    def _take(self, line: bytes) -> None:
        record: Record | None = None
        try:
            record = read_line(line)
            self.day = day_of(record.time)
        except DamagedLine:
            pass  # read again, and quarantined with its reason, when its day is compacted
        part = self.part(self.day)
        end = self.offset + len(line)
        if part.ranges and part.ranges[-1][1] == self.offset:
            part.ranges[-1] = (part.ranges[-1][0], end)
        else:
            part.ranges.append((self.offset, end))
        if record is not None:
            self.last = part.count(record, self.last)
        self.offset = end


def day_of(moment: datetime) -> str:
    """The UTC day of a moment.

    >>> day_of(datetime.fromisoformat("2021-03-04T23:30:00-05:00"))
    '2021-03-05'
    """
    return moment.astimezone(UTC).date().isoformat()


def _named_day(incarnation: str) -> str:
    if (found := _STARTED.match(incarnation)) is None:
        return UNDATED
    try:
        return datetime.strptime(found[1], "%Y%m%dT%H%M%S").date().isoformat()
    except ValueError:
        return UNDATED
