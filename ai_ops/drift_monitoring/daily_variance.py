"""How much a window scatters, told by its days: many days know it better than a few windows do."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

WEEK: Final = 7
FEWEST_DAYS: Final = 28
AGREED: Final = 1.25
"""Windows that vary by more than so many times what days let expect know what days do not: a
season. Of days that are alike a quarter of the columns comes so far."""


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

    def with_windows(self, variance: float, freedom: float) -> "DailyVariance | None":
        """Days and windows together; None where the windows vary by more than days explain."""
        if variance > AGREED * self.variance:
            return None
        together = self.freedom * self.variance + freedom * variance
        return DailyVariance(together / (self.freedom + freedom), self.freedom, self.tails)


def daily_variance(daily: ArrayLike, window_days: int) -> DailyVariance | None:
    """The variance of the mean of ``window_days`` days, from one number a day.

    What belongs to the day of the week is taken out: every window has each once. Days after one
    another are alike to a degree that falls with their distance as that of neighbours says (an
    autoregression of order one), never less than not at all. None of fewer than 28 days.

    >>> alike = daily_variance(np.random.default_rng(1).standard_normal(84), 7)
    >>> round(7 * alike.variance, 1), round(alike.freedom)
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
    alike = float(np.nanmean(pairs)) / variance if variance > 0 and known.any() else 0.0
    # Few days show less of a correlation than there is (Marriott and Pope 1954).
    rho = min(max(alike + (1 + 4 * max(alike, 0.0)) / n, 0.0), 0.95)
    lags = np.arange(1, window_days)
    weights = 2 * (1 - lags / window_days)
    together = 1 + float(weights @ rho**lags)
    steep = float(weights @ (lags * rho ** (lags - 1)))
    doubt = 2 / (n - WEEK) * (1 + rho**2) / (1 - rho**2)
    doubt += (steep / together) ** 2 * (1 - rho**2) / n
    fourth = float((rest[known] ** 4).mean()) / max(float((rest[known] ** 2).mean()) ** 2, 1e-300)
    beyond_chance = max(fourth - 3 - np.sqrt(24 / n), 0.0)
    return DailyVariance(variance * together / window_days, 2 / doubt, beyond_chance / window_days)
