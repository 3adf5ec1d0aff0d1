"""The metrics of an answer that is one of several classes.

- ``accuracy``: share of right decisions. ``recall_X``: of the rows labelled X, those that were
  answered X. ``macro_f1``: mean of the F1 of every class that was answered or labelled (Opitz and
  Burst 2019, "Macro F1 and Macro F1", say which of the two this is: the mean of F1s).
- ``log_loss``: mean of -log of the probability given to the label, no less than 1e-15 (Good 1952).
- ``log_loss_skill``: 1 - log loss / entropy of the rows' own shares (McFadden 1974). The log loss
  itself moves with those shares, the skill can be compared between months.
- ``ece``: expected calibration error of the most probable class (Guo et al. 2017).
- ``confidence_gap``: mean probability of the most probable class minus how often it was the
  label; above zero when the model is too sure of itself.

What needs probabilities is measured on the rows that logged them, and left out without.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ai_ops.accuracy_evaluation.calibration import CELLS, calibration_error, cells_of, curve_of
from ai_ops.accuracy_evaluation.metrics import Bools, Curve, Floats, Version, defined, places_of
from ai_ops.accuracy_evaluation.records import AnswerKind
from ai_ops.ai_features.parts import Judged

SMALLEST = 1e-15
RECALLS = 30
"""Of so many classes the recall is told, of those with the most labels."""

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassAnswers:
    """N answers: places of the decision and the label among ``classes`` (-1: none).

    ``probabilities`` is [N, P], of the classes whose places are ``told``; NaN where not logged.
    """

    classes: tuple[str, ...]
    decision: Codes
    codes: Codes
    probabilities: Floats
    told: Codes

    def __len__(self) -> int:
        return len(self.decision)

    @property
    def usable(self) -> Bools:
        """Where a decision was made."""
        return self.decision >= 0

    @property
    def labels(self) -> npt.NDArray[Any]:
        """The labels as text."""
        return np.array([*self.classes, ""], dtype=object)[self.codes]

    def take(self, where: Bools | slice) -> "ClassAnswers":
        """The chosen rows."""
        probabilities = self.probabilities[where]
        decision, codes = self.decision[where], self.codes[where]
        return ClassAnswers(self.classes, decision, codes, probabilities, self.told)

    def columns(self, judged: Judged) -> dict[str, npt.NDArray[Any]]:
        """The class that was answered, and the probability of each."""
        words = np.array([*self.classes, None], dtype=object)[self.decision]
        found: dict[str, npt.NDArray[Any]] = {}
        for place, name in enumerate(judged.probabilities.values()):
            found[f"output_{name}"] = self.probabilities[:, place]
        return found | {f"output_{judged.decision or 'decision'}": words}

    def again(self, where: Bools, found: Floats, version: Version) -> "ClassAnswers":
        """The rows, of which the chosen ones have other probabilities, and their likeliest class.

        A class that only the version knows gets its place among the others.

        >>> rows = ClassAnswers(("ant", "cat"), np.array([0, 1]), np.array([0, 1]),
        ...     np.zeros((2, 0)), np.array([], np.int64))
        >>> likely = np.array([[0.1, 0.9]])
        >>> again = rows.again(np.array([False, True]), likely, Version(0.5, ("ant", "bee")))
        >>> again.classes, again.decision.tolist(), again.codes.tolist()
        (('ant', 'bee', 'cat'), [0, 1], [0, 2])
        """
        classes = tuple(sorted({*self.classes, *version.classes}))
        moved = np.array([*(classes.index(name) for name in self.classes), -1], np.int64)
        of_version = np.array([classes.index(name) for name in version.classes], np.int64)
        decision, probabilities = moved[self.decision], self.probabilities.copy()
        decision[where] = of_version[found.argmax(axis=1)]
        told = [version.classes.index(self.classes[place]) for place in self.told]
        probabilities[where] = found[:, told]
        return ClassAnswers(classes, decision, moved[self.codes], probabilities, moved[self.told])


@dataclass(frozen=True)
class ClassSums:
    """What the metrics need of D days.

    ``by_class`` is [D, C, 4]: rows labelled so, answered so, both, and labelled so among the rows
    with probabilities. ``losses`` is [D, 2]: rows with probabilities, their losses. ``cells`` is
    [D, 3, CELLS]: rows, sum of the highest probability, how often that class was the label.
    """

    kind: ClassVar[AnswerKind] = "classes"

    days: tuple[str, ...]
    classes: tuple[str, ...]
    by_class: Floats
    losses: Floats
    cells: Floats

    @property
    def by_day(self) -> Floats:
        """The rows of each day."""
        rows: Floats = self.by_class[:, :, 0].sum(axis=1)
        return rows

    def of(self, days: Sequence[str]) -> "ClassSums":
        """The sums of those of the days that are there."""
        kept = places_of(self.days, days)
        names = tuple(self.days[index] for index in kept)
        parts = (self.by_class[kept], self.losses[kept], self.cells[kept])
        return ClassSums(names, self.classes, *parts)

    def values(self, weights: Floats) -> dict[str, Floats]:
        """Every metric under R weightings of the days, ``weights`` [R, D]; NaN where undefined.

        >>> three = ClassAnswers(("ant", "bee"), np.array([0, 1, 1]), np.array([0, 1, 0]),
        ...     np.array([[0.8, 0.2], [0.4, 0.6], [0.5, 0.5]]), np.array([0, 1]))
        >>> sums = ClassSummer().together([ClassSummer().day("a", three)])
        >>> {name: round(float(x[0]), 3) for name, x in sums.values(np.ones((1, 1))).items()}
        ... # doctest: +NORMALIZE_WHITESPACE
        {'accuracy': 0.667, 'macro_f1': 0.667, 'log_loss': 0.476, 'log_loss_skill': 0.253,
         'ece': 0.367, 'confidence_gap': -0.367, 'recall_ant': 0.5, 'recall_bee': 1.0}
        """
        by_class = np.tensordot(weights, self.by_class, axes=1)
        labelled, answered, both, told = (by_class[:, :, place] for place in range(4))
        rows, (with_loss, losses) = labelled.sum(axis=1), (weights @ self.losses).T
        cells = np.tensordot(weights, self.cells, axes=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            seen = labelled + answered
            f1 = np.where(seen > 0, 2 * both / seen, 0.0).sum(axis=1)
            share = told / with_loss[:, None]
            entropy = -np.where(told > 0, share * np.log(share), 0.0).sum(axis=1)
            log_loss = losses / with_loss
            found = {
                "accuracy": both.sum(axis=1) / rows,
                "macro_f1": f1 / (seen > 0).sum(axis=1),
                "log_loss": log_loss,
                "log_loss_skill": 1 - log_loss / entropy,
                "ece": calibration_error(cells, with_loss),
                "confidence_gap": (cells[:, 1] - cells[:, 2]).sum(axis=1) / with_loss,
            }
            for place in self._most_labelled():
                name = f"recall_{self.classes[place]}"
                found[name] = both[:, place] / labelled[:, place]
        return defined(found)

    def curve(self) -> Curve:
        """The calibration curve of the most probable class."""
        return curve_of(self.cells)

    def _most_labelled(self) -> list[int]:
        counts = self.by_class[:, :, 0].sum(axis=0)
        order = sorted(range(len(counts)), key=lambda place: (-counts[place], place))
        return sorted(place for place in order[:RECALLS] if counts[place])


@dataclass(frozen=True, eq=False)
class ClassDay:
    """One day's sums."""

    day: str
    classes: tuple[str, ...]
    by_class: Floats
    losses: Floats
    cells: Floats


