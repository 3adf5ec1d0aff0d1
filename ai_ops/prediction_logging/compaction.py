"""Compaction: a day's segments become one typed table, and nothing that was written is dropped."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.day_log import DayLog, day_log
from ai_ops.prediction_logging.day_metadata import DUPLICATES as DUPLICATES
from ai_ops.prediction_logging.day_metadata import LOG as LOG
from ai_ops.prediction_logging.day_metadata import QUARANTINE as QUARANTINE
from ai_ops.prediction_logging.day_metadata import READ as READ
from ai_ops.prediction_logging.day_metadata import UNKNOWN as UNKNOWN
from ai_ops.prediction_logging.day_metadata import WRONG as WRONG
from ai_ops.prediction_logging.ingest import Ingest
from ai_ops.prediction_logging.log_file import log_content
from ai_ops.prediction_logging.log_table import Quarantined, quarantine_table
from ai_ops.prediction_logging.receipts import confirm_landed
from ai_ops.prediction_logging.schema_evolution import VersionInputs
from ai_ops.prediction_logging.segments import Segments, open_segments
from ai_ops.prediction_logging.source_log import compute_source_log
from ai_ops.storage.lake import Lake
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary

UNREADABLE_SEGMENT = "unreadable segment"


def compute_prediction_log(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """Compact each day: its log to ``prediction_log``, what is damaged to the quarantine beside it.

    Writes nothing when no writer ever began a segment. A day whose table stands while a segment of
    that day can no longer be read keeps its table. An existing log is read where it stands.
    """
    if feature.source is not None:
        with _plain_memory():
            return compute_source_log(root, feature, moments)
    inputs = VersionInputs(root, feature)
    days = [moment.partition for moment in moments]
    ingest = Ingest(inputs.columns(()), keep=min(days, default=None))
    with _plain_memory():
        try:
            segments = open_segments(root, feature.name, days, ingest)
        except MissingEvidence:
            return {moment.partition: Summary({"rows": 0, "segments": 0}) for moment in moments}
        found = {}
        for moment in sorted(moments, key=lambda one: one.partition):
            found[moment.partition] = _compact(root, feature, segments, inputs, ingest, moment)
            ingest.kept.clear()
        return found


@contextmanager
def _plain_memory() -> Iterator[None]:
    """Let Arrow take its memory from the system's allocator.

    Its own takes huge pages, which costs more to clear than a day's tables cost to make.
    """
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def _compact(
    root: Root,
    feature: AiFeatureSpec,
    segments: Segments,
    inputs: VersionInputs,
    ingest: Ingest,
    moment: Moment,
) -> Summary:
    day, lake = moment.partition, root.lake
    log = day_log(segments, feature.name, inputs, ingest, moment)
    unreadable = segments.unreadable_on(day)
    quarantined = [
        *log.quarantined,
        *(Quarantined(UNREADABLE_SEGMENT, s.segment, s.reason) for s in unreadable),
    ]
    table = log.table.replace_schema_metadata(_metadata(log, segments.digest(day)))
    path = lake.path(feature.name, LOG, day)
    # A segment that cannot be read now may be what an earlier table was made from.
    lost = any(segment.lost for segment in unreadable)
    kept = lost and (not len(log.order) or _exists(lake, path))
    if not kept:
        lake.write_bytes(path, memoryview(log_content(table, log.order)))
    lake.write_table(lake.path(feature.name, QUARANTINE, day), quarantine_table(quarantined))
    if not kept:
        confirm_landed(segments, moment)
    return Summary(
        {
            "rows": len(log.order),
            **_counted(log.column("status")),
            "quarantined": len(quarantined),
            "duplicates": log.repeated,
            "wrong_types": log.wrong.total(),
            "withheld": len(log.order) - log.column("withheld").null_count,
            "versions": ", ".join(
                sorted(pc.unique(log.column("model_version")).drop_null().to_pylist())
            ),
            "earlier_table_kept": kept,
            "segments": sum(day in index.days for index in segments.indexes),
        },
        files={"log": path},
    )


def _metadata(log: DayLog, digest: str) -> dict[bytes, str]:
    wrong = [[*key, count] for key, count in sorted(log.wrong.items())]
    return {
        DUPLICATES: str(log.repeated),
        READ: digest,
        WRONG: json.dumps(wrong),
        UNKNOWN: json.dumps(log.unknown, sort_keys=True),
    }


def _counted(statuses: pa.ChunkedArray) -> dict[str, int]:
    counts = {one["values"]: one["counts"] for one in pc.value_counts(statuses).to_pylist()}
    return {status: counts.get(status, 0) for status in ("ok", "failed", "refused")}


def _exists(lake: Lake, path: str) -> bool:
    try:
        lake.read_bytes(path)
    except MissingEvidence:
        return False
    return True
