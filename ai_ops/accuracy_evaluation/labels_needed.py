"""How many labels an asked precision needs: the half-width of the headline metric's interval.

- A share (the accuracy of decisions or classes): the score interval of Wilson 1927, "Probable
  inference, the law of succession, and statistical inference", which keeps a width where every
  answer was right.
- AUC: the variance of Hanley and McNeil 1982, "The meaning and use of the area under a receiver
  operating characteristic (ROC) curve", with the observed rate of positives.
- MAE: the variance of the absolute errors, ``rmse² - mae²``, over the number of labels.

Rows of one day are alike: by how much the jackknife over days found the variance larger than that
of as many independent rows is the design effect (Kish 1965, "Survey Sampling", 8.2), by which the
number rises. It is never below one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from scipy.special import ndtri, stdtrit

from ai_ops.accuracy_evaluation.intervals import CONFIDENCE, Estimate
from ai_ops.accuracy_evaluation.records import AnswerKind, Measured

HEADLINE: Final[Mapping[AnswerKind, str]] = {
    "score": "auc",
    "decision": "accuracy",
    "classes": "accuracy",
    "number": "mae",
}
"""The metric whose interval is asked for, by the kind of answer."""

RATE_PRECISION: Final = 0.02
"""What is told where none is asked: two points of a share or an AUC."""
NUMBER_PRECISION: Final = 0.05
"""The same for a number, as a share of its mean absolute error."""
MINIMUM_DAYS: Final = 5
"""Of fewer days the jackknife says too little of how alike the rows of a day are."""
FEWEST, AT_MOST = 4, 10**9
"""No fewer labels have a spread, and nobody has more."""

Halved = Callable[[float], float]
"""The half-width of the interval by the number of labels."""


@dataclass(frozen=True)
class LabelsNeeded:
    """How many labels the precision needs, and how many there are.

    ``half_width`` is what the labels that are there give, None where they give no interval.
    ``asked`` is False where the feature's file asks for no precision and a default is told.
    ``planned_on`` says whose metrics the number was computed from.
    """

    metric: str
    precision: float
    asked: bool
    labels: int
    needed: int
    design_effect: float
    half_width: float | None
    planned_on: str

    @property
    def reached(self) -> bool:
        """Whether there are labels enough."""
        return self.labels >= self.needed

    @property
    def words(self) -> str:
        """The same in a sentence.

        >>> LabelsNeeded("auc", 0.02, True, 412, 1130, 1.0, 0.033, "the set").words
        'has 412 labels, needs 1,130 for ±0.02 of auc'
        """
        told = f"{self.metric}" + ("" if self.asked else " (no precision is asked)")
        return (
            f"has {self.labels:,} labels, needs {self.needed:,} for ±{self.precision:g} of {told}"
        )


def labels_needed(
    measured: Measured, precision: float | None, labels: int, planned_on: str
) -> LabelsNeeded | None:
    """How many labels the precision needs, planned on measured metrics; None where these lack the
    headline: nobody can plan on nothing."""
    metric = HEADLINE[measured.kind]
    headline = measured.metrics.get(metric)
    if headline is None:
        return None
    own = planned_on == "the set"
    days = headline.days if headline.days >= MINIMUM_DAYS else 0
    quantile = float(stdtrit(days - 1, CONFIDENCE) if days else ndtri(CONFIDENCE))
    half = _half_width(measured, headline, quantile)
    wider = 1.0
    if days and headline.error is not None and (plain := half(headline.rows)) > 0:
        wider = max(quantile * headline.error / plain, 1.0)
    wanted = precision or RATE_PRECISION
    if precision is None and measured.kind == "number":
        wanted = float(f"{NUMBER_PRECISION * headline.value:.2g}") or RATE_PRECISION
    return LabelsNeeded(
        metric=metric,
        precision=wanted,
        asked=precision is not None,
        labels=labels,
        needed=fewest(lambda count: wider * half(count), wanted),
        design_effect=round(wider**2, 2),
        half_width=wider * half(headline.rows) if own else None,
        planned_on=planned_on,
    )


def _half_width(measured: Measured, headline: Estimate, quantile: float) -> Halved:
    if measured.kind == "score":
        rate = measured.metrics["observed_rate"].value
        return lambda count: quantile * auc_error(headline.value, rate, count)
    if measured.kind == "number":
        squares = measured.metrics["rmse"].value ** 2
        spread = max(squares - headline.value**2, 0.0)
        return lambda count: quantile * float((spread / count) ** 0.5)
    return lambda count: wilson_half_width(headline.value, count, quantile)


def wilson_half_width(share: float, count: float, quantile: float) -> float:
    """Half the width of Wilson's interval of a share seen in so many rows.

    >>> round(wilson_half_width(0.9, 100, 1.96), 3), round(wilson_half_width(1.0, 100, 1.96), 3)
    (0.06, 0.018)
    """
    square = quantile**2
    inside = share * (1 - share) / count + square / (4 * count**2)
    return float(quantile * inside**0.5 / (1 + square / count))


def auc_error(auc: float, rate: float, count: float) -> float:
    """The standard error of an AUC of so many rows, of which this rate is positive.

    An area of 0.8 with 50 of each:

    >>> round(auc_error(0.8, 0.5, 100), 3)
    0.045
    """
    positives, negatives = max(rate * count, 1.0), max((1 - rate) * count, 1.0)
    # An area of one says no more than that no pair of so many rows was the wrong way round.
    area = min(max(auc, 0.5 / count), 1 - 0.5 / count)
    above, below = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area)
    spread += (positives - 1) * (above - area**2) + (negatives - 1) * (below - area**2)
    return float((spread / (positives * negatives)) ** 0.5)


def fewest(half: Halved, wanted: float) -> int:
    """The fewest labels whose half-width is at most the wanted one.

    >>> fewest(lambda count: (1 / count) ** 0.5, 0.1)
    100
    """
    low, high = FEWEST, 2 * FEWEST
    while half(high) > wanted and high < AT_MOST:
        low, high = high, high * 2
    while low < high:
        middle = (low + high) // 2
        if half(middle) <= wanted:
            high = middle
        else:
            low = middle + 1
    return high
