"""Thresholds learnt from the reference's own restlessness.

The textbook's PSI of 0.1 or 0.25 means nothing on a column that weather moves: inside one healthy
quarter a week's temperature differs from the rest of that quarter by a PSI above 1. A column is
therefore compared with itself: every trailing window inside the reference is judged against the
reference *without* that window, and an alert needs more than what those windows let expect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from ai_ops.drift_monitoring.cells import ColumnCells
from ai_ops.drift_monitoring.contrasts import DIRECTED, SHARES, DriftTest
from ai_ops.drift_monitoring.false_alarm_budget import alphas as alphas_of
from ai_ops.drift_monitoring.limits import Basis, Limit
from ai_ops.drift_monitoring.moderation import moderated
from ai_ops.drift_monitoring.outlying_weeks import OutlyingWeek
from ai_ops.drift_monitoring.own_windows import (
    MINIMUM_INDEPENDENT_WINDOWS,
    Own,
    OwnWindows,
    Rule,
    own_distances,
)
from ai_ops.drift_monitoring.seasons import explained
from ai_ops.drift_monitoring.statistics import Floats, sustained, window_counts

__all__ = ["MINIMUM_INDEPENDENT_WINDOWS", "Calibration", "Rule", "calibrate", "own_distances"]

STEEP: Final = 1.5
"""Where a day empties cells (few values, skew), PSI grows faster than the square of what moved."""
OVERLAP: Final = 1.4
"""Windows that overlap know a variance so many times better than those that share no day."""


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
    prepared = [OwnWindows.of(cells, np.asarray(daily, float), rule) for cells, daily in columns]
    alphas = alphas_of([cells.column for cells, _ in columns])
    limits: dict[int, list[Limit]] = {place: [] for place in range(len(prepared))}
    for test in ("psi", *DIRECTED, *SHARES):
        own = {
            place: found
            for place, column in enumerate(prepared)
            if (found := column.own(test, rule)) is not None
        }
        weeks = np.array([prepared[place].weeks for place in own])
        freedom = OVERLAP * (float(np.median(weeks)) - 1) if len(weeks) else 0.0
        spreads = [one.variance for one in own.values()]
        variances, known = moderated(spreads, freedom)
        by_days = explained([one.days for one in own.values()], spreads, freedom)
        for (place, one), of_columns, days in zip(own.items(), variances, by_days, strict=True):
            variance, degrees = float(of_columns), known
            if days is not None and days.known is not None and days.known.freedom > known:
                variance, degrees = days.known.variance, days.known.freedom
            quantile = float(student.ppf(1 - alphas[place][test], degrees))
            if days is not None:
                quantile = days.days.widened(quantile)
            limits[place].append(_limit(test, one, variance, quantile, prepared[place], rule))
    return tuple(
        _calibration(column, tuple(limits[place])) for place, column in enumerate(prepared)
    )


def _calibration(column: OwnWindows, limits: tuple[Limit, ...]) -> Calibration:
    own = own_distances(column.contrasts.folded(column.counts), column.window_days)
    known = own[~np.isnan(own)]
    needed = _days_needed(column.counts, column.window_days)
    of_psi = next((limit for limit in limits if limit.test == "psi"), None)
    if of_psi is None:
        return Calibration(None, None, len(known), None, None, None, needed, column.left_out)
    return Calibration(
        threshold=float(of_psi.threshold(of_psi.rows)),
        basis=of_psi.basis(of_psi.rows),
        windows=len(known),
        median=float(np.median(known)),
        highest=float(known.max()),
        season=of_psi.season,
        days_needed=needed,
        left_out=column.left_out,
        limits=limits,
    )


def _limit(
    test: DriftTest, own: Own, variance: float, quantile: float, column: OwnWindows, rule: Rule
) -> Limit:
    further = 1 + 1 / column.weeks
    if test == "psi":
        # A sum of squares: by chance in as many directions as it has, by what days do in one.
        chance = min(own.per_row / own.rows / max(own.centre, 1e-12), 1.0)
        least = 2 / 9 * (chance**2 / own.per_row + STEEP * (1 - chance) ** 2)
        scale = np.sqrt(max(variance, least) * further)
    else:
        scale = np.sqrt(max(variance, 1.0) * own.per_row / own.rows * further)
    levels = np.abs(own.levels) if test in DIRECTED else own.levels
    season = _highest(sustained(levels, k=rule.k, n=rule.n))
    return Limit(test, own.centre, float(scale), quantile, own.per_row, own.rows, season, own.usual)


def _days_needed(counts: Floats, window_days: int) -> int:
    """The days with rows that all but the emptiest tenth of the reference's windows have.

    Traffic may rest on Sundays; but a window that lacks a day of the week which the reference has
    differs from it by that alone.
    """
    filled = window_counts(counts.sum(axis=1, keepdims=True) > 0, window_days)
    return max(1, int(np.quantile(filled, 0.1))) if len(filled) else window_days


def _highest(levels: Floats) -> float:
    return float(np.nanmax(levels)) if not np.isnan(levels).all() else 0.0
