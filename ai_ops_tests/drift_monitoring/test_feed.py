"""The feed's own arithmetic: what is usual, what a day's marks tell, what a real autumn shows."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ai_ops.ai_features.drift import Drift
from ai_ops.drift_monitoring.feed.day import FeedDay, Parts
from ai_ops.drift_monitoring.feed.judging import judge_feed_alive, judge_volume_steady
from ai_ops.drift_monitoring.feed.marks import marks_of
from ai_ops.drift_monitoring.feed.steady import judge_steady
from ai_ops.drift_monitoring.profile import SCHEMA
from ai_ops.drift_monitoring.profiling import (
    compute_prediction_profile,
    daily_profiles,
    make_reference,
)
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.drift_monitoring.installation import VERSION
from ai_ops_tests.drift_monitoring.synthetic_world import DAYS, LAST, judged, later, planted
from ai_ops_tests.drift_monitoring.world import days, install

START = date(2021, 3, 1)
"""A Monday."""
RULE = Drift()
WEEK = (100.0,) * 5 + (60.0, 50.0)


def day_at(n: int) -> str:
    return (START + timedelta(days=n)).isoformat()


def fed(*rows: int, **sites: int) -> dict[str, FeedDay]:
    """Days from the start on, all of their rows from one call site unless others are named."""
    parts = Parts({"web": 9, **sites} if sites else {})
    return {day_at(n): FeedDay(count, "cells", parts, Parts()) for n, count in enumerate(rows)}


def steady(
    feed: Mapping[str, FeedDay], n: int, busy: tuple[float, ...] = WEEK, rule: Drift = RULE
) -> Verdict:
    return judge_steady(day_at(n), feed, busy, rule, START)


def weekly(weeks: int, scale: float = 10) -> list[int]:
    noise = np.random.default_rng(3).normal(1, 0.03, 7 * weeks)
    return [int(scale * WEEK[n % 7] * noise[n]) for n in range(7 * weeks)]


def test_a_young_log_is_read_by_the_references_week_and_without_it_not_at_all() -> None:
    rows = weekly(2)
    assert steady(fed(*rows), 5).status == "no_evidence"
    assert steady(fed(*rows), 6).status == "pass"
    verdict = steady(fed(*rows), 13, busy=())
    assert verdict.status == "no_evidence"
    assert verdict.sample_size == rows[13], "it has rows, which a list may go by"
    assert "too young to know how many rows are usual: it takes 3 weeks" in verdict.reason
    assert steady(fed(*weekly(4)), 27, busy=()).status == "pass"


def test_a_slow_decline_is_no_alarm_and_told() -> None:
    rows = [int(count * 0.94 ** (n / 7)) for n, count in enumerate(weekly(10, scale=20))]
    statuses = {steady(fed(*rows), n).status for n in range(6, 70)}
    assert statuses == {"pass"}
    assert "of the rows of four weeks before: it declines" in steady(fed(*rows), 69).reason


def test_days_on_which_no_row_is_usual_are_no_low_days_and_do_not_hide_any() -> None:
    office = [0 if n % 7 >= 5 else 400 for n in range(42)]
    assert steady(fed(*office), 39).status == "pass"
    assert steady(fed(*office), 41).status == "no_evidence", "a dead Sunday is not health either"
    # From Friday on: Monday is the second low day that can tell, Tuesday the third.
    broken = [count * 2 // 5 if n >= 32 else count for n, count in enumerate(office)]
    assert steady(fed(*broken), 35).status == "pass"
    verdict = steady(fed(*broken), 36)
    assert verdict.status == "fail"
    assert f"since {day_at(32)}" in verdict.reason


def test_days_that_were_never_profiled_leave_it_open() -> None:
    feed = fed(*weekly(5))
    feed |= {day_at(n): FeedDay(300, "cells") for n in (33, 34)}
    low = {**feed, day_at(34): FeedDay(100, "cells")}
    del low[day_at(33)], low[day_at(32)]
    verdict = steady(low, 34)
    assert verdict.status == "no_evidence"
    assert "days before it were not profiled" in verdict.reason


def test_what_stays_away_becomes_the_usual_after_a_month() -> None:
    rows = [count * 2 // 5 if n >= 42 else count for n, count in enumerate(weekly(12))]
    assert [steady(fed(*rows), n).status for n in (43, 44, 60, 83)] == [
        "pass", "fail", "fail", "pass",
    ]  # fmt: skip


def test_a_call_site_that_has_few_rows_is_named_and_not_judged() -> None:
    verdict = steady(fed(*weekly(5), tiny=2), 34)
    assert verdict.status == "pass"
    assert "not judged, for their rows are few: call site tiny" in verdict.reason


def test_days_that_do_not_say_who_asked_know_of_no_silence() -> None:
    """Logs that were archived, or that lost their column of call sites: rows, and nobody's name."""
    parts, unknown = Parts({"web": 500, "shop": 400}), Parts()
    feed = {
        day_at(n): FeedDay(900, "cells", parts if n < 28 else unknown, Parts()) for n in range(32)
    }
    verdict = steady(feed, 31, busy=())
    assert verdict.status == "pass", verdict.reason
    assert "cannot be told, for days were not profiled or do not say who asked" in verdict.reason
    gone = {
        **feed,
        **{day_at(n): FeedDay(900, "cells", Parts({"web": 900})) for n in range(28, 32)},
    }
    assert steady(gone, 31, busy=()).findings[0].call_site == "shop"


