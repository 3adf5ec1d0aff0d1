"""A simulated feature as real rows, through everything: what counts per cell leave out.

The very counts of the simulation become rows (each in the middle of its fine cell). They go through
the SQL profile, the reference, the daily report and the verdict, and two weeks through Evidently's
own functions; both must say what the simulation says. What a finer value than the middle of its
cell would change for Evidently is not seen.
"""

import warnings
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.lib.stride_tricks import sliding_window_view

from ai_ops.ai_features.drift import Drift
from ai_ops.drift_monitoring.calibration import Rule, calibrate
from ai_ops.drift_monitoring.comparison import ColumnDrift, compare
from ai_ops.drift_monitoring.contrasts import Contrasts
from ai_ops.drift_monitoring.judgement import History, judge_drift
from ai_ops.drift_monitoring.limits import gauged
from ai_ops.drift_monitoring.profile import ROWS, rows_of
from ai_ops.drift_monitoring.reference import Reference, ReferenceColumn
from ai_ops.drift_monitoring.rows import connect, run_profile
from ai_ops.drift_monitoring.statistics import sustained, window_counts
from ai_ops.drift_monitoring.tallies import tally_day
from drift_worlds.peers import evidently
from drift_worlds.shapes import Floats, Grid
from drift_worlds.worlds import REFERENCE_DAYS, Made, World

START = date(2021, 1, 4)
RULE = Rule(7, 3, 4)


@dataclass(frozen=True)
class Agreement:
    """How far the full path and the simulation are apart."""

    days: int
    verdicts_differ: int
    furthest_ratio: float
    evidently_scores: int
    furthest_evidently: float

    @property
    def words(self) -> str:
        return (
            f"through rows: {self.days} days, {self.verdicts_differ} verdicts differ; ratios agree "
            f"to {self.furthest_ratio:.1e}. Evidently itself: {self.evidently_scores} scores agree "
            f"to {self.furthest_evidently:.4f} (its threshold: 0.1)"
        )

    @property
    def measured(self) -> dict[str, float]:
        return {
            "days_through_rows_count": self.days,
            "verdicts_differ_count": self.verdicts_differ,
            "furthest_ratio_apart_thresholds": self.furthest_ratio,
            "furthest_evidently_score_apart": self.furthest_evidently,
        }


def through_rows(world: World, size: int, weeks: int, seed: int) -> Agreement:
    """One feature of a world, its last week shifted by a quarter standard deviation."""
    random = np.random.default_rng([seed, 99])
    made = Made(world, size, REFERENCE_DAYS + 7 * weeks, random)
    whole = slice(0, made.days)
    last = slice(made.days - 7, made.days)
    counted = [made.counts(column, whole) for column in range(len(made.columns))]
    counted[0][last] = made.counts(0, last, shift=0.5)
    grids = [grid for _, grid in made.columns]
    days = [(START + timedelta(days=day)).isoformat() for day in range(made.days)]
    rows = _rows(grids, counted, days)
    with connect() as connection:
        connection.register("made", pa.Table.from_pandas(rows, preserve_index=False))
        connection.execute(
            f"CREATE VIEW {ROWS} AS SELECT *, CAST('1' AS VARCHAR) AS \"model_version\" FROM made"
        )
        cells = [grid.cells for grid in grids]
        profile = rows_of(run_profile(connection, cells, set(rows.columns), "1", "digest"))
    by_day: dict[str, list[dict[str, Any]]] = {day: [] for day in days}
    for row in profile:
        by_day[row["day"]].append(row)
    reference = _reference(grids, by_day, days[:REFERENCE_DAYS])
    tallies = [tally_day(reference, by_day[day]) for day in days]
    declared = [column.cells.column for column in reference.columns]
    reports: dict[str, list[ColumnDrift]] = {}
    verdicts, ratios = [], []
    for place in range(REFERENCE_DAYS + 6, made.days):
        window = tallies[place - 6 : place + 1]
        report = compare(declared, reference, window, {}, days[place])
        reports[days[place]] = list(report)
        ratios.append([column.ratio or 0.0 for column in report])
        history = History(days[place], START + timedelta(days=REFERENCE_DAYS + 6), reports)
        said = [judge_drift(history, Drift(), role).status for role in ("input", "output")]
        verdicts.append("fail" in said)
    simulated = _simulated(reference, tallies)
    levels = np.array([sustained(of_column, k=3, n=4) for of_column in simulated.T])
    expected = np.nan_to_num(levels).max(axis=0) > 1
    scores, apart = _asked(grids, counted, rows, days, weeks)
    return Agreement(
        days=len(verdicts),
        verdicts_differ=int((np.array(verdicts) != expected).sum()),
        furthest_ratio=float(np.abs(np.array(ratios) - simulated).max()),
        evidently_scores=scores,
        furthest_evidently=apart,
    )


