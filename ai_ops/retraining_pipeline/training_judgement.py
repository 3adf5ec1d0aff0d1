"""Whether a training set may be learnt from: judged from its rows, not from its manifest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.held_out import is_held_out
from ai_ops.retraining_pipeline.learning_rows import digest_of, schema_of
from ai_ops.retraining_pipeline.records import TrainingSet, latest_training_set, rows_path
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.words import FindingKind, Status

EVALUATION_SET: Final = "labelled_evaluation_set"
_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class KeptOut:
    """Ids that may not be learnt from: of the hold-out's days, and of the evaluation set."""

    holdout: frozenset[str]
    evaluation: frozenset[str]


def judge_training_set_sound(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """What a candidate learns from is enough, whole and fair: rows of both classes, every day of
    the log, no label from after the cutoff, and no row on which the candidate is judged later:
    none of the gate's hold-out, none of the labelled evaluation set."""
    manifest, evidence = latest_training_set(root, feature)
    rows, rows_read = root.lake.read_table(rows_path(root, feature, manifest.id))
    verdict = training_set_sound(rows, manifest, _kept_out(root, feature, manifest), feature)
    return verdict.with_evidence(evidence, rows_read)


def training_set_sound(
    rows: pa.Table, manifest: TrainingSet, kept_out: KeptOut, feature: AiFeatureSpec
) -> Verdict:
    """Judge the rows of a training set; ``kept_out`` are ids that may not be among them."""
    if absent := [name for name in schema_of(feature).names if name not in rows.column_names]:
        raise MissingEvidence(
            f"training set {manifest.id} has no column {absent[0]}; materialise it again"
        )
    labelled = rows.num_rows - rows["label"].null_count
    positives = int(pc.sum(rows["label"]).as_py() or 0)
    share = labelled / rows.num_rows if rows.num_rows else 0.0
    observed: dict[str, Observed] = {
        "training_set": manifest.id,
        "rows": rows.num_rows,
        "labelled": labelled,
        "labelled_share": round(share, 4),
        "positives": positives,
        "logged": int(pc.sum(rows["logged"]).as_py() or 0),
        "excluded_held_out": manifest.excluded_held_out,
        "days_missing": len(manifest.missing),
    }
    unfair = list(_unfair(rows, manifest, kept_out, feature))
    thin = list(_thin(manifest, labelled, positives, share, feature))
    found = [*unfair, *thin]
    reason = "; ".join(finding.reason for finding in found)
    if unfair:
        return Verdict.failing(
            f"training set {manifest.id} may not be learnt from: {reason}",
            *found,
            sample_size=rows.num_rows,
            observed=observed,
        )
    if thin:
        return Verdict.lacking(
            f"training set {manifest.id} is not enough to learn from: {reason}",
            "volume",
            *thin,
            sample_size=rows.num_rows,
            observed=observed,
        )
    return Verdict.passing(
        f"{labelled} labelled rows from {manifest.first_day} to {manifest.last_day}, {share:.1%} "
        f"of all, {positives / labelled:.1%} of them true; none of the hold-out "
        f"({manifest.holdout_first} to {manifest.holdout_last}), none of the evaluation set, no "
        f"label from {manifest.cutoff} on",
        sample_size=labelled,
        observed=observed,
    )


def _unfair(
    rows: pa.Table, manifest: TrainingSet, kept_out: KeptOut, feature: AiFeatureSpec
) -> Iterator[Finding]:
    """What would let a candidate learn what it is judged on, or what nobody knew."""
    ids = rows["id"].to_pylist()
    share = feature.ground_truth.evaluation_share
    held = [id for id in ids if id in kept_out.evaluation or is_held_out(id, share)]
    if held:
        yield _bad("data_quality", f"{_some(held)} of the labelled evaluation set", len(held))
    late = rows.filter(pc.greater_equal(rows["time"], pa.scalar(manifest.holdout.start)))
    judged = sorted({*late["id"].to_pylist(), *(id for id in ids if id in kept_out.holdout)})
    if judged:
        yield _bad("data_quality", f"{_some(judged)} of the gate's hold-out", len(judged))
    if repeated := len(ids) - len(set(ids)):
        yield _bad("data_quality", f"{repeated} rows repeat an id", repeated)
    known = pc.less(rows["known_on"], pa.scalar(manifest.cutoff))
    unknown = pc.and_(pc.is_valid(rows["label"]), pc.invert(pc.fill_null(known, False)))
    if count := int(pc.sum(unknown).as_py() or 0):
        words = f"{count} labels were not known before {manifest.cutoff}"
        yield _bad("labels", words, count)
    if (digest := digest_of(rows)) != manifest.digest:
        words = f"its rows are not those of its manifest ({digest[:8]}, not {manifest.digest[:8]})"
        yield _bad("data_quality", words, rows.num_rows)


def _thin(
    manifest: TrainingSet, labelled: int, positives: int, share: float, feature: AiFeatureSpec
) -> Iterator[Finding]:
    """What is missing."""
    if manifest.missing:
        yield _lacks("completeness", f"{_named(manifest.missing)} was not there to be read")
    if labelled < feature.retraining.minimum_rows:
        words = f"{labelled} labelled rows, at least {feature.retraining.minimum_rows} are needed"
        yield _lacks("volume", words, labelled)
    if labelled and positives in (0, labelled):
        yield _lacks("labels", f"every one of its {labelled} labels is {positives > 0}".lower())
    if share < feature.ground_truth.minimum_coverage:
        needed = feature.ground_truth.minimum_coverage
        words = f"{share:.0%} of its rows are labelled, at least {needed:.0%} are needed"
        yield _lacks("labels", words, share)


def _kept_out(root: Root, feature: AiFeatureSpec, manifest: TrainingSet) -> KeptOut:
    days = manifest.holdout.days()
    paths = [root.lake.path(feature.name, "prediction_log", day) for day in days]
    sets = root.lake.glob(f"{feature.name}/{EVALUATION_SET}/*.parquet")
    return KeptOut(_ids(root, paths), _ids(root, sets))


def _ids(root: Root, paths: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    for path in paths:
        try:
            table, _ = root.lake.read_table(path, ["id"])
        except MissingEvidence:
            continue  # a day without a log has no ids; that it is missing is the gate's finding
        found.update(table["id"].to_pylist())
    return frozenset(found)


def _bad(kind: FindingKind, reason: str, size: float) -> Finding:
    return _finding(kind, "fail", reason, size)


def _lacks(kind: FindingKind, reason: str, size: float | None = None) -> Finding:
    return _finding(kind, "no_evidence", reason, size)


def _finding(kind: FindingKind, status: Status, reason: str, size: float | None) -> Finding:
    return Finding(kind, status, reason, size=None if size is None else float(size))


def _some(ids: Sequence[str]) -> str:
    return f"{len(ids)} rows, as {ids[0]}, are"


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED_AT_MOST])
    more = len(names) - _NAMED_AT_MOST
    return f"{shown} and {more} more" if more > 0 else shown
