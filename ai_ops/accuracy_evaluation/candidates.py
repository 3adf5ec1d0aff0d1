"""A candidate beside the version in production: both scored on the gate's hold-out."""

from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np

from ai_ops.accuracy_evaluation.binary_sums import METRICS, BinaryAnswers
from ai_ops.accuracy_evaluation.candidate_judging import (
    EVALUATION,
    Candidate,
    newest_candidate,
    verdicts_on,
)
from ai_ops.accuracy_evaluation.candidate_picture import draw_candidate
from ai_ops.accuracy_evaluation.candidate_records import CandidateEvaluation, Compared, Learnt
from ai_ops.accuracy_evaluation.gate_metrics import compare, numbers_of
from ai_ops.accuracy_evaluation.kinds import kind_of
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows, coverage_by_day, label_cutoff
from ai_ops.accuracy_evaluation.metrics import Bools
from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.range_sums import sums_of
from ai_ops.accuracy_evaluation.reading import read_rows
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.held_out import are_held_out
from ai_ops.storage.in_force import gate_in_force, live_version
from ai_ops.storage.retrainings import record_stage
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError
from ai_ops.vocabulary.moments import Summary
from ai_ops.vocabulary.verdicts import Evidence, Observed, Verdict
from ai_ops.vocabulary.windows import Window

TRAINING_SET, SOUND = "training_set", "training_set_sound"
EXAMPLES = 3


@dataclass(frozen=True)
class _TrainingSet:
    digest: str
    holdout_first: str
    holdout_last: str

    @property
    def holdout(self) -> Window:
        return Window(Window.of_day(self.holdout_first).start, Window.of_day(self.holdout_last).end)


def compute_candidate_evaluation(
    root: Root, feature: AiFeatureSpec, as_of: datetime, *, run_id: str | None = None
) -> Summary:
    """The newest candidate beside the version in production, both scored again on the same
    labelled rows of the gate's hold-out: days after its training rows, of which it saw none. What
    the frozen criteria say of it; what becomes of it is a person's decision."""
    candidate = newest_candidate(root, feature)
    path = root.lake.path(feature.name, TRAINING_SET, candidate.training_set, "json")
    data, manifest_read = root.lake.read_json(path)
    evaluation = _evaluate(
        root, feature, candidate, msgspec.convert(data, _TrainingSet), as_of, manifest_read
    )
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
        _numbers(evaluation, verdicts),
        draw_candidate(evaluation, gate_in_force(root, feature, as_of).gate.candidate),
        files={"evaluation": root.lake.path(feature.name, EVALUATION, evaluation.version, "json")},
        table=_table(evaluation),
    )


def _evaluate(
    root: Root,
    feature: AiFeatureSpec,
    candidate: Candidate,
    manifest: _TrainingSet,
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
    compared = _compare(root, feature, rows, judged, candidate.version, champion)
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
        learnt=_learnt(root, feature, candidate, manifest, frozenset(rows.ids.tolist())),
        rows=int(judged.sum()),
        days=sum(1 for count in rows.count(judged).values() if count),
        positives=_positives(rows, judged),
        left_out=int(held_out.sum()),
        compared=compared if isinstance(compared, Compared) else None,
        no_comparison=compared if isinstance(compared, str) else "",
        dataset_digest=rows.digest(judged),
        read=[manifest_read, *rows.read],
        missing=[name for name in rows.missing if name[-10:] < cutoff.date().isoformat()],
    )


def _compare(
    root: Root,
    feature: AiFeatureSpec,
    rows: LabelledRows,
    judged: Bools,
    version: str,
    champion: str | None,
) -> Compared | str:
    """Both versions on the rows, or why they cannot be compared."""
    if champion is None:
        return "no version is in production"
    if not judged.any():
        return "the hold-out has no labelled row"
    models, kind = JudgedModels(root, feature), kind_of(feature)
    sums = {}
    for number in (version, champion):
        try:
            asked = models.asked(number, rows, judged)
        except AiOpsError as error:
            return f"version {number} cannot answer the rows of the hold-out: {error}"
        sums[number] = sums_of(asked, judged, kind)
    return compare(sums[version], sums[champion])


def _positives(rows: LabelledRows, judged: Bools) -> int:
    answers = rows.answers
    return int(answers.labels[judged].sum()) if isinstance(answers, BinaryAnswers) else 0


def _learnt(
    root: Root,
    feature: AiFeatureSpec,
    candidate: Candidate,
    manifest: _TrainingSet,
    holdout: frozenset[str],
) -> Learnt:
    """The candidate's training rows and its reference, looked through for the hold-out's ids."""
    name = candidate.training_set
    try:
        path = root.lake.path(feature.name, TRAINING_SET, name)
        learnt = set(root.lake.read_table(path, ["id"])[0]["id"].to_pylist())
        reference, _ = root.registry.reference(feature.name, candidate.version)
        registered = root.registry.version(feature.name, candidate.version)
    except AiOpsError as error:
        return Learnt(name, problem=f"what it learnt from cannot be read: {error}")
    problem = ""
    if "id" not in reference.column_names:
        problem = f"the reference of version {candidate.version} has no column id"
    else:
        learnt.update(reference["id"].to_pylist())
    if registered.dataset_digest != manifest.digest:
        problem = (
            f"version {candidate.version} is not registered as learnt from training set {name}"
        )
    if unsound := _unsound(root, feature, name):
        problem = unsound
    seen = sorted(learnt & holdout)
    return Learnt(name, len(learnt), len(seen), seen[:EXAMPLES], problem)


def _unsound(root: Root, feature: AiFeatureSpec, name: str) -> str | None:
    """Why a training set may not be learnt from: its check stops a retraining, but nobody who
    materialises the candidate alone."""
    judged = [
        recorded.verdict
        for recorded in root.ledger.history(feature.name, SOUND)
        if recorded.verdict.observed.get("training_set") == name
    ]
    if not judged:
        return f"{SOUND} never judged training set {name}: materialise {TRAINING_SET}"
    return None if judged[-1].status == "pass" else f"{SOUND}: {judged[-1].reason}"


def _numbers(evaluation: CandidateEvaluation, verdicts: dict[str, Verdict]) -> dict[str, Observed]:
    numbers: dict[str, Observed] = {
        "version": evaluation.version,
        "champion": evaluation.champion or "none",
        "training_set": evaluation.learnt.training_set,
        "rows": evaluation.rows,
        "days": evaluation.days,
        "first_day": evaluation.first_day,
        "last_day": evaluation.last_day,
        "left_out": evaluation.left_out,
        "dataset_digest": evaluation.dataset_digest,
    }
    numbers |= {check: verdict.status for check, verdict in verdicts.items()}
    return numbers | (numbers_of(evaluation.compared) if evaluation.compared else {})


def _table(evaluation: CandidateEvaluation) -> tuple[dict[str, Observed], ...]:
    """Every metric of both versions on the same rows, and the difference with its interval."""
    compared = evaluation.compared
    if compared is None:
        return ()
    rows = []
    for name in METRICS:
        values = {
            f"version {evaluation.version}": compared.candidate.metrics.get(name),
            f"version {evaluation.champion}, in production": compared.champion.metrics.get(name),
            "difference": compared.difference.get(name),
        }
        row: dict[str, Observed] = {"metric": name}
        for column, estimate in values.items():
            row[column] = None if estimate is None else round(estimate.value, 4)
        apart = compared.difference.get(name)
        for column in ("low", "high"):
            bound = None if apart is None else getattr(apart, column)
            row[column] = None if bound is None else round(bound, 4)
        rows.append(row)
    return tuple(rows)
