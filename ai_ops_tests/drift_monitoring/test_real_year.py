"""On the real flights: the reference's own weeks stay quiet, and April does not."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import pytest

from ai_ops.defs.flight_delay import traffic
from ai_ops.drift_monitoring.calibration import Rule, calibrate
from ai_ops.drift_monitoring.profile import rows_of
from ai_ops.drift_monitoring.reference import Reference, ReferenceColumn, calendar
from ai_ops.drift_monitoring.reference_making import profile_reference
from ai_ops.drift_monitoring.statistics import psi, sustained, window_counts
from ai_ops_tests.drift_monitoring.world import RECIPES, scored, spec

RULE = Rule(spec().drift.window_days, spec().drift.k, spec().drift.n)
BOTH = pytest.mark.parametrize("recipe", RECIPES)
Daily = dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.int64]]"]


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


@BOTH
@pytest.mark.requirement("FQ-07")
def test_no_week_of_the_reference_would_have_alarmed_when_left_out(recipe: str) -> None:
    reference, daily = reference_by_day(recipe)
    alarms = []
    for column in reference.columns:
        counts = daily[column.name]
        windows = window_counts(counts, RULE.window_days)
        own = psi(windows, counts.sum(axis=0) - windows)
        levels = sustained(own, k=RULE.k, n=RULE.n)
        threshold = column.calibration.threshold
        assert threshold is not None
        if np.nanmax(levels) > threshold:
            alarms.append((column.name, float(np.nanmax(levels)), threshold))
    assert alarms == []


@BOTH
@pytest.mark.requirement("FQ-07")
def test_no_week_alarms_on_scores_against_thresholds_that_never_saw_it(recipe: str) -> None:
    reference, daily = reference_by_day(recipe)
    weeks = list(own_weeks(reference.calendar))
    assert len(weeks) == 11
    for name in ("probability", "late"):
        counts = daily[name]
        for week in weeks:
            rest = np.delete(counts, np.arange(week.start, week.stop), axis=0)
            threshold = calibrate(rest, RULE).threshold
            distance = float(psi(counts[week].sum(axis=0), rest.sum(axis=0)))
            assert threshold is not None
            assert distance <= threshold, f"{name}, week of {reference.calendar[week.start]}"


@BOTH
@pytest.mark.requirement("FQ-07", "FR-1", "PL-20")
def test_the_first_alert_on_scores_falls_into_the_first_month_after_the_launch(recipe: str) -> None:
    reference, _ = reference_by_day(recipe)
    levels = sustained(ratios(reference.column("probability"), recipe), k=RULE.k, n=RULE.n)
    first = int(np.argmax(levels > 1))
    start = spec().monitoring.start
    day = calendar(start.isoformat(), start.replace(month=6).isoformat())[
        first + RULE.window_days - 1
    ]
    assert levels[first] > 1
    assert day.startswith(traffic.LAUNCH.strftime("%Y-%m-"))


def ratios(column: ReferenceColumn, recipe: str) -> "np.ndarray[tuple[int, ...], np.dtype]":
    """PSI over threshold of every whole trailing window of the replay's first two months."""
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
    assert column.calibration.threshold is not None
    windows = window_counts(daily, RULE.window_days)
    ratio: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = (
        psi(windows, column.counts) / column.calibration.threshold
    )
    return ratio
