"""How often a model is worth retraining: from how it grows old and how quickly alerts fire.

No frequency is right for every model. What is measured: by how much an older version answers worse
than a newer one on the same rows of a month, per month between them (the month's own difficulty
falls out); and how many judged days in production pass until an accuracy or drift alert. Days
without an alert count as what they are, days at risk: the mean time to an alert is all of them
divided by the alerts, the maximum-likelihood estimate of an exponential time under censoring
(Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, 2002, section 3.2). A day
that nobody judged is none of them.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np

from ai_ops.accuracy_evaluation.aging import Loss, losses_of
from ai_ops.accuracy_evaluation.staleness_records import MONTH_DAYS, AgedMonth
from ai_ops.ai_features.gate import Gate
from ai_ops.vocabulary.alerts import Alert

MONTHS: Final = 3
"""A curve has at least so many months on it: two that are alike by chance look sure."""

AT_RISK_DAYS: Final = 28
"""Without any alert, so many judged days say that alerts are rare, and fewer say nothing."""

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
    losses = tuple(losses_of(months, gate))
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
