"""The kinds of answers: which outputs of the log are judged, and how they are summed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.binary_sums import BinaryAnswers, BinarySummer
from ai_ops.accuracy_evaluation.class_sums import ClassAnswers, ClassSummer
from ai_ops.accuracy_evaluation.decision_sums import DecisionAnswers, DecisionSummer
from ai_ops.accuracy_evaluation.metrics import Answers, Summer
from ai_ops.accuracy_evaluation.number_sums import NumberAnswers, NumberSummer
from ai_ops.accuracy_evaluation.records import AnswerKind
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import Judged
from ai_ops.vocabulary.errors import MissingEvidence


@dataclass(frozen=True)
class Kind:
    """One kind of answer.

    ``outputs`` are those that must be in the log. ``judged`` makes of a table with them the
    columns that are judged, of fixed types; ``answers`` makes of those and the labels what is
    summed.
    """

    name: AnswerKind
    outputs: Callable[[Judged], tuple[str, ...]]
    judged: Callable[[pa.Table, AiFeatureSpec], pa.Table]
    answers: Callable[[pa.Table, pa.Array, AiFeatureSpec], Answers]
    summer: Callable[[], Summer]


def kind_of(feature: AiFeatureSpec) -> Kind:
    """The kind of a feature's answers; ``MissingEvidence`` where nobody learns the right ones."""
    kind = feature.ground_truth.kind
    if kind == "none":
        raise MissingEvidence(
            "nobody ever learns the correct answers (ground_truth.kind: none): accuracy is unknown"
        )
    if kind == "binary":
        return KINDS["decision" if feature.judged.score is None else "score"]
    return KINDS[kind]


def judged_columns(judged: Judged) -> tuple[str, ...]:
    """The outputs that a finding on accuracy is about: the score, or else the decision."""
    named = judged.score or judged.decision
    return (named,) if named else tuple(judged.probabilities.values())


def _named(judged: Judged) -> tuple[str, ...]:
    return tuple(name for name in (judged.score, judged.decision) if name is not None)


def _number(table: pa.Table, name: str | None) -> pa.ChunkedArray:
    return table[f"output_{name}"].cast(pa.float64())


def _floats(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = pc.fill_null(column, float("nan")).to_numpy()
    return found.astype(float)


def _bools(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.fill_null(column, False).to_numpy(zero_copy_only=False)
    return found.astype(bool)


def _scored(table: pa.Table, feature: AiFeatureSpec) -> pa.Table:
    judged = feature.judged
    score = _number(table, judged.score)
    decision, decided = f"output_{judged.decision}", None
    if decision in table.column_names:
        decided = _yes_or_no(table[decision], feature)
    if decided is None:
        # An output that says neither yes nor no has no meaning here: the threshold decides.
        decided = pc.greater_equal(score, judged.threshold)
    return pa.table({"score": score, "decision": decided})


def _decided(table: pa.Table, feature: AiFeatureSpec) -> pa.Table:
    decision = table[f"output_{feature.judged.decision}"]
    decided = _yes_or_no(decision, feature)
    if decided is None:
        words = pc.utf8_lower(decision.cast(pa.string()))
        yes = pc.is_in(words, pa.array(["true", "1", "yes"]))
        known = pc.is_in(words, pa.array(["true", "1", "yes", "false", "0", "no"]))
        decided = pc.if_else(known, yes, pa.scalar(None, pa.bool_()))
    return pa.table({"decision": decided})


def _yes_or_no(decision: pa.ChunkedArray, feature: AiFeatureSpec) -> pa.ChunkedArray | None:
    if pa.types.is_boolean(decision.type):
        return decision
    positive = feature.ground_truth.positive
    return None if positive is None else pc.equal(decision.cast(pa.string()), positive)


def _classified(table: pa.Table, feature: AiFeatureSpec) -> pa.Table:
    judged = feature.judged
    nothing = pa.nulls(table.num_rows, pa.string())
    decision = nothing if judged.decision is None else table[f"output_{judged.decision}"]
    columns = {"decision": decision.cast(pa.string())}
    for label, name in judged.probabilities.items():
        columns[f"probability_{label}"] = _number(table, name)
    return pa.table(columns)


def _binary_answers(table: pa.Table, label: pa.Array, feature: AiFeatureSpec) -> BinaryAnswers:
    return BinaryAnswers(_floats(table["score"]), _bools(table["decision"]), _bools(label))


def _decision_answers(table: pa.Table, label: pa.Array, feature: AiFeatureSpec) -> DecisionAnswers:
    decision = table["decision"]
    return DecisionAnswers(_bools(decision), _bools(decision.is_valid()), _bools(label))


def _number_answers(table: pa.Table, label: pa.Array, feature: AiFeatureSpec) -> NumberAnswers:
    return NumberAnswers(_floats(table["score"]), _floats(pa.chunked_array([label])))


def _class_answers(table: pa.Table, label: pa.Array, feature: AiFeatureSpec) -> ClassAnswers:
    told = tuple(feature.judged.probabilities)
    found = {*pc.unique(table["decision"]).to_pylist(), *pc.unique(label).to_pylist(), *told}
    classes = tuple(sorted(found - {None}))
    known = pa.array(classes, pa.string())
    columns = [_floats(table[f"probability_{name}"]) for name in told]
    probabilities = np.stack(columns, axis=1) if told else np.zeros((table.num_rows, 0))
    places = np.array([classes.index(name) for name in told], np.int64)
    decision = _codes(table["decision"], known)
    if told:
        # Without a decision of its own the most probable class is the answer.
        whole = np.isfinite(probabilities).all(axis=1) & (decision < 0)
        decision[whole] = places[probabilities[whole].argmax(axis=1)]
    return ClassAnswers(classes, decision, _codes(label, known), probabilities, places)


def _codes(column: pa.Array | pa.ChunkedArray, known: pa.Array) -> npt.NDArray[np.int64]:
    places: Any = pc.fill_null(pc.index_in(column, known), -1)
    return np.array(places.to_numpy(zero_copy_only=False), np.int64)


KINDS: Final[Mapping[str, Kind]] = {
    "score": Kind("score", _named, _scored, _binary_answers, BinarySummer),
    "decision": Kind("decision", _named, _decided, _decision_answers, DecisionSummer),
    "classes": Kind(
        "classes",
        lambda judged: (*_named(judged), *judged.probabilities.values()),
        _classified,
        _class_answers,
        ClassSummer,
    ),
    "number": Kind(
        "number",
        _named,
        lambda table, feature: pa.table({"score": _number(table, feature.judged.score)}),
        _number_answers,
        NumberSummer,
    ),
}
