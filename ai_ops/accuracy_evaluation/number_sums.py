"""The metrics of an answer that is a number.

- ``mae``: mean distance of answer and label; ``rmse``: root of the mean squared one, which a few
  large errors rule (Willmott and Matsuura 2005 compare the two).
- ``bias``: mean of answer minus label; above zero when the model promises too much.
- ``r2``: 1 - sum of squared errors / that of always answering the rows' own mean. It falls when
  the labels spread less, at the same errors: it is shown, not gated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ai_ops.accuracy_evaluation.metrics import Bools, Curve, Floats, Version, defined, places_of
from ai_ops.accuracy_evaluation.records import AnswerKind
from ai_ops.ai_features.parts import Judged

SUMMED = 6


@dataclass(frozen=True)
class NumberAnswers:
    """N answers that are numbers, and the numbers that came true."""

    score: Floats
    labels: Floats

    def __len__(self) -> int:
        return len(self.score)

    @property
    def usable(self) -> Bools:
        """Where the answer is a finite number."""
        return np.isfinite(self.score)

    def take(self, where: Bools | slice) -> "NumberAnswers":
        """The chosen rows."""
        return NumberAnswers(self.score[where], self.labels[where])

    def columns(self, judged: Judged) -> dict[str, npt.NDArray[Any]]:
        """The number."""
        return {f"output_{judged.score}": self.score}

    def again(self, where: Bools, found: Floats, version: Version) -> "NumberAnswers":
        """The rows, of which the chosen ones have another number."""
        score = self.score.copy()
        score[where] = found
        return NumberAnswers(score, self.labels)


@dataclass(frozen=True)
class NumberSums:
    """``plain`` is [D, 6]: rows, absolute errors, squared errors, errors; mean label of the day,
    squared distances of its labels from that."""

    kind: ClassVar[AnswerKind] = "number"

    days: tuple[str, ...]
    plain: Floats

    @property
    def by_day(self) -> Floats:
        """The rows of each day."""
        return self.plain[:, 0]

    def of(self, days: Sequence[str]) -> "NumberSums":
        """The sums of those of the days that are there."""
        kept = places_of(self.days, days)
        return NumberSums(tuple(self.days[index] for index in kept), self.plain[kept])

    def values(self, weights: Floats) -> dict[str, Floats]:
        """Every metric under R weightings of the days, ``weights`` [R, D]; NaN where undefined.

        >>> answers = NumberAnswers(np.array([3.0, 5.0, 4.0]), np.array([1.0, 5.0, 6.0]))
        >>> sums = NumberSummer().together([NumberSummer().day("a", answers)])
        >>> {name: round(float(x[0]), 3) for name, x in sums.values(np.ones((1, 1))).items()}
        ... # doctest: +NORMALIZE_WHITESPACE
        {'mae': 1.333, 'rmse': 1.633, 'bias': 0.0, 'r2': 0.429, 'mean_answer': 4.0,
         'mean_label': 4.0}
        """
        n, label, spread = self.plain[:, 0], self.plain[:, 4], self.plain[:, 5]
        rows, absolute, squares, errors = (weights @ self.plain[:, :4]).T
        with np.errstate(invalid="ignore", divide="ignore"):
            # Days are pooled by their own means: sums of squared labels would lose the digits
            # of labels that are large and close to each other (Chan, Golub and LeVeque 1983).
            mean = weights @ (n * label) / rows
            apart = (label[None, :] - mean[:, None]) ** 2
            total = weights @ spread + (weights * n * apart).sum(axis=1)
            found = {
                "mae": absolute / rows,
                "rmse": np.sqrt(squares / rows),
                "bias": errors / rows,
                "r2": 1 - squares / total,
                "mean_answer": mean + errors / rows,
                "mean_label": mean,
            }
        return defined(found)

    def curve(self) -> Curve:
        """No probability, no curve."""
        return []


class NumberSummer:
    """Sums numbers."""

    def day(self, day: str, answers: NumberAnswers) -> tuple[str, Floats]:
        """One day's sums. Raises ``ValueError`` for an answer that is not a finite number."""
        if not bool(answers.usable.all()):
            raise ValueError("an answer is a finite number")
        error, label = answers.score - answers.labels, answers.labels
        mean = float(label.mean()) if len(label) else 0.0
        sums = (
            len(answers),
            np.abs(error).sum(),
            (error**2).sum(),
            error.sum(),
            mean,
            ((label - mean) ** 2).sum(),
        )
        return day, np.array(sums, float)

    def together(self, parts: Sequence[tuple[str, Floats]]) -> NumberSums:
        """The sums of these days."""
        plain = np.array([sums for _, sums in parts]).reshape(len(parts), SUMMED)
        return NumberSums(tuple(day for day, _ in parts), plain)
