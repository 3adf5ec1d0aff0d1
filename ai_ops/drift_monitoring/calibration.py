"""Thresholds learnt from the reference's own restlessness.

The textbook's PSI of 0.1 or 0.25 means nothing on a column that weather moves: inside one healthy
quarter a week's temperature differs from the rest of that quarter by a PSI above 1. A column is
therefore compared with itself: every trailing window inside the reference is judged against the
reference *without* that window, and an alert needs more than what those windows let expect.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from ai_ops.drift_monitoring.cells import ColumnCells, Kind, ProfiledColumn, Role
from ai_ops.drift_monitoring.contrasts import DIRECTED, SHARES, Contrasts, DriftTest
from ai_ops.drift_monitoring.daily_variance import DailyVariance, daily_variance
from ai_ops.drift_monitoring.limits import ROOT, Basis, Limit
from ai_ops.drift_monitoring.moderation import moderated
from ai_ops.drift_monitoring.outlying_weeks import OutlyingWeek, outlying_weeks
from ai_ops.drift_monitoring.statistics import (
    Floats,
    psi,
    psi_of_chance,
    sustained,
    window_counts,
)

FALSE_ALARMS: Final[Mapping[Role, float]] = {"input": 0.0015, "output": 0.005}
"""The probability that a healthy week alarms, of all inputs together and of all outputs.

It is taken for that of one look. A week is looked at on seven days, whose windows overlap, by the
rule of k of n: at 3.5 standard deviations that makes it 0.5 times as likely where days are
independent, and 1.2 times where neighbours correlate by 0.7.
"""
PARTS: Final[Mapping[Kind, Mapping[DriftTest, float]]] = {
    "number": {"location": 0.6, "psi": 0.2, "spread": 0.16, "nulls": 0.03, "outside": 0.01},
    "category": {"psi": 0.85, "unseen": 0.1, "nulls": 0.05},
}
"""How a column's share of the false alarms is divided among its tests."""
WEIGHTS: Final[Mapping[Kind, float]] = {"number": 3.0, "category": 1.0}
"""How a role's is divided among its columns: more tests are asked of a number, and a label is
mostly cut from a score that is asked by itself."""
OVERLAP: Final = 1.4
"""Windows that overlap know a variance so many times better than those that share no day."""
CHANCE: Final = 0.001
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

    ``threshold`` is of PSI in a window of the usual size, None when the reference is too short to
    know its spread; ``basis`` says which bound gave it, ``limits`` are those of all tests.
    ``median`` and ``highest`` are of the PSI of a window against the rest, ``season`` is the
    highest PSI that the alert rule would have seen, ``windows`` how many windows there were,
    ``days_needed`` the days with rows that a window needs to be comparable. ``left_out`` are the
    weeks that lie far from all others: all the rest is without them.
    """

    threshold: float | None
    basis: Basis | None
    windows: int
    median: float | None
    highest: float | None
    season: float | None
    days_needed: int
    left_out: tuple[OutlyingWeek, ...] = ()
    limits: tuple[Limit, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Calibration":
        """What ``as_data`` wrote."""
        weeks = tuple(OutlyingWeek.from_data(week) for week in data.get("left_out", ()))
        limits = tuple(Limit.from_data(limit) for limit in data.get("limits", ()))
        return cls(**{**data, "left_out": weeks, "limits": limits})

    @property
    def all_limits(self) -> tuple[Limit, ...]:
        """The limits of all tests; of a calibration that knows only PSI's threshold, that one."""
        if self.limits or self.threshold is None:
            return self.limits
        return (Limit("psi", 0.0, 0.0, 0.0, 1.0, np.inf, self.threshold),)

    def kept(self, days: int) -> list[int]:
        """The places of the days that are part of what is normal, of that many days."""
        gone = {day for week in self.left_out for day in week.days}
        return [day for day in range(days) if day not in gone]


@dataclass(frozen=True, slots=True)
class _Own:
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
    days: DailyVariance | None = None


def calibrate(
    columns: Sequence[tuple[ColumnCells, ArrayLike]], rule: Rule
) -> tuple[Calibration, ...]:
    """The thresholds of a reference's columns, each with its counts of shape ``[days, cells]``.

    By each test the threshold is the highest of three bounds:

    - *spread*: the prediction bound of one further window by Student's t, with a variance that
      columns alike in their restlessness tell together (``moderated``), at an alpha that shares
      ``FALSE_ALARMS`` over columns, tests and looks a week;
    - *season*: the highest level that the alert rule saw inside the reference, so that an alert
      is always outside everything that the reference showed;
    - *material*: what is not worth a person's time.

    Windows smaller than the reference's are allowed what chance adds: ``Limit.bound``. A few weeks
    that lie far from all others are no part of it: ``outlying_weeks``.
    """
    prepared = [_Prepared.of(cells, np.asarray(daily, float), rule) for cells, daily in columns]
    alphas = _alphas([cells.column for cells, _ in columns])
    limits: dict[int, list[Limit]] = {place: [] for place in range(len(prepared))}
    for test in ("psi", *DIRECTED, *SHARES):
        own = {
            place: found
            for place, column in enumerate(prepared)
            if (found := column.own(test, rule)) is not None
        }
        weeks = np.array([prepared[place].weeks for place in own])
        freedom = OVERLAP * (float(np.median(weeks)) - 1) if len(weeks) else 0.0
        variances, known = moderated([one.variance for one in own.values()], freedom)
        for (place, one), of_columns in zip(own.items(), variances, strict=True):
            variance, degrees = float(of_columns), known
            days = one.days.with_windows(one.variance, freedom) if one.days else None
            if days is not None and days.freedom > known:
                variance, degrees = days.variance, days.freedom
            quantile = float(student.ppf(1 - alphas[place][test], degrees))
            if one.days is not None:
                quantile = one.days.widened(quantile)
            limits[place].append(_limit(test, one, variance, quantile, prepared[place], rule))
    return tuple(column.calibration(tuple(limits[place])) for place, column in enumerate(prepared))


