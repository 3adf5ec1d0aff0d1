"""What a candidate learnt from: none of the hold-out, sound, and no label among the inputs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.candidate_judging import Candidate
from ai_ops.accuracy_evaluation.candidate_records import Learnt, Telling
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.metrics import Bools
from ai_ops.accuracy_evaluation.reading import read_inputs
from ai_ops.accuracy_evaluation.single_inputs import tellings
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError
from ai_ops.vocabulary.windows import Window

TRAINING_SET, SOUND = "training_set", "training_set_sound"
EXAMPLES = 3
STRONGEST = 5


@dataclass(frozen=True)
class TrainingManifest:
    """What the evaluation reads of a training set's manifest."""

    digest: str
    holdout_first: str
    holdout_last: str

    @property
    def holdout(self) -> Window:
        """The days that were kept out of it, for the gate."""
        return Window(Window.of_day(self.holdout_first).start, Window.of_day(self.holdout_last).end)


def learnt_from(
    root: Root,
    feature: AiFeatureSpec,
    candidate: Candidate,
    manifest: TrainingManifest,
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


def inputs_that_tell(
    root: Root, feature: AiFeatureSpec, training_set: str, rows: LabelledRows, judged: Bools
) -> tuple[list[Telling], str]:
    """The inputs that tell the label best by themselves, where it was learnt and where it is
    judged; and why that is not known."""
    try:
        found = [
            *_of_training(root, feature, training_set),
            *_of_holdout(root, feature, rows, judged),
        ]
    except AiOpsError as error:
        return [], str(error)
    for where in ("the training set", "the hold-out"):
        if not any(one.where == where for one in found):
            return found, f"{where} has too few labels of each kind to say"
    return sorted(found, key=lambda one: (-one.low, one.column)), ""


def _of_training(root: Root, feature: AiFeatureSpec, training_set: str) -> Iterator[Telling]:
    path = root.lake.path(feature.name, TRAINING_SET, training_set)
    table, evidence = root.lake.read_table(path)
    wanted = ["id", "label", *(f"input_{column.name}" for column in feature.inputs)]
    if absent := [name for name in wanted if name not in table.column_names]:
        raise AiOpsError(f"{evidence.source}: no column {absent[0]}")
    table = table.filter(pc.is_valid(table["label"]))
    columns = {column.name: table[f"input_{column.name}"] for column in feature.inputs}
    label = table["label"].to_numpy()
    ids = table["id"].to_pylist()
    yield from tellings(columns, label, ids, "the training set")[:STRONGEST]


def _of_holdout(
    root: Root, feature: AiFeatureSpec, rows: LabelledRows, judged: Bools
) -> Iterator[Telling]:
    tables = []
    for day, count in rows.count(judged).items():
        if count:
            table = read_inputs(root.lake, feature, day)
            ids = pa.array(rows.ids[judged & rows.on([day])].tolist(), pa.string())
            tables.append(table.take(pc.index_in(ids, table["id"])))
    if not tables:
        return
    table = pa.concat_tables(tables, promote_options="permissive")
    columns = {column.name: table[column.name] for column in feature.inputs}
    label = np.asarray(rows.answers.labels[judged])
    yield from tellings(columns, label, table["id"].to_pylist(), "the hold-out")[:STRONGEST]


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
