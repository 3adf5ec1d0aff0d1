"""What the gate says of the newest candidate, by the criteria that the ledger froze."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from ai_ops.accuracy_evaluation.candidate_records import CandidateEvaluation
from ai_ops.accuracy_evaluation.gate import Criteria, judge_candidate, without_criteria
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.in_force import gate_in_force, live_version
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Verdict

CANDIDATE: Final = "candidate_model"
EVALUATION: Final = "candidate_evaluation"


@dataclass(frozen=True)
class Candidate:
    """What the lake says of a candidate: its version, what it learnt from, for which retraining."""

    version: str
    training_set: str
    retraining: str = ""


def judge_gate_evidence(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """The newest candidate and the version in production were compared on the same rows: enough
    of them, of enough days and both classes, labelled, recent, and none that the candidate learnt
    from."""
    return _judged(root, feature, as_of, "gate_evidence")


def judge_gate_discrimination(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """The candidate tells the classes apart (AUC) surely no worse than the version in production,
    within the margin that was frozen."""
    return _judged(root, feature, as_of, "gate_discrimination")


def judge_gate_calibration(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """The candidate's probabilities are surely no worse than those of the version in production
    (ECE and Brier score), within the margins that were frozen, however good its AUC is."""
    return _judged(root, feature, as_of, "gate_calibration")


def judge_gate_improvement(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """The candidate is surely better than the version in production in one of the gate's metrics,
    by more than another seed would make: whoever is no better does not replace it."""
    return _judged(root, feature, as_of, "gate_improvement")


def judge_gate_sanity(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """The candidate is not the version in production under another number (its files, its
    answers), learnt from other rows, and no input tells the label by itself: neither in what it
    learnt from nor where it is judged, nor is it too good there to be true."""
    return _judged(root, feature, as_of, "gate_sanity")


def judge_gate_slices(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """In no slice of the rows (a carrier, a tenant, a class) the candidate is surely worse than the
    version in production by more than its margin there, corrected for how many slices there are."""
    return _judged(root, feature, as_of, "gate_slices")


def judge_gate_baseline(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """The candidate is surely no worse than the version that was launched first, within the gate's
    margins: a chain of promotions cannot give accuracy up a little each time."""
    return _judged(root, feature, as_of, "gate_baseline")


def judge_gate_budget(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """An answer of the candidate takes no longer than the frozen criteria allow beside the version
    in production, asked in turn, one row and many; and its model is not too large."""
    return _judged(root, feature, as_of, "gate_budget")


def newest_candidate(root: Root, feature: AiFeatureSpec) -> Candidate:
    """The candidate that was trained last; ``MissingEvidence`` when there is none."""
    data, _ = root.lake.read_json(root.lake.path(feature.name, CANDIDATE, None, "json"))
    return msgspec.convert(data, Candidate)


def verdicts_on(
    root: Root, feature: AiFeatureSpec, evaluation: CandidateEvaluation, as_of: datetime
) -> dict[str, Verdict]:
    """The gate's verdicts by the criteria that the ledger froze: the YAML's alone are none."""
    held = gate_in_force(root, feature, as_of)
    if not held.frozen:
        return without_criteria(evaluation, "no criteria are frozen in the ledger: freeze them")
    if held.gate.digest != held.hash:
        words = (
            f"the criteria that were frozen do not read as {held.hash[:12]} any more: amend them"
        )
        return without_criteria(evaluation, words)
    live = live_version(root, feature.name, as_of, as_of)
    criteria = Criteria(held.gate.candidate, held.hash)
    return judge_candidate(evaluation, criteria, live.version if live else None, as_of)


def _judged(root: Root, feature: AiFeatureSpec, as_of: datetime, check: str) -> Verdict:
    data, evidence = root.lake.read_json(root.lake.path(feature.name, EVALUATION, None, "json"))
    evaluation = msgspec.convert(data, CandidateEvaluation)
    newest = newest_candidate(root, feature)
    if newest.version != evaluation.version:
        raise MissingEvidence(
            f"version {newest.version} is the newest candidate, version {evaluation.version} was "
            f"evaluated last: materialise {EVALUATION}"
        )
    if evaluation.as_of > as_of:
        raise MissingEvidence(
            f"version {evaluation.version} was evaluated as of {evaluation.as_of:%Y-%m-%d %H:%M}, "
            f"which {as_of:%Y-%m-%d %H:%M} did not know; evaluate it as of then"
        )
    return verdicts_on(root, feature, evaluation, as_of)[check].with_evidence(evidence)
