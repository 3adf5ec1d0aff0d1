"""The labelled evaluation set: a share of every month's predictions that nobody trains on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from ai_ops.accuracy_evaluation.kinds import kind_of
from ai_ops.accuracy_evaluation.labelled_rows import (
    Days,
    LabelledRows,
    coverage_by_day,
    label_cutoff,
)
from ai_ops.accuracy_evaluation.metrics import Bools, measured
from ai_ops.accuracy_evaluation.mlflow_runs import log_set
from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.range_sums import sums_of
from ai_ops.accuracy_evaluation.reading import read_rows
from ai_ops.accuracy_evaluation.records import Launch
from ai_ops.accuracy_evaluation.set_measures import (
    by_stratum,
    drawn_for_strata,
    label_counts,
)
from ai_ops.accuracy_evaluation.set_records import EvaluationSet, LiveOnSet, SetVersion, needed_for
from ai_ops.accuracy_evaluation.set_strata import (
    LABEL,
    Names,
    StratifiedRows,
    strata_of,
    stratified,
)
from ai_ops.accuracy_evaluation.set_versions import (
    ASSET,
    keep_version,
    read_manifest,
    read_record,
    read_version_rows,
)
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.agreement import NAMED_IN_LOG
from ai_ops.ai_features.held_out import are_held_out
from ai_ops.storage.in_force import live_in
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError, MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Observed
from ai_ops.vocabulary.windows import Window

SHOWN = 60


def compute_labelled_evaluation_set(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """The month's predictions that are held out of every training, with what was answered and the
    labels that came: known correct answers that no version has learnt from. Their ids decide which
    they are, so no list of them has to be kept. Labels that come later, or change, make another
    version of the set; every version is kept."""
    models = JudgedModels(root, feature)
    return {moment.partition: _compute(root, feature, models, moment) for moment in moments}


def read_set(
    root: Root, feature: AiFeatureSpec, month: str, as_of: datetime | None = None
) -> tuple[EvaluationSet, Evidence]:
    """What the latest version of a month's set holds that a moment knew of (None: of all), and its
    evidence; ``MissingEvidence`` when there is none."""
    return read_record(root, latest_version(root, feature, month, as_of))


def read_set_rows(
    root: Root, feature: AiFeatureSpec, month: str, as_of: datetime | None = None
) -> tuple[pa.Table, Evidence]:
    """The rows of the same version: ``id``, ``time``, ``day``, ``tenant``, ``call_site``,
    ``model_version``, the judged outputs, ``label``, ``known_on`` and ``drawn_for``."""
    return read_version_rows(root, latest_version(root, feature, month, as_of))


def latest_version(
    root: Root, feature: AiFeatureSpec, month: str, as_of: datetime | None = None
) -> SetVersion:
    """The latest version of a month's set that a moment knew of."""
    manifest = read_manifest(root, feature.name, month)
    moment = as_of or max(one.as_of for one in manifest.versions)
    found = manifest.known(moment)
    if found is None:
        first = min(one.as_of for one in manifest.versions)
        raise MissingEvidence(
            f"the set of {month} was made as of {first:%Y-%m-%d %H:%M}, which "
            f"{moment:%Y-%m-%d %H:%M} did not know; materialise it as of then"
        )
    return found


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
    strata = stratified(root, feature, rows)
    drawn_for = drawn_for_strata(root, feature, rows, held_out & rows.picked(cutoff))
    whole = labelled | (drawn_for != "")
    table = _table(feature, rows, strata, whole, drawn_for)
    found = EvaluationSet(
        feature=feature.name,
        month=moment.partition,
        as_of=moment.as_of,
        label_cutoff=cutoff,
        share=truth.evaluation_share,
        rows=table.num_rows,
        days=sum(1 for count in rows.count(whole).values() if count),
        positives=_positives(rows, whole),
        unlabelled=int((held_out & ~whole).sum()),
        contradicted=int((held_out & rows.contradicted(cutoff)).sum()),
        digest=rows.digest(whole),
        strata={LABEL: label_counts(rows, labelled), **strata.count(labelled, drawn_for)},
        population=strata.count(np.ones(len(rows.ids), bool)),
        by_stratum=by_stratum(feature, rows, strata, labelled, drawn_for),
        of_strata=int((drawn_for != "").sum()),
        needed=needed_for(on_set, truth.precision, int(labelled.sum())),
        live=on_set,
        read=list(rows.read),
        missing=[name for name in rows.missing if name[-10:] < cutoff.date().isoformat()],
    )
    kept, new = keep_version(root, found, table)
    path = root.lake.path
    files = {
        "versions": path(feature.name, ASSET, moment.partition, "json"),
        "rows_file": f"{root.lake.url}/{kept.rows_file}",
    }
    numbers = _numbers(replace(found, version=kept.version, content=kept.content))
    numbers |= {"changed": kept.change.words}
    if new and feature.trained_here:
        numbers |= {"mlflow_run": log_set(root.registry, replace(found, version=kept.version))}
    return Summary(numbers, files=files, table=_shown(found))


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


def _table(
    feature: AiFeatureSpec,
    rows: LabelledRows,
    strata: StratifiedRows,
    chosen: Bools,
    drawn_for: Names,
) -> pa.Table:
    """The rows of the set; one row an id, where a prediction stands in the log twice."""
    answers = rows.answers.take(chosen)
    versions = pa.array(rows.versions, pa.string())
    who = {name: strata.told(name, chosen) for name in NAMED_IN_LOG}
    return pa.table(
        {
            "id": pa.array(rows.ids[chosen].tolist(), pa.string()),
            "time": pa.array(rows.time[chosen], pa.timestamp("us", "UTC")),
            "day": pa.array(rows.day[chosen].tolist(), pa.string()),
            **who,
            "model_version": versions.take(pa.array(rows.version[chosen])),
            **answers.columns(feature.judged),
            "label": pa.array(answers.labels),
            "known_on": pa.array(_known_on(rows)[chosen]),
            "drawn_for": pa.array(drawn_for[chosen].tolist(), pa.string()),
        }
    )


def _known_on(rows: LabelledRows) -> Days:
    return rows.known_on if rows.picked_on is None else rows.picked_on


def _numbers(found: EvaluationSet) -> dict[str, Observed]:
    return {
        "rows": found.rows,
        "days": found.days,
        "positives": found.positives,
        "unlabelled": found.unlabelled,
        "contradicted": found.contradicted,
        "share": found.share,
        "version": found.version,
        "digest": found.digest,
        "labels_needed": found.needed.words if found.needed else "–",
    }


def _shown(found: EvaluationSet) -> tuple[Mapping[str, Observed], ...]:
    """The strata, the largest first of each column: their share in the set and in the month."""
    strata = strata_of(found.strata, found.population)
    return tuple(
        {
            "stratum": one.column,
            "value": one.value,
            "rows": one.labelled,
            "share_in_set": round(one.share, 4),
            "share_of_predictions": _rounded(one.population_share),
            "thin": one.thin,
            "headline": found.by_stratum.get(one.column, {}).get(one.value),
        }
        for one in strata[:SHOWN]
    )


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
