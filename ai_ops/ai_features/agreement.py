"""Parts of an AI feature that are well by themselves, and whether they agree with each other."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ai_ops.ai_features.parts import (
    GroundTruth,
    InputColumn,
    Judged,
    OutputColumn,
    Retraining,
    UserActions,
)
from ai_ops.ai_features.serving import Serving
from ai_ops.ai_features.source import ReferenceSource, Source
from ai_ops.vocabulary.words import LabelKind, ServedBy

Mistake = tuple[tuple[str | int, ...], str]
"""Where a mistake stands, and what is wrong."""

_SCORES: Final[Mapping[LabelKind, tuple[str, ...]]] = {
    "binary": ("probability",),
    "number": ("number",),
    "classes": (),
    "none": ("probability", "number"),
}
_DECISIONS: Final[Mapping[LabelKind, tuple[str, ...]]] = {
    "binary": ("boolean", "category"),
    "number": (),
    "classes": ("category",),
    "none": ("boolean", "category"),
}


NAMED_IN_LOG: Final = ("tenant", "call_site")
"""What the log says of a prediction besides its inputs, and what it is sliced by as well."""


def repeated_names(
    inputs: Sequence[InputColumn], outputs: Sequence[OutputColumn]
) -> Iterator[Mistake]:
    """Names that stand twice among inputs and outputs."""
    seen: set[str] = set()
    both: dict[str, Sequence[InputColumn | OutputColumn]] = {"inputs": inputs, "outputs": outputs}
    for role, columns in both.items():
        for place, column in enumerate(columns):
            if column.name in seen:
                words = f"inputs and outputs share a name or repeat it: {column.name}"
                yield (role, place, "name"), words
            seen.add(column.name)


def wrongly_judged(
    judged: Judged, kind: LabelKind, outputs: Sequence[OutputColumn]
) -> Iterator[Mistake]:
    """What is judged and is no output, or no output of the right type for labels of this kind."""
    types = {column.name: column.type for column in outputs}
    allowed = {"score": _SCORES[kind], "decision": _DECISIONS[kind]}
    for role, name in (("score", judged.score), ("decision", judged.decision)):
        if name is None:
            continue
        if name not in types:
            words = f"judged.{role} names no output: {name} (have {', '.join(types)})"
            yield ("judged", role), words
        elif not allowed[role]:
            yield ("judged", role), f"labels of kind {kind} are not judged by a {role}: remove it"
        elif types[name] not in allowed[role]:
            words = f"judged.{role} is not of type {' or '.join(allowed[role])}: {name}"
            yield ("judged", role), words
    for label, name in judged.probabilities.items():
        if types.get(name) != "probability":
            words = f"names no output of type probability: {name}"
            yield ("judged", "probabilities", label), words
    if judged.probabilities and kind not in ("classes", "none"):
        words = f"labels of kind {kind} have no class probabilities: name the score instead"
        yield ("judged", "probabilities"), words
    if kind == "binary" and judged.score is None and judged.decision is None:
        yield ("judged",), "name the output that is judged: a score, a decision, or both"
    if kind == "number" and judged.score is None:
        yield ("judged",), "name the output that predicts the number, as judged.score"
    if kind == "classes" and judged.decision is None and not judged.probabilities:
        yield ("judged",), "name the decision, or the probability of each class"


def nowhere_labelled(truth: GroundTruth, source: Source | None) -> Iterator[Mistake]:
    """Labels that are judged and come from nowhere, or come and are not judged."""
    inside = source is not None and source.columns.label is not None
    if truth.kind == "none":
        if truth.labels is not None or inside:
            yield ("ground_truth", "kind"), "there are labels: say which kind they are"
    elif truth.labels is None and not inside:
        words = "missing; name the label files, or source.columns.label, or say kind: none"
        yield ("ground_truth", "labels"), words
    elif truth.labels is not None and inside:
        words = "the labels stand in the source (source.columns.label): name one of both"
        yield ("ground_truth", "labels"), words
    if truth.positive is not None and truth.kind != "binary":
        yield ("ground_truth", "positive"), "only a binary label has a positive one: remove it"


def unwitnessed(actions: UserActions | None, source: Source | None) -> Iterator[Mistake]:
    """A log of one's own without a witness of what users did."""
    if actions is None and source is None:
        words = "missing; add it: without a witness nobody can prove that the log is complete"
        yield ("user_actions",), words


def wrongly_served(
    served_by: ServedBy,
    source: Source | None,
    reference: ReferenceSource | None,
    retraining: Retraining,
    serving: Serving,
) -> Iterator[Mistake]:
    """What does not fit to whoever serves the model."""
    if served_by == "external" and source is None:
        yield ("source",), "missing; somebody else serves the model: say where the log comes from"
    if served_by == "own_model" and serving.expected_peak is None:
        yield ("serving", "expected_peak"), "missing; add it"
    if served_by == "own_model" and reference is not None:
        words = "a model of one's own brings its reference with it: remove this, or serve it"
        yield ("reference",), f"{words} elsewhere (served_by: external)"
    if served_by != "own_model" and (retraining.automated or retraining.trainer):
        words = f"the model is not trained here (served_by: {served_by}): remove it"
        yield ("retraining",), words
    if served_by != "own_model" and serving.shadow:
        words = f"the model is not served here (served_by: {served_by}): remove it"
        yield ("serving", "shadow"), words


def never_shadowed(
    served_by: ServedBy, kind: LabelKind, judged: Judged, serving: Serving
) -> Iterator[Mistake]:
    """A challenger that the server would never ask: it answers a probability and a decision."""
    if served_by != "own_model" or not serving.shadow:
        return
    answers = "the server answers a probability and a decision"
    lacking = [f"judged.{role}" for role in ("score", "decision") if not getattr(judged, role)]
    if kind in ("classes", "number"):
        yield ("serving", "shadow"), f"{answers}, no labels of kind {kind}: remove it"
    elif lacking:
        words = f"{answers}: name {' and '.join(lacking)} as well, or remove it"
        yield ("serving", "shadow"), words


def unknown_mappings(
    source: Source, inputs: Sequence[InputColumn], outputs: Sequence[OutputColumn]
) -> Iterator[Mistake]:
    """Mappings of names that are not declared."""
    roles = (("inputs", source.inputs, inputs), ("outputs", source.outputs, outputs))
    for role, mapping, columns in roles:
        declared = {column.name for column in columns}
        for name in mapping:
            if name not in declared:
                yield ("source", role, name), f"maps a name that {role} does not declare: {name}"


def unknown_slices(slices: Sequence[str], inputs: Sequence[InputColumn]) -> Iterator[Mistake]:
    """Columns to slice by that are no input, tenant or call site, or stand there twice.

    >>> [words for _, words in unknown_slices(["tenant", "colour"], [])]
    ['names no input, tenant or call_site: colour']
    """
    known = {*NAMED_IN_LOG, *(column.name for column in inputs)}
    for place, name in enumerate(slices):
        if name not in known:
            yield ("slices", place), f"names no input, tenant or call_site: {name}"
        if name in slices[:place]:
            yield ("slices", place), f"stands there twice: {name}"
