"""How often a model is worth retraining: from how it grows old and how quickly alerts fire.

No frequency is right for every model. What is measured: by how much an older version answers worse
than a newer one on the same rows of a month, per month between them (the month's own difficulty
falls out); and how many judged days in production pass until an accuracy or drift alert. Days
without an alert count as what they are, days at risk: the mean time to an alert is all of them
divided by the alerts, the maximum-likelihood estimate of an exponential time under censoring
(Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, 2002, section 3.2). A day
that nobody judged is none of them.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np

from ai_ops.accuracy_evaluation.intervals import Estimate, jackknife
from ai_ops.accuracy_evaluation.records import AnswerKind
from ai_ops.accuracy_evaluation.staleness_records import MONTH_DAYS, AgedMonth
from ai_ops.ai_features.gate import Gate
from ai_ops.vocabulary.alerts import Alert

MONTHS: Final = 3
"""A curve has at least so many months on it: two that are alike by chance look sure."""

AT_RISK_DAYS: Final = 28
"""Without any alert, so many judged days say that alerts are rare, and fewer say nothing."""

TOLERATED: Final = 0.5
"""So much of the gap that the gate confirms may be lost: a retraining takes time, too."""

RHYTHMS: Final = (
    (7, "every week"),
    (14, "every two weeks"),
    (30, "every month"),
    (61, "every two months"),
    (91, "every three months"),
    (183, "every half year"),
)
"""What is advised, from weekly to months."""


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
class Spell:
    """A version in production up to its first alert, or, without one, up to its end; ``days`` of
    that were judged."""

    version: str
    since: datetime
    until: datetime
    days: int
    alert: str = ""


@dataclass(frozen=True)
class Advice:
    """What the evidence advises; ``days`` None where it is too little, and what is ``missing``.

    ``oldest`` is the greatest age, in months, at which a version was asked again; ``rows`` are the
    labelled rows of all months.
    """

    losses: tuple[Loss, ...]
    spells: tuple[Spell, ...]
    oldest: float
    rows: int = 0
    days: float | None = None
    rhythm: str = ""
    reason: str = ""
    missing: tuple[str, ...] = ()

    @property
    def alerts(self) -> int:
        """How many versions had an alert."""
        return sum(1 for spell in self.spells if spell.alert)

    @property
    def spacing(self) -> float | None:
        """Judged days in production per first alert; None without any."""
        return self.at_risk / self.alerts if self.alerts else None

    @property
    def at_risk(self) -> int:
        """The judged days of all of them."""
        return sum(spell.days for spell in self.spells)


@dataclass(frozen=True)
class _Step:
    month: str
    apart: float
    lost: float
    error: float


def spells_of(
    moves: Sequence[tuple[str, datetime]],
    alerts: Sequence[Alert],
    judged: Collection[datetime],
    as_of: datetime,
) -> tuple[Spell, ...]:
    """Each version's time in production, by the ledger's moves, up to the first alert in it;
    ``judged`` are the ends of the days of which accuracy or drift was judged."""
    found = []
    ends = [*(at for _, at in moves[1:]), as_of]
    for (version, since), end in zip(moves, ends, strict=True):
        inside = [one for one in alerts if since < one.raised_at <= end]
        first = min(inside, key=lambda one: one.raised_at, default=None)
        until = end if first is None else first.raised_at
        days = sum(1 for day in judged if since < day <= until)
        found.append(Spell(version, since, until, days, first.item if first else ""))
    return tuple(found)


def advise(
    months: Sequence[AgedMonth], spells: Sequence[Spell], gate: Gate, *, least_days: int = 7
) -> Advice:
    """How often to retrain: before half of a confirmed gap is lost, and as often as alerts fire;
    never longer than an age that was seen, nor more often than every ``least_days``."""
    losses = tuple(_losses(months, gate))
    oldest = max((one.age for month in months for one in month.answered), default=0.0)
    rows = sum(max((one.rows for one in month.answered), default=0) for month in months)
    advice = Advice(losses, tuple(spells), oldest, rows)
    missing = tuple(_missing(advice))
    if missing:
        words = f"too little history to advise a cadence: {'; '.join(missing)}"
        return replace(advice, reason=words, missing=missing)
    limits = sorted(_limits(advice))
    days = min(max(limits[0][0], least_days), RHYTHMS[-1][0])
    rhythm = rhythm_of(days)
    words = f"retrain {rhythm}: " + "; ".join(told for _, told in limits)
    if limits[0][0] < least_days:
        words += f"; not more often than the {least_days} days on which a candidate is judged"
    return replace(advice, days=days, rhythm=rhythm, reason=words)


def rhythm_of(days: float) -> str:
    """The nearest rhythm, as shares.

    >>> rhythm_of(9), rhythm_of(25), rhythm_of(1000)
    ('every week', 'every month', 'every half year')
    """
    return min(RHYTHMS, key=lambda one: abs(float(np.log(one[0] / days))))[1]


def _missing(advice: Advice) -> Iterator[str]:
    seen = max((loss.per_month.days for loss in advice.losses), default=0)
    if seen < MONTHS:
        yield (
            f"versions of different age answered the same labelled rows in {seen} months after "
            f"their training, needed are {MONTHS}"
        )
    if not advice.spells:
        yield "no launch stands in the ledger: nothing says how quickly alerts fire after one"
    elif not advice.alerts and advice.at_risk < AT_RISK_DAYS:
        yield (
            f"no alert in {advice.at_risk} days of production of which accuracy or drift was "
            f"judged; {AT_RISK_DAYS} would tell"
        )


def _limits(advice: Advice) -> Iterator[tuple[float, str]]:
    seen = advice.oldest * MONTH_DAYS
    for loss in advice.losses:
        if loss.days is not None and loss.days < seen:
            words = (
                f"{_told(loss)}: surely no more than half of what the gate confirms as a gap "
                f"({loss.tolerated:g}) is lost in {loss.days:.0f} days"
            )
            yield loss.days, words
        else:
            words = f"{_told(loss)}: too little to matter at any age that was seen"
            yield seen, f"{words}, up to {seen:.0f} days"
    if advice.spacing is not None:
        words = f"{advice.alerts} of {len(advice.spells)} versions in production had an alert"
        yield advice.spacing, f"{words}, one in {advice.spacing:.0f} judged days"
    else:
        yield advice.at_risk, f"no accuracy or drift alert in {advice.at_risk} judged days"


def _told(loss: Loss) -> str:
    low, high = loss.per_month.low, loss.per_month.high
    span = "" if low is None or high is None else f", {low:+.4f} to {high:+.4f}"
    season = ", which cannot be told from the season" if loss.alone else ""
    return f"{loss.per_month.value:+.4f} {loss.words} lost a month{span}{season}"


def _losses(months: Sequence[AgedMonth], gate: Gate) -> Iterator[Loss]:
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
