"""Sudden or gradual: whether a column's days moved by one step, or along a slope."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.causes.signs import Sign
from ai_ops.drift_monitoring.statistics import Floats

BEFORE: Final = 3
"""At least so many days before a change, or nobody saw it come."""
RISES: Final = 5
"""A slope takes at least so many days; a shorter one is a step."""
EXPLAINED: Final = 0.6
"""The share of the days' variation that a step or a slope explains, or it is no such thing."""
CLEARER: Final = 0.6
"""One of the two explains the days when it leaves this share of what the other leaves."""


@dataclass(frozen=True, slots=True)
class Onset:
    """How a change came: ``since`` is its first day, None where it is not seen to begin."""

    kind: Literal["sudden", "gradual", "unclear"]
    since: str | None
    days: int
    step_left: float
    slope_left: float


def onset_of(days: Sequence[str], values: ArrayLike) -> Onset:
    """How the values of some days moved; NaN is a day without rows.

    Least squares of a step, ``a`` before a day and ``b`` from it on, against those of a slope that
    begins on a day, ``a + b max(0, t - day)``: three parameters each, so that what they leave is
    compared directly. ``step_left`` and ``slope_left`` are the shares of the variation left.
    Source: Hinkley, Inference about the change-point in a sequence of random variables, Biometrika
    57 (1970), and about the intersection in two-phase regression, Biometrika 56 (1969).

    >>> days = [f"2021-03-{day:02}" for day in range(1, 21)]
    >>> stepped = onset_of(days, [0.0, 0.1] * 6 + [2.0, 2.1] * 4)
    >>> stepped.kind, stepped.since
    ('sudden', '2021-03-13')
    >>> sloped = onset_of(days, [0.0, 0.1] * 4 + [0.3 * day for day in range(12)])
    >>> sloped.kind, sloped.since
    ('gradual', '2021-03-09')
    >>> onset_of(days, [0.0, 0.1] * 10).kind, onset_of(days[:2], [0.0, 3.0]).kind
    ('unclear', 'unclear')
    """
    series = np.asarray(values, float)
    known = np.flatnonzero(np.isfinite(series))
    y = series[known]
    total = float(((y - y.mean()) ** 2).sum()) if len(y) else 0.0
    if len(y) < 2 * BEFORE or total < 1e-12:
        return Onset("unclear", None, len(y), 1.0, 1.0)
    at = np.arange(len(y), dtype=float)
    steps = {t: _left(y, (at >= t).astype(float)) for t in range(BEFORE, len(y))}
    slopes = {t: _left(y, np.maximum(at - t, 0)) for t in range(max(len(y) - RISES + 1, 1))}
    step, slope = min(steps, key=lambda t: steps[t]), min(slopes, key=lambda t: slopes[t])
    left, sloped = steps[step] / total, slopes[slope] / total
    if left <= 1 - EXPLAINED and left <= CLEARER * sloped:
        return Onset("sudden", days[known[step]], len(y), left, sloped)
    if sloped <= 1 - EXPLAINED and sloped <= CLEARER * left:
        return Onset("gradual", days[known[slope]], len(y), left, sloped)
    return Onset("unclear", None, len(y), left, sloped)


def onset_sign(onset: Onset) -> Sign:
    """Sudden is how feeds break, and now and then the world; gradual is how the world changes."""
    numbers = {
        "since": onset.since,
        "days": onset.days,
        "left_by_a_step": round(onset.step_left, 3),
        "left_by_a_slope": round(onset.slope_left, 3),
    }
    if onset.kind == "sudden":
        words = f"it came from one day to the next, on {onset.since}"
        return Sign("onset", "bad_data", 0.4, words, numbers)
    if onset.kind == "gradual":
        words = f"it came gradually, day by day since {onset.since}"
        return Sign("onset", "genuine_shift", 0.5, words, numbers)
    words = f"{onset.days} days show neither one step nor one slope"
    return Sign("onset", "neither", 0.0, words, numbers)


def _left(y: Floats, x: Floats) -> float:
    """What the least squares of ``a + b x`` leave of the variation of ``y``."""
    x = x - x.mean()
    spread = float((x**2).sum())
    centred = y - y.mean()
    slope = float((x * centred).sum()) / spread if spread else 0.0
    return float(((centred - slope * x) ** 2).sum())
