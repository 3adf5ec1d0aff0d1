"""What is known of a feature's segments, filed by day: a run reads what its days need.

    <lake>/<feature>/prediction_log/index/<day>.json      the whole segments of a day
    <lake>/<feature>/prediction_log/index/open.json       those that may still grow
    <lake>/<feature>/prediction_log/index/catalogue.json  which is filed where, in ranges of parts

All of it is a cache that can be made again from the segments.
"""

from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final, TypeVar

import msgspec

from ai_ops.client.names import ENDING, segment_name
from ai_ops.prediction_logging.landing_records import Manifest
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import MissingEvidence

INDEX_VERSION: Final = 4
INDEX: Final = "prediction_log/index"

_MODULUS: Final = 1 << 64
_PART_DIGITS: Final = len(segment_name("", 1)) - len(ENDING) - 1

T = TypeVar("T")


class Known(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One segment: its index, and what it was compared with where it landed.

    ``sha256`` is the digest of the local file as it was at ``hashed`` (its time of change, ns).
    ``manifest`` is what was verified, ``state`` what the landing place showed then.
    """

    index: SegmentIndex
    sha256: str = ""
    hashed: int = 0
    manifest: Manifest | None = None
    state: str = ""

    @property
    def whole(self) -> bool:
        """Whether nothing will be written to it: it is sealed, or it landed."""
        sealed = self.index.sealing is not None and not self.index.behind_seal
        return self.manifest is not None or (sealed and not self.index.tail)


class Catalogue(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which segments are filed, by incarnation and day as ranges of parts; a sum for each day.

    A year of four writers are 420,000 segments and some thousand ranges. ``tokens`` are those of
    the landing place's folders when each was looked at.
    """

    version: int = INDEX_VERSION
    filed: dict[str, dict[str, list[tuple[int, int]]]] = {}
    sums: dict[str, str] = {}
    tokens: dict[str, str] = {}


class Store:
    """The catalogue, the segments that may grow, and the days that were asked for."""

    def __init__(self, lake: Lake, feature: str) -> None:
        self._lake, self._feature = lake, feature
        self.catalogue = self._read("catalogue", Catalogue, Catalogue())
        if self.catalogue.version != INDEX_VERSION:
            self.catalogue = Catalogue()
        self._before = msgspec.json.encode(self.catalogue)
        started = bool(self.catalogue.filed or self.catalogue.sums)
        self.open = self._read("open", dict[str, Known], {})
        self._open_before = msgspec.json.encode(self.open)
        self._days: dict[str, dict[str, Known]] = {}
        self._changed: set[str] = set()
        self._parts: dict[str, dict[int, str]] = {}
        self.is_new = not started and not self.open

    def day(self, day: str) -> dict[str, Known]:
        """The segments filed under a day, by name."""
        if day not in self._days:
            empty: dict[str, Known] = {}
            kept = day in self.catalogue.sums
            self._days[day] = self._read(day, dict[str, Known], empty) if kept else empty
            for name in self._days[day]:
                if self.filed_under(name) is None:  # another process wrote the catalogue meanwhile
                    self._list(name, day)
        return self._days[day]

    def days(self) -> set[str]:
        """The days under which anything is filed."""
        return set(self.catalogue.sums)

    def filed_under(self, name: str) -> str | None:
        """A day under which the segment is filed; None when it is not."""
        key, number = _slot(name)
        if key not in self._parts:
            self._parts[key] = {
                part: day
                for day, ranges in self.catalogue.filed.get(key, {}).items()
                for first, last in ranges
                for part in range(first, last + 1)
            }
        return self._parts[key].get(number)

    def file(self, name: str, known: Known) -> None:
        """Put a segment where it belongs: by its days once it is whole, among the open before."""
        if not known.whole:
            self.open[name] = known
            return
        self.open.pop(name, None)
        for day in held_days(known.index):
            self.day(day)[name] = known
            self._list(name, day)

    def save(self) -> None:
        """Write what changed; the catalogue last, for it names the others."""
        for day in sorted(self._changed):
            weights = [weight(known.index, day) for known in self._days[day].values()]
            self.catalogue.sums[day] = f"{sum(weights) % _MODULUS:x}"
            self._write(day, msgspec.json.encode(self._days[day]))
        if (content := msgspec.json.encode(self.open)) != self._open_before:
            self._write("open", content)
        if (content := msgspec.json.encode(self.catalogue)) != self._before:
            self._write("catalogue", content)

    def _list(self, name: str, day: str) -> None:
        key, number = _slot(name)
        ranges = self.catalogue.filed.setdefault(key, {}).setdefault(day, [])
        self.catalogue.filed[key][day] = _with(ranges, number)
        self._parts.setdefault(key, {})[number] = day
        self._changed.add(day)

    def _read(self, name: str, type: type[T], absent: T) -> T:
        path = self._lake.path(self._feature, INDEX, name or "undated", "json")
        with suppress(MissingEvidence, msgspec.MsgspecError):
            return msgspec.json.decode(self._lake.read_bytes(path), type=type)
        return absent  # a cache: what is absent or unreadable is made again from the segments

    def _write(self, name: str, content: bytes) -> None:
        path = self._lake.path(self._feature, INDEX, name or "undated", "json")
        self._lake.write_bytes(path, content)


def held_days(index: SegmentIndex) -> list[str]:
    """The days that a segment holds: one whose only line there is its seal is none of them."""
    days = list(index.days)
    return [
        day
        for day in days
        if day == days[0]
        or any((index.days[day].n, index.days[day].beats, index.days[day].closed))
        or index.days[day].gaps
    ]


def weight(index: SegmentIndex, day: str) -> int:
    """What a segment adds to the sum that tells a day's lines from those that lay there before."""
    told = f"{index.name} {index.size_of(day)}"
    return int.from_bytes(sha256(told.encode()).digest()[:8])


def total_of(sums: str | None, open_ones: Iterable[SegmentIndex], day: str) -> str:
    """The digest of a day's lines: what is filed, and what may still grow; empty without any."""
    growing = [weight(index, day) for index in open_ones if day in held_days(index)]
    if sums is None and not growing:
        return ""
    return f"{(int(sums or '0', 16) + sum(growing)) % _MODULUS:016x}"


def _slot(name: str) -> tuple[str, int]:
    """The incarnation and part that a segment's name tells; 0 for a name without a part.

    >>> _slot("web/20210304T050607-12-ab.000003.jsonl")
    ('web/20210304T050607-12-ab', 3)
    >>> _slot("web/20210304T050607-12-ab.jsonl")
    ('web/20210304T050607-12-ab', 0)
    """
    stem = name.removesuffix(ENDING)
    key, _, part = stem.rpartition(".")
    if key and len(part) == _PART_DIGITS and part.isdecimal():
        return key, int(part)
    return stem, 0


def _with(ranges: list[tuple[int, int]], number: int) -> list[tuple[int, int]]:
    """Ranges that hold one number more.

    >>> _with([(1, 3), (5, 6)], 4), _with([(1, 3)], 3), _with([(7, 9)], 5)
    ([(1, 6)], [(1, 3)], [(5, 5), (7, 9)])
    """
    if any(first <= number <= last for first, last in ranges):
        return ranges
    joined: list[Any] = []
    for first, last in sorted([*ranges, (number, number)]):
        if joined and joined[-1][1] + 1 == first:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined
