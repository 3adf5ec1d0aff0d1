"""A candidate beside the version in production: both scored on the gate's hold-out."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from ai_ops.accuracy_evaluation.binary_sums import BinaryAnswers
from ai_ops.accuracy_evaluation.candidate_budget import measure_budget
from ai_ops.accuracy_evaluation.candidate_comparing import Comparison, compare_versions
from ai_ops.accuracy_evaluation.candidate_judging import (
    EVALUATION,
    Candidate,
    newest_candidate,
    verdicts_on,
)
from ai_ops.accuracy_evaluation.candidate_learnt import (
    TRAINING_SET,
    TrainingManifest,
    inputs_that_tell,
    learnt_from,
)
from ai_ops.accuracy_evaluation.candidate_picture import draw_candidate
from ai_ops.accuracy_evaluation.candidate_records import CandidateEvaluation
from ai_ops.accuracy_evaluation.candidate_table import log_candidate, numbers_shown, table_of
from ai_ops.accuracy_evaluation.decision_sums import DecisionAnswers
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows, coverage_by_day, label_cutoff
from ai_ops.accuracy_evaluation.metrics import Bools
from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.reading import read_rows
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.held_out import are_held_out
from ai_ops.storage.fingerprints import record_first_sight
from ai_ops.storage.in_force import gate_in_force, live_version
from ai_ops.storage.retrainings import record_stage
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.moments import Summary
from ai_ops.vocabulary.verdicts import Evidence


def compute_candidate_evaluation(
    root: Root, feature: AiFeatureSpec, as_of: datetime, *, run_id: str | None = None
) -> Summary:
    """The newest candidate beside the version in production, both scored again on the same
    labelled rows of the gate's hold-out: days after its training rows, of which it saw none. What
    the frozen criteria say of it; what becomes of it is a person's decision."""
    candidate = newest_candidate(root, feature)
    # What is judged now is what may be promoted: a version that is edited after it is another one.
    record_first_sight(root, feature)
    path = root.lake.path(feature.name, TRAINING_SET, candidate.training_set, "json")
    data, manifest_read = root.lake.read_json(path)
    evaluation = _evaluate(
        root, feature, candidate, msgspec.convert(data, TrainingManifest), as_of, manifest_read
    )
    evaluation = replace(evaluation, mlflow_run=log_candidate(root, evaluation))
    for partition in (evaluation.version, None):  # the latest last: who reads it finds all
        path = root.lake.path(feature.name, EVALUATION, partition, "json")
        root.lake.write_json(path, msgspec.to_builtins(evaluation))
    verdicts = verdicts_on(root, feature, evaluation, as_of)
    refusing = [verdict.reason for verdict in verdicts.values() if not verdict.passed]
    if candidate.retraining:
        record_stage(
            root,
            feature,
            candidate.retraining,
            "evaluated",
            run_id=run_id,
            version=evaluation.version,
            accepted=not refusing,
            reason="; ".join(dict.fromkeys(refusing)) or verdicts["gate_improvement"].reason,
        )
    return Summary(
        numbers_shown(evaluation, verdicts),
        draw_candidate(evaluation, gate_in_force(root, feature, as_of).gate.candidate),
        files={"evaluation": root.lake.path(feature.name, EVALUATION, evaluation.version, "json")},
        table=table_of(evaluation),
    )


def _evaluate(
    root: Root,
    feature: AiFeatureSpec,
    candidate: Candidate,
    manifest: TrainingManifest,
    as_of: datetime,
    manifest_read: Evidence,
) -> CandidateEvaluation:
    cutoff, truth = label_cutoff(as_of), feature.ground_truth
    rows = read_rows(root.lake, feature, manifest.holdout, cutoff)
    coverage = coverage_by_day(rows, manifest.holdout, cutoff, truth)
    held_out = np.array(are_held_out(rows.ids.tolist(), truth.evaluation_share), bool)
    judged = (
        rows.mature(cutoff, truth.mature_after_hours)
        & rows.labelled(cutoff)
        & ~held_out
        & rows.on({day.day for day in coverage if day.judged})
    )
    live = live_version(root, feature.name, as_of, as_of)
    champion = live.version if live else None
    launched = standing_of(root.ledger, feature.name, as_of).launched
    first = launched.version if launched else None
    learnt = learnt_from(root, feature, candidate, manifest, frozenset(rows.ids.tolist()))
    # What cannot be judged is not measured any further.
    fully = not (learnt.seen or learnt.problem or candidate.version == champion)
    models = JudgedModels(root, feature)
    found = compare_versions(
        root, feature, models, rows, judged, candidate.version, champion, first, fully=fully
    )
    measured = _measured(root, feature, candidate, champion, models, rows, judged) if fully else {}
    return CandidateEvaluation(
        feature=feature.name,
        version=candidate.version,
        champion=champion,
        retraining=candidate.retraining,
        as_of=as_of,
        label_cutoff=cutoff,
        first_day=manifest.holdout_first,
        last_day=manifest.holdout_last,
        coverage=coverage,
        learnt=learnt,
        rows=int(judged.sum()),
        days=sum(1 for count in rows.count(judged).values() if count),
        positives=_positives(rows, judged),
        left_out=int(held_out.sum()),
        outcomes=len(np.unique(rows.answers.labels[judged].astype(str))),
        dataset_digest=rows.digest(judged),
        read=[manifest_read, *rows.read],
        missing=[name for name in rows.missing if name[-10:] < cutoff.date().isoformat()],
        first=first,
        **_as_found(found),
        **measured,
    )


def _as_found(found: Comparison) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__dataclass_fields__}


def _measured(
    root: Root,
    feature: AiFeatureSpec,
    candidate: Candidate,
    champion: str | None,
    models: JudgedModels,
    rows: LabelledRows,
    judged: Bools,
) -> dict[str, Any]:
    """What the inputs tell by themselves, and what an answer takes."""
    told, no_told = inputs_that_tell(root, feature, candidate.training_set, rows, judged)
    versions = (candidate.version, champion)
    budget, no_budget = measure_budget(root, feature, models, rows, judged, versions)
    return {"told": told, "no_told": no_told, "budget": budget, "no_budget": no_budget}


def _positives(rows: LabelledRows, judged: Bools) -> int:
    answers = rows.answers
    binary = isinstance(answers, BinaryAnswers | DecisionAnswers)
    return int(answers.labels[judged].sum()) if binary else 0