def row(cell: str, value: str | None, numbers: list[float]) -> dict[str, Any]:
    """A cell as a profile counts it: each number with six decimals."""
    fixed = [Decimal(float(number)).quantize(Decimal("0.000001")) for number in numbers]
    return {
        "cell": cell,
        "value": value,
        "count": len(numbers),
        "sum": sum(fixed, Decimal(0)),
        "min": min(numbers),
        "max": max(numbers),
    }


@given(
    some.lists(some.integers(1, 99_999), min_size=12, max_size=60, unique=True),
    some.integers(0, 4),
    some.randoms(use_true_random=False),
)
def test_the_grain_divides_every_number_and_versions_make_no_difference(
    numbers: list[int], decimals: int, chance: Any
) -> None:
    values = [number / 10**decimals for number in numbers]
    cells = [values[n::5] for n in range(5)]
    whole = [row("bin", str(n), own) for n, own in enumerate(cells)]
    marks = marks_of(whole)
    assert marks.grain is None or marks.grain >= -decimals
    split = [
        row("bin", str(n), part)
        for n, own in enumerate(cells)
        for part in (own[: len(own) // 2], own[len(own) // 2 :])
        if part
    ]
    chance.shuffle(split)
    assert marks_of(split) == marks


@pytest.mark.parametrize(("points", "pointed"), [(1, 1.0), (2, 1.0), (40, 0.0)])
def test_cells_with_one_value_or_two_are_told_by_their_sum(points: int, pointed: float) -> None:
    chance = np.random.default_rng(points)
    cells = []
    for cell in range(5):
        places = chance.uniform(cell, cell + 1, points)
        cells.append(row("bin", str(cell), list(chance.choice(places, 60))))
    assert marks_of(cells).pointed == pointed


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 1.7e308])
def test_a_number_that_nothing_can_be_added_to_is_marked_as_any_other(value: float) -> None:
    names = ("cell", "value", "count", "sum", "min", "max")
    told: list[Any] = [("bin", str(n), 20, Decimal(n * 20), float(n), n + 0.5) for n in range(6)]
    told.append(("far_over", None, 20, None, min(value, 9.0), max(value, 9.0)))
    marks = marks_of([dict(zip(names, row, strict=True)) for row in told])
    assert marks.rows == 140 and marks.grain is not None and marks.pointed is not None


def test_what_was_profiled_before_there_were_marks_is_judged_alike(tmp_path: Path) -> None:
    made = planted(tmp_path)
    before = {check: judged(made, check) for check in ("volume_steady", "feed_alive")}
    for folder in ("prediction_profile/feed", "reference_profile/feed"):
        files = sorted((Path(made.root.lake.url) / made.feature.name / folder).iterdir())
        assert files
        for file in files:
            file.unlink()
    for check, verdict in before.items():
        assert verdict.status == "pass"
        after = judged(made, check)
        assert (after.status, after.reason) == (verdict.status, verdict.reason)