def _rows(grids: list[Grid], counted: list[Floats], days: list[str]) -> pd.DataFrame:
    totals = counted[0].sum(axis=1).astype(int)
    columns: dict[str, Any] = {"day": np.repeat(days, totals)}
    for grid, fine in zip(grids, counted, strict=True):
        flat = fine.astype(int).ravel()
        values = np.repeat(np.tile(_values(grid), len(fine)), flat)
        columns[grid.cells.column.source] = values
    return pd.DataFrame(columns)


def _values(grid: Grid) -> "np.ndarray[Any, Any]":
    """A value for each fine cell, the last one null."""
    if grid.cells.column.kind == "category":
        return np.array([*grid.cells.values, "new", None], object)
    if np.array_equal(grid.edges, np.round(grid.edges)):
        return np.concatenate([[-1.0], grid.edges, [np.nan]])
    middle = (grid.edges[1:] + grid.edges[:-1]) / 2
    return np.concatenate([grid.edges[:1] - 1e-9, middle, grid.edges[-1:], [np.nan]])


def _reference(grids: list[Grid], by_day: dict[str, Any], days: list[str]) -> Reference:
    counted = []
    for grid in grids:
        own = {
            day: [row for row in by_day[day] if row["column"] == grid.cells.column.name]
            for day in days
        }
        counted.append((grid.cells, np.array([grid.cells.counts(own[day]) for day in days]), own))
    calibrations = calibrate([(cells, daily) for cells, daily, _ in counted], RULE)
    return Reference(
        "1",
        "digest",
        tuple(days),
        tuple(
            ReferenceColumn.of(
                cells, daily, calibration, [row for rows in own.values() for row in rows], None
            )
            for (cells, daily, own), calibration in zip(counted, calibrations, strict=True)
        ),
    )


def _simulated(reference: Reference, tallies: list[Any]) -> Floats:
    """The ratios as the simulation has them, shape ``[days, columns]``."""
    found = []
    for column in reference.columns:
        daily = np.array([tally[column.name].counts for tally in tallies[REFERENCE_DAYS:]])
        contrasts = Contrasts(column.cells, column.counts.astype(float))
        days = sliding_window_view(daily, 7, axis=0).swapaxes(1, 2)
        windows = window_counts(daily, 7)
        results = gauged(contrasts, column.calibration.limits, windows, days=days)
        found.append(np.max([result.ratios for result in results], axis=0))
    return np.array(found).T


def _asked(
    grids: list[Grid], counted: list[Floats], rows: pd.DataFrame, days: list[str], weeks: int
) -> tuple[int, float]:
    """How many of Evidently's own scores were asked for, and how far they are from ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of its own deprecated calls
        from evidently.legacy.calculations.stattests import registry
        from evidently.legacy.core import ColumnType

        before = rows["day"] < days[REFERENCE_DAYS]
        apart = []
        for week in (0, weeks - 1):
            first = REFERENCE_DAYS + 7 * week
            now = rows["day"].isin(days[first : first + 7])
            for grid, fine in zip(grids, counted, strict=True):
                number = grid.cells.column.kind == "number"
                kind = ColumnType.Numerical if number else ColumnType.Categorical
                source = rows[grid.cells.column.source]
                sides = source[before].dropna(), source[now].dropna()
                test = registry.get_stattest(*sides, kind, None)
                theirs = test(*sides, kind, None).drift_score
                kept = np.s_[: first + 7]
                own = fine[kept].copy()
                own[:, -1] = 0
                ours = evidently(grid, own[:REFERENCE_DAYS].sum(0), own[first:].sum(0)[None])[0]
                apart.append(abs(theirs - float(ours)))
    return len(apart), max(apart)
