"""What traffic explains of a rising cost, and what it does not."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_factors import NAMES
from ai_ops.inference_management.cost_judgement import judge_trend
from ai_ops.inference_management.cost_reports import (
    compute_cost_trend,
    judge_cost_trend,
    stored_trend,
)
from ai_ops.inference_management.cost_rollup import compute_cost_rollup
from ai_ops.inference_management.cost_trend import rise
from ai_ops.inference_management.cost_weeks import Weeks
from ai_ops.inference_management.costs import NANO
from ai_ops.inference_management.week_cost import WeekCost
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.inference_management.served import (
    Row,
    declared,
    of_week,
    open_root,
    week_of_logs,
    with_costs,
)
from ai_ops_tests.inference_management.spent_world import service

pytestmark = pytest.mark.requirement("WK-04", "WK-05")

RENT = 7 * 10**9
THEN = [
    "model_version",
    "call_site",
    "tenant",
    "mode",
    "rows",
    "answered",
    "busy_us",
    "typical_us",
    "untimed",
    "busy_nano",
    "idle_nano",
    "storage_nano",
    "total_nano",
    "currency",
    "prices",
]
"""The columns of a rollup before it counted tokens."""


def judged(root: Root, feature: AiFeatureSpec, week: int) -> Verdict:
    compute_cost_trend(root, feature, [of_week(week)])
    return judge_cost_trend(root, feature, of_week(week))


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_traffic_explains_all_of_its_own_effect(before: int, now: int) -> None:
    """The same machines and the same storage a row: whatever the traffic, nothing is left over."""
    found = rise(
        WeekCost("2021-03-01", 7, before, RENT, 0, before * 1000, "USD"),
        WeekCost("2021-03-08", 7, now, RENT, 0, now * 1000, "USD"),
        1,
    )
    assert found.bill == pytest.approx(0, abs=1e-9)
    assert found.total == pytest.approx(found.traffic, abs=1e-9)


def test_a_second_machine_for_twice_the_traffic_makes_nothing_dearer() -> None:
    found = rise(
        WeekCost("2021-03-01", 7, 1000, RENT, 0, 0, "USD"),
        WeekCost("2021-03-08", 7, 2000, 2 * RENT, 0, 0, "USD"),
        1,
    )
    assert found.bill == pytest.approx(1.0) and found.unexplained == pytest.approx(0.0)


def test_the_first_week_says_that_it_has_no_week_to_compare_with(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), declared()
    compute_cost_rollup(root, feature, week_of_logs(root, feature, 0, rows=40))
    verdict = judged(root, feature, 0)
    assert verdict.status == "no_evidence" and "is the first of this feature" in verdict.reason
    assert verdict.findings[0].kind == "cost"


def test_steady_weeks_pass_and_so_does_half_the_traffic(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), declared()
    for week, rows in enumerate((400, 400, 200)):
        compute_cost_rollup(root, feature, week_of_logs(root, feature, week, rows=rows))
    assert judged(root, feature, 1).status == "pass"
    verdict = judged(root, feature, 2)
    assert verdict.status == "pass"
    assert verdict.observed["rise_total"] == pytest.approx(1.0, abs=0.01)
    assert verdict.observed["rise_bill"] == pytest.approx(0.0, abs=0.01)


def test_a_missing_day_is_named(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), declared()
    compute_cost_rollup(root, feature, week_of_logs(root, feature, 0, rows=40))
    compute_cost_rollup(root, feature, week_of_logs(root, feature, 1, rows=40)[:6])
    verdict = judged(root, feature, 1)
    assert verdict.status == "no_evidence" and "2013-04-14" in verdict.reason


@pytest.mark.requirement("WK-06")
def test_a_small_rise_that_compounds_is_found(tmp_path: Path) -> None:
    """Four per cent a week: no week alone is a flag, four of them are."""
    root, feature = open_root(tmp_path), declared()
    (machine,) = feature.costs.compute
    statuses = {}
    for week in range(5):
        price = machine.hourly_price * 1.04**week
        dearer = with_costs(feature, compute=(machine.model_copy(update={"hourly_price": price}),))
        compute_cost_rollup(root, dearer, week_of_logs(root, feature, week, rows=20))
        trend, _ = Weeks(root.lake, dearer).trend(of_week(week).partition)
        statuses[week] = judge_trend(trend, dearer.costs)
    assert [statuses[week].status for week in range(1, 4)] == ["pass"] * 3
    assert "too young" in statuses[3].reason
    assert statuses[4].status == "fail"
    (finding,) = statuses[4].findings
    assert finding.kind == "cost" and "4 weeks ago" in finding.reason
    assert finding.size == pytest.approx(1.04**4 - 1, abs=0.002)
    assert "most of it by prices of machines, tokens or storage (+17.0%)" in finding.reason
    assert statuses[4].observed["compounded_bill_cause"] == "price"


def test_the_picture_shows_the_weeks(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), declared()
    for week in range(2):
        compute_cost_rollup(root, feature, week_of_logs(root, feature, week, rows=40))
    summaries = compute_cost_trend(root, feature, [of_week(0), of_week(1)])
    pictures = [summary.picture for summary in summaries.values()]
    assert pictures[0] is None and (pictures[1] or b"").startswith(b"\x89PNG")


def test_the_table_has_a_row_for_each_factor_and_they_sum_to_the_change(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), declared()
    for week, rows in enumerate((40, 20)):
        compute_cost_rollup(root, feature, week_of_logs(root, feature, week, rows=rows))
    summary = compute_cost_trend(root, feature, [of_week(0), of_week(1)])[of_week(1).partition]
    assert [row["factor"] for row in summary.table] == list(NAMES)
    first, second = stored_trend(root, feature, of_week(1)).weeks
    paid = sum(Decimal(str(row["paid_per_1000"])) for row in summary.table)
    assert paid == Decimal(second.per_1000_nano - first.per_1000_nano) / NANO
    assert summary.numbers["bill_cause"] is None and summary.numbers[
        "rise_traffic"
    ] == pytest.approx(1.0, abs=1e-3)


def test_rollups_from_before_tokens_were_counted_still_read(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), declared()
    for week, rows in enumerate((40, 80)):
        compute_cost_rollup(root, feature, week_of_logs(root, feature, week, rows=rows))
    expected = judged(root, feature, 1)
    for week in range(2):
        for day in of_week(week).window.days():
            path = root.lake.path(feature.name, "cost_rollup", day)
            table, _ = root.lake.read_table(path)
            root.lake.write_table(path, table.select(THEN))
    again = judged(root, feature, 1)
    assert (again.status, again.reason) == (expected.status, expected.reason)


def test_without_machines_no_time_is_missed(tmp_path: Path) -> None:
    """A provider's calls that do not say how long they took: no rent hangs on it."""
    feature = with_costs(service(), compute=()).model_copy(update={"served_by": "provider_api"})

    def untimed(one: Row, number: int) -> Row:
        tokens = {"model": "small", "input_tokens": 2000, "output_tokens": 200}
        return one | {"latency_ms": None, "cost": json.dumps(tokens)}

    root = open_root(tmp_path)
    for week in range(2):
        logs = week_of_logs(root, feature, week, rows=40, change=untimed)
        compute_cost_rollup(root, feature, logs)
    assert judged(root, feature, 1).status == "pass"
