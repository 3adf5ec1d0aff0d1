"""What one day's log is made of: rows once each, what contradicts or is damaged set apart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.client.records import PredictionRecord
from ai_ops.prediction_logging.block_scan import Places
from ai_ops.prediction_logging.day_reading import DayRows, read_day
from ai_ops.prediction_logging.duplicates import resolve
from ai_ops.prediction_logging.ingest import OFFSET, SEGMENT, Ingest
from ai_ops.prediction_logging.log_columns import LogColumns, only
from ai_ops.prediction_logging.log_table import Quarantined, Wrong, log_schema, log_table
from ai_ops.prediction_logging.repeated_rows import PLACE, sort_out
from ai_ops.prediction_logging.schema_evolution import VersionInputs
from ai_ops.prediction_logging.segments import Line, Segments, line_of
from ai_ops.vocabulary.moments import Moment

CONFLICTING_ID = "conflicting id"
OTHER_FEATURE = "record of another feature"
NOT_TEXT = "not a record"

ORDER: Final = ("time", "id", *PLACE[1:])


@dataclass(frozen=True, slots=True)
class DayLog:
    """A day's rows, those of ``table`` that ``order`` names, and what is known of them.

    ``unknown`` are the versions among them whose inputs no registry told, and why.
    """

    table: pa.Table
    order: Places
    wrong: Wrong
    unknown: Mapping[str, str]
    repeated: int
    quarantined: list[Quarantined]

    def column(self, name: str) -> pa.ChunkedArray:
        """A column of the rows that stand, in their order."""
        return self.table[name].take(pa.array(self.order))


@dataclass(frozen=True, slots=True)
class _Told:
    """A line that holds a prediction."""

    line: Line
    prediction: PredictionRecord


def day_log(
    segments: Segments, feature: str, inputs: VersionInputs, ingest: Ingest, moment: Moment
) -> DayLog:
    """The log of a moment's day, from all lines that were known at its ``as_of``."""
    columns = inputs.columns(())
    while True:
        if ingest.columns != columns:
            ingest = Ingest(columns)
        rows = read_day(segments, feature, ingest, moment)
        log = _put_together(rows, segments, feature, inputs, columns)
        if log is not None:
            return log
        columns = inputs.columns(())  # a version answered that was not known: it reads other inputs


def _put_together(
    rows: DayRows, segments: Segments, feature: str, inputs: VersionInputs, read_by: LogColumns
) -> DayLog | None:
    """The day's log; None when its rows were typed by other columns than their versions have."""
    told, quarantined = _sorted_out(rows.lines, feature)
    many = pa.concat_tables(rows.tables) if rows.tables else None
    answered = [one.prediction.id for one in told if one.prediction.status == "ok"]
    found = sort_out(many, pa.array(answered, pa.string())) if many is not None else None
    if found is not None:
        told += _read_again(found.doubtful, rows, segments)
    resolved = resolve(told)
    quarantined += [_conflict(record) for record in resolved.conflicting]
    singly_told = (one.prediction.model_version for one in resolved.kept)
    versions = {version for version in singly_told if version is not None}
    if many is not None and found is not None:
        standing = many["model_version"].filter(pa.array(found.stand))
        versions.update(pc.unique(standing).drop_null().to_pylist())
    known = inputs.columns(versions)
    if many is not None and _differ(known, read_by, versions):
        return None
    columns = only(known, versions)
    table, wrong = log_table(columns, [record.prediction for record in resolved.kept])
    order: Places = np.arange(table.num_rows)
    repeated = len(resolved.repeated)
    if many is not None and found is not None:
        stand = np.concatenate([found.stand, np.ones(table.num_rows, np.bool_)])
        table = pa.concat_tables([many.select(log_schema(columns).names), table])
        keys = [(name, "ascending") for name in ORDER]
        order = pc.sort_indices(table, sort_keys=keys).to_numpy().astype(np.int64)
        order = order[stand[order]]
        repeated += found.repeated
    unknown = {v: reason for v, reason in known.unknown.items() if v in versions}
    return DayLog(table, order, wrong, unknown, repeated, quarantined)


def _sorted_out(lines: Iterable[Line], feature: str) -> tuple[list[_Told], list[Quarantined]]:
    told: list[_Told] = []
    quarantined: list[Quarantined] = []
    for line in lines:
        match line.record:
            case PredictionRecord() as record if record.feature != feature:
                quarantined.append(_quarantined(line, OTHER_FEATURE, record.feature, record.id))
            case PredictionRecord() as record if not _is_text(line.raw):
                quarantined.append(_quarantined(line, NOT_TEXT, "not UTF-8", record.id))
            case PredictionRecord() as record:
                told.append(_Told(line, record))
            case None:
                quarantined.append(_quarantined(line, line.damage or "not a record", line.detail))
            case _:
                pass  # openings and closings frame the log, they are none of its rows
    return told, quarantined


def _is_text(raw: bytes) -> bool:
    """Whether a line is UTF-8: decoding its record does not ask that of the raw members."""
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read_again(doubtful: pa.Table, rows: DayRows, segments: Segments) -> list[_Told]:
    """Rows that may contradict others, as the lines that they were."""
    told = []
    places = doubtful.select([SEGMENT, OFFSET]).to_pylist()
    for place in sorted(places, key=lambda one: (one[SEGMENT], one[OFFSET])):
        index = rows.segments[place[SEGMENT]]
        with segments.file_of(index).open("rb") as file:
            file.seek(place[OFFSET])
            line = line_of(index.name, place[OFFSET], file.readline(), None)
        if isinstance(line.record, PredictionRecord):
            told.append(_Told(line, line.record))
    return told


def _differ(known: LogColumns, read_by: LogColumns, versions: set[str]) -> bool:
    told = any(known.told_by(version) != read_by.told_by(version) for version in versions)
    return told or known.columns != read_by.columns


def _conflict(record: _Told) -> Quarantined:
    detail = "another record answers the same id otherwise"
    return _quarantined(record.line, CONFLICTING_ID, detail, record.prediction.id)


def _quarantined(line: Line, reason: str, detail: str | None, id: str | None = None) -> Quarantined:
    return Quarantined(reason, line.segment, detail, line.offset, line.time, id, line.raw)
