"""What was logged, answered again: does the version give what it gave in production?

A registered version and the inputs of the log must give the logged answer. Where they do not, what
served reads its inputs otherwise than what was trained and evaluated (train/serve skew): every
number measured by asking versions again is then about something else than production.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from zlib import crc32

import numpy as np

from ai_ops.accuracy_evaluation.binary_sums import BinaryAnswers
from ai_ops.accuracy_evaluation.class_sums import ClassAnswers
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.metrics import Bools, Floats, Version
from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.number_sums import NumberAnswers
from ai_ops.accuracy_evaluation.reading import inputs_of, read_inputs
from ai_ops.accuracy_evaluation.records import Related, Reproduced
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.loaded_model import LoadedModel, apart
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError

SAMPLE: Final = 500
"""So many answers of a day are asked again, chosen by their ids."""

NAMED: Final = 3
TELLS_APART: Final = 0.5
"""An input is named when its condition holds for so much larger a share of what differs."""

Inputs = Mapping[str, Sequence[Any]]


def reproduce(
    root: Root, feature: AiFeatureSpec, models: JudgedModels, rows: LabelledRows, day: str
) -> Reproduced:
    """A sample of the answers of a day, each asked again of the version that gave it.

    Raises ``AiOpsError`` where the log has not all inputs, or a version cannot be read.
    """
    own = np.flatnonzero(rows.on([day]))
    chosen = own[_sample(rows.ids[own].tolist())]
    if not len(chosen):
        return Reproduced(day)
    table = read_inputs(root.lake, feature, day)
    differs, refused = np.zeros(len(chosen), bool), np.zeros(len(chosen), bool)
    distance = np.zeros(len(chosen))
    for place in np.unique(rows.version[chosen]):
        at = np.flatnonzero(rows.version[chosen] == place)
        version = rows.versions[place]
        reads = Version(feature.judged.threshold, models.classes_of(version))
        inputs = inputs_of(table, rows.ids[chosen[at]].tolist())
        found, no = _answers(models.load(version), inputs, len(at))
        refused[at] = no
        told = at[~no]
        differs[told], distance[told] = _compared(rows, chosen[told], found, reads)
    wrong = differs | refused
    inputs = inputs_of(table, rows.ids[chosen].tolist()) if wrong.any() else {}
    return Reproduced(
        day=day,
        answered=len(own),
        asked=len(chosen),
        differing=int(differs.sum()),
        refused=int(refused.sum()),
        largest=round(float(distance.max()), 9),
        versions=dict(Counter(rows.versions[place] for place in rows.version[chosen].tolist())),
        examples=sorted(rows.ids[chosen[wrong]].tolist())[:NAMED],
        related=_related(models, rows, chosen, inputs, wrong),
    )


def _sample(ids: Sequence[str]) -> list[int]:
    if len(ids) <= SAMPLE:
        return list(range(len(ids)))
    places = sorted(range(len(ids)), key=lambda place: (crc32(ids[place].encode()), ids[place]))
    return sorted(places[:SAMPLE])


def _answers(model: LoadedModel, inputs: Inputs, count: int) -> tuple[Floats, Bools]:
    """What the version answers to the rows that it takes, and which it refuses."""
    try:
        return model.answers(inputs), np.zeros(count, bool)
    except AiOpsError:
        pass  # a row that was answered once is refused now: the others tell as much as before
    found, refused = [], np.zeros(count, bool)
    for place in range(count):
        try:
            found.append(model.answers({name: [of[place]] for name, of in inputs.items()}))
        except AiOpsError:
            refused[place] = True
    return np.concatenate(found) if found else np.zeros(0), refused


def _compared(
    rows: LabelledRows, chosen: Any, found: Floats, reads: Version
) -> tuple[Bools, Floats]:
    """Which of the chosen rows are answered otherwise now, and how far the answers lie apart."""
    where = np.zeros(len(rows.ids), bool)
    where[chosen] = True
    logged, again = rows.answers, rows.answers
    if len(chosen):
        again = rows.answers.again(where, found, reads)
    logged, again = logged.take(where), again.take(where)
    match logged, again:
        case (BinaryAnswers(), BinaryAnswers()):
            return apart(logged.score, again.score), _distance(logged.score - again.score)
        case (NumberAnswers(), NumberAnswers()):
            different = apart(logged.score, again.score, "number")
            return different, _distance(logged.score - again.score)
        case (ClassAnswers(), ClassAnswers()) if logged.probabilities.shape[1]:
            between = logged.probabilities - again.probabilities
            different = apart(logged.probabilities, again.probabilities)
            return np.any(different, axis=1), _distance(np.abs(between).max(axis=1))
        case (ClassAnswers(), ClassAnswers()):
            names = (np.array([*one.classes, ""]) for one in (logged, again))
            told, now = (
                name[one.decision] for name, one in zip(names, (logged, again), strict=True)
            )
            return told != now, (told != now).astype(float)
        case _:
            different = logged.decision != again.decision  # type: ignore[attr-defined]
            return different, different.astype(float)


def _distance(between: Floats) -> Floats:
    """How far apart; what was no number is as far as can be told: nothing."""
    return np.abs(np.nan_to_num(between, nan=0.0, posinf=0.0, neginf=0.0))


def _related(
    models: JudgedModels, rows: LabelledRows, chosen: Any, inputs: Inputs, wrong: Bools
) -> list[Related]:
    """What holds for the inputs of most answers that differ, and of few others."""
    if not wrong.any() or wrong.all():
        return []
    version = rows.versions[rows.version[chosen[int(wrong.argmax())]]]
    found = []
    for name, words, holds in _conditions(models.load(version), inputs, wrong):
        share, of_others = float(holds[wrong].mean()), float(holds[~wrong].mean())
        if share - of_others >= TELLS_APART:
            found.append(Related(name, words, round(share, 4), round(of_others, 4)))
    return sorted(found, key=lambda one: one.of_others - one.share)[:NAMED]


def _conditions(
    model: LoadedModel, inputs: Inputs, wrong: Bools
) -> Iterator[tuple[str, str, Bools]]:
    """What may be read otherwise: a missing value, an unknown category, one category."""
    known = {one.name: set(one.vocabulary) for one in model.encoder.categories}
    for name, values in inputs.items():
        missing = np.array([value is None or value != value for value in values], bool)
        yield name, "is missing", missing
        if name not in known:
            continue
        unknown = np.array([value not in known[name] for value in values], bool) & ~missing
        yield name, "is a category that the version does not know", unknown
        (common, _), *_ = Counter(np.array(values, object)[wrong].tolist()).most_common(1)
        if common in known[name]:
            yield name, f"is {common}", np.array([value == common for value in values], bool)
