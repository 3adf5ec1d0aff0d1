"""The arrival curve: the share of predictions that have their label, by age.

A prediction that is younger than an age says nothing about it: it is censored, not unlabelled.
The curve is Kaplan and Meier's product limit (1958, "Nonparametric estimation from incomplete
observations"), its error Greenwood's (1926, "The natural duration of cancer").
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

AGES: Final = (1, 2, 3, 4, 6, 8, 10, 12, 18, 24, 36, 48, 60, 72, 96, 120, 168, 240, 336, 504, 672)
"""The ages, in hours, at which a curve is told; older ones are doublings of the last."""

LEFT_AT_LEAST: Final = 0.05
"""The curve ends at the age that fewer of the predictions than this share have reached."""

SURE: Final = 3.0
"""So many standard errors on either side."""


@dataclass(frozen=True)
class ArrivalCurve:
    """The share there at each age (hours), with its interval, and how many were that old or not
    yet labelled: those that the share is learnt from."""

    ages: tuple[float, ...] = ()
    share: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    waited_for: tuple[int, ...] = ()

    @property
    def final(self) -> float:
        """The share that ever came, as far as the curve reaches."""
        return self.share[-1] if self.share else 0.0

    def at(self, age: float) -> float:
        """The share there at one of the ages told, or at the last one before.

        >>> ArrivalCurve((12.0, 24.0), (0.5, 0.9)).at(24)
        0.9
        """
        return self._told(self.share, age)

    def high_at(self, age: float) -> float:
        """The upper end of the interval there."""
        return self._told(self.high, age)

    def _told(self, values: tuple[float, ...], age: float) -> float:
        place = int(np.searchsorted(self.ages, age, side="right")) - 1
        return values[place] if place >= 0 else 0.0


@dataclass(frozen=True)
class Arrivals:
    """N predictions: the hours after which the label came (NaN: not yet), and how old each is."""

    delay: Floats
    age: Floats

    def __len__(self) -> int:
        return len(self.age)

    @property
    def came(self) -> npt.NDArray[np.bool_]:
        """Where the label is there."""
        return np.isfinite(self.delay)

    def take(self, where: npt.NDArray[np.bool_] | slice) -> "Arrivals":
        """The chosen ones."""
        return Arrivals(self.delay[where], self.age[where])


@dataclass(frozen=True)
class _Steps:
    """Where the curve steps: ages, the share from there on, its error, who was waited for."""

    age: Floats
    share: Floats
    error: Floats
    waited_for: npt.NDArray[np.int64]
    oldest: float


def arrival_curve(arrivals: Arrivals, declared: float) -> ArrivalCurve:
    """The curve at the usual ages and at the declared one.

    Of four predictions two have their label after an hour and after two; the third is three hours
    old and still without, the fourth only half an hour old and says nothing about an hour:

    >>> four = Arrivals(np.array([1.0, 2.0, np.nan, np.nan]), np.array([9.0, 9.0, 9.0, 0.5]))
    >>> curve = arrival_curve(four, declared=2)
    >>> [round(curve.at(age), 3) for age in (1, 2, 3)]
    [0.333, 0.667, 0.667]
    """
    steps = _steps(arrivals)
    ages = [age for age in sorted({*map(float, AGES), float(declared)}) if age <= steps.oldest]
    while ages and ages[-1] >= AGES[-1] and 2 * ages[-1] <= steps.oldest:
        ages.append(2 * ages[-1])
    if not ages:
        return ArrivalCurve()
    place = np.searchsorted(steps.age, ages, side="right")
    share = np.append(0.0, steps.share)[place]
    error = np.append(0.0, steps.error)[place]
    waited = np.append(len(arrivals), steps.waited_for)[place]
    return ArrivalCurve(
        tuple(ages),
        tuple(share.tolist()),
        tuple(np.maximum(share - SURE * error, 0).tolist()),
        tuple(np.minimum(share + SURE * error, 1).tolist()),
        tuple(waited.tolist()),
    )


def age_at(arrivals: Arrivals, share: float) -> float | None:
    """The age by which this share of the predictions has its label; None where it never does.

    >>> age_at(Arrivals(np.array([5.0, 30.0, 61.0]), np.full(3, 99.0)), 0.5)
    30.0
    """
    steps = _steps(arrivals)
    reached = np.flatnonzero(steps.share >= share - 1e-12)
    return float(steps.age[reached[0]]) if len(reached) else None


def _steps(arrivals: Arrivals) -> _Steps:
    if not len(arrivals):
        none = np.zeros(0)
        return _Steps(none, none, none, np.zeros(0, np.int64), -1.0)
    came = arrivals.came
    seen = np.where(came, arrivals.delay, arrivals.age)
    seen = np.maximum(seen, 0.0)
    ordered = np.sort(seen)
    oldest = float(np.quantile(arrivals.age, 1 - LEFT_AT_LEAST))
    age, events = np.unique(seen[came], return_counts=True)
    kept = age <= oldest
    age, events = age[kept], events[kept]
    waited = len(ordered) - np.searchsorted(ordered, age, side="left")
    with np.errstate(divide="ignore", invalid="ignore"):
        left: Floats = np.cumprod(1 - events / waited, dtype=np.float64)
        terms = events / (waited * (waited - events))
    error: Floats = left * np.sqrt(np.cumsum(np.where(np.isfinite(terms), terms, 0.0)))
    return _Steps(age, 1 - left, error, waited.astype(np.int64), oldest)
