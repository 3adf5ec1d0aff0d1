"""The evidence on the log's completeness, day by day, and what is judged from it."""

from collections.abc import Sequence

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.compaction import DUPLICATES, LOG, QUARANTINE
from ai_ops.prediction_logging.completeness import Actions, Completeness, Span, judge_completeness
from ai_ops.prediction_logging.segments import Segments, open_segments
from ai_ops.prediction_logging.sources import MISSING, USER_ACTIONS
from ai_ops.prediction_logging.writing import judge_actions, judge_writing
from ai_ops.storage.lake import Lake
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Verdict
from ai_ops.vocabulary.windows import Window

REPORT = "log_completeness"


def compute_log_completeness(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """Write each day's completeness: sequence numbers from segments, actions beside the log.

    A prediction that was asked for on the day before its action counts for it.
    """
    try:
        segments = open_segments(root, feature.name)
    except MissingEvidence:
        segments = None
    summaries = {}
    for moment in moments:
        known = _known(root.lake, feature.name, segments, moment)
        path = root.lake.path(feature.name, REPORT, moment.partition, "json")
        root.lake.write_json(path, msgspec.to_builtins(known))
        numbers = {
            "records": known.records,
            "missing_sequence_numbers": sum(span.missing for span in known.incarnations),
            "quarantined": known.quarantined,
            "user_actions": known.user_actions.n,
            "actions_without_prediction": known.user_actions.without_prediction,
            "predictions_without_action": known.predictions_without_action,
        }
        summaries[moment.partition] = Summary(numbers, files={"completeness": path})
    return summaries


def judge_log_written(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Predictions were logged on this day, and every line of the log could be read.

    A line that is torn, altered or contradicts another is kept in the quarantine and fails this;
    so does an answer that does not name the model's version.
    """
    columns = ["status", "model_version"]
    log, log_read = _table(root.lake, feature.name, LOG, moment.partition, columns)
    columns = ["reason", "segment", "detail"]
    damaged, damaged_read = _table(root.lake, feature.name, QUARANTINE, moment.partition, columns)
    verdict = judge_writing(log, damaged, moment.window)
    return verdict.with_evidence(*log_read, *damaged_read)


def judge_log_complete(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Every prediction that users asked for on this day stands in the log.

    Judged from the writers' sequence numbers and from user actions, which the log had no part in.
    """
    path = root.lake.path(feature.name, REPORT, moment.partition, "json")
    try:
        data, evidence = root.lake.read_json(path)
    except MissingEvidence as error:
        return Verdict.lacking(str(error), "completeness", window=moment.window)
    known = msgspec.convert(data, Completeness)
    allowed = feature.user_actions.missing_share
    return judge_completeness(known, allowed, moment.window).with_evidence(evidence)


def judge_user_actions_present(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The source of user actions, which bears witness to the log, has rows for this day."""
    actions, evidence = _table(root.lake, feature.name, USER_ACTIONS, moment.partition)
    missing = _metadata(actions, MISSING) if actions is not None else "it was not materialised"
    count = actions.num_rows if actions is not None else 0
    return judge_actions(count, missing, moment.window).with_evidence(*evidence)


def _known(lake: Lake, feature: str, segments: Segments | None, moment: Moment) -> Completeness:
    day = moment.partition
    log, _ = _table(lake, feature, LOG, day, ["id"])
    damaged, _ = _table(lake, feature, QUARANTINE, day, ["reason"])
    reasons = damaged["reason"].to_pylist() if damaged is not None else []
    today, _ = _table(lake, feature, USER_ACTIONS, day)
    day_before = next(Window.trailing(day, days=2).days())
    earlier, _ = _table(lake, feature, LOG, day_before, ["id"])
    logged = pa.chunked_array(
        [chunk for table in (log, earlier) if table is not None for chunk in table["id"].chunks],
        type=pa.string(),
    )
    missing = _without(today, logged) if today is not None else None
    known_actions = today["id"] if today is not None else pa.chunked_array([], type=pa.string())
    return Completeness(
        feature=feature,
        day=day,
        records=log.num_rows if log is not None else None,
        torn=reasons.count("torn"),
        quarantined=len(reasons),
        duplicates=int(_metadata(log, DUPLICATES) or 0) if log is not None else 0,
        incarnations=tuple(_spans(segments, moment)) if segments else (),
        user_actions=_actions(today, missing),
        predictions_without_action=_outside(log["id"], known_actions) if log is not None else 0,
        by_call_site=_grouped(today, missing, "call_site"),
        by_tenant=_grouped(today, missing, "tenant"),
    )


def _spans(segments: Segments, moment: Moment) -> list[Span]:
    return [
        Span(
            writer=index.writer,
            incarnation=index.incarnation,
            first=part.first,
            last=part.last,
            n=part.n,
            gaps=tuple((gap.first, gap.last) for gap in part.gaps),
            closed=part.closed,
        )
        for index, part in segments.spans(moment)
    ]


def _without(actions: pa.Table, logged: pa.ChunkedArray) -> pa.Table:
    return actions.filter(pc.invert(pc.is_in(actions["id"], value_set=logged.combine_chunks())))


def _outside(ids: pa.ChunkedArray, known: pa.ChunkedArray) -> int:
    found = pc.sum(pc.is_in(ids, value_set=known.combine_chunks())).as_py() or 0
    return len(ids) - int(found)


def _actions(actions: pa.Table | None, missing: pa.Table | None) -> Actions:
    if actions is None or missing is None:
        return Actions(n=0, without_prediction=0)
    begin = pc.min(missing["time"]).as_py()
    return Actions(n=actions.num_rows, without_prediction=missing.num_rows, begin=begin)


def _grouped(actions: pa.Table | None, missing: pa.Table | None, by: str) -> dict[str, Actions]:
    if actions is None or missing is None:
        return {}
    names = pc.unique(actions[by]).drop_null().to_pylist()
    return {
        name: _actions(
            actions.filter(pc.equal(actions[by], name)), missing.filter(pc.equal(missing[by], name))
        )
        for name in sorted(names)
    }


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
