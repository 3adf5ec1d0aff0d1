"""The arrival of labels: the curve, and what is late, lost or as declared."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.accuracy_evaluation.arrival_curve import Arrivals, age_at, arrival_curve
from ai_ops.accuracy_evaluation.label_arrival import compute_label_arrival, judge_label_maturity
from ai_ops.accuracy_evaluation.label_maturity import (
    ArrivalReport,
    DayArrival,
    judge_maturity,
    late_run,
)
from ai_ops.ai_features.applying import is_made
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.orchestration.partitions import judged_at
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.accuracy_evaluation.kinds_world import built

TRUTH = GroundTruth(labels="labels.parquet", mature_after_hours=12, minimum_labels=100)
NOW = datetime(2021, 3, 29, 7, tzinfo=UTC)

hours = st.lists(st.floats(0.01, 500), min_size=1, max_size=60)


@given(hours)
def test_where_every_label_came_the_curve_is_the_share_that_came(delays: list[float]) -> None:
    delay = np.array(delays)
    curve = arrival_curve(Arrivals(delay, np.full(len(delay), 700.0)), declared=12)
    expected = [float((delay <= age).mean()) for age in curve.ages]
    assert curve.share == pytest.approx(expected)


@given(hours, hours)
def test_a_curve_never_falls_and_its_interval_holds_it(
    delays: list[float], ages: list[float]
) -> None:
    size = min(len(delays), len(ages))
    age, delay = np.array(ages[:size]), np.array(delays[:size])
    arrivals = Arrivals(np.where(delay < age, delay, np.nan), age)
    curve = arrival_curve(arrivals, declared=12)
    assert all(np.diff(curve.share) >= -1e-12)
    told = zip(curve.low, curve.share, curve.high, strict=True)
    assert all(0 <= low <= share <= high <= 1 for low, share, high in told)


def test_predictions_that_are_too_young_say_nothing_about_an_age() -> None:
    """Labels take 10 hours; half of the predictions are younger than that."""
    age = np.concatenate([np.full(500, 100.0), np.linspace(0, 9.9, 500)])
    arrivals = Arrivals(np.where(age > 10, 10.0, np.nan), age)
    assert arrival_curve(arrivals, declared=12).at(12) == 1.0
    assert age_at(arrivals, 0.9) == 10.0


def report(days: list[DayArrival], delays: np.ndarray) -> ArrivalReport:
    arrivals = Arrivals(delays, np.full(len(delays), 300.0))
    first, last = days[0].day, days[-1].day
    curve = arrival_curve(arrivals, TRUTH.mature_after_hours)
    came = int(arrivals.came.sum())
    nearly_all_at = age_at(arrivals, 0.99 * curve.final)
    return ArrivalReport(
        "loans", last, NOW, NOW, first, last, len(delays), came, days, curve, None, nearly_all_at
    )


def on(*in_time: int, later: int = 0) -> list[DayArrival]:
    return [
        DayArrival(f"2021-03-{day:02d}", 100, count, later) for day, count in enumerate(in_time, 1)
    ]


def test_labels_that_come_much_earlier_than_declared_are_no_fault_and_said() -> None:
    verdict = judge_maturity(report(on(100, 100, 100), np.full(300, 2.0)), TRUTH)
    assert verdict.status == "pass"
    assert "99% of those are there at 2.0 hours: a smaller mature_after_hours" in verdict.reason


def test_labels_that_never_come_are_missing_and_not_late() -> None:
    """A storm of two days: what comes is in time, the rest never does."""
    delays = np.concatenate([np.full(900, 3.0), np.full(100, np.nan)])
    verdict = judge_maturity(report(on(*[100] * 8, 50, 50), delays), TRUTH)
    assert verdict.status == "pass"
    assert "since 2021-03-09 fewer come, and those in time" in verdict.reason


def test_one_day_is_no_run_and_a_run_ends_where_labels_came_in_time() -> None:
    assert late_run(on(99, 99, 20), 0.9) == []
    assert [day.day for day in late_run(on(20, 99, 30, 20), 0.9)] == ["2021-03-03", "2021-03-04"]
    assert late_run([*on(20, 30), DayArrival("2021-03-03", 0, 0, 0)], 0.9)[0].day == "2021-03-01"


def test_too_few_that_are_old_enough_are_no_evidence() -> None:
    few = report([DayArrival("2021-03-01", 20, 20, 0)], np.full(20, 2.0))
    verdict = judge_maturity(few, TRUTH)
    assert verdict.status == "no_evidence" and "at least 100 are needed" in verdict.reason


@pytest.mark.requirement("MO-02")
def test_the_labels_of_anothers_model_are_timed_too_and_a_range_is_its_single_weeks(
    tmp_path: Path,
) -> None:
    """Their labels come after just the 12 hours that are declared, in a table of predictions."""
    world = built(tmp_path, "numbers")
    weeks = [Window.of_week(monday) for monday in ("2021-01-25", "2021-02-01")]
    moments = [
        Moment(week.start.date().isoformat(), week, judged_at(week, "weekly")) for week in weeks
    ]
    assert is_made("label_arrival", world.feature)
    summaries = compute_label_arrival(world.root, world.feature, moments)
    paths = [
        world.root.lake.path(world.feature.name, "label_arrival", one.partition, "json")
        for one in moments
    ]
    together = [world.root.lake.read_bytes(path) for path in paths]
    for one in moments:
        verdict = judge_label_maturity(world.root, world.feature, one)
        assert verdict.status == "pass", verdict.reason
        compute_label_arrival(world.root, world.feature, [one])
    assert [world.root.lake.read_bytes(path) for path in paths] == together
    last = summaries[moments[-1].partition]
    assert last.picture is not None and {row["age_hours"] for row in last.table} >= {1.0, 12.0}
    untold = world.feature.source.columns.model_copy(update={"available_at": None})
    source = world.feature.source.model_copy(update={"columns": untold})
    silent = world.feature.model_copy(update={"source": source})
    assert not is_made("label_arrival", silent), "what is declared cannot be observed"
