"""Compaction: a day's segments become one typed table, and nothing that was written is dropped."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client.records import PredictionRecord
from ai_ops.prediction_logging.duplicates import resolve
from ai_ops.prediction_logging.log_table import Quarantined, log_table, quarantine_table
from ai_ops.prediction_logging.receipts import confirm_landed
from ai_ops.prediction_logging.segments import Line, Segments, open_segments
from ai_ops.storage.lake import Lake
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary

LOG = "prediction_log"
QUARANTINE = "prediction_log/quarantine"
UNREADABLE_SEGMENT = "unreadable segment"
CONFLICTING_ID = "conflicting id"
OTHER_FEATURE = "record of another feature"
DUPLICATES = b"ai_ops.duplicates"
"""Key of the table's metadata under which the number of repeated records stands."""
READ = b"ai_ops.read"
"""Key under which the digest of the day's segments stands that the table was made from."""


@dataclass(frozen=True, slots=True)
class _Told:
    """A line that holds a prediction."""

    line: Line
    prediction: PredictionRecord


def compute_prediction_log(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """Compact each day: its log to ``prediction_log``, what is damaged to the quarantine beside it.

    Writes nothing when no writer ever began a segment. A day whose table stands while a segment of
    that day can no longer be read keeps its table.
    """
    try:
        segments = open_segments(root, feature.name, [moment.partition for moment in moments])
    except MissingEvidence:
        return {moment.partition: Summary({"rows": 0, "segments": 0}) for moment in moments}
    return {m.partition: _compact(root.lake, feature, segments, m) for m in moments}


def _compact(lake: Lake, feature: AiFeatureSpec, segments: Segments, moment: Moment) -> Summary:
    day = moment.partition
    told, quarantined = _sorted_out(segments, feature.name, moment)
    resolved = resolve(told)
    quarantined += [_conflict(record) for record in resolved.conflicting]
    unreadable = segments.unreadable_on(day)
    quarantined += [Quarantined(UNREADABLE_SEGMENT, s.segment, s.reason) for s in unreadable]

    table, wrong = log_table(feature, [record.prediction for record in resolved.kept])
    metadata = {DUPLICATES: str(len(resolved.repeated)), READ: segments.digest(day)}
    table = table.replace_schema_metadata(metadata)
    path = lake.path(feature.name, LOG, day)
    # A segment that cannot be read now may be what an earlier table was made from.
    lost = any(segment.lost for segment in unreadable)
    kept = lost and (not table.num_rows or _exists(lake, path))
    if not kept:
        lake.write_table(path, table)
    lake.write_table(lake.path(feature.name, QUARANTINE, day), quarantine_table(quarantined))
    if not kept:
        confirm_landed(segments, moment)

    statuses = Counter(table["status"].to_pylist())
    return Summary(
        {
            "rows": table.num_rows,
            "ok": statuses["ok"],
            "failed": statuses["failed"],
            "refused": statuses["refused"],
            "quarantined": len(quarantined),
            "duplicates": len(resolved.repeated),
            "wrong_types": sum(wrong.values()),
            "versions": ", ".join(
                sorted(pc.unique(table["model_version"]).drop_null().to_pylist())
            ),
            "earlier_table_kept": kept,
            "segments": sum(day in index.days for index in segments.indexes),
        },
        files={"log": path},
    )


def _sorted_out(
    segments: Segments, feature: str, moment: Moment
) -> tuple[list[_Told], list[Quarantined]]:
    told: list[_Told] = []
    quarantined: list[Quarantined] = []
    for line in segments.lines(moment):
        match line.record:
            case PredictionRecord() as record if record.feature == feature:
                told.append(_Told(line, record))
            case PredictionRecord() as record:
                quarantined.append(_quarantined(line, OTHER_FEATURE, record.feature, record.id))
            case None:
                quarantined.append(_quarantined(line, line.damage or "not a record", line.detail))
            case _:
                pass  # openings and closings frame the log, they are none of its rows
    return told, quarantined


def _conflict(record: _Told) -> Quarantined:
    detail = "another record answers the same id otherwise"
    return _quarantined(record.line, CONFLICTING_ID, detail, record.prediction.id)


def _quarantined(line: Line, reason: str, detail: str | None, id: str | None = None) -> Quarantined:
    return Quarantined(reason, line.segment, detail, line.offset, line.time, id, line.raw)


def _exists(lake: Lake, path: str) -> bool:
    try:
        lake.read_bytes(path)
    except MissingEvidence:
        return False
    return True
