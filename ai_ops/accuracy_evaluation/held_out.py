"""Is the labelled evaluation set held out, and how good is the version in production on it?"""

from collections.abc import Sequence
from pathlib import PurePosixPath

from ai_ops.accuracy_evaluation.evaluation_set import read_set, read_set_rows
from ai_ops.accuracy_evaluation.held_out_judgement import judge_enough, judge_live, judge_set
from ai_ops.accuracy_evaluation.labelled_rows import digest_of
from ai_ops.accuracy_evaluation.set_records import DIGITS, EvaluationSet
from ai_ops.accuracy_evaluation.set_versions import content_of
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.in_force import gate_in_force, live_in
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict

TRAINING_SET = "training_set"


def judge_held_out(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """No row of the month's labelled evaluation set was ever learnt from: its ids are held against
    the rows of every training set and every registered version. Where somebody else trains, nobody
    here can tell what they learnt from: the set is whole and unchanged, and the rest is waived by
    the declaration."""
    found, evidence = read_set(root, feature, moment.partition, moment.as_of)
    rows, rows_read = read_set_rows(root, feature, moment.partition, moment.as_of)
    ids, labels = rows["id"].to_pylist(), rows["label"].to_pylist()
    owner = feature.owner_of("retraining_pipeline").accountable
    verdict = judge_set(
        found,
        ids,
        digest_of(ids, labels),
        _learnt(root, feature, found, ids) if feature.trained_here else None,
        moment.window,
        content=content_of(rows),
        trained_by=f"served_by: {feature.served_by}; ask {owner}, who is accountable for it here",
    )
    return verdict.with_evidence(evidence, rows_read)


def judge_evaluation_set_sufficient(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The month's labelled evaluation set has the labels that the asked precision needs
    (`ground_truth.precision`; without one, what a usual precision needs is told), and a label of
    every stratum that is no rarity."""
    found, evidence = read_set(root, feature, moment.partition, moment.as_of)
    return judge_enough(found, feature.ground_truth, moment.window).with_evidence(evidence)


def judge_held_out_accuracy(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The version in production is as good on the month's held-out predictions as it was at its
    launch, by the gate's margins. Known correct answers show what the inputs' drift does not."""
    found, evidence = read_set(root, feature, moment.partition, moment.as_of)
    gate = gate_in_force(root, feature, moment.as_of).gate
    version = found.live.version if found.live else None
    if feature.trained_here:
        live = live_in(root, feature.name, moment)
        version = live.version if live else None
    verdict = judge_live(
        found,
        gate,
        feature.ground_truth,
        version,
        moment.window,
        trained_here=feature.trained_here,
    )
    return verdict.with_evidence(evidence)


def _learnt(
    root: Root, feature: AiFeatureSpec, found: EvaluationSet, ids: Sequence[str]
) -> dict[str, frozenset[str]]:
    """The ids that every registered version and every training set learnt from: all of the set's,
    of a version whose data has the set's own digest.

    Raises ``MissingEvidence`` for a version that does not say so: it may have learnt from all.
    """
    learnt = {}
    for version in root.registry.versions(feature.name):
        told = version.dataset_digest
        if len(told) >= DIGITS and any(
            one.startswith(told) for one in (found.digest, found.content)
        ):
            learnt[f"version {version.version}"] = frozenset(ids)
            continue
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