def _alphas(columns: Sequence[ProfiledColumn]) -> list[dict[DriftTest, float]]:
    """The probability of a false alarm in one look, by column and test; of one of two sides."""
    whole: dict[Role, float] = defaultdict(float)
    for column in columns:
        whole[column.role] += WEIGHTS[column.kind]
    return [
        {
            test: FALSE_ALARMS[column.role]
            * (WEIGHTS[column.kind] / whole[column.role])
            * part
            / (2 if test in DIRECTED else 1)
            for test, part in PARTS[column.kind].items()
        }
        for column in columns
    ]


@dataclass(frozen=True, eq=False)
class _Prepared:
    """One column of a reference without its outlying weeks."""

    contrasts: Contrasts
    counts: Floats
    windows: Floats
    left_out: tuple[OutlyingWeek, ...]
    window_days: int
    raw: Floats

    @classmethod
    def of(cls, cells: ColumnCells, daily: Floats, rule: Rule) -> "_Prepared":
        left_out = outlying_weeks(daily, rule.window_days)
        counts = np.delete(daily, [day for week in left_out for day in week.days], axis=0)
        windows = window_counts(counts, rule.window_days)
        filled = windows[windows.sum(axis=1) > 0]
        contrasts = Contrasts(cells, counts.sum(axis=0))
        return cls(contrasts, counts, filled, left_out, rule.window_days, windows)

    @property
    def weeks(self) -> float:
        """How many windows share no day."""
        return len(self.counts) / self.window_days

    @property
    def enough(self) -> bool:
        return self.weeks >= MINIMUM_INDEPENDENT_WINDOWS and len(self.windows) >= self.window_days

    def own(self, test: DriftTest, rule: Rule) -> _Own | None:
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
            return _Own(levels, centre**3, variance, per_row, rows, 0.0)
        if test in SHARES:
            usual = float(self.contrasts.share(test, self.contrasts.counts, self.contrasts.counts))
            angles = np.arcsin(np.sqrt(known))
            variance = float(angles.var()) / within / (per_row / rows)
            return _Own(levels - usual, float(angles.mean()), variance, per_row, rows, usual)
        variance = float(np.mean(known**2)) * within / (per_row / rows)
        by_day = self.contrasts.measured(test, self.counts)
        days = daily_variance(by_day, self.window_days)
        if days is not None:
            days = replace(days, variance=days.variance / (per_row / rows))
        return _Own(levels, 0.0, variance, per_row, rows, 0.0, days)

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

    def calibration(self, limits: tuple[Limit, ...]) -> Calibration:
        own = own_distances(self.contrasts.folded(self.counts), self.window_days)
        known = own[~np.isnan(own)]
        needed = _days_needed(self.counts, self.window_days)
        of_psi = next((limit for limit in limits if limit.test == "psi"), None)
        if of_psi is None:
            return Calibration(None, None, len(known), None, None, None, needed, self.left_out)
        return Calibration(
            threshold=float(of_psi.threshold(of_psi.rows)),
            basis=of_psi.basis(of_psi.rows),
            windows=len(known),
            median=float(np.median(known)),
            highest=float(known.max()),
            season=of_psi.season,
            days_needed=needed,
            left_out=self.left_out,
            limits=limits,
        )


def _limit(
    test: DriftTest, own: _Own, variance: float, quantile: float, column: _Prepared, rule: Rule
) -> Limit:
    further = 1 + 1 / column.weeks
    if test == "psi":
        # A sum of squares: by chance in as many directions as it has, by what days do in one.
        chance = min(own.per_row / own.rows / max(own.centre, 1e-12), 1.0)
        least = 2 / 9 * (chance**2 / own.per_row + (1 - chance) ** 2)
        scale = np.sqrt(max(variance, least) * further)
    else:
        scale = np.sqrt(max(variance, 1.0) * own.per_row / own.rows * further)
    levels = np.abs(own.levels) if test in DIRECTED else own.levels
    season = _highest(sustained(levels, k=rule.k, n=rule.n))
    return Limit(test, own.centre, float(scale), quantile, own.per_row, own.rows, season, own.usual)


def own_distances(daily: ArrayLike, window_days: int) -> Floats:
    """PSI of every trailing window against the reference without it, shape ``[days - window + 1]``.

    NaN where a window, or what is left without it, has no rows.
    """
    windows = window_counts(daily, window_days)
    rest = np.asarray(daily, float).sum(axis=0) - windows
    return psi(windows, rest)


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
