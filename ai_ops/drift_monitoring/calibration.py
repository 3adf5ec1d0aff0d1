"""Thresholds learnt from the reference's own restlessness.

The textbook's PSI of 0.1 or 0.25 means nothing on a column that weather moves: inside one healthy
quarter a week's temperature differs from the rest of that quarter by a PSI above 1. A column is
therefore compared with itself: every trailing window inside the reference is judged against the
reference *without* that window, and an alert needs more than what those windows let expect.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from ai_ops.drift_monitoring.outlying_weeks import OutlyingWeek, outlying_weeks
from ai_ops.drift_monitoring.statistics import (
    Floats,
    psi,
    psi_of_chance,
    sustained,
    window_counts,
)

Basis = Literal["spread", "season", "material", "chance"]

POWER: Final = 1 / 3
FALSE_ALARM: Final = 0.01
FEW_COLUMNS: Final = 20
CHANCE: Final = 0.001
MATERIAL_PSI: Final = 0.05
MINIMUM_INDEPENDENT_WINDOWS: Final = 4


@dataclass(frozen=True, slots=True)
class Rule:
    """The alert rule that a threshold serves: window in days, ``k`` of the last ``n`` days."""

    window_days: int
    k: int
    n: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the reference's own windows say about one column.

    ``threshold`` is None when the reference is too short to know its spread; ``basis`` says which
    bound gave it. ``median`` and ``highest`` are of the PSI of a window against the rest,
    ``season`` is the highest level that the alert rule would have seen, ``windows`` how many
    windows there were, ``days_needed`` the days with rows that a window needs to be comparable.
    ``left_out`` are the weeks that lie far from all others: all the rest is without them.
    """

    threshold: float | None
    basis: Basis | None
    windows: int
    median: float | None
    highest: float | None
    season: float | None
    days_needed: int
    left_out: tuple[OutlyingWeek, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Calibration":
        """What ``as_data`` wrote."""
        weeks = tuple(OutlyingWeek.from_data(week) for week in data.get("left_out", ()))
        return cls(**{**data, "left_out": weeks})

    def kept(self, days: int) -> list[int]:
        """The places of the days that are part of what is normal, of that many days."""
        gone = {day for week in self.left_out for day in week.days}
        return [day for day in range(days) if day not in gone]


def calibrate(daily: ArrayLike, rule: Rule, columns: int = 1) -> Calibration:
    """The threshold for one of ``columns`` columns from its counts, shape ``[days, cells]``.

    The highest of three bounds:

    - *spread*: the upper prediction bound of one further window, by Student's t on the cube root
      of PSI (a sum of squares is nearly normal there: Wilson and Hilferty, 1931), with as many
      degrees of freedom as the reference has windows that share no day, less one;
    - *season*: the highest level that the alert rule saw inside the reference, so that an alert
      is always outside everything that the reference showed;
    - *material*: a PSI of 0.05, half of what the textbook calls small. On a column that never
      moves, less is not worth a person's time.

    What chance adds in small samples is a floor of its own: ``chance_floor``. A few
    weeks that lie far from all others are no part of it: ``outlying_weeks``.
    """
    counts = np.asarray(daily, float)
    left_out = outlying_weeks(counts, rule.window_days)
    counts = np.delete(counts, [day for week in left_out for day in week.days], axis=0)
    own = own_distances(counts, rule.window_days)
    days_needed = _days_needed(counts, rule.window_days)
    known = own[~np.isnan(own)]
    independent = len(counts) / rule.window_days
    if independent < MINIMUM_INDEPENDENT_WINDOWS or len(known) < rule.window_days:
        return Calibration(None, None, len(known), None, None, None, days_needed, left_out)
    season = _highest(sustained(own, k=rule.k, n=rule.n))
    bounds: dict[Basis, float] = {
        "spread": prediction_bound(known, independent, columns),
        "season": season,
        "material": MATERIAL_PSI,
    }
    basis = max(bounds, key=lambda name: bounds[name])
    return Calibration(
        threshold=bounds[basis],
        basis=basis,
        windows=len(known),
        median=float(np.median(known)),
        highest=float(known.max()),
        season=season,
        days_needed=days_needed,
        left_out=left_out,
    )


def own_distances(daily: ArrayLike, window_days: int) -> Floats:
    """PSI of every trailing window against the reference without it, shape ``[days - window + 1]``.

    NaN where a window, or what is left without it, has no rows.
    """
    windows = window_counts(daily, window_days)
    rest = np.asarray(daily, float).sum(axis=0) - windows
    return psi(windows, rest)


def prediction_bound(distances: Floats, independent: float, columns: int = 1) -> float:
    """What the PSI of one further window exceeds with probability ``FALSE_ALARM``.

    ``distances`` are PSI of windows that overlap; ``independent`` is how many of them share no day.
    Beyond ``FEW_COLUMNS`` the probability is shared among the columns: of five hundred healthy ones
    five would be outside on every day.

    >>> round(prediction_bound(np.array([0.02, 0.05, 0.03, 0.08, 0.04, 0.06]), 6), 3)
    0.176
    """
    roots = distances**POWER
    alpha = FALSE_ALARM * min(1.0, FEW_COLUMNS / columns)
    quantile = student.ppf(1 - alpha, independent - 1)
    bound = roots.mean() + quantile * roots.std(ddof=1) * np.sqrt(1 + 1 / independent)
    return float(bound ** (1 / POWER))


def chance_floor(n_current: int, n_reference: int, cells: int, columns: int) -> float:
    """The least threshold that a sample of this size allows, for one of ``columns`` columns."""
    return psi_of_chance(n_current, n_reference, cells, alpha=CHANCE / max(columns, 1))


def _days_needed(counts: Floats, window_days: int) -> int:
    """The days with rows that all but the emptiest tenth of the reference's windows have.

    Traffic may rest on Sundays; but a window that lacks a day of the week which the reference has
    differs from it by that alone.
    """
    filled = window_counts(counts.sum(axis=1, keepdims=True) > 0, window_days)
    return max(1, int(np.quantile(filled, 0.1))) if len(filled) else window_days


def _highest(levels: Floats) -> float:
    return float(np.nanmax(levels)) if not np.isnan(levels).all() else 0.0