class ClassSummer:
    """Sums classes: those of one reading, whose classes stand in one order."""

    def day(self, day: str, answers: ClassAnswers) -> ClassDay:
        """One day's sums. Raises ``ValueError`` for a row without an answer or a label."""
        if not bool(answers.usable.all() and (answers.codes >= 0).all()):
            raise ValueError("an answer and a label are classes")
        probable = answers.probabilities
        whole = np.isfinite(probable).all(axis=1) & (probable.shape[1] > 0)
        right = answers.decision == answers.codes
        counted = (answers.codes, answers.decision, answers.codes[right], answers.codes[whole])
        count = len(answers.classes)
        losses, cells = _losses(answers.take(whole))
        return ClassDay(
            day,
            answers.classes,
            np.stack([np.bincount(one, minlength=count).astype(float) for one in counted], axis=1),
            losses,
            cells,
        )

    def together(self, parts: Sequence[ClassDay]) -> ClassSums:
        """The sums of these days."""
        classes = parts[0].classes if parts else ()
        count = len(parts)
        return ClassSums(
            tuple(part.day for part in parts),
            classes,
            np.array([part.by_class for part in parts]).reshape(count, len(classes), 4),
            np.array([part.losses for part in parts]).reshape(count, 2),
            np.array([part.cells for part in parts]).reshape(count, 3, CELLS),
        )


def _losses(answers: ClassAnswers) -> tuple[Floats, Floats]:
    """Rows and losses of answers that all have probabilities, and the cells of the highest."""
    count = len(answers)
    if not count:
        return np.zeros(2), np.zeros((3, CELLS))
    of_class = np.full(len(answers.classes), -1)
    of_class[answers.told] = np.arange(len(answers.told))
    place, rows = of_class[answers.codes], np.arange(count)
    # A label that the model has no probability for was given none.
    given = np.where(place >= 0, answers.probabilities[rows, place], 0.0)
    losses = -np.log(np.maximum(given, SMALLEST))
    top = answers.probabilities.argmax(axis=1)
    score = np.clip(answers.probabilities[rows, top], 0.0, 1.0)
    return np.array([count, losses.sum()]), cells_of(score, answers.told[top] == answers.codes)
