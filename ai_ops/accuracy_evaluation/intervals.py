"""How sure an estimate is: the jackknife over days."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

CONFIDENCE = 0.975
"""One-sided: an interval leaves 2.5 % out at each end."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval, the standard error it came from, and its sample.

    Fewer than two days have no spread between days: the interval is then unknown (None), which
    is never read as narrow.
    """

    value: float
    low: float | None
    high: float | None
    error: float | None
    rows: int
    days: int

    def minus(self, other: "Estimate") -> "Estimate":
        """This one minus an independent other; the smaller number of days sets the width."""
        days = min(self.days, other.days)
        error = (
            None if self.error is None or other.error is None else np.hypot(self.error, other.error)
        )
        return interval(self.value - other.value, error, rows=self.rows, days=days)

    def over(self, whole: "Estimate") -> "Estimate | None":
        """This one as a share of another above zero, by the delta method (Fieller 1954 compares
        it with the exact one); None where there is nothing to be a share of.

        >>> interval(2.0, 0.3, rows=70, days=7).over(interval(4.0, 0.0, rows=70, days=7)).value
        0.5
        """
        if whole.value <= 0:
            return None
        share, error = self.value / whole.value, None
        if self.error is not None and whole.error is not None:
            error = float(np.hypot(self.error, share * whole.error)) / whole.value
        return interval(share, error, rows=self.rows, days=min(self.days, whole.days))

    def beyond(self, margin: float) -> bool:
        """Whether the whole interval lies above ``margin``."""
        return self.low is not None and self.low > margin

    def below(self, margin: float) -> bool:
        """Whether the whole interval lies below ``margin``."""
        return self.high is not None and self.high < margin


def interval(value: float, error: float | None, *, rows: int, days: int) -> Estimate:
    """An estimate with the interval that Student's t with ``days - 1`` degrees of freedom gives.

    >>> interval(0.20, 0.05, rows=700, days=7).low.__round__(3)
    0.078
    """
    if error is None or not np.isfinite(error) or days < 2:
        return Estimate(value, None, None, None, rows, days)
    half = float(stdtrit(days - 1, CONFIDENCE)) * float(error)
    return Estimate(value, value - half, value + half, float(error), rows, days)


def jackknife(value: float, without: npt.NDArray[np.float64], *, rows: int) -> Estimate:
    """The interval of a value from its D values with one day left out each.

    The delete-a-day jackknife with Student's t: with few clusters it keeps its promise where the
    bootstrap is too narrow (MacKinnon, Nielsen and Webb 2023, "Fast and reliable jackknife and
    bootstrap methods for cluster-robust inference"), and it needs no random numbers, so that the
    same rows always give the same interval. A mean that differs from nothing on one day only is
    never told from nothing, however large that day's effect is:

    >>> one_bad_day = np.array([0.0] + [0.6 / 6] * 6)
    >>> jackknife(0.6 / 7, one_bad_day, rows=6_000).beyond(0.0)
    False
    """
    days = len(without)
    if days < 2 or not bool(np.all(np.isfinite(without))):
        return interval(value, None, rows=rows, days=days)
    spread = float(((without - without.mean()) ** 2).sum())
    return interval(value, ((days - 1) / days * spread) ** 0.5, rows=rows, days=days)
