"""The evidence on the log's completeness, day by day, and what is judged from it."""

from collections.abc import Callable, Sequence

import msgspec
import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.beside_the_log import beside_the_log
from ai_ops.prediction_logging.compaction import DUPLICATES, LOG, QUARANTINE
from ai_ops.prediction_logging.completeness import (
    Completeness,
    Counted,
    NotRead,
    judge_completeness,
)
from ai_ops.prediction_logging.courses import (
    began,
    counted,
    courses_of,
    incarnations_on,
    segments_around,
)
from ai_ops.prediction_logging.day_picture import draw_day
from ai_ops.prediction_logging.hours import logged_around
from ai_ops.prediction_logging.reconciling import Course
from ai_ops.prediction_logging.segments import Segments
from ai_ops.prediction_logging.source_report import judge_unprovable, judge_written
from ai_ops.prediction_logging.sources import MISSING, USER_ACTIONS
from ai_ops.prediction_logging.witness_source import read_witness
from ai_ops.prediction_logging.writing import judge_actions, judge_writing
from ai_ops.storage.lake import Lake
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Verdict
from ai_ops.vocabulary.windows import Window

REPORT = "log_completeness"


def compute_log_completeness(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """Write each day's completeness: what its writers told, and what was counted besides.

    Sequence numbers, parts, seals and signs of life come from the segments; user actions and the
    witness's counts from sources that the log had no part in. A prediction that was asked for on
    the day before its action counts for it.
    """
    try:
        segments = segments_around(root, feature.name, moments)
    except MissingEvidence:
        segments = None
    courses = courses_of(segments) if segments else ()
    witness = read_witness(root.folder, feature, moments)
    summaries = {}
    for moment in moments:
        counts = witness[moment.partition]
        known = _known(root.lake, feature.name, segments, courses, counts, moment)
        path = root.lake.path(feature.name, REPORT, moment.partition, "json")
        root.lake.write_json(path, msgspec.to_builtins(known))
        numbers = {
            "records": known.records,
            "missing_sequence_numbers": sum(one.missing_numbers for one in known.incarnations),
            "incarnations": len(known.incarnations),
            "quarantined": known.quarantined,
            "user_actions": known.user_actions.n,
            "actions_without_prediction": known.user_actions.without_prediction,
            "predictions_without_action": known.predictions_without_action,
            "served": sum(
                count
                for hours in counts.served.values()
                for hour, count in hours.items()
                if hour.startswith(moment.partition)
            ),
        }
        # Of a range the last day is drawn: a picture costs as much as all the rest.
        picture = draw_day(known, moment.window) if moment is moments[-1] else None
        summaries[moment.partition] = Summary(numbers, picture, files={"completeness": path})
    return summaries


def judge_known(
    root: Root,
    feature: AiFeatureSpec,
    moment: Moment,
    judge: Callable[[Completeness], Verdict],
) -> Verdict:
    """A judgement of a day's completeness, as it was written; no evidence when it was not."""
    try:
        known, evidence = read_completeness(root, feature.name, moment)
    except MissingEvidence as error:
        return Verdict.lacking(str(error), "completeness", window=moment.window)
    return judge(known).with_evidence(evidence)


def read_completeness(root: Root, feature: str, moment: Moment) -> tuple[Completeness, Evidence]:
    """A day's completeness as it was written; ``MissingEvidence`` when it was not."""
    data, evidence = root.lake.read_json(root.lake.path(feature, REPORT, moment.partition, "json"))
    return msgspec.convert(data, Completeness), evidence


def judge_log_written(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Predictions were logged on this day, and every line of the log could be read.

    A line that is torn, altered or contradicts another is kept in the quarantine and fails this;
    so does an answer that does not name the model's version. Of an existing log so do rows that
    tell no time or lie in the future, values that do not fit, and a file that cannot be read.
    """
    if feature.source is not None:
        return judge_written(root, feature, moment)
    columns = ["status", "model_version"]
    log, log_read = _table(root.lake, feature.name, LOG, moment.partition, columns)
    columns = ["reason", "segment", "detail"]
    damaged, damaged_read = _table(root.lake, feature.name, QUARANTINE, moment.partition, columns)
    verdict = judge_writing(log, damaged, moment.window)
    return verdict.with_evidence(*log_read, *damaged_read)


def judge_log_complete(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Every prediction that users asked for on this day stands in the log.

    Judged from the writers' sequence numbers, parts, seals and own counts, and from user actions,
    which the log had no part in. Of an existing log nobody counted: it can never be proven.
    """
    if feature.source is not None:
        return judge_known(root, feature, moment, lambda k: judge_unprovable(feature, k, moment))
    allowed = feature.user_actions.missing_share if feature.user_actions else 0.0
    return judge_known(
        root, feature, moment, lambda known: judge_completeness(known, allowed, moment.window)
    )


def judge_user_actions_present(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The source of user actions, which bears witness to the log, has rows for this day."""
    actions, evidence = _table(root.lake, feature.name, USER_ACTIONS, moment.partition)
    missing = _metadata(actions, MISSING) if actions is not None else "it was not materialised"
    count = actions.num_rows if actions is not None else 0
    return judge_actions(count, missing, moment.window).with_evidence(*evidence)


def _known(
    lake: Lake,
    feature: str,
    segments: Segments | None,
    courses: Sequence[Course],
    witness: Counted,
    moment: Moment,
) -> Completeness:
    day = moment.partition
    log, _ = _table(lake, feature, LOG, day, ["id"])
    damaged, _ = _table(lake, feature, QUARANTINE, day, ["reason", "id"])
    reasons = damaged["reason"].to_pylist() if damaged is not None else []
    today, _ = _table(lake, feature, USER_ACTIONS, day)
    day_before = next(Window.trailing(day, days=2).days())
    earlier, _ = _table(lake, feature, LOG, day_before, ["id"])
    beside = beside_the_log(log, earlier, today)
    parts = counted(segments, moment) if segments else {}
    unreadable = segments.unreadable_on(day) if segments else []
    first = began(segments) if segments else None
    return Completeness(
        feature=feature,
        day=day,
        records=log.num_rows if log is not None else None,
        torn=reasons.count("torn"),
        quarantined=len(reasons),
        duplicates=int(_metadata(log, DUPLICATES) or 0) if log is not None else 0,
        incarnations=incarnations_on(courses, moment, parts),
        user_actions=beside.actions,
        predictions_without_action=beside.predictions_without_action,
        by_call_site=beside.by_call_site,
        by_tenant=beside.by_tenant,
        not_read=tuple(
            NotRead(segment=one.segment, reason=one.reason, lost=one.lost) for one in unreadable
        ),
        began=first if first and moment.window.holds(first) else None,
        logged=logged_around(courses, moment, parts),
        witness=witness,
        set_apart=len(reasons) - damaged["id"].null_count if damaged is not None else 0,
        machines={one.machine: utc(one.at) for one in segments.statuses} if segments else {},
    )


def _table(
    lake: Lake, feature: str, asset: str, day: str, columns: list[str] | None = None
) -> tuple[pa.Table | None, list[Evidence]]:
    try:
        table, evidence = lake.read_table(lake.path(feature, asset, day), columns)
    except MissingEvidence:
        return None, []
    return table, [evidence]


def _metadata(table: pa.Table, key: bytes) -> str:
    metadata: dict[bytes, bytes] = table.schema.metadata or {}
    return metadata.get(key, b"").decode()
