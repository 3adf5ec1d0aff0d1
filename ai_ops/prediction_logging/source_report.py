"""What is judged of an existing log, read from its days and from what is known of its files."""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.completeness import Completeness
from ai_ops.prediction_logging.day_metadata import DUPLICATES, LOG, QUARANTINE, SOURCE
from ai_ops.prediction_logging.source_index import SourceIndex, read_index
from ai_ops.prediction_logging.source_log import NO_SOURCE, UNREADABLE
from ai_ops.prediction_logging.source_written import Place, SourceWritten, judge_source_written
from ai_ops.prediction_logging.unanswered import unanswered
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import WallClock
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Evidence, Finding, Observed, Verdict

_LOST: Final = (UNREADABLE, NO_SOURCE)


def judge_written(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The verdict on a day of an existing log: what was read, and what could not be."""
    day, read = moment.partition, []
    log, evidence = _table(root, feature, LOG, day, ["status", "model_version"])
    damaged, told = _table(
        root, feature, QUARANTINE, day, ["reason", "segment", "detail", "offset"]
    )
    read += [*evidence, *told]
    try:
        index = read_index(root, feature)
    except MissingEvidence:
        index = SourceIndex(declared="", files=())
    known = _known(root, log, damaged, index)
    return judge_source_written(known, moment.window).with_evidence(*read)


def judge_unprovable(feature: AiFeatureSpec, known: Completeness, moment: Moment) -> Verdict:
    """No evidence, always: nobody counted the predictions while this log was written.

    What user actions tell besides is found all the same.
    """
    observed: dict[str, Observed] = {
        "completeness": "unprovable",
        "rows": known.records,
        "quarantined": known.quarantined,
    }
    if feature.user_actions:
        observed["user_actions"] = known.user_actions.n
        observed["actions_without_prediction"] = known.user_actions.without_prediction
    what = "table" if feature.source is None else feature.source.kind.replace("_", " ")
    reason = (
        f"completeness is unprovable: nobody counted while this log of others ({what}) was "
        "written; log with ai_ops.client to prove it"
    )
    allowed = feature.user_actions.missing_share if feature.user_actions else 0.0
    missing = unanswered(
        known.user_actions, known.by_call_site, known.by_tenant, allowed, moment.window
    )
    if missing:
        reason = f"{reason}; {missing[0].reason}"
    unproven = Finding("completeness", "no_evidence", reason, window=moment.window)
    return Verdict.lacking(
        reason,
        "completeness",
        unproven,
        *missing,
        window=moment.window,
        sample_size=known.records or 0,
        observed=observed,
    )


def _known(
    root: Root, log: pa.Table | None, damaged: pa.Table | None, index: SourceIndex
) -> SourceWritten:
    metadata: dict[bytes, bytes] = (log.schema.metadata or {}) if log is not None else {}
    made_of: dict[str, Any] = json.loads(metadata.get(SOURCE, b"{}"))
    apart = damaged.to_pylist() if damaged is not None else []
    lost = [one for one in apart if one["reason"] in _LOST]
    answered = log.filter(pc.equal(log["status"], "ok")) if log is not None else None
    # A day of a replay lies before its clock, or the world's: what is later than both cannot be.
    now = max(root.clock.now(), WallClock().now())
    later, first = index.after(now.date().isoformat())
    return SourceWritten(
        rows=log.num_rows if log is not None else None,
        total=index.rows,
        unversioned=answered["model_version"].null_count if answered is not None else 0,
        versions=_versions(log),
        repeated=int(metadata.get(DUPLICATES, b"0")),
        unreadable=[Place(row["segment"], row["detail"] or row["reason"], 1) for row in lost],
        set_apart=_places([one for one in apart if one["reason"] not in _LOST]),
        misfits=_misfits(made_of.get("misfits", ())),
        undated=[
            Place(one.name, apart.reason, apart.rows, apart.first)
            for one in index.files
            for apart in one.apart
        ],
        later=later,
        later_from=first,
        shared_ids=index.shared.ids,
        shared_by=index.shared.places,
    )


def _versions(log: pa.Table | None) -> list[str]:
    if log is None:
        return []
    return sorted(str(one) for one in pc.unique(log["model_version"]).drop_null().to_pylist())


def _places(rows: Sequence[dict[str, Any]]) -> list[Place]:
    groups: dict[tuple[str, str], list[int | None]] = defaultdict(list)
    for row in rows:
        groups[row["segment"], row["reason"]].append(row["offset"])
    found = []
    for (file, reason), offsets in sorted(groups.items()):
        known = [offset for offset in offsets if offset is not None]
        first, last = min(known, default=None), max(known, default=None)
        found.append(Place(file, reason, len(offsets), first, last))
    return found


def _misfits(told: Sequence[dict[str, Any]]) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = defaultdict(list)
    for one in told:
        version = f"version {one['version']}" if one["version"] else "no version"
        place = Place(
            one["file"], f"{one['rows']} of {version}", one["rows"], one["first"], one["last"]
        )
        found[one["column"]].append(place)
    return dict(found)


def _table(
    root: Root, feature: AiFeatureSpec, asset: str, day: str, columns: list[str]
) -> tuple[pa.Table | None, list[Evidence]]:
    try:
        table, evidence = root.lake.read_table(root.lake.path(feature.name, asset, day), columns)
    except MissingEvidence:
        return None, []
    return table, [evidence]
