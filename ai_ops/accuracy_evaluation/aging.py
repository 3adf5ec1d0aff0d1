"""What a month of age costs: older versions beside newer ones, or a version beside itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ai_ops.accuracy_evaluation.intervals import Estimate, jackknife
from ai_ops.accuracy_evaluation.records import AnswerKind
from ai_ops.accuracy_evaluation.staleness_records import MONTH_DAYS, AgedMonth
from ai_ops.ai_features.gate import Gate

TOLERATED: Final = 0.5
"""So much of the gap that the gate confirms may be lost: a retraining takes time, too."""


@dataclass(frozen=True)
class Lost:
    """A metric that may be lost with age; ``sign`` is 1 where more of it is better. A ``share``
    of the newer version's value is lost where the metric has no scale of its own."""

    metric: str
    words: str
    sign: int
    margin: Callable[[Gate], float]
    share: bool = False


FOLLOWED: Final[Mapping[AnswerKind, tuple[Lost, ...]]] = {
    "score": (
        Lost("auc", "AUC", 1, lambda gate: gate.auc_drop),
        Lost("brier_skill", "Brier skill", 1, lambda gate: gate.brier_rise),
    ),
    "decision": (Lost("accuracy", "accuracy", 1, lambda gate: gate.accuracy_drop),),
    "classes": (Lost("accuracy", "accuracy", 1, lambda gate: gate.accuracy_drop),),
    "number": (Lost("mae", "of the mean absolute error", -1, lambda g: g.error_rise, share=True),),
}


@dataclass(frozen=True)
class Loss:
    """How much of one metric is lost per month of age; above zero, the older version is worse.

    ``tolerated`` is how much may be lost. ``alone`` says that no newer version stood beside it:
    then the loss cannot be told from the season.
    """

    words: str
    per_month: Estimate
    tolerated: float
    alone: bool

    @property
    def days(self) -> float | None:
        """For how many days surely no more than that is lost: by the upper end of the interval, so
        that little evidence is no reason to wait. None where nothing is lost, or nothing known."""
        high = self.per_month.high
        if high is None or high <= 0:
            return None
        return self.tolerated / high * MONTH_DAYS


@dataclass(frozen=True)
class _Step:
    month: str
    apart: float
    lost: float
    error: float


def losses_of(months: Sequence[AgedMonth], gate: Gate) -> Iterator[Loss]:
    """What is lost per month of age in each followed metric, where anything can be said of it."""
    for lost in FOLLOWED[months[-1].kind] if months else ():
        steps, alone = list(_paired(months, lost)), False
        if not steps:
            steps, alone = list(_alone(months, lost)), True
        if steps:
            yield Loss(lost.words, _slope(steps), TOLERATED * lost.margin(gate), alone)


def _paired(months: Sequence[AgedMonth], lost: Lost) -> Iterator[_Step]:
    """Every older version beside a newer one, on the same rows."""
    for month in months:
        for pair in month.older:
            apart = pair.difference.get(lost.metric)
            if apart is None or not apart.error:
                continue
            unit = pair.newer_metrics.get(lost.metric, 0.0) if lost.share else 1.0
            if unit > 0:
                worse = -lost.sign * apart.value / unit
                yield _Step(month.month, pair.months_apart, worse, apart.error / unit)


def _alone(months: Sequence[AgedMonth], lost: Lost) -> Iterator[_Step]:
    """Every version beside itself on the first month after its training."""
    first: dict[str, tuple[float, Estimate]] = {}
    for month in months:
        for one in month.answered:
            now = one.metrics.get(lost.metric)
            if now is None or not now.error:
                continue
            age, then = first.setdefault(one.version, (one.age, now))
            error = float(np.hypot(now.error, then.error or 0.0))
            unit = then.value if lost.share else 1.0
            if one.age > age and unit > 0:
                worse = lost.sign * (then.value - now.value) / unit
                yield _Step(month.month, one.age - age, worse, error / unit)


def _slope(steps: Sequence[_Step]) -> Estimate:
    """What is lost per month of age: weighted least squares through nothing lost at no age, its
    interval by leaving out one month at a time."""
    month = np.array([step.month for step in steps])
    apart, lost = (np.array([getattr(s, name) for s in steps]) for name in ("apart", "lost"))
    weight = 1 / np.array([step.error for step in steps]) ** 2

    def slope(where: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> float:
        chosen = weight[where] * apart[where]
        return float(chosen @ lost[where] / (chosen @ apart[where]))

    names = np.unique(month)
    whole = slope(np.ones(len(steps), bool))
    if len(names) == 1:
        return Estimate(whole, None, None, None, len(steps), 1)
    without = np.array([slope(month != name) for name in names])
    return jackknife(whole, without, rows=len(steps))
