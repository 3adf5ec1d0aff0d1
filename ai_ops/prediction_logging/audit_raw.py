"""A record of the log, read again from what was written: its line in the segment, or its raw JSON.

The line is found by its sequence number and read by itself, with its checksum: not by the way in
which the table was made of it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from typing import Any, Literal

import msgspec
import pyarrow as pa

from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.client.records import PredictionRecord
from ai_ops.prediction_logging.log_table import RAW
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.prediction_logging.segments import Segments, open_segments
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

Form = Literal["segment", "raw_json", "source"]

_CHECKSUM_AND_END = len('12345678"}\n')


@dataclass(frozen=True, slots=True)
class Again:
    """A record as it was read again, from which form; ``wrong`` says why it could not be."""

    form: Form
    record: PredictionRecord | None
    wrong: str = ""


def segments_of(root: Root, feature: str, days: Collection[str]) -> Segments | None:
    """The segments of some days; None where no writer ever began one."""
    try:
        return open_segments(root, feature, days)
    except MissingEvidence:
        return None


def read_again(rows: pa.Table, segments: Segments | None, day: str) -> list[Again | None]:
    """Each row of a day's log from its line, or from its raw JSON where no segment has it now.

    None for a row that nothing is left of but itself.
    """
    found: list[Again | None] = []
    for row in rows.to_pylist():
        line = _from_segment(row, segments, day) if segments is not None else None
        found.append(line or _from_json(row))
    return found


def _from_segment(row: Mapping[str, Any], segments: Segments, day: str) -> Again | None:
    for index in segments.indexes:
        here = (index.writer, index.incarnation) == (row["writer"], row["incarnation"])
        if not here or day not in index.days or row["seq"] is None or not _may_hold(index, row):
            continue
        for line in _lines(segments, index, row["seq"]):
            try:
                record = read_line(line)
            except DamagedLine as error:
                return Again("segment", None, f"its line in the segment is damaged: {error.damage}")
            if isinstance(record, PredictionRecord) and record.seq == row["seq"]:
                return Again("segment", record)
        if index.sealing is not None:
            return Again("segment", None, "the segment that holds its number has no such line")
    return None


def _may_hold(index: SegmentIndex, row: Mapping[str, Any]) -> bool:
    begins = index.opening is None or index.opening.last < row["seq"]
    return begins and (index.sealing is None or row["seq"] <= index.sealing.last)


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


def _from_json(row: Mapping[str, Any]) -> Again | None:
    if all(row[name] is None for name in RAW):
        return None
    fields = {f.name: row[f.name] for f in msgspec.structs.fields(PredictionRecord)}
    for name in RAW:
        fields[name] = msgspec.Raw((row[name] or "null").encode())
    return Again("raw_json", PredictionRecord(**fields))


def records_of(found: Sequence[Again | None]) -> list[PredictionRecord]:
    """The records among what was read again."""
    return [one.record for one in found if one is not None and one.record is not None]