def test_without_a_reference_the_log_alone_tells_what_is_usual_and_nothing_what_is_alive(
    tmp_path: Path,
) -> None:
    made = planted(tmp_path)
    for file in (Path(made.root.lake.url) / made.feature.name / "reference_profile").glob("*.*"):
        file.unlink()
    young, alive = judged(made, "volume_steady"), judged(made, "feed_alive")
    assert (young.status, alive.status) == ("no_evidence", "no_evidence")
    assert "it takes 3 weeks before" in young.reason
    assert "materialise reference_profile" in alive.reason


def test_a_profile_in_the_cells_of_another_reference_is_no_evidence(tmp_path: Path) -> None:
    made = planted(tmp_path)
    path = made.root.lake.path(made.feature.name, "prediction_profile/feed", LAST, "json")
    data, _ = made.root.lake.read_json(path)
    made.root.lake.write_json(path, data | {"cells": "another"})
    verdict = judged(made, "feed_alive")
    assert verdict.status == "no_evidence"
    assert "materialise prediction_profile again" in verdict.reason


def test_a_profile_in_other_cells_of_the_same_table_is_made_again(tmp_path: Path) -> None:
    made = planted(tmp_path)
    finer = made.feature.drift.model_copy(update={"bins": 30})
    feature = made.feature.model_copy(update={"drift": finer})
    reference = make_reference(made.root, feature, VERSION)
    lake = made.root.lake
    lake.write_table(lake.path(feature.name, "prediction_profile", LAST), SCHEMA.empty_table())
    # That day's log came after it was profiled; the others' profiles are in the cells before.
    for day, rows in daily_profiles(made.root, feature, reference, DAYS[-3:]).items():
        bins = {row["value"] for row in rows if (row["column"], row["cell"]) == ("temp", "bin")}
        assert len(bins) > 20, day


@pytest.mark.parametrize("value", ["n/a", [1.0], b"\xff"])
def test_a_column_that_changes_its_type_within_a_range_of_days_is_found(
    tmp_path: Path, value: Any
) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        told = zip(rows["input_temp"], later(rows), strict=True)
        return rows.assign(
            input_temp=pd.Series([value if own else n for n, own in told], dtype=object)
        )

    made = planted(tmp_path, change, days=DAYS[:12])
    for check in ("inputs_well_formed", "input_drift"):
        verdict = judged(made, check, DAYS[11])
        assert (verdict.status, verdict.findings[0].columns) == ("fail", ("temp",))


def test_of_many_call_sites_the_largest_are_counted_by_name() -> None:
    parts = Parts.of({f"site-{n}": n for n in range(1, 151)})
    assert (len(parts.named), parts.rows("site-150"), parts.rows("site-3")) == (100, 150, 50)


@pytest.mark.requirement("FQ-07", "FR-1")
def test_a_real_autumn_with_its_holidays_and_calm_weather_raises_no_alarm(tmp_path: Path) -> None:
    first, last = "2013-10-15", "2013-12-31"
    made = install(tmp_path, first, last)
    autumn = days(first, last)
    compute_prediction_profile(made.root, made.feature, [made.moment(day) for day in autumn])
    steady_on, alive_on = (
        {day: judge(made.root, made.feature, made.moment(day)) for day in autumn}
        for judge in (judge_volume_steady, judge_feed_alive)
    )
    young = {day for day, verdict in steady_on.items() if verdict.status == "no_evidence"}
    assert young == set(autumn[:6])
    assert {steady_on[day].status for day in autumn[6:]} == {"pass"}
    # Visibility is ten miles in every row of a fortnight; the timetable repeats every week.
    assert {verdict.status for verdict in alive_on.values()} == {"pass"}
    thanksgiving = steady_on["2013-11-29"].reason
    assert "596 rows, 61% of the usual" in thanksgiving
    assert "low, but not on 3 of 4 days" in thanksgiving
