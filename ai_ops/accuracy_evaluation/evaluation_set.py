"""The labelled evaluation set: a share of every month's predictions that nobody trains on."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.held_out_judgement import (
    EvaluationSet,
    LiveOnSet,
)
from ai_ops.accuracy_evaluation.kinds import kind_of
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows, coverage_by_day, label_cutoff
from ai_ops.accuracy_evaluation.metrics import Bools, measured
from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.range_sums import sums_of
from ai_ops.accuracy_evaluation.reading import read_rows
from ai_ops.accuracy_evaluation.records import Launch
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.held_out import are_held_out
from ai_ops.storage.in_force import live_in
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Observed
from ai_ops.vocabulary.windows import Window

ASSET = "labelled_evaluation_set"
STRATA = ("label", "tenant", "call_site")
SHOWN = 30


def compute_labelled_evaluation_set(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """The month's predictions that are held out of every training, with what was answered and the
    labels that came: known correct answers that no version has learnt from. Their ids decide which
    they are, so no list of them has to be kept."""
    models = JudgedModels(root, feature)
    return {moment.partition: _compute(root, feature, models, moment) for moment in moments}


def read_set(root: Root, feature: AiFeatureSpec, month: str) -> tuple[EvaluationSet, Evidence]:
    """What a month's set holds, and its evidence; ``MissingEvidence`` when there is none."""
    data, evidence = root.lake.read_json(root.lake.path(feature.name, ASSET, month, "json"))
    return msgspec.convert(data, EvaluationSet), evidence


def read_set_rows(root: Root, feature: AiFeatureSpec, month: str) -> tuple[pa.Table, Evidence]:
    """The rows of a month's set: ``id``, ``time``, ``day``, ``tenant``, ``call_site``,
    ``model_version``, the judged outputs, ``label`` and ``known_on``."""
    return root.lake.read_table(root.lake.path(feature.name, ASSET, month))


def _compute(root: Root, feature: AiFeatureSpec, models: JudgedModels, moment: Moment) -> Summary:
    cutoff, truth = label_cutoff(moment.as_of), feature.ground_truth
    rows = read_rows(root.lake, feature, moment.window, cutoff)
    held_out = _held_out(rows, truth.evaluation_share)
    labelled = held_out & rows.mature(cutoff, truth.mature_after_hours) & rows.labelled(cutoff)
    coverage = coverage_by_day(rows, moment.window, cutoff, truth)
    judged = labelled & rows.on({day.day for day in coverage if day.judged})
    version = _live_version(root, feature, moment, rows)
    on_set = None
    if version is not None:
        on_set = _measure(feature, models, rows, judged, moment.window, version)
    table = _table(root, feature, rows, labelled)
    found = EvaluationSet(
        feature=feature.name,
        month=moment.partition,
        as_of=moment.as_of,
        label_cutoff=cutoff,
        share=truth.evaluation_share,
        rows=table.num_rows,
        days=sum(1 for count in rows.count(labelled).values() if count),
        positives=_positives(rows, labelled),
        unlabelled=int((held_out & ~labelled).sum()),
        contradicted=int((held_out & rows.contradicted(cutoff)).sum()),
        digest=rows.digest(labelled),
        strata={name: _counts(table, name) for name in STRATA},
        live=on_set,
        read=list(rows.read),
        missing=[name for name in rows.missing if name[-10:] < cutoff.date().isoformat()],
    )
    rows_path = root.lake.path(feature.name, ASSET, moment.partition)
    path = root.lake.path(feature.name, ASSET, moment.partition, "json")
    root.lake.write_table(rows_path, table)
    root.lake.write_json(path, msgspec.to_builtins(found))
    files = {"set": path, "rows_file": rows_path}
    return Summary(_numbers(found), files=files, table=_shown(found))


def _live_version(
    root: Root, feature: AiFeatureSpec, moment: Moment, rows: LabelledRows
) -> str | None:
    """Who was in production at the month's end; of a model of others what the log names most."""
    if not feature.trained_here:
        named = rows.count_versions(np.ones(len(rows.ids), bool))
        return max(named, key=lambda version: (named[version], version)) if named else None
    live = live_in(root, feature.name, moment)
    return live.version if live else None


