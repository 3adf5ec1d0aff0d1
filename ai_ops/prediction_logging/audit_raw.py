"""Records of the log, read again from what was written: the line in the segment, or the raw JSON.

The line is found by its sequence number and read by itself, with its checksum: not by the way in
which the table was made of it.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from mmap import ACCESS_READ, mmap
from typing import Any, Literal

import msgspec
import pyarrow as pa

from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.client.records import PredictionRecord
from ai_ops.prediction_logging.log_columns import LogColumns
from ai_ops.prediction_logging.log_table import RAW, log_table
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.prediction_logging.segments import Segments, open_segments
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

Form = Literal["segment", "raw_json", "source"]

_CHECKSUM_AND_END = len('12345678"}\n')


@dataclass(frozen=True, slots=True)
class Reread:
    """Some rows of a day as they were read again: ``table`` has those at ``places``.

    ``forms`` counts what they were read from, ``wrong`` says at a place why it could not be.
    """

    table: pa.Table
    places: tuple[int, ...]
    forms: Mapping[Form, int]
    wrong: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class _Again:
    form: Form
    record: PredictionRecord | None
    wrong: str = ""


@dataclass(frozen=True)
class WrittenLines:
    """Reads records of this feature's own log again, of the days that it was opened for."""

    segments: Segments | None

    @classmethod
    def of(cls, root: Root, feature: str, days: Collection[str]) -> "WrittenLines":
        """The lines of some days, as far as a segment has them still."""
        try:
            return cls(open_segments(root, feature, days))
        except MissingEvidence:  # no writer ever began one: the raw members are read
            return cls(None)

    def again(self, day: str, rows: pa.Table, columns: LogColumns) -> Reread:
        """These rows of a day's log from their lines, or their raw JSON where no segment has them.

        A row that nothing is left of but itself is not among them.
        """
        found = [
            (self._from_segment(row, day) if self.segments else None) or _from_json(row)
            for row in rows.to_pylist()
        ]
        records = {
            place: one.record for place, one in enumerate(found) if one and one.record is not None
        }
        table, _ = log_table(columns, list(records.values()))
        return Reread(
            table,
            tuple(records),
            Counter(one.form for one in found if one),
            {place: one.wrong for place, one in enumerate(found) if one and one.wrong},
        )

    @cached_property
    def _parts(self) -> Mapping[tuple[str, str], list[SegmentIndex]]:
        """The segments of each incarnation of a writer."""
        parts: dict[tuple[str, str], list[SegmentIndex]] = {}
        for index in self.segments.indexes if self.segments else ():
            parts.setdefault((index.writer, index.incarnation), []).append(index)
        return parts

    def _from_segment(self, row: Mapping[str, Any], day: str) -> _Again | None:
        assert self.segments is not None
        for index in self._parts.get((row["writer"], row["incarnation"]), ()):
            if day not in index.days or not _may_hold(index, row["seq"]):
                continue
            for line in _lines(self.segments, index, row["seq"]):
                try:
                    record = read_line(line)
                except DamagedLine as error:
                    words = f"its line in the segment is damaged: {error.damage}"
                    return _Again("segment", None, words)
                if isinstance(record, PredictionRecord) and record.seq == row["seq"]:
                    return _Again("segment", record)
            if index.sealing is not None:
                words = "the segment that holds its number has no such line"
                return _Again("segment", None, words)
        return None


def _may_hold(index: SegmentIndex, seq: int | None) -> bool:
    if seq is None:
        return False
    begins = index.opening is None or index.opening.last < seq
    return begins and (index.sealing is None or seq <= index.sealing.last)


def _lines(segments: Segments, index: SegmentIndex, seq: int) -> Iterator[bytes]:
    """The lines of a segment that end with a sequence number and a checksum."""
    mark = b',"seq":%d,"crc":"' % seq
    with (
        segments.file_of(index).open("rb") as file,
        mmap(file.fileno(), 0, access=ACCESS_READ) as content,
    ):
        place = content.find(mark)
        while place >= 0:
            end = place + len(mark) + _CHECKSUM_AND_END
            if content[end - 1 : end] == b"\n":
                yield content[content.rfind(b"\n", 0, place) + 1 : end]
            place = content.find(mark, place + 1)


def _from_json(row: Mapping[str, Any]) -> _Again | None:
    if all(row[name] is None for name in RAW):
        return None
    fields = {f.name: row[f.name] for f in msgspec.structs.fields(PredictionRecord)}
    for name in RAW:
        fields[name] = msgspec.Raw((row[name] or "null").encode())
    return _Again("raw_json", PredictionRecord(**fields))
