"""The metrics of a binary answer with a score.

- ``auc``: chance that a positive scores above a negative, ties half (Hanley and McNeil 1982).
- ``brier``: mean squared distance of score and label (Brier 1950).
- ``brier_skill``: 1 - brier / (rate * (1 - rate)), the share by which the score beats answering
  the rows' own rate. The Brier score itself rises and falls with the rate: it cannot be compared
  between a calm month and a stormy one, the skill can.
- ``ece``: expected calibration error over ten cells of equal width (Guo et al. 2017).
- ``accuracy``, ``f1``: of the decisions.
- ``calibration_gap``: mean score minus observed rate, calibration in the large; below zero when
  the model promises too little.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from ai_ops.accuracy_evaluation.calibration import CELLS, calibration_error, cells_of, curve_of
from ai_ops.accuracy_evaluation.metrics import (
    Bools,
    Curve,
    Floats,
    Version,
    defined,
    places_of,
    sum_days,
)
from ai_ops.accuracy_evaluation.records import AnswerKind
from ai_ops.ai_features.parts import Judged

METRICS: Final = (
    "auc",
    "brier",
    "brier_skill",
    "ece",
    "accuracy",
    "f1",
    "calibration_gap",
    "mean_score",
    "observed_rate",
)
"""What is measured."""

SUMMED = 7


@dataclass(frozen=True)
class BinaryAnswers:
    """N answers: a score, the decision made of it, and the label."""

    score: Floats
    decision: Bools
    labels: Bools

    def __len__(self) -> int:
        return len(self.score)

    @property
    def usable(self) -> Bools:
        """Where the score is a number in [0, 1]."""
        return (self.score >= 0) & (self.score <= 1)

    def take(self, where: Bools | slice) -> "BinaryAnswers":
        """The chosen rows."""
        return BinaryAnswers(self.score[where], self.decision[where], self.labels[where])

    def columns(self, judged: Judged) -> dict[str, npt.NDArray[Any]]:
        """Score and decision."""
        found: dict[str, npt.NDArray[Any]] = {f"output_{judged.score}": self.score}
        if judged.decision is not None:
            found[f"output_{judged.decision}"] = self.decision
        return found

    def again(self, where: Bools, found: Floats, version: Version) -> "BinaryAnswers":
        """The rows, of which the chosen ones have another score, and the decision it makes."""
        score, decision = self.score.copy(), self.decision.copy()
        score[where], decision[where] = found, found >= version.threshold
        return BinaryAnswers(score, decision, self.labels)


@dataclass(frozen=True)
class BinarySums:
    """What the metrics need of D days.

    ``plain`` is [D, 7]: rows, positives, sum of scores, sum of squared errors, right decisions,
    positive decisions, positive decisions that were right. ``cells`` is [D, 3, CELLS]: rows, sum
    of scores, positives by score. ``wins`` is [D, D]: pairs of a positive of one day above a
    negative of another, a tie counting half.
    """

    kind: ClassVar[AnswerKind] = "score"

    days: tuple[str, ...]
    plain: Floats
    cells: Floats
    wins: Floats

    @property
    def by_day(self) -> Floats:
        """The rows of each day."""
        return self.plain[:, 0]

    def of(self, days: Sequence[str]) -> "BinarySums":
        """The sums of those of the days that are there."""
        kept = places_of(self.days, days)
        return BinarySums(
            tuple(self.days[index] for index in kept),
            self.plain[kept],
            self.cells[kept],
            self.wins[np.ix_(kept, kept)],
        )

    def values(self, weights: Floats) -> dict[str, Floats]:
        """Every metric under R weightings of the days, ``weights`` [R, D]; NaN where undefined.

        >>> two = sum_by_day(["a", "a", "b"], np.array([0.2, 0.9, 0.4]),
        ...                  np.array([False, True, False]), np.array([False, True, True]))
        >>> {name: round(float(x[0]), 3) for name, x in two.values(np.ones((1, 2))).items()}
        ... # doctest: +NORMALIZE_WHITESPACE
        {'auc': 1.0, 'brier': 0.07, 'brier_skill': 0.685, 'ece': 0.233, 'accuracy': 0.667,
         'f1': 0.667, 'calibration_gap': 0.167, 'mean_score': 0.5, 'observed_rate': 0.333}
        """
        rows, positives, scores, squares, right, chosen, hits = (weights @ self.plain).T
        cells = np.tensordot(weights, self.cells, axes=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            rate, mean = positives / rows, scores / rows
            wins = ((weights @ self.wins) * weights).sum(axis=1)
            found = {
                "auc": wins / (positives * (rows - positives)),
                "brier": squares / rows,
                "brier_skill": 1 - squares / rows / (rate * (1 - rate)),
                "ece": calibration_error(cells, rows),
                "accuracy": right / rows,
                "f1": 2 * hits / (chosen + positives),
                "calibration_gap": mean - rate,
                "mean_score": mean,
                "observed_rate": rate,
            }
        return defined(found)

    def curve(self) -> Curve:
        """The calibration curve."""
        return curve_of(self.cells)


@dataclass(frozen=True, eq=False)
class BinaryDay:
    """One day's own sums, and its scores in order, to be compared with those of other days."""

    day: str
    plain: Floats
    cells: Floats
    positives: Floats
    negatives: Floats


