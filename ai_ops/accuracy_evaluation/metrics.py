"""The metrics of a binary answer, each from sums over days.

Every metric here is a function of sums that add up over days (of pairs of days, for the AUC). A
day left out is then a weight of zero, and the interval of every metric costs no second look at
the rows. Days, not rows, are what is left out: a storm makes all flights of a day late together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai_ops.accuracy_evaluation.intervals import Estimate, jackknife

Floats = npt.NDArray[np.float64]

METRICS = (
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
"""What is measured.

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

CELLS = 10


@dataclass(frozen=True)
class DaySums:
    """What the metrics need of D days.

    ``plain`` is [D, 7]: rows, positives, sum of scores, sum of squared errors, right decisions,
    positive decisions, positive decisions that were right. ``cells`` is [D, 3, CELLS]: rows, sum
    of scores, positives by score. ``wins`` is [D, D]: pairs of a positive of one day above a
    negative of another, a tie counting half.
    """

    days: tuple[str, ...]
    plain: Floats
    cells: Floats
    wins: Floats

    @property
    def rows(self) -> int:
        """How many rows went in."""
        return int(self.plain[:, 0].sum())

    def of(self, days: Sequence[str]) -> "DaySums":
        """The sums of those of the days that are there."""
        kept = [index for index, day in enumerate(self.days) if day in set(days)]
        return DaySums(
            tuple(self.days[index] for index in kept),
            self.plain[kept],
            self.cells[kept],
            self.wins[np.ix_(kept, kept)],
        )


def sum_by_day(
    day: Sequence[str] | npt.NDArray[np.str_],
    score: Floats,
    label: npt.NDArray[np.bool_],
    decision: npt.NDArray[np.bool_],
) -> DaySums:
    """The sums of rows that each have a day, a score in [0, 1], a label and a decision.

    Raises ``ValueError`` for a score that is not a number in [0, 1].
    """
    if not bool(np.all((score >= 0) & (score <= 1))):
        raise ValueError("a score is a number in [0, 1]")
    days, code = np.unique(np.asarray(day, dtype=str), return_inverse=True)
    return DaySums(
        tuple(str(name) for name in days),
        _plain(code, len(days), score, label, decision),
        _cells(code, len(days), score, label),
        _wins(code, len(days), score, label),
    )


def values(sums: DaySums, weights: Floats) -> dict[str, Floats]:
    """Every metric under R weightings of the days, ``weights`` [R, D]; NaN where undefined.

    >>> two = sum_by_day(["a", "a", "b"], np.array([0.2, 0.9, 0.4]),
    ...                  np.array([False, True, False]), np.array([False, True, True]))
    >>> {name: round(float(x[0]), 3) for name, x in values(two, np.ones((1, 2))).items()}
    ... # doctest: +NORMALIZE_WHITESPACE
    {'auc': 1.0, 'brier': 0.07, 'brier_skill': 0.685, 'ece': 0.233, 'accuracy': 0.667,
     'f1': 0.667, 'calibration_gap': 0.167, 'mean_score': 0.5, 'observed_rate': 0.333}
    """
    rows, positives, scores, squares, right, chosen, hits = (weights @ sums.plain).T
    cells = np.tensordot(weights, sums.cells, axes=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate, mean = positives / rows, scores / rows
        found = {
            "auc": np.einsum("ri,ij,rj->r", weights, sums.wins, weights, optimize=True)
            / (positives * (rows - positives)),
            "brier": squares / rows,
            "brier_skill": 1 - squares / rows / (rate * (1 - rate)),
            "ece": np.abs(cells[:, 1] - cells[:, 2]).sum(axis=1) / rows,
            "accuracy": right / rows,
            "f1": 2 * hits / (chosen + positives),
            "calibration_gap": mean - rate,
            "mean_score": mean,
            "observed_rate": rate,
        }
    return {name: np.where(np.isfinite(value), value, np.nan) for name, value in found.items()}


def replicates(sums: DaySums) -> dict[str, Floats]:
    """Every metric of all days (first), then without each day in turn: [1 + D]."""
    count = len(sums.days)
    return values(sums, np.vstack([np.ones((1, count)), 1 - np.eye(count)]))


def estimate(sums: DaySums) -> dict[str, Estimate]:
    """Every metric that is defined on these rows, with its interval; empty without rows.

    >>> estimate(sum_by_day([], np.array([]), np.array([], bool), np.array([], bool)))
    {}
    """
    if not sums.days:
        return {}
    found = {}
    for name, value in replicates(sums).items():
        if np.isfinite(value[0]):
            found[name] = jackknife(float(value[0]), value[1:], rows=sums.rows)
    return found


def difference(one: DaySums, other: DaySums) -> dict[str, Estimate]:
    """Each metric of ``one`` minus that of ``other`` on the same rows, paired by day."""
    if one.days != other.days or not np.array_equal(one.plain[:, 0], other.plain[:, 0]):
        raise ValueError("two scores are compared on the same rows of the same days")
    if not one.days:
        return {}
    first, second = replicates(one), replicates(other)
    found = {}
    for name in METRICS:
        apart = first[name] - second[name]
        if np.isfinite(apart[0]):
            found[name] = jackknife(float(apart[0]), apart[1:], rows=one.rows)
    return found


def calibration_curve(sums: DaySums) -> list[tuple[float, float, int]]:
    """Mean score, observed rate and rows of each cell that has rows."""
    rows, scores, positives = sums.cells.sum(axis=0) if sums.days else np.zeros((3, CELLS))
    return [
        (float(s / n), float(p / n), int(n))
        for n, s, p in zip(rows, scores, positives, strict=True)
        if n
    ]


def _plain(
    code: npt.NDArray[np.intp],
    days: int,
    score: Floats,
    label: npt.NDArray[np.bool_],
    decision: npt.NDArray[np.bool_],
) -> Floats:
    columns = (
        np.ones(len(score)),
        label.astype(float),
        score,
        (score - label) ** 2,
        (decision == label).astype(float),
        decision.astype(float),
        (decision & label).astype(float),
    )
    return np.stack([np.bincount(code, weights=c, minlength=days) for c in columns], axis=1)


def _cells(
    code: npt.NDArray[np.intp], days: int, score: Floats, label: npt.NDArray[np.bool_]
) -> Floats:
    cell = code * CELLS + np.minimum((score * CELLS).astype(np.intp), CELLS - 1)
    columns = (np.ones(len(score)), score, label.astype(float))
    sums = [np.bincount(cell, weights=column, minlength=days * CELLS) for column in columns]
    return np.stack([column.reshape(days, CELLS) for column in sums], axis=1)


def _wins(
    code: npt.NDArray[np.intp], days: int, score: Floats, label: npt.NDArray[np.bool_]
) -> Floats:
    wins = np.zeros((days, days))
    positive_score, positive_day = score[label], code[label]
    order = np.argsort(positive_score)
    positive_score, positive_day = positive_score[order], positive_day[order]
    for other in range(days):
        negatives = np.sort(score[~label & (code == other)])
        below = np.searchsorted(negatives, positive_score, side="left")
        not_above = np.searchsorted(negatives, positive_score, side="right")
        wins[:, other] = np.bincount(positive_day, weights=(below + not_above) / 2, minlength=days)
    return wins
