"""The metrics of a binary answer without a score: nothing that needs one is made up.

- ``accuracy``, ``f1``: of the decisions.
- ``balanced_accuracy``: mean of the recalls of both labels (Brodersen et al. 2010, "The Balanced
  Accuracy and Its Posterior Distribution"); a rare label counts as much as a common one.
- ``decision_gap``: share of positive decisions minus the observed rate; below zero when the
  model says yes too seldom.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ai_ops.accuracy_evaluation.metrics import Bools, Curve, Floats, Version, defined, places_of
from ai_ops.accuracy_evaluation.records import AnswerKind
from ai_ops.ai_features.parts import Judged

SUMMED = 5


@dataclass(frozen=True)
class DecisionAnswers:
    """N answers: the decision, where there is one, and the label."""

    decision: Bools
    answered: Bools
    labels: Bools

    def __len__(self) -> int:
        return len(self.decision)

    @property
    def usable(self) -> Bools:
        """Where a decision was made."""
        return self.answered

    def take(self, where: Bools | slice) -> "DecisionAnswers":
        """The chosen rows."""
        return DecisionAnswers(self.decision[where], self.answered[where], self.labels[where])

    def columns(self, judged: Judged) -> dict[str, npt.NDArray[Any]]:
        """The decision: yes or no, whatever the words were."""
        return {f"output_{judged.decision}": self.decision}

    def again(self, where: Bools, found: Floats, version: Version) -> "DecisionAnswers":
        """The rows, of which the chosen ones are decided by another probability."""
        decision, answered = self.decision.copy(), self.answered.copy()
        decision[where], answered[where] = found >= version.threshold, True
        return DecisionAnswers(decision, answered, self.labels)


@dataclass(frozen=True)
class DecisionSums:
    """``plain`` is [D, 5]: rows, positives, right, positive decisions, those that were right."""

    kind: ClassVar[AnswerKind] = "decision"

    days: tuple[str, ...]
    plain: Floats

    @property
    def by_day(self) -> Floats:
        """The rows of each day."""
        return self.plain[:, 0]

    def of(self, days: Sequence[str]) -> "DecisionSums":
        """The sums of those of the days that are there."""
        kept = places_of(self.days, days)
        return DecisionSums(tuple(self.days[index] for index in kept), self.plain[kept])

    def values(self, weights: Floats) -> dict[str, Floats]:
        """Every metric under R weightings of the days, ``weights`` [R, D]; NaN where undefined.

        >>> sums = DecisionSums(("a",), np.array([[10.0, 4, 8, 4, 3]]))
        >>> {name: round(float(x[0]), 3) for name, x in sums.values(np.ones((1, 1))).items()}
        ... # doctest: +NORMALIZE_WHITESPACE
        {'accuracy': 0.8, 'f1': 0.75, 'balanced_accuracy': 0.792, 'decision_gap': 0.0,
         'positive_rate': 0.4, 'observed_rate': 0.4}
        """
        rows, positives, right, chosen, hits = (weights @ self.plain).T
        with np.errstate(invalid="ignore", divide="ignore"):
            recalls = hits / positives + (right - hits) / (rows - positives)
            found = {
                "accuracy": right / rows,
                "f1": 2 * hits / (chosen + positives),
                "balanced_accuracy": recalls / 2,
                "decision_gap": (chosen - positives) / rows,
                "positive_rate": chosen / rows,
                "observed_rate": positives / rows,
            }
        return defined(found)

    def curve(self) -> Curve:
        """No probability, no curve."""
        return []


class DecisionSummer:
    """Sums decisions."""

    def day(self, day: str, answers: DecisionAnswers) -> tuple[str, Floats]:
        """One day's sums."""
        decision, label = answers.decision, answers.labels
        columns = (np.ones(len(answers), bool), label, decision == label, decision)
        sums = [int(np.count_nonzero(column)) for column in (*columns, decision & label)]
        return day, np.array(sums, float)

    def together(self, parts: Sequence[tuple[str, Floats]]) -> DecisionSums:
        """The sums of these days."""
        plain = np.array([sums for _, sums in parts]).reshape(len(parts), SUMMED)
        return DecisionSums(tuple(day for day, _ in parts), plain)
