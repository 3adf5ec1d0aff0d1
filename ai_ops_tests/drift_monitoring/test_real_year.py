"""On the real flights: the reference's own weeks stay quiet, and April does not."""

from collections.abc import Iterator
from datetime import date
from functools import cache

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from ai_ops.defs.flight_delay import traffic
from ai_ops.drift_monitoring.calibration import Rule, calibrate
from ai_ops.drift_monitoring.cells import ColumnCells
from ai_ops.drift_monitoring.contrasts import Contrasts
from ai_ops.drift_monitoring.limits import Limit, gauged
from ai_ops.drift_monitoring.profile import rows_of
from ai_ops.drift_monitoring.reference import Reference, ReferenceColumn, calendar
from ai_ops.drift_monitoring.reference_making import profile_reference
from ai_ops.drift_monitoring.statistics import Floats, sustained, window_counts
from ai_ops_tests.drift_monitoring.world import RECIPES, scored, spec

RULE = Rule(spec().drift.window_days, spec().drift.k, spec().drift.n)
BOTH = pytest.mark.parametrize("recipe", RECIPES)
WEATHER = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")
Daily = dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.int64]]"]


@cache
def reference_by_day(recipe: str) -> tuple[Reference, Daily]:
    reference, table = profile_reference(spec(), "1", "digest", scored(recipe).reference)
    rows = rows_of(table)
    daily = {}
    for column in reference.columns:
        by_day: dict[str, list[dict[str, object]]] = {day: [] for day in reference.calendar}
        for row in rows:
            if row["column"] == column.name:
                by_day[row["day"]].append(row)
        daily[column.name] = np.array([column.cells.counts(by_day[day]) for day in by_day])
    return reference, daily


def own_weeks(calendar_: tuple[str, ...]) -> Iterator[slice]:
    """The Monday weeks that lie whole in the reference."""
    for place, day in enumerate(calendar_[: -RULE.window_days + 1]):
        if date.fromisoformat(day).isoweekday() == 1:
            yield slice(place, place + RULE.window_days)


def ratios(
    cells: ColumnCells,
    reference: Floats,
    limits: tuple[Limit, ...],
    windows: Floats,
    days: Floats | None = None,
) -> Floats:
    """How many thresholds far each window is by the test that puts it furthest."""
    results = gauged(Contrasts(cells, reference), limits, windows, days=days)
    furthest: Floats = np.max([result.ratios for result in results], axis=0)
    return furthest


@BOTH
@pytest.mark.requirement("FQ-07")
def test_no_week_of_the_reference_would_have_alarmed_when_left_out(recipe: str) -> None:
    reference, daily = reference_by_day(recipe)
    alarms = []
    for column in reference.columns:
        counts = daily[column.name][column.calibration.kept(reference.days)].astype(float)
        windows = window_counts(counts, RULE.window_days)
        whole = counts.sum(axis=0)
        limits = column.calibration.limits
        own = np.concatenate(
            [ratios(column.cells, whole - window, limits, window[np.newaxis]) for window in windows]
        )
        if np.nanmax(sustained(own, k=RULE.k, n=RULE.n)) > 1.05:  # scores are of the rest alone
            alarms.append((column.name, float(own.max())))
    assert alarms == []


@BOTH
@pytest.mark.requirement("FQ-07")
def test_no_week_alarms_on_scores_against_thresholds_that_never_saw_it(recipe: str) -> None:
    reference, daily = reference_by_day(recipe)
    weeks = list(own_weeks(reference.calendar))
    assert len(weeks) == 11
    for week in weeks:
        days = np.arange(week.start, week.stop)
        rest = [
            (column.cells, np.delete(daily[column.name], days, axis=0))
            for column in reference.columns
        ]
        for (cells, counts), found in zip(rest, calibrate(rest, RULE), strict=True):
            name = cells.column.name
            if name in ("probability", "late", *WEATHER):
                window = daily[name][days].sum(axis=0, keepdims=True).astype(float)
                level = ratios(cells, counts.sum(axis=0).astype(float), found.limits, window)
                assert level.max() <= 1, f"{name}, week of {reference.calendar[week.start]}"


@BOTH
@pytest.mark.requirement("FQ-07", "FR-1", "PL-20")
def test_the_first_alert_on_scores_falls_into_the_first_month_after_the_launch(recipe: str) -> None:
    reference, _ = reference_by_day(recipe)
    column = reference.column("probability")
    daily = after_the_start(column, recipe)
    windows = window_counts(daily, RULE.window_days)
    days = sliding_window_view(daily, RULE.window_days, axis=0).swapaxes(1, 2)
    limits = column.calibration.limits
    far = ratios(column.cells, column.counts.astype(float), limits, windows, days)
    levels = sustained(far, k=RULE.k, n=RULE.n)
    first = int(np.argmax(levels > 1))
    start = spec().monitoring.start
    day = calendar(start.isoformat(), start.replace(month=6).isoformat())[
        first + RULE.window_days - 1
    ]
    assert levels[first] > 1
    assert day.startswith(traffic.LAUNCH.strftime("%Y-%m-"))


def after_the_start(column: ReferenceColumn, recipe: str) -> Floats:
    """The scores' counts of every day of the replay's first two months."""
    start = spec().monitoring.start
    later = scored(recipe).later
    days = later["time"].dt.date
    scores = later["output_probability"].to_numpy()
    daily = []
    for offset in calendar(start.isoformat(), start.replace(month=6).isoformat()):
        own = scores[(days == date.fromisoformat(offset)).to_numpy()]
        bins = np.bincount(
            np.searchsorted(column.cells.edges, own, side="right"),
            minlength=len(column.cells.edges) + 1,
        )
        daily.append([*bins, *([0] * (len(column.counts) - len(bins)))])
    return np.array(daily, float)