class BinarySummer:
    """Sums binary answers; two days are compared once, however many windows hold them both."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[BinaryDay, BinaryDay], float] = {}

    def day(self, day: str, answers: BinaryAnswers) -> BinaryDay:
        """One day's sums. Raises ``ValueError`` for a score that is not a number in [0, 1]."""
        if not bool(answers.usable.all()):
            raise ValueError("a score is a number in [0, 1]")
        score, label = answers.score, answers.labels
        return BinaryDay(
            day,
            _plain(answers),
            cells_of(score, label),
            np.sort(score[label]),
            np.sort(score[~label]),
        )

    def together(self, parts: Sequence[BinaryDay]) -> BinarySums:
        """The sums of these days."""
        count = len(parts)
        wins = np.zeros((count, count))
        for column, other in enumerate(parts):
            fresh = [one for one in parts if (one, other) not in self._pairs]
            self._pairs.update(
                ((one, other), won) for one, won in zip(fresh, _wins(fresh, other), strict=True)
            )
            wins[:, column] = [self._pairs[one, other] for one in parts]
        return BinarySums(
            tuple(part.day for part in parts),
            np.array([part.plain for part in parts]).reshape(count, SUMMED),
            np.array([part.cells for part in parts]).reshape(count, 3, CELLS),
            wins,
        )


def sum_by_day(
    day: Sequence[str] | npt.NDArray[np.str_], score: Floats, label: Bools, decision: Bools
) -> BinarySums:
    """The sums of rows that each have a day, a score in [0, 1], a label and a decision.

    Raises ``ValueError`` for a score that is not a number in [0, 1].
    """
    sums: BinarySums = sum_days(BinarySummer(), day, BinaryAnswers(score, decision, label))
    return sums


def _plain(answers: BinaryAnswers) -> Floats:
    score, label, decision = answers.score, answers.labels, answers.decision
    columns = (
        np.ones(len(score)),
        label.astype(float),
        score,
        (score - label) ** 2,
        (decision == label).astype(float),
        decision.astype(float),
        (decision & label).astype(float),
    )
    # Summed one by one in their order, as a day among others would be.
    day = np.zeros(len(score), np.intp)
    return np.concatenate([np.bincount(day, weights=c, minlength=1) for c in columns])


def _wins(days: Sequence[BinaryDay], other: BinaryDay) -> Sequence[float]:
    """How many pairs the positives of each day win over the negatives of another; a tie counts
    half."""
    negatives = other.negatives
    sizes = [len(one.positives) for one in days]
    if not sum(sizes) or not len(negatives):
        return [0.0] * len(days)
    positives = np.concatenate([one.positives for one in days])
    below = np.searchsorted(negatives, positives, side="left")
    tied = np.flatnonzero(negatives[np.minimum(below, len(negatives) - 1)] == positives)
    won = below.astype(float)
    if len(tied):
        above = np.searchsorted(negatives, positives[tied], side="right")
        won[tied] += (above - below[tied]) / 2
    # Halves add up exactly, in whatever order.
    passed = np.concatenate(([0.0], np.cumsum(won)))[np.cumsum([0, *sizes])]
    found: Sequence[float] = np.diff(passed).tolist()
    return found
