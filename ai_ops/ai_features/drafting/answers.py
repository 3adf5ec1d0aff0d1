"""Which columns are the model's answers, how they are judged, and what kind its labels are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, get_args

from ai_ops.ai_features.drafting.facts import ColumnFacts, MeasuredTable
from ai_ops.ai_features.drafting.questions import Asking
from ai_ops.ai_features.drafting.record import Label
from ai_ops.ai_features.drafting.roles import FEW, candidates, sure
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.words import LabelKind

_SUMMING: Final = 0.98
TRUTHS: Final = frozenset({"0", "1", "true", "false", "True", "False"})
"""What a yes or no is written as."""
_YES: Final = (
    "1",
    "1.0",
    "true",
    "yes",
    "y",
    "t",
    "positive",
    "pos",
    "fraud",
    "churn",
    "bad",
    "spam",
)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the model answered: the columns, and which of them are judged."""

    kind: LabelKind
    score: str | None = None
    decision: str | None = None
    probabilities: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()
    positive: str | None = None
    threshold: float | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """All of the model's outputs, each once, what is judged first."""
        judged = [self.score, self.decision, *(column for _, column in self.probabilities)]
        return tuple(dict.fromkeys([*(c for c in judged if c), *self.others]))


def find_answers(
    table: MeasuredTable, label: Label | None, taken: set[str], asking: Asking
) -> Answers:
    """The model's outputs among the columns that nothing else has taken."""
    free = [c for c in table.columns if c.name not in taken and not c.empty]
    groups = [g for g in probability_groups(free) if table.share_summing_to_one(g) >= _SUMMING]
    group = max(groups, key=len, default=())
    rest = [c for c in free if c.name not in group]
    kind = _kind(label, group, rest, asking)
    found = Answers(kind)
    if len(group) == 2 and kind == "binary":
        return _pair(table, found, group, rest, label, asking)
    if group and kind in ("classes", "none"):
        found = replace(found, probabilities=_classes(group, label, asking))
    elif group:
        found = replace(found, others=tuple(group))
    found = replace(found, decision=_decision(rest, kind, asking))
    rest = [c for c in rest if c.name != found.decision]
    if kind != "classes" and not found.probabilities:
        found = replace(found, score=_score(rest, kind, asking))
    if not found.columns:
        found = _asked_for(rest, found, asking)
    if found.score and not found.decision:
        found = replace(found, decision=_parted_by_score(table, found, rest))
    return _finished(table, found, label, asking)


def probability_groups(columns: Sequence[ColumnFacts]) -> list[tuple[str, ...]]:
    """Columns from 0 to 1 whose names differ in one word only: perhaps a probability a class.

    >>> names = ("p_cat", "p_dog", "age")
    >>> probability_groups([ColumnFacts(name, "float", 9, low=0, high=1) for name in names])
    [('p_cat', 'p_dog')]
    """
    stems: dict[str, list[str]] = {}
    for column in columns:
        if column.in_unit and len(column.words) > 1:
            for stem in {column.words[0] + " …", "… " + column.words[-1]}:
                stems.setdefault(stem, []).append(column.name)
    return [tuple(names) for names in stems.values() if len(names) > 1]


def _kind(
    label: Label | None, group: Sequence[str], rest: Sequence[ColumnFacts], asking: Asking
) -> LabelKind:
    field = "ground_truth.kind"
    if label is None:
        told, column = asking.given(field), "source.columns.label"
        if told not in (None, "none"):
            raise BadInput(f"--answer {field}: {told}, but no column is named as the label")
        if told is None and asking.given(column) is None:
            words = (
                "does anybody ever learn the correct answers? Then name their column here, or "
                "their files (ai-ops features init … --labels FILES)"
            )
            asking.ask(column, words, ("none", "COLUMN"))
        return "none"
    guess, certain = _guessed_kind(label.column, group, rest)
    if certain and asking.given(field) is None:
        return guess
    words = f"what are the labels in {label.column.name}: yes or no, classes, a number?"
    told = asking.ask(field, words, ("binary", "classes", "number"), guess) or "none"
    known: dict[str, LabelKind] = {kind: kind for kind in get_args(LabelKind)}
    if told not in known or told == "none":
        raise BadInput(f"--answer {field}: {told} is no kind of label: {', '.join(known)}")
    return known[told]


