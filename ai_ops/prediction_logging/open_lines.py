"""Predictions that no day's table holds yet: looked for in the segments themselves."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ai_ops.client.records import PredictionRecord
from ai_ops.prediction_logging.day_files import DayFiles
from ai_ops.prediction_logging.finding import Query
from ai_ops.prediction_logging.found_rows import SEGMENT, FoundPrediction, prediction_of
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.prediction_logging.segments import Line, Segments, open_segments
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window


@dataclass(frozen=True)
class OpenDays:
    """The days whose segments hold lines that no table was made from, with those segments."""

    segments: Segments | None
    days: tuple[str, ...]
    as_of: datetime

    def of_days(self, days: Collection[str]) -> "OpenDays":
        """Of these days alone."""
        return replace(self, days=tuple(days))


def open_days(
    root: Root, feature: str, files: DayFiles, days: Collection[str], as_of: datetime
) -> OpenDays:
    """Which of these days were not compacted since their segments were written.

    Days without a log are looked for at the landing place as well, and so is the last one.
    """
    recent = {day for day in days if day not in files.logs} | set(sorted(days)[-2:])
    try:
        segments = open_segments(root, feature, recent)
    except MissingEvidence:
        return OpenDays(None, (), as_of)
    changed = [day for day in sorted(days) if _changed(files, day, segments.digest(day))]
    if set(changed) - recent:
        segments = open_segments(root, feature, changed)
    stale = [day for day in changed if _tells_more(files, day, segments)]
    return OpenDays(segments, tuple(stale), as_of)


def _changed(files: DayFiles, day: str, digest: str) -> bool:
    """Whether there are lines of a day that its table was not made from."""
    log = files.logs.get(day)
    return bool(digest) and (log is None or log.read not in ("", digest))


def _tells_more(files: DayFiles, day: str, segments: Segments) -> bool:
    """Whether what came since may be a prediction: a seal is none."""
    log = files.logs.get(day)
    if log is None or segments.unreadable_on(day):
        return True
    here = [index for index in segments.indexes if day in index.days]
    if any(index.tail for index in here):
        return True
    return sum(index.days[day].n for index in here) > log.rows + log.repeated


def found_in_segments(
    opened: OpenDays, feature: str, query: Query
) -> tuple[list[FoundPrediction], dict[str, int]]:
    """The predictions that a query means among the lines, and the damaged lines of each day."""
    found: list[FoundPrediction] = []
    damaged: dict[str, int] = {}
    for day in opened.days if opened.segments is not None else ():
        assert opened.segments is not None
        moment = Moment(day, Window.of_day(day), opened.as_of)
        unreadable = len(opened.segments.unreadable_on(day))
        for line in _lines(opened.segments, moment, query):
            if line.record is None:
                unreadable += 1
            elif isinstance(line.record, PredictionRecord) and line.record.feature == feature:
                row = _row(line.record)
                one = prediction_of(day, row, f"{SEGMENT}{line.segment}, byte {line.offset}")
                if query.holds({**one.record, "input": one.input, "output": one.output}):
                    found.append(one)
        if unreadable:
            damaged[day] = unreadable
    found.sort(key=lambda one: one.time, reverse=True)
    return found, damaged


def _lines(segments: Segments, moment: Moment, query: Query) -> Iterator[Line]:
    ids = query.members.get("id", ())
    for index in segments.indexes:
        if moment.partition in index.days and (not ids or _may_name(segments, index, ids)):
            yield from segments.lines_of(index, moment)


def _may_name(segments: Segments, index: SegmentIndex, ids: Collection[str]) -> bool:
    """Whether a segment is worth reading for an id: its bytes hold it, or may be damaged."""
    if index.tail or index.behind_seal or index.unlike_seal != []:
        return True
    content = segments.file_of(index).read_bytes()
    return any(not _plain(id) or id.encode() in content for id in ids)


def _plain(id: str) -> bool:
    """Whether JSON writes an id in one way only."""
    return id.isascii() and id.isprintable() and not set(id) & set('"\\/')


def _row(record: PredictionRecord) -> dict[str, Any]:
    row: dict[str, Any] = {
        name: getattr(record, name) for name in record.__struct_fields__ if name != "kind"
    }
    for name in ("input", "output", "cost"):
        text = bytes(row[name]).decode(errors="replace")
        row[name] = None if text == "null" else text
    return row
