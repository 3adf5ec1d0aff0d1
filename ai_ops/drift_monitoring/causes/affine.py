"""How far numbers lie from others, once brought back by ``(x - b) / a``: by their quantiles."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from ai_ops.drift_monitoring.causes.sides import Moved


QUANTILES: Final = np.linspace(0.05, 0.95, 19)
SPREADS: Final = 3.29
"""Between the quantiles .05 and .95 of a normal distribution lie so many standard deviations."""

SLACK: Final = 0.1
"""So many spreads are borne, whatever the reference's own days do."""
FAR: Final = 3.0
"""A change so many times the natural one is none of the season's."""
TORN: Final = 1.5
"""A shape so many times the natural change is torn."""
BETTER: Final = 0.35
"""Brought back, the numbers lie at most this share as far off as they are."""


@dataclass(frozen=True, slots=True)
class Natural:
    """What numbers do by themselves, as ``distance`` and ``shape`` measure it."""

    distance: float
    shape: float


@dataclass(frozen=True, slots=True)
class Fit:
    """Numbers brought back by a map: how far ``off`` they are without it, and how far with it, all
    of it and in their shape alone (in spreads)."""

    off: float
    back: float
    shape_off: float
    shape_back: float
    natural: Natural

    @property
    def holds(self) -> bool:
        """Whether the map explains a change that nature does not.

        The shape tells a factor from a shift: the weather moves a mean from day to day, a
        spread hardly. So the mean may be off by more where the shape was torn and is mended.
        """
        far, torn = max(self.natural.distance, SLACK), max(self.natural.shape, SLACK)
        if self.shape_back > torn:
            return False
        if self.off >= FAR * far and self.back <= min(far, BETTER * self.off):
            return True
        mended = self.shape_off >= TORN * torn
        return mended and self.off >= TORN * far and self.back <= min(TORN * far, self.off / 2)

    @property
    def misfit(self) -> float:
        """What is left, over what is natural: the least is the best of several maps."""
        far, torn = max(self.natural.distance, SLACK), max(self.natural.shape, SLACK)
        return self.back / far + self.shape_back / torn


def distance(
    now: ArrayLike, base: ArrayLike, spread: float, *, a: float = 1, b: float = 0
) -> float:
    """The mean gap between the quantiles of ``(now - b) / a`` and of ``base``, in spreads.

    Wasserstein's distance of the middle nine tenths. Source: Vallender, Calculation of the
    Wasserstein distance, Theory of Probability 18 (1974). NaN where ``spread`` is none.

    >>> miles = np.linspace(100, 900, 500)
    >>> round(distance(miles * 1.609, miles, spread_of(miles)), 2)
    1.39
    >>> round(distance(miles * 1.609, miles, spread_of(miles), a=1.609), 2)
    0.0
    """
    if not spread > 0:
        return float("nan")
    back = (np.quantile(np.asarray(now, float), QUANTILES) - b) / a
    # (a negative factor turns the order round)
    gaps = np.sort(back) - np.quantile(np.asarray(base, float), QUANTILES)
    return float(np.abs(gaps).mean()) / spread


def shape(now: ArrayLike, base: ArrayLike, spread: float, *, a: float = 1) -> float:
    """The same of the numbers less their medians: how much wider, narrower or more skewed.

    >>> round(shape([1.0, 2.0, 3.0], [11.0, 12.0, 13.0], 1.0), 2)
    0.0
    """
    if not spread > 0:
        return float("nan")
    levels = [np.sort(np.quantile(np.asarray(now, float), QUANTILES) / a)]
    levels.append(np.quantile(np.asarray(base, float), QUANTILES))
    own, other = (one - one[len(QUANTILES) // 2] for one in levels)
    return float(np.abs(own - other).mean()) / spread


def spread_of(values: ArrayLike) -> float:
    """A standard deviation that the tails do not move: the width of the middle nine tenths."""
    low, high = np.quantile(np.asarray(values, float), [0.05, 0.95])
    return float(high - low) / SPREADS


def fits(moved: "Moved", a: float, b: float = 0.0) -> list[Fit]:
    """The map at the step, between the days around it, and for the whole against the reference.

    The latter only where the change is seen, or stood there on the first day that is known: a
    unit does not change slowly, and a season may come to lie wherever it likes.
    """
    if not moved.reference.measured:
        return []
    spread = spread_of(moved.reference.numbers)
    found = []
    for now, base, natural in (
        (moved.first, moved.last, moved.natural_step),
        (moved.now, moved.reference, moved.natural_block),
    ):
        whole = base is moved.reference
        if whole and not moved.stepped:
            continue
        if now.measured and base.measured and spread > 0:
            off = distance(now.numbers, base.numbers, spread)
            back = distance(now.numbers, base.numbers, spread, a=a, b=b)
            torn = shape(now.numbers, base.numbers, spread)
            mended = shape(now.numbers, base.numbers, spread, a=a)
            found.append(Fit(off, back, torn, mended, natural))
    return found