def _held_out(rows: LabelledRows, share: float) -> Bools:
    """The rows of the set: one of each id, where a prediction stands in the log twice."""
    held_out = np.flatnonzero(are_held_out(rows.ids.tolist(), share))
    # All rows of an id are held out or none, so that its first one is among them.
    _, first = np.unique(rows.ids[held_out].astype(str), return_index=True)
    chosen = np.zeros(len(rows.ids), bool)
    chosen[held_out[first]] = True
    return chosen


def _measure(
    feature: AiFeatureSpec,
    models: JudgedModels,
    rows: LabelledRows,
    judged: Bools,
    window: Window,
    version: str,
) -> LiveOnSet:
    """The version in production on the set: what it answered, and scored again what another did,
    for it has learnt from none of them."""
    own = judged & rows.by(version) & rows.usable
    others, not_asked = judged & ~own, ""
    answered = rows
    try:
        answered = models.asked(version, rows, others) if others.any() else rows
    except AiOpsError as error:
        judged = own
        not_asked = f"it cannot be asked about the rows that others answered: {error}"
    sums = sums_of(answered, judged, kind_of(feature))
    days = list(window.days())
    launch = models.launch(version)
    return LiveOnSet(
        version=version,
        answered=int(own.sum()),
        measured=measured(sums, days[0], days[-1]),
        launch=launch.measured if isinstance(launch, Launch) else None,
        no_launch="" if isinstance(launch, Launch) else launch,
        not_asked=not_asked,
    )


def _positives(rows: LabelledRows, where: Bools) -> int:
    labels = rows.answers.labels
    return int(labels[where].sum()) if labels.dtype == bool else 0


def _table(root: Root, feature: AiFeatureSpec, rows: LabelledRows, chosen: Bools) -> pa.Table:
    ids = pa.array(rows.ids[chosen].tolist(), pa.string())
    who = _who(root, feature, sorted(set(rows.day[chosen].tolist())))
    # One row an id: a prediction that was asked for twice stands in the log twice.
    place = pc.index_in(ids, who["id"])
    answers = rows.answers.take(chosen)
    versions = pa.array(rows.versions, pa.string())
    return pa.table(
        {
            "id": ids,
            "time": pa.array(rows.time[chosen], pa.timestamp("us", "UTC")),
            "day": pa.array(rows.day[chosen].tolist(), pa.string()),
            "tenant": who["tenant"].take(place),
            "call_site": who["call_site"].take(place),
            "model_version": versions.take(pa.array(rows.version[chosen])),
            **answers.columns(feature.judged),
            "label": pa.array(answers.labels),
            "known_on": pa.array(rows.known_on[chosen]),
        }
    )


def _who(root: Root, feature: AiFeatureSpec, days: Sequence[str]) -> pa.Table:
    """Tenant and call site of the logged predictions; null where the log does not say."""
    schema = pa.schema([(name, pa.string()) for name in ("id", "tenant", "call_site")])
    tables = [schema.empty_table()]
    for day in days:
        path = root.lake.path(feature.name, "prediction_log", day)
        try:
            table, _ = root.lake.read_table(path, schema.names)
        except pa.ArrowInvalid:
            table, _ = root.lake.read_table(path)
        absent = pa.nulls(table.num_rows, pa.string())
        columns = [
            table[name].cast(pa.string()) if name in table.column_names else absent
            for name in schema.names
        ]
        tables.append(pa.table(columns, schema=schema))
    return pa.concat_tables(tables)


def _counts(table: pa.Table, name: str) -> dict[str, int]:
    counted = table[name].value_counts().to_pylist()
    found = {_word(one["values"]): one["counts"] for one in counted}
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value or "–")


def _numbers(found: EvaluationSet) -> Mapping[str, Observed]:
    return {
        "rows": found.rows,
        "days": found.days,
        "positives": found.positives,
        "unlabelled": found.unlabelled,
        "contradicted": found.contradicted,
        "share": found.share,
        "digest": found.digest,
    }


def _shown(found: EvaluationSet) -> tuple[Mapping[str, Observed], ...]:
    rows: list[Mapping[str, Observed]] = [
        {"stratum": name, "value": value, "rows": count}
        for name, counts in found.strata.items()
        for value, count in counts.items()
    ]
    return tuple(rows[:SHOWN])
