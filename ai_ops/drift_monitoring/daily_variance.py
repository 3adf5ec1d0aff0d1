"""How much a window scatters, told by its days: many days know it better than a few windows do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.moderation import FEWEST_COLUMNS, LENT_AT_MOST

WEEK: Final = 7
FEWEST_DAYS: Final = 28
MOST_ALIKE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Days:
    """How days scatter: ``variance`` of one, ``alike`` its correlation with the next, ``fourth``
    its kurtosis (3 where days are normal).

    ``lent`` and ``fourth_lent`` are how many times what the column's own days know of the two the
    other columns' have added.
    """

    count: int
    window_days: int
    variance: float
    alike: float
    fourth: float
    lent: float = 0.0
    fourth_lent: float = 0.0

    def of_window(self) -> "DailyVariance":
        """What they say of a window."""
        rho = min(max(self.alike, 0.0), MOST_ALIKE)
        lags = np.arange(1, self.window_days)
        weights = 2 * (1 - lags / self.window_days)
        together = 1 + float(weights @ rho**lags)
        steep = float(weights @ (lags * rho ** (lags - 1)))
        doubt = 2 / (self.count - WEEK) * (1 + rho**2) / (1 - rho**2)
        doubt += (steep / together) ** 2 * (1 - rho**2) / self.count / (1 + self.lent)
        chance = np.sqrt(24 / self.count / (1 + self.fourth_lent))
        tails = max(self.fourth - 3 - float(chance), 0.0) / self.window_days
        return DailyVariance(self.variance * together / self.window_days, 2 / doubt, tails)


@dataclass(frozen=True, slots=True)
class DailyVariance:
    """The variance of a window's mean, and the degrees of freedom that it is known with.

    ``tails`` is the excess kurtosis of the mean: more than 0 where a few days go far.
    """

    variance: float
    freedom: float
    tails: float = 0.0

    def widened(self, quantile: float) -> float:
        """A quantile with what rare far days add: the first term of Cornish and Fisher (1938).

        >>> DailyVariance(1.0, 30, tails=0.5).widened(3.5)
        4.174479166666667
        """
        return quantile + self.tails * (quantile**3 - 3 * quantile) / 24


def days_of(daily: ArrayLike, window_days: int) -> Days | None:
    """How the days of one column scatter, from one number a day; None of fewer than 28 days.

    What belongs to the day of the week is taken out: every window has each once. Days after one
    another are alike to a degree that falls with their distance as that of neighbours says (an
    autoregression of order one), never less than not at all.

    >>> known = days_of(np.random.default_rng(1).standard_normal(84), 7).of_window()
    >>> round(7 * known.variance, 1), round(known.freedom)
    (0.8, 33)
    """
    days = np.asarray(daily, float)
    known = np.isfinite(days)
    if known.sum() < FEWEST_DAYS:
        return None
    weekday = np.arange(len(days)) % WEEK
    rest = days.copy()
    for day in range(WEEK):
        of_day = known & (weekday == day)
        if of_day.any():
            rest[of_day] -= rest[of_day].mean()
    n = int(known.sum())
    variance = float((rest[known] ** 2).sum() / (n - WEEK))
    pairs = rest[1:] * rest[:-1]
    paired = np.isfinite(pairs).any() and variance > 0
    alike = float(np.nanmean(pairs)) / variance if paired else 0.0
    # Few days show less of a correlation than there is (Marriott and Pope 1954).
    alike += (1 + 4 * max(alike, 0.0)) / n
    fourth = float((rest[known] ** 4).mean()) / max(float((rest[known] ** 2).mean()) ** 2, 1e-300)
    return Days(n, window_days, variance, alike, fourth)


def told_together(columns: Sequence[Days]) -> list[Days]:
    """Each column's days with what the others' know of their memory and of their far days.

    A correlation and a kurtosis of some eighty days are rough. Where columns differ in them no
    more than chance lets expect, they are drawn to their mean, at most three to one; where they
    differ more, each keeps to its own (empirical Bayes, as ``moderated`` has it for variances).

    >>> days = [Days(84, 7, 1.0, alike, 3.0) for alike in (0.4, 0.5, 0.6, 0.5)]
    >>> [round(column.alike, 2) for column in told_together(days)]
    [0.47, 0.5, 0.53, 0.5]
    """
    moving = [column for column in columns if column.variance > 0]
    if len(moving) < FEWEST_COLUMNS:
        return list(columns)
    count = float(np.median([column.count for column in moving]))
    alike = np.array([column.alike for column in moving])
    fourth = np.log([max(column.fourth, 1e-9) for column in moving])
    memory, far = float(alike.mean()), float(fourth.mean())
    lent = _lent(alike, (1 - min(max(memory, 0.0), MOST_ALIKE) ** 2) / count)
    fourth_lent = _lent(fourth, 24 / count / 9)
    return [
        replace(
            column,
            alike=(column.alike + lent * memory) / (1 + lent),
            fourth=float(
                np.exp((np.log(max(column.fourth, 1e-9)) + fourth_lent * far) / (1 + fourth_lent))
            ),
            lent=lent,
            fourth_lent=fourth_lent,
        )
        if column.variance > 0
        else column
        for column in columns
    ]


def _lent(values: "np.ndarray[tuple[int], np.dtype[np.float64]]", chance: float) -> float:
    """How many times as much as its own days the others say of a column's value."""
    between = float(values.var(ddof=1)) - chance
    return min(chance / between, LENT_AT_MOST) if between > 0 else LENT_AT_MOST
