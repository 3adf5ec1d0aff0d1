"""The reference's own windows, each against the reference without it: what is normal for a test."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.cells import ColumnCells
from ai_ops.drift_monitoring.contrasts import SHARES, Contrasts, DriftTest
from ai_ops.drift_monitoring.daily_variance import Days, days_of
from ai_ops.drift_monitoring.limits import ROOT
from ai_ops.drift_monitoring.outlying_weeks import OutlyingWeek, outlying_weeks
from ai_ops.drift_monitoring.statistics import Floats, psi, window_counts

MINIMUM_INDEPENDENT_WINDOWS: Final = 4


@dataclass(frozen=True, slots=True)
class Rule:
    """The alert rule that a threshold serves: window in days, ``k`` of the last ``n`` days."""

    window_days: int
    k: int
    n: int


@dataclass(frozen=True, slots=True)
class Own:
    """One test over the reference's own windows: ``levels`` against the rest, and their spread.

    ``variance`` is without unit, so that columns can be compared: over what chance gives a window
    of so many ``rows``, or over the mean.
    """

    levels: Floats
    centre: float
    variance: float
    per_row: float
    rows: float
    usual: float
    days: Days | None = None


@dataclass(frozen=True, eq=False)
class OwnWindows:
    """One column of a reference without its outlying weeks."""

    contrasts: Contrasts
    counts: Floats
    windows: Floats
    left_out: tuple[OutlyingWeek, ...]
    window_days: int

    @classmethod
    def of(cls, cells: ColumnCells, daily: Floats, rule: Rule) -> "OwnWindows":
        """From the counts per day, shape ``[days, cells]``."""
        left_out = outlying_weeks(daily, rule.window_days)
        counts = np.delete(daily, [day for week in left_out for day in week.days], axis=0)
        windows = window_counts(counts, rule.window_days)
        filled = windows[windows.sum(axis=1) > 0]
        contrasts = Contrasts(cells, counts.sum(axis=0))
        return cls(contrasts, counts, filled, left_out, rule.window_days)

    @property
    def weeks(self) -> float:
        """How many windows share no day."""
        return len(self.counts) / self.window_days

    @property
    def enough(self) -> bool:
        """Whether there are windows enough to know their spread."""
        return self.weeks >= MINIMUM_INDEPENDENT_WINDOWS and len(self.windows) >= self.window_days

    def own(self, test: DriftTest, rule: Rule) -> Own | None:
        """What one test says of them; None where it has nothing to measure, or too few windows."""
        if not self.enough or test not in self.contrasts.tests:
            return None
        levels = self.against_the_rest(test)
        known = levels[~np.isnan(levels)]
        rows = 1 / float(np.mean(1 / self.windows.sum(axis=1)))
        per_row = self.contrasts.per_row(test)
        if len(known) < rule.window_days or not per_row:
            return None
        within = 1 - 1 / self.weeks
        if test == "psi":
            roots = known**ROOT
            centre = float(roots.mean())
            variance = float(roots.var(ddof=1)) / max(centre, 1e-9) ** 2
            return Own(levels, centre**3, variance, per_row, rows, 0.0)
        if test in SHARES:
            usual = float(self.contrasts.share(test, self.contrasts.counts, self.contrasts.counts))
            angles = np.arcsin(np.sqrt(known))
            variance = float(angles.var()) / within / (per_row / rows)
            return Own(levels - usual, float(angles.mean()), variance, per_row, rows, usual)
        variance = float(np.mean(known**2)) * within / (per_row / rows)
        by_day = self.contrasts.measured(test, self.counts)
        days = days_of(by_day, self.window_days)
        if days is not None:
            days = replace(days, variance=days.variance / (per_row / rows))
        return Own(levels, 0.0, variance, per_row, rows, 0.0, days)

    def against_the_rest(self, test: DriftTest) -> Floats:
        """Every window against the reference without it."""
        whole = self.contrasts.counts
        rest = whole - self.windows
        if test == "psi":
            fold = self.contrasts.folded
            return psi(fold(self.windows), fold(rest))
        if test in SHARES:
            return self.contrasts.share(test, self.windows, rest)
        with np.errstate(invalid="ignore", divide="ignore"):
            apart: Floats = whole.sum() / rest.sum(axis=1)
        levels: Floats = self.contrasts.measured(test, self.windows) * apart
        return np.where(np.isfinite(levels), levels, np.nan)


def own_distances(daily: ArrayLike, window_days: int) -> Floats:
    """PSI of every trailing window against the reference without it, shape ``[days - window + 1]``.

    NaN where a window, or what is left without it, has no rows.
    """
    windows = window_counts(daily, window_days)
    rest = np.asarray(daily, float).sum(axis=0) - windows
    return psi(windows, rest)
