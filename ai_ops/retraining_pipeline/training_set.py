"""The training set: what a candidate learns from, as it was known at that moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.held_out import is_held_out
from ai_ops.retraining_pipeline.learning_rows import (
    LearningRows,
    digest_of,
    from_history,
    in_order,
    read_logged,
    schema_of,
)
from ai_ops.retraining_pipeline.made_with import made_with
from ai_ops.retraining_pipeline.pictures import Week, draw_weeks
from ai_ops.retraining_pipeline.records import (
    TRAINING_SET,
    Spans,
    TrainingSet,
    rows_path,
    spans_of,
)
from ai_ops.retraining_pipeline.trainer import trainer_of
from ai_ops.storage.bad_data import bad_windows, days_of
from ai_ops.storage.believed import believed
from ai_ops.storage.retrainings import resume_retraining, start_retraining
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Summary
from ai_ops.vocabulary.windows import Window


@dataclass(frozen=True, slots=True)
class Request:
    """Who or what asked for a retraining: the cause in words, the incident that it answers."""

    cause: str = "asked for by hand"
    incident: str | None = None
    requested_by: str = ""


def compute_training_set(
    root: Root,
    feature: AiFeatureSpec,
    as_of: datetime,
    request: Request | None = None,
    *,
    run_id: str | None = None,
    parent: str | None = None,
) -> Summary:
    """The rows that a candidate learns from: the logged predictions of the last months with the
    labels known by now, filled from the history where the log is younger. The days of the gate's
    hold-out, the predictions of the labelled evaluation set and the days of which a person said
    that their data was bad are left out. Refused while a hold is open, and of an automated one
    while a drift is concluded by nobody."""
    request = request or Request()
    trainer_of(feature)  # a wrong name is told before a retraining begins
    made = made_with(root, feature).as_params()
    resumed = parent and run_id and resume_retraining(root, feature, parent, run_id, made)
    retraining = resumed or start_retraining(
        root,
        feature,
        cause=request.cause,
        incident=request.incident,
        requested_by=request.requested_by,
        run_id=run_id,
        made_with=made,
    )
    spans = spans_of(feature, as_of)
    found = _learnable(root, feature, spans)
    bad = bad_windows(feature, believed(root, feature)[0], as_of)
    sound = _without_bad_days(found.rows, bad)
    kept, held_out = _without_held_out(sound, feature)
    manifest = replace(
        _manifest(kept, found, spans, as_of, held_out, retraining, request, made),
        excluded_bad_data=found.rows.num_rows - sound.num_rows,
        bad_days=[day for day in spans.learning.days() if day in set(days_of(bad))],
    )
    root.lake.write_table(rows_path(root, feature, manifest.id), kept)
    path = root.lake.path(feature.name, TRAINING_SET, manifest.id, "json")
    root.lake.write_json(path, manifest.as_data())
    # Last: who reads the latest manifest finds its rows.
    root.lake.write_json(
        root.lake.path(feature.name, TRAINING_SET, None, "json"), manifest.as_data()
    )
    weeks = _weeks(kept)
    return Summary(
        numbers=_numbers(manifest),
        picture=draw_weeks(feature.name, manifest.id, weeks) if weeks else None,
        files={"manifest": path},
        table=tuple(week.as_row() for week in weeks),
    )


def _learnable(root: Root, feature: AiFeatureSpec, spans: Spans) -> LearningRows:
    """Every row of the days to learn from: the log's, and before its begin the history's."""
    begin = Window.of_day(feature.monitoring.start).start
    tables, contradicted = [schema_of(feature).empty_table()], 0
    read, missing = [], []
    if spans.learning.start < begin:
        first, before = spans.learning.start.date(), min(begin, spans.learning.end).date()
        table = trainer_of(feature).history(root, feature, first, before)
        tables.append(from_history(table, feature, spans.cutoff).rows)
    if begin < spans.learning.end:
        days = Window(max(begin, spans.learning.start), spans.learning.end)
        logged = read_logged(root.lake, feature, days, spans.cutoff)
        tables.append(logged.rows)
        contradicted = logged.contradicted
        read, missing = list(logged.read), list(logged.missing)
    return LearningRows(in_order(tables), contradicted, tuple(read), tuple(missing))


def _without_bad_days(rows: pa.Table, bad: Sequence[Window]) -> pa.Table:
    """The rows of the log that lie in no span of bad data; the history before it has none."""
    left = rows
    for window in bad:
        ends = [
            pa.scalar(end, rows.schema.field("time").type) for end in (window.start, window.end)
        ]
        inside = pc.and_(pc.greater_equal(left["time"], ends[0]), pc.less(left["time"], ends[1]))
        left = left.filter(pc.invert(pc.and_(inside, left["logged"])))
    return left.combine_chunks()


def _without_held_out(rows: pa.Table, feature: AiFeatureSpec) -> tuple[pa.Table, int]:
    share = feature.ground_truth.evaluation_share
    kept = pa.array([not is_held_out(id, share) for id in rows["id"].to_pylist()], pa.bool_())
    left = rows.filter(kept).combine_chunks()
    return left, rows.num_rows - left.num_rows


def _manifest(
    rows: pa.Table,
    found: LearningRows,
    spans: Spans,
    as_of: datetime,
    held_out: int,
    retraining: str,
    request: Request,
    made: Mapping[str, str],
) -> TrainingSet:
    digest = digest_of(rows)
    learning, holdout = list(spans.learning.days()), list(spans.holdout.days())
    return TrainingSet(
        id=f"{as_of:%Y-%m-%d}-{digest[:8]}",
        retraining=retraining,
        as_of=as_of.isoformat(),
        label_cutoff=spans.cutoff.isoformat(),
        digest=digest,
        rows=rows.num_rows,
        labelled=rows.num_rows - rows["label"].null_count,
        positives=int(pc.sum(rows["label"]).as_py() or 0),
        logged=int(pc.sum(rows["logged"]).as_py() or 0),
        first_day=learning[0],
        last_day=learning[-1],
        holdout_first=holdout[0],
        holdout_last=holdout[-1],
        excluded_held_out=held_out,
        contradicted=found.contradicted,
        cause=request.cause,
        incident=request.incident,
        requested_by=request.requested_by,
        missing=list(found.missing),
        read=[{"source": one.source, "digest": one.digest} for one in found.read],
        made_with=dict(made),
    )


def _weeks(rows: pa.Table) -> list[Week]:
    """What was learnt from by Monday week: rows, labels, and the share of positives."""
    if not rows.num_rows:
        return []
    monday = pc.floor_temporal(rows["time"], unit="week").cast(pa.date32())
    columns = {"week": monday, "label": rows["label"], "logged": rows["logged"]}
    grouped = (
        pa.table(columns)
        .group_by("week")
        .aggregate(
            [
                ("label", "count", pc.CountOptions(mode="all")),
                ("label", "count"),
                ("label", "sum"),
                ("logged", "sum"),
            ]
        )
    )
    names = ["week", "rows", "labelled", "positives", "logged"]
    found = grouped.rename_columns(names).sort_by("week").to_pylist()
    return [
        Week(
            one["week"].isoformat(),
            one["rows"],
            one["labelled"],
            one["positives"] or 0,
            one["logged"] or 0,
        )
        for one in found
    ]


def _numbers(manifest: TrainingSet) -> Mapping[str, Any]:
    rate = manifest.positives / manifest.labelled if manifest.labelled else None
    return {
        "training_set": manifest.id,
        "retraining": manifest.retraining,
        "cause": manifest.cause,
        "rows": manifest.rows,
        "labelled": manifest.labelled,
        "positive_rate": None if rate is None else round(rate, 4),
        "logged": manifest.logged,
        "from_history": manifest.rows - manifest.logged,
        "first_day": manifest.first_day,
        "last_day": manifest.last_day,
        "holdout": f"{manifest.holdout_first} to {manifest.holdout_last}",
        "excluded_held_out": manifest.excluded_held_out,
        "excluded_bad_data": manifest.excluded_bad_data,
        "bad_days": len(manifest.bad_days),
        "contradicted": manifest.contradicted,
        "digest": manifest.digest,
        "missing": len(manifest.missing),
    }
