"""Is the labelled evaluation set held out, and how good is the version in production on it?"""

from pathlib import PurePosixPath

from ai_ops.accuracy_evaluation.evaluation_set import read_set, read_set_rows
from ai_ops.accuracy_evaluation.held_out_judgement import EvaluationSet, judge_live, judge_set
from ai_ops.accuracy_evaluation.labelled_rows import digest_of
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.in_force import gate_in_force, live_in
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Evidence, Verdict

TRAINING_SET = "training_set"


def judge_held_out(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """No row of the month's labelled evaluation set was ever learnt from: its ids are held against
    the rows of every training set and every registered version. Where somebody else trains, the
    set is whole and unchanged, and the verdict says that what they learnt from is unknown."""
    found, evidence = _known_set(root, feature, moment)
    rows, rows_read = read_set_rows(root, feature, found.month)
    ids, labels = rows["id"].to_pylist(), rows["label"].to_pylist()
    learnt = _learnt(root, feature) if feature.trained_here else None
    verdict = judge_set(found, ids, digest_of(ids, labels), learnt, moment.window)
    return verdict.with_evidence(evidence, rows_read)


def judge_held_out_accuracy(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The version in production is as good on the month's held-out predictions as it was at its
    launch, by the gate's margins. Known correct answers show what the inputs' drift does not."""
    found, evidence = _known_set(root, feature, moment)
    gate = gate_in_force(root, feature, moment.as_of).gate
    version = found.live.version if found.live else None
    if feature.trained_here:
        live = live_in(root, feature.name, moment)
        version = live.version if live else None
    verdict = judge_live(found, gate, feature.ground_truth, version, moment.window)
    return verdict.with_evidence(evidence)


def _known_set(
    root: Root, feature: AiFeatureSpec, moment: Moment
) -> tuple[EvaluationSet, Evidence]:
    found, evidence = read_set(root, feature, moment.partition)
    if found.as_of > moment.as_of:
        raise MissingEvidence(
            f"the set of {found.month} was made as of {found.as_of:%Y-%m-%d %H:%M}, which "
            f"{moment.as_of:%Y-%m-%d %H:%M} did not know; materialise it as of then"
        )
    return found, evidence


def _learnt(root: Root, feature: AiFeatureSpec) -> dict[str, frozenset[str]]:
    """The ids that every registered version and every training set learnt from.

    Raises ``MissingEvidence`` for a version that does not say so: it may have learnt from all.
    """
    learnt = {}
    for version in root.registry.versions(feature.name):
        reference, _ = root.registry.reference(feature.name, version.version)
        if "id" not in reference.column_names:
            raise MissingEvidence(
                f"the reference of version {version.version} has no column id: nobody can tell "
                "what it learnt from"
            )
        learnt[f"version {version.version}"] = frozenset(reference["id"].to_pylist())
    for path in root.lake.glob(f"{feature.name}/{TRAINING_SET}/*.parquet"):
        rows, _ = root.lake.read_table(path, ["id"])
        learnt[f"training set {PurePosixPath(path).stem}"] = frozenset(rows["id"].to_pylist())
    return learnt
