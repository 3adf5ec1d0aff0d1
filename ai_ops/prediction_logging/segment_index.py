"""What lies where in a segment: byte ranges and sequence numbers of each UTC day.

An index is a cache: it is grown by the lines that came since, and can be rebuilt from the segment
at any time. It lets one day of a long-running writer be read without reading the whole file.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import BinaryIO
from zlib import crc32

import msgspec

from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.client.names import ENDING, incarnation_of
from ai_ops.client.records import OpenRecord, Record, SealRecord
from ai_ops.prediction_logging.day_part import DayPart

UNDATED = ""
"""The key of bytes that no day can be told for: damage in a file whose name tells no day either."""

_FINGERPRINT_BYTES = 128
_CHUNK = 1 << 20
_STARTED = re.compile(r"^(\d{8}T\d{6})-")


class SegmentIndex(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The index of one segment: how far it was read, and the days found so far.

    ``offset`` is where the last whole line ends, ``tail`` how many bytes without an end of line
    lay behind it (reserved space, which is NUL, is none of them); ``day`` is the day of the last
    line, to which damage behind it belongs. ``looked`` is the file's time of change (ns) when it
    was read. ``behind_seal`` counts the lines that no seal covers, ``unlike_seal`` says in what
    the segment is not what was sealed (None: not sealed, or not yet compared).
    """

    writer: str
    stem: str
    fingerprint: int = 0
    offset: int = 0
    tail: int = 0
    day: str = UNDATED
    days: dict[str, DayPart] = {}
    looked: int = 0
    opening: OpenRecord | None = None
    sealing: SealRecord | None = None
    sealed_at: int = 0
    behind_seal: int = 0
    unlike_seal: list[str] | None = None

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
        """Whose part this segment is, by its own word rather than by its name."""
        return self.opening.incarnation if self.opening else incarnation_of(self.stem)[0]

    @property
    def number(self) -> int:
        """Which part of its incarnation it is, from 1."""
        return self.opening.part if self.opening else incarnation_of(self.stem)[1]

    @property
    def reached(self) -> int | None:
        """The last sequence number that anything in it tells of; None when nothing does."""
        return self.days[self.day].reached if self.day in self.days else None

    @property
    def count(self) -> int:
        """How many predictions it holds."""
        return sum(part.n for part in self.days.values())

    @property
    def newest(self) -> datetime | None:
        """The time of its latest line."""
        return max((part.end for part in self.days.values() if part.end), default=None)

    def describes(self, head: bytes, size: int, looked: int | None = None) -> bool:
        """Whether this still is the index of a file with that beginning, size and time of change.

        One that changed without growing was altered.
        """
        known = min(self.offset, _FINGERPRINT_BYTES)
        if size < self.offset or crc32(head[:known]) != self.fingerprint:
            return False
        return size > self.offset + self.tail or looked in (None, self.looked)

    def grow(self, lines: Iterable[bytes]) -> None:
        """Take in the lines that lie behind ``offset``; a last one without its end is the tail."""
        self.tail = 0
        for line in lines:
            if not line.endswith(b"\n"):
                self.tail = len(line.rstrip(b"\0"))
                if self.tail:
                    self.part(self.day)
                return
            if self.offset < _FINGERPRINT_BYTES:
                self.fingerprint = crc32(line[: _FINGERPRINT_BYTES - self.offset], self.fingerprint)
            self._take(line)

    def part(self, day: str) -> DayPart:
        """The part of a day, made when there is none."""
        if day not in self.days:
            start = 0 if self.number == 1 else None
            self.days[day] = DayPart(before=start, reached=start)
        return self.days[day]

    def size_of(self, day: str) -> int:
        """How many bytes belong to a day: more than before, when lines came late."""
        ranges = self.days[day].ranges if day in self.days else []
        return sum(end - start for start, end in ranges) + (self.tail if day == self.day else 0)

    def compare_with_seal(self, file: BinaryIO) -> None:
        """Read the segment once against its seal: digest, count and sequence numbers."""
        seal = self.sealing
        if seal is None or self.unlike_seal is not None:
            return
        digest, left = sha256(), self.sealed_at
        file.seek(0)
        while left and (chunk := file.read(min(left, _CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
        self.judge_seal(digest.hexdigest())

    def judge_seal(self, digest: str) -> None:
        """Compare with the seal what was read, ``digest`` being that of all bytes before it."""
        seal = self.sealing
        if seal is None:
            return
        unlike = [] if digest == seal.sha256 else ["its bytes are others"]
        if seal.count != self.count:
            unlike.append(f"{seal.count} predictions were sealed, {self.count} can be read")
        numbers = [n for part in self.days.values() for n in (part.first, part.last) if n]
        if numbers and not (seal.first <= min(numbers) and max(numbers) <= seal.last):
            unlike.append(f"its numbers are not {seal.first}–{seal.last}")
        self.unlike_seal = unlike

    def _take(self, line: bytes) -> None:
        record: Record | None = None
        before = self.days.get(self.day)
        try:
            record = read_line(line)
            if not isinstance(record, SealRecord):  # it belongs to the lines that it seals
                self.day = day_of(record.time)
        except DamagedLine:
            pass  # read again, and quarantined with its reason, when its day is compacted
        if isinstance(record, OpenRecord) and self.offset == 0:
            self.opening = record
        part = self.part(self.day)
        if before is not None and before is not part:
            part.follow(before)
        end = self.offset + len(line)
        if part.ranges and part.ranges[-1][1] == self.offset:
            part.ranges[-1] = (part.ranges[-1][0], end)
        else:
            part.ranges.append((self.offset, end))
        self.behind_seal += self.sealing is not None
        if record is not None:
            part.take(record)
        if isinstance(record, SealRecord) and self.sealing is None:
            self.sealing, self.sealed_at = record, self.offset
            part.recent = []
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