def _guessed_kind(
    label: ColumnFacts, group: Sequence[str], rest: Sequence[ColumnFacts]
) -> tuple[LabelKind, bool]:
    if label.kind == "boolean" or (label.distinct == 2 and not group[2:]):
        return "binary", label.kind != "float"
    if label.numeric and label.in_unit and label.kind == "integer":
        return "binary", label.distinct > 0
    if label.distinct < 2:
        return "binary", False
    if label.kind == "text" or group:
        return "classes", label.distinct <= 10 * FEW
    answers = candidates(rest, "prediction")
    if any(answer.kind == "float" for answer in answers) or label.kind == "float":
        return "number", True
    if any(set(answer.values) & set(label.values) for answer in answers):
        return "classes", label.distinct <= FEW // 2
    return ("classes" if label.distinct <= FEW // 2 else "number"), False


def _decision(rest: Sequence[ColumnFacts], kind: LabelKind, asking: Asking) -> str | None:
    if kind == "number":
        return None
    found = [c for c in candidates(rest, "prediction") if 0 < c.distinct <= FEW]
    found = [c for c in found if c.kind != "float" and (kind != "binary" or c.distinct <= 2)]
    words = "which of these columns is the model's decision?"
    known = [column.name for column in rest]
    names = [column.name for column in found]
    return asking.column(
        "judged.decision", known, names, sure=sure(found, "prediction"), question=words
    )


def _score(rest: Sequence[ColumnFacts], kind: LabelKind, asking: Asking) -> str | None:
    answers = [c for c in candidates(rest, "prediction") if c.numeric]
    scores = candidates(rest, "score")
    if kind == "number":
        found = answers or [c for c in candidates(rest, "score") if c.numeric]
    elif kind == "none":
        found = scores or [c for c in answers if c.kind == "float"]
    else:
        found = scores or [c for c in answers if c.in_unit and c.kind == "float"]
    certain = sure(found, "score" if found == scores else "prediction")
    words = "which of these columns is the score that the model gave?"
    known = [column.name for column in rest]
    return asking.column(
        "judged.score", known, [c.name for c in found], sure=certain, question=words
    )


def _parted_by_score(
    table: MeasuredTable, found: Answers, rest: Sequence[ColumnFacts]
) -> str | None:
    """A yes or no that the score alone decides: no input would be so, whatever its name."""
    if found.kind not in ("binary", "none") or found.score is None:
        return None
    facts = {column.name: column for column in rest}
    if not facts[found.score].in_unit:
        return None
    others = (column for column in rest if column.name != found.score)
    truths = [c.name for c in others if c.distinct == 2 and set(c.values) <= TRUTHS]
    parted = (name for name in truths[:20] if table.threshold(found.score, name) is not None)
    return next(parted, None)


def _asked_for(rest: Sequence[ColumnFacts], found: Answers, asking: Asking) -> Answers:
    """With what a person must say is the answer, for nothing is named like one."""
    role = "decision" if found.kind == "classes" else "score"
    likely = [c for c in rest if (c.distinct <= FEW if role == "decision" else c.numeric)]
    if found.kind == "binary":
        likely = [c for c in likely if c.in_unit] or likely
    field, words = f"judged.{role}", "no column is named like an answer of the model: which is it?"
    names = [c.name for c in likely][:12]
    name = asking.ask(field, words, names, names[0] if names else None)
    return replace(found, decision=name) if role == "decision" else replace(found, score=name)


def _pair(
    table: MeasuredTable,
    found: Answers,
    group: Sequence[str],
    rest: Sequence[ColumnFacts],
    label: Label | None,
    asking: Asking,
) -> Answers:
    """Two probabilities that sum to 1: the one of yes is the score."""
    yes = [name for name in group if ColumnFacts(name, "float", 0).words[-1] in _YES]
    field, words = "judged.score", "which of these is the probability of yes?"
    score = asking.column(field, group, [*yes, *group][:2], sure=len(yes) == 1, question=words)
    found = replace(found, score=score, decision=_decision(rest, found.kind, asking))
    others = tuple(name for name in group if name != score)
    return _finished(table, replace(found, others=others), label, asking)


def _classes(
    group: Sequence[str], label: Label | None, asking: Asking
) -> tuple[tuple[str, str], ...]:
    """The class that each probability speaks of: what its name has and the others' have not."""
    values = label.column.values if label else ()
    ends = [(name, [v for v in values if _bare(name).endswith(_bare(v))]) for name in group]
    told = [(max(found, key=len), name) for name, found in ends if found]
    if len({value for value, _ in told}) == len(group):
        return tuple(told)
    front = _common(list(group))
    back = _common([name[len(front) :][::-1] for name in group])
    pairs = [(name[len(front) : len(name) - len(back)].strip("_ -."), name) for name in group]
    if values:
        words = (
            f"the labels are {', '.join(values)}, the probabilities speak of "
            f"{', '.join(word for word, _ in pairs)}: which label does each one speak of?"
        )
        asking.ask("judged.probabilities", words, values, "as named")
    return tuple(pairs)


def _bare(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


def _common(names: list[str]) -> str:
    """What all names begin with.

    >>> _common(["proba_a", "proba_b"])
    'proba_'
    """
    shortest = min(map(len, names))
    same = (len({name[:n] for name in names}) == 1 for n in range(1, shortest))
    length = 0
    for equal in same:
        if not equal:
            break
        length += 1
    return names[0][:length]


def _finished(table: MeasuredTable, found: Answers, label: Label | None, asking: Asking) -> Answers:
    """With the positive label, where two words leave it open, and the threshold of the data."""
    positive, threshold = None, None
    if found.kind == "binary" and label is not None and label.column.kind == "text":
        values = label.column.values
        likely = [value for value in values if value.lower() in _YES]
        words = f"which label does the score speak of, {' or '.join(values)}?"
        if len(likely) == 1 and asking.given("ground_truth.positive") is None:
            positive = likely[0]
        else:
            guess = next(iter(likely or values), None)
            positive = asking.ask("ground_truth.positive", words, values, guess)
    if found.kind == "binary" and found.score and found.decision:
        threshold = table.threshold(found.score, found.decision)
    return replace(found, positive=positive, threshold=threshold)
