"""The cost of a day: exact, whole, and unknown where a price is unknown."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.inference_management.cost_rollup import compute_cost_rollup, judge_cost_known
from ai_ops.inference_management.costs import (
    Prices,
    Work,
    apportion,
    cost_of_day,
    declared_prices,
)
from ai_ops_tests.inference_management.served import (
    batch,
    compute_ms,
    declared,
    of_day,
    open_root,
    row,
    with_costs,
    write_day,
)

pytestmark = pytest.mark.requirement("PL-21")

DAY = "2013-04-03"
A_DAY = 998_400_000  # 24 hours at 0.0416, in billionths

works = st.lists(
    st.builds(
        Work,
        st.sampled_from(["1", "2", None]),
        st.sampled_from(["web", "app", None]),
        st.none(),
        st.just("sync"),
        rows=st.integers(1, 10**6),
        answered=st.just(1),
        busy_us=st.integers(0, 10**12),
        typical_us=st.none(),
        untimed=st.just(0),
    ),
    max_size=12,
)


@given(st.integers(0, 10**18), st.lists(st.integers(0, 10**12), min_size=1, max_size=20))
def test_the_parts_are_the_whole(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total and all(part >= 0 for part in parts)
    if any(weights):
        exact = [Decimal(total) * w / sum(weights) for w in weights]
        assert all(abs(part - e) < 1 for part, e in zip(parts, exact, strict=True))


@given(works, st.integers(0, 10**15), st.integers(0, 10**12))
@settings(max_examples=100)
def test_a_day_costs_what_its_machines_and_its_storage_cost(
    work: list[Work], a_day: int, stored: int
) -> None:
    costs = cost_of_day(work, Prices("USD", 2, a_day, Decimal("0.023")), stored)
    assert sum((c.busy_nano or 0) + (c.idle_nano or 0) for c in costs) == a_day
    storage = int((Decimal("0.023") * stored).to_integral_value())
    assert sum(c.storage_nano or 0 for c in costs) == storage


def test_declared_prices_are_taken_as_they_are_written() -> None:
    assert declared_prices(declared().costs).compute_a_day_nano == A_DAY


def test_a_rollup_is_split_by_who_asked_and_stores_its_prices(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), declared()
    write_day(root, feature, DAY, [row(n) for n in range(400)] + batch(7, ms=60.0, size=30))
    compute_cost_rollup(root, feature, [of_day(DAY)])
    path = root.lake.path(feature.name, "cost_rollup", DAY)
    table, _ = root.lake.read_table(path)
    rows = table.to_pylist()
    assert {(r["call_site"], r["tenant"], r["mode"]) for r in rows} == {
        (site, tenant, mode)
        for site in ("web", "app")
        for tenant in ("acme", "bolt")
        for mode in ("sync", "batch")
    }
    assert sum(r["rows"] for r in rows) == 430
    # Every row of a batch waited for the same request: its time counts once.
    assert sum(r["busy_us"] for r in rows if r["mode"] == "batch") == 60_000
    assert sum(r["busy_us"] for r in rows if r["mode"] == "sync") == 400 * 20_000
    assert sum(r["busy_nano"] + r["idle_nano"] for r in rows) == A_DAY
    assert all(r["total_nano"] == r["busy_nano"] + r["idle_nano"] + r["storage_nano"] for r in rows)
    assert {r["currency"] for r in rows} == {"USD"} and '"hourly_price": 0.0416' in rows[0][
        "prices"
    ]
    verdict = judge_cost_known(root, feature, of_day(DAY))
    assert verdict.status == "pass" and verdict.sample_size == 430 and verdict.evidence
    assert verdict.observed["per_1000"] == pytest.approx(0.9984 / 430 * 1000, rel=1e-3)


def test_a_row_that_names_its_time_on_the_machine_is_believed(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), declared()
    write_day(root, feature, DAY, [row(n, ms=500) | {"cost": compute_ms(2.5)} for n in range(8)])
    compute_cost_rollup(root, feature, [of_day(DAY)])
    table, _ = root.lake.read_table(root.lake.path(feature.name, "cost_rollup", DAY))
    assert sum(table["busy_us"].to_pylist()) == 8 * 2_500
    assert set(table["typical_us"].to_pylist()) == {2_500.0}


def test_a_range_gives_what_single_days_give(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), declared()
    days = ["2013-04-03", "2013-04-04"]
    for day in days:
        write_day(root, feature, day, [row(n) for n in range(50)])
    paths = [root.lake.path(feature.name, "cost_rollup", day) for day in days]
    compute_cost_rollup(root, feature, [of_day(day) for day in days])
    ranged = [root.lake.read_bytes(path) for path in paths]
    for day in days:
        compute_cost_rollup(root, feature, [of_day(day)])
    assert [root.lake.read_bytes(path) for path in paths] == ranged


def test_a_day_without_predictions_still_pays_its_machines(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), declared()
    compute_cost_rollup(root, feature, [of_day(DAY)])
    verdict = judge_cost_known(root, feature, of_day(DAY))
    assert verdict.status == "no_evidence" and "0.9984 USD were spent" in verdict.reason


def test_a_price_of_zero_is_a_price(tmp_path: Path) -> None:
    root = open_root(tmp_path)
    free = tuple(c.model_copy(update={"hourly_price": 0.0}) for c in declared().costs.compute)
    feature = with_costs(declared(), compute=free)
    write_day(root, feature, DAY, [row(n) for n in range(10)])
    compute_cost_rollup(root, feature, [of_day(DAY)])
    assert judge_cost_known(root, feature, of_day(DAY)).status == "pass"
