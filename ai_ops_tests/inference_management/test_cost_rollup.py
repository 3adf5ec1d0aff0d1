"""What the rollup counts and prices: calls, tokens, retries, caches, machines by date."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.costs import Compute
from ai_ops.ai_features.source import Source
from ai_ops.inference_management.cost_rollup import (
    SCHEMA,
    as_cost,
    compute_cost_rollup,
    in_todays_columns,
    judge_cost_known,
    read_rollup,
)
from ai_ops.inference_management.costs import NO_STORAGE
from ai_ops.storage.root import Root
from ai_ops_tests.inference_management.provider_logs import DAY, MODEL, assistant, call, days
from ai_ops_tests.inference_management.served import (
    Row,
    compute_ms,
    declared,
    of_day,
    open_root,
    row,
    with_costs,
    write_day,
)

pytestmark = pytest.mark.requirement("PL-21", "OW-09")

A_CALL = 1000 * 2_000 + 100 * 8_000
"""Billionths of a dollar: a token costs 2,000 in and 8,000 out."""


def rolled(
    folder: Path, rows: list[Row], feature: AiFeatureSpec | None = None, day: str = DAY
) -> tuple[Root, list[Row]]:
    """The rollup of one day of these rows."""
    root, spec = open_root(folder), feature or assistant()
    write_day(root, spec, day, rows)
    compute_cost_rollup(root, spec, [of_day(day)])
    table, _ = read_rollup(root.lake, spec.name, day)
    assert table.schema.equals(SCHEMA)
    return root, table.to_pylist()


def total(rows: list[Row], column: str) -> int:
    return sum(one[column] for one in rows)


def test_tokens_are_priced_and_the_price_is_stored(tmp_path: Path) -> None:
    root, rows = rolled(tmp_path, [call(n) for n in range(40)])
    assert {one["model"] for one in rows} == {MODEL}
    assert total(rows, "input_tokens") == 40_000 and total(rows, "output_tokens") == 4_000
    assert total(rows, "tokens_nano") == total(rows, "total_nano") == 40 * A_CALL
    assert (
        '"per_million": {"cache_read": "2", "cache_write": "2", "input": "2"' in rows[0]["prices"]
    )
    verdict = judge_cost_known(root, assistant(), of_day(DAY))
    assert verdict.status == "pass" and verdict.observed["tokens"] == pytest.approx(0.112)


def test_a_batch_costs_its_share(tmp_path: Path) -> None:
    _, rows = rolled(tmp_path, [call(n) | {"mode": ("sync", "batch")[n % 2]} for n in range(40)])
    by_mode = {m: [one for one in rows if one["mode"] == m] for m in ("sync", "batch")}
    assert total(by_mode["sync"], "tokens_nano") == 20 * A_CALL
    assert total(by_mode["batch"], "tokens_nano") == 10 * A_CALL


def test_two_models_at_one_call_site_are_two_rows(tmp_path: Path) -> None:
    rows = [call(n, model=("gpt-4o", MODEL)[n % 4 == 0]) for n in range(40)]
    _, found = rolled(tmp_path, rows)
    web = [one for one in found if one["call_site"] == "web" and one["tenant"] == "acme"]
    assert [(one["model"], one["rows"]) for one in web] == [(MODEL, 10)]
    assert {one["model"] for one in found} == {MODEL, "gpt-4o"}
    assert all(one["unpriced"] is None for one in found)


def test_calls_beyond_the_first_are_retries_and_contained_in_what_was_paid(tmp_path: Path) -> None:
    asked_thrice = [call(n, attempts=3) for n in range(10)]
    again = [call(100 + n) | {"request_id": "lost"} for n in range(4)]
    _, rows = rolled(tmp_path, [*asked_thrice, *again])
    # The four rows of one id come from two call sites: each asked once more than it had to.
    assert total(rows, "attempts") == 34 and total(rows, "retries") == 20 + 2
    assert total(rows, "tokens_nano") == 14 * A_CALL
    floors = 10 * (666 * 2_000 + 66 * 8_000)
    assert total(rows, "retries_nano") == floors + 2 * A_CALL
    assert all(one["retries_nano"] <= one["busy_nano"] + one["tokens_nano"] for one in rows)


def test_rows_of_a_batch_share_an_id_and_are_no_retries(tmp_path: Path) -> None:
    rows = [call(n) | {"mode": "batch", "request_id": "b"} for n in range(8)]
    _, found = rolled(tmp_path, rows)
    assert total(found, "retries") == 0 and total(found, "attempts") == 8


def test_calls_of_one_trace_of_somebody_elses_log_are_no_retries(tmp_path: Path) -> None:
    feature = assistant().model_copy(update={"source": Source.model_construct()})
    _, found = rolled(tmp_path, [call(n) | {"request_id": "trace"} for n in range(8)], feature)
    assert total(found, "retries") == 0


def test_retried_time_of_a_model_of_ones_own_is_told(tmp_path: Path) -> None:
    drivers = '{"compute_ms": 10, "attempts": 2}'
    rows = [row(n) | {"cost": drivers} for n in range(20)]
    _, found = rolled(tmp_path, rows, declared())
    assert total(found, "busy_us") == 200_000 and total(found, "retry_us") == 100_000
    assert all(abs(2 * one["retries_nano"] - one["busy_nano"]) <= 2 for one in found)
    assert all(one["model"] is None and one["tokens_nano"] == 0 for one in found)


def test_a_cached_answer_costs_no_tokens_and_is_counted(tmp_path: Path) -> None:
    hit = call(1, cached=True, input_tokens=None, output_tokens=None)
    root, rows = rolled(tmp_path, [call(0), call(4), hit, hit | {"cost": '{"cached": true}'}])
    assert total(rows, "cached") == 2 and total(rows, "tokens_nano") == 2 * A_CALL
    assert judge_cost_known(root, assistant(), of_day(DAY)).status == "pass"


def test_what_failed_before_it_was_billed_costs_nothing(tmp_path: Path) -> None:
    failed = call(1, status="failed", model=None, input_tokens=None, output_tokens=None)
    root, rows = rolled(tmp_path, [call(0), failed])
    assert total(rows, "tokens_nano") == A_CALL and all(r["unpriced"] is None for r in rows)
    assert judge_cost_known(root, assistant(), of_day(DAY)).status == "pass"


def test_cached_input_has_its_own_price_and_no_tier_is_chosen_by_a_sum(tmp_path: Path) -> None:
    listed = assistant(tokens=())
    said = {"model": "gemini-2.5-pro", "provider": "google"}
    rows = [call(n, **said, input_tokens=150_000, cache_read_tokens=50_000) for n in range(4)]
    _, found = rolled(tmp_path, rows, listed)
    # 4 x 150,000 tokens are beyond 200,000, no single call is.
    one = 100_000 * 1_250 + 50_000 * 125 + 100 * 10_000
    assert total(found, "tokens_nano") == 4 * one
    rows = [call(n, **said, input_tokens=200_001) for n in range(4)]
    _, found = rolled(tmp_path / "long", rows, listed)
    assert total(found, "tokens_nano") == 4 * (200_001 * 2_500 + 100 * 15_000)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"input_tokens": None, "output_tokens": None}, "do not say its tokens"),
        ({"input_tokens": None}, "do not say its tokens"),
        ({"input_tokens": "many"}, "do not say its tokens"),
        ({"input_tokens": -5}, "do not say its tokens"),
        ({"output_tokens": None}, "do not say what it wrote"),
        ({"output_tokens": None, "status": "failed"}, "do not say what it wrote"),
        ({"model": None}, "say tokens and no model"),
        ({"model": "nobodys-model"}, "nobodys-model is in no list of prices"),
        ({"cache_read_tokens": 900, "cache_write_tokens": 200}, "more cached tokens than input"),
    ],
)
def test_a_call_that_cannot_be_priced_is_a_failure_and_never_free(
    tmp_path: Path, changed: dict[str, Any], why: str
) -> None:
    rows = [call(0), call(1, **changed), *(call(n) for n in range(4, 9))]
    root, found = rolled(tmp_path, rows)
    (app,) = [one for one in found if one["call_site"] == "app" and one["unpriced"]]
    assert why in app["unpriced"] and app["tokens_nano"] is None and app["total_nano"] is None
    verdict = judge_cost_known(root, assistant(), of_day(DAY))
    assert verdict.status == "fail" and why in verdict.reason
    assert [finding.call_site for finding in verdict.findings] == ["app"]


def test_machines_cost_what_they_cost_on_the_day(tmp_path: Path) -> None:
    machines = (
        Compute(name="small", hourly_price=0.1, until=date(2025, 6, 3)),
        Compute(name="large", hourly_price=0.4, since=date(2025, 6, 3), until=date(2025, 6, 4)),
    )
    feature = with_costs(declared(), compute=machines)
    root = open_root(tmp_path)
    for day in days(3):
        write_day(root, feature, day, [row(n) | {"cost": compute_ms(5)} for n in range(8)])
    compute_cost_rollup(root, feature, [of_day(day) for day in days(3)])
    tables = [read_rollup(root.lake, feature.name, day)[0].to_pylist() for day in days(3)]
    paid = [sum((r["busy_nano"] or 0) + (r["idle_nano"] or 0) for r in rows) for rows in tables]
    assert paid == [24 * 10**8, 96 * 10**8, 0]
    assert '"name": "large"' in tables[1][0]["prices"] and "small" not in tables[1][0]["prices"]
    assert tables[2][0]["unpriced"] == f"no machine of costs.compute has a price on {days(3)[2]}"
    assert judge_cost_known(root, feature, of_day(days(3)[2])).status == "no_evidence"


def test_what_a_provider_serves_needs_no_machine_but_pays_those_that_are_declared(
    tmp_path: Path,
) -> None:
    machine = Compute(name="gateway", hourly_price=1.0)
    _, rows = rolled(tmp_path, [call(n) for n in range(8)], assistant(compute=(machine,)))
    assert total(rows, "busy_nano") + total(rows, "idle_nano") == 24 * 10**9
    assert total(rows, "total_nano") == 24 * 10**9 + 8 * A_CALL


drivers = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from([MODEL, "gpt-4o", "nobodys-model"]),
        "input_tokens": st.integers(0, 300_000),
        "output_tokens": st.integers(0, 5_000),
        "cache_read_tokens": st.integers(0, 1_000),
        "attempts": st.integers(0, 4),
        "cached": st.booleans(),
        "compute_ms": st.floats(0, 1e4),
    },
)


@given(st.lists(drivers, min_size=1, max_size=12))
@settings(max_examples=12, deadline=None)
def test_the_parts_are_the_total_or_there_is_a_reason(
    tmp_path_factory: pytest.TempPathFactory, told: list[dict[str, Any]]
) -> None:
    usual = {"model": None, "input_tokens": None, "output_tokens": None}
    rows = [call(n, **usual | one) for n, one in enumerate(told)]
    machine = Compute(name="gateway", hourly_price=0.05, count=2)
    folder = tmp_path_factory.mktemp("rollup")
    root, found = rolled(folder, rows, assistant(compute=(machine,)))
    assert total(found, "rows") == len(rows)
    assert total(found, "busy_nano") + total(found, "idle_nano") == 24 * 10**8
    for one in found:
        parts = [one[f"{part}_nano"] for part in ("busy", "idle", "storage", "tokens")]
        assert (one["total_nano"] is None) == (None in parts) == (one["unpriced"] is not None)
        if None not in parts:
            assert one["total_nano"] == sum(parts)
            assert 0 <= one["retries_nano"] <= one["busy_nano"] + one["tokens_nano"]
        assert one["attempts"] >= one["rows"] and one["retries"] <= one["attempts"]
        assert as_cost(one).total_nano == one["total_nano"]
    verdict = judge_cost_known(root, assistant(), of_day(DAY))
    assert (verdict.status == "fail") == any(one["tokens_nano"] is None for one in found)


def test_a_file_of_before_tokens_is_still_read(tmp_path: Path) -> None:
    feature = declared()
    root, rows = rolled(tmp_path, [row(n) for n in range(40)], feature)
    since = {"model", "attempts", "retries", "retry_us", "cached", "tokens_nano", "unpriced"}
    since |= {"input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"}
    then = [name for name in SCHEMA.names if name not in since | {"retries_nano"}]
    path = root.lake.path(feature.name, "cost_rollup", DAY)
    root.lake.write_table(path, pa.Table.from_pylist(rows, schema=SCHEMA).select(then))
    table, _ = read_rollup(root.lake, feature.name, DAY)
    assert table.to_pylist() == rows
    assert judge_cost_known(root, feature, of_day(DAY)).status == "pass"
    unknown = pa.Table.from_pylist([r | {"storage_nano": None, "total_nano": None} for r in rows])
    read = in_todays_columns(unknown.select(then))
    assert set(read["unpriced"].to_pylist()) == {NO_STORAGE}
