"""Causes planted in the log, alone and together: the trend names the one that has most of it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.costs import TokenPrice
from ai_ops.inference_management.cost_factors import FactorName
from ai_ops.inference_management.cost_judgement import judge_trend
from ai_ops.inference_management.cost_rollup import compute_cost_rollup
from ai_ops.inference_management.cost_trend import CostTrend
from ai_ops.inference_management.cost_weeks import Weeks
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.inference_management.served import (
    Change,
    Row,
    declared,
    of_week,
    open_root,
    row,
    week_of_logs,
    with_costs,
)

pytestmark = pytest.mark.requirement("WK-05", "PB-20")

ROWS = 64
SINCE = date(2013, 1, 1)
Edit = Callable[[AiFeatureSpec], AiFeatureSpec]


def price(model: str, times: float = 1.0) -> TokenPrice:
    return TokenPrice(
        model=model,
        since=SINCE,
        input=10 * times,
        output=40 * times,
        cache_read=1 * times,
        batch=0.5,
    )


def service() -> AiFeatureSpec:
    """A machine and two models of a provider: what is paid is half rent and half tokens."""
    return with_costs(declared(), tokens=(price("small"), price("large", 5)))


def call(one: Row, **drivers: Any) -> Row:
    """The row with other cost drivers, or other fields where it has them."""
    fields = {name: drivers.pop(name) for name in list(drivers) if name in one}
    return one | fields | {"cost": json.dumps(json.loads(one["cost"]) | drivers)}


def usual(one: Row, number: int) -> Row:
    """At ``web`` one by one, half of it answered by a cache, and ``bolt`` asks more than the other
    tenant; at ``app`` in batches."""
    drivers = {
        "model": "small",
        "compute_ms": 350_000,
        "input_tokens": 2000 if one["tenant"] == "acme" else 4000,
        "cache_read_tokens": 1000,
        "output_tokens": 200,
    }
    if one["call_site"] == "web" and number % 8 in (0, 2):
        drivers = {"model": "small", "compute_ms": 10, "cached": True}
    elif one["call_site"] == "app":
        drivers["compute_ms"] = 300_000
    mode = "sync" if one["call_site"] == "web" else "batch"
    return one | {"mode": mode, "cost": json.dumps(drivers)}


def where(chosen: Callable[[Row], bool], **drivers: Any) -> Change:
    """What is usual, but for the calls that are chosen; what a cache answered is no call."""

    def changed(one: Row, number: int) -> Row:
        row = usual(one, number)
        if not chosen(row):
            return row
        fields = drivers
        if "cached" in json.loads(row["cost"]):
            fields = {name: drivers[name] for name in drivers if name in row or name == "model"}
        return call(row, **fields)

    return changed


def at(call_site: str) -> Callable[[Row], bool]:
    return lambda row: bool(row["call_site"] == call_site)


def everywhere(row: Row) -> bool:
    return True


def without_the_cache(one: Row, number: int) -> Row:
    return usual(one, 4)


def asked_again(one: Row, number: int) -> Row:
    """Each request fails once at first: twice the rows, as many answers."""
    asked = usual(row(number // 2), number // 2)
    return asked | {"id": one["id"], "status": ("error", "ok")[number % 2]}


def three_times_slower(one: Row, number: int) -> Row:
    asked = usual(one, number)
    return call(asked, compute_ms=3 * json.loads(asked["cost"])["compute_ms"])


def a_slower_version(one: Row, number: int) -> Row:
    return three_times_slower(one, number) | {"model_version": "2"}


def bolt_asks_its_query_again(one: Row, number: int) -> Row:
    """Most of what is asked is what one tenant always asks, again and again."""
    place = number if number < ROWS // 4 else (2, 6)[number % 2]
    return usual(row(place), place) | {"id": one["id"], "request_id": one["request_id"]}


def bolt_asks_a_long_one_again(one: Row, number: int) -> Row:
    """From row ``ROWS`` on it is one query that it did not ask before."""
    if number < ROWS:
        return usual(one, number)
    asked = usual(row(6), 6) | {"id": one["id"], "request_id": one["request_id"]}
    return call(asked, input_tokens=12_000, cache_read_tokens=0)


def together(*changes: Change) -> Change:
    """The cost drivers that any of the changes changes."""

    def changed(one: Row, number: int) -> Row:
        plain = usual(one, number)
        row, usually = plain, json.loads(plain["cost"])
        for change in changes:
            own = json.loads(change(one, number)["cost"])
            row = call(row, **{key: own[key] for key in own if own[key] != usually.get(key)})
        return row

    return changed


def rented(**changes: Any) -> Edit:
    def edit(feature: AiFeatureSpec) -> AiFeatureSpec:
        (machine,) = feature.costs.compute
        return with_costs(feature, compute=(machine.model_copy(update=changes),))

    return edit


def dearer_tokens(feature: AiFeatureSpec) -> AiFeatureSpec:
    return with_costs(feature, tokens=(price("small", 2), price("large", 5)))


@dataclass(frozen=True)
class Planted:
    """A cause in the second week, the factor that has most of the rise, and where."""

    name: str
    factor: FactorName
    change: Change = usual
    edit: Edit = lambda feature: feature
    rows: int = ROWS
    paid: bool = True
    call_site: str | None = None
    tenant: str | None = None
    slice: str | None = None


CAUSES = (
    Planted("the rent doubles", "price", edit=rented(hourly_price=0.0832)),
    Planted("a token costs twice as much", "price", edit=dearer_tokens),
    Planted("a second machine is rented", "machines", edit=rented(count=2)),
    Planted(
        "calls at web ask three times as many tokens",
        "per_call",
        where(at("web"), input_tokens=6000, cache_read_tokens=3000, output_tokens=600),
        call_site="web",
        slice="mode = sync",
    ),
    Planted(
        "the model is three times slower",
        "per_call",
        three_times_slower,
        paid=False,
    ),
    Planted(
        "a version that is three times slower takes over",
        "model_mix",
        a_slower_version,
        paid=False,
        slice="model = small, version 2",
    ),
    Planted(
        "a dearer model answers a third",
        "model_mix",
        where(lambda row: int(row["id"]) % 3 == 0, model="large"),
        slice="model = large, version 1",
    ),
    Planted(
        "a call site asks one by one what it asked in batches",
        "mode",
        where(at("app"), mode="sync", compute_ms=700_000),
        call_site="app",
        slice="mode = sync",
    ),
    Planted(
        "each call at web is made three times",
        "retries",
        where(
            at("web"),
            attempts=3,
            compute_ms=1_050_000,
            input_tokens=6000,
            cache_read_tokens=3000,
            output_tokens=600,
        ),
        call_site="web",
        slice="mode = sync",
    ),
    Planted("each request fails once at first", "retries", asked_again, rows=2 * ROWS),
    Planted("the cache answers nothing", "cache", without_the_cache, call_site="web"),
    Planted(
        "the provider's cache is missed",
        "cache",
        where(everywhere, cache_read_tokens=0),
    ),
    Planted(
        "a tenant repeats its query",
        "call_site_mix",
        bolt_asks_its_query_again,
        tenant="bolt",
        call_site="web",
    ),
    Planted(
        "a tenant repeats one long query",
        "per_call",
        bolt_asks_a_long_one_again,
        rows=3 * ROWS,
        tenant="bolt",
        call_site="web",
    ),
    Planted(
        "half the traffic, and a price that rises by a half",
        "price",
        edit=rented(hourly_price=0.0624),
        rows=ROWS // 2,
    ),
    Planted(
        "twice the traffic, and a model that is three times slower",
        "per_call",
        three_times_slower,
        rows=2 * ROWS,
        paid=False,
    ),
    Planted(
        "three times the tokens at web, some retries at app, and cheaper machines",
        "per_call",
        together(
            where(at("web"), input_tokens=12_000, cache_read_tokens=3000, output_tokens=600),
            where(at("app"), attempts=2, input_tokens=6000, output_tokens=400),
        ),
        edit=rented(hourly_price=0.038),
        call_site="web",
    ),
    Planted(
        "a tenth more tokens, and a dearer model for a third",
        "model_mix",
        together(
            where(everywhere, output_tokens=220),
            where(lambda row: int(row["id"]) % 3 == 0, model="large"),
        ),
    ),
)


@pytest.fixture(scope="module")
def usual_week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the first week, which is the same for all."""
    folder = tmp_path_factory.mktemp("usual")
    root = open_root(folder)
    compute_cost_rollup(root, service(), week_of_logs(root, service(), 0, rows=ROWS, change=usual))
    return folder


def trend_of(root: Root, feature: AiFeatureSpec, week: int) -> tuple[CostTrend, Verdict]:
    trend, _ = Weeks(root.lake, feature).trend(of_week(week).partition)
    return trend, judge_trend(trend, feature.costs)


@pytest.mark.parametrize("planted", CAUSES, ids=lambda planted: planted.name)
def test_the_cause_that_has_most_of_a_rise_is_named(
    usual_week: Path, tmp_path: Path, planted: Planted
) -> None:
    shutil.copytree(usual_week, tmp_path, dirs_exist_ok=True)
    root, feature = open_root(tmp_path), planted.edit(service())
    logs = week_of_logs(root, feature, 1, rows=planted.rows, change=planted.change)
    compute_cost_rollup(root, feature, logs)
    trend, verdict = trend_of(root, feature, 1)
    assert trend.rise is not None and verdict.status == "fail"
    before, now = trend.weeks
    assert sum(one.paid_nano for one in trend.rise.shares) == now.total_nano - before.total_nano
    each = sum(one.paid_per_1000_nano for one in trend.rise.shares)
    assert each == now.per_1000_nano - before.per_1000_nano
    cause = trend.rise.bill_cause if planted.paid else trend.rise.work_cause
    assert cause is not None and cause.factor == planted.factor
    word = "billed" if planted.paid else "more of the machines' time"
    finding = next(one for one in verdict.findings if word in one.reason)
    for name in ("call_site", "tenant", "slice"):
        if (expected := getattr(planted, name)) is not None:
            assert getattr(finding, name) == expected


def test_traffic_alone_is_no_finding_and_has_all_of_the_rise(
    usual_week: Path, tmp_path: Path
) -> None:
    shutil.copytree(usual_week, tmp_path, dirs_exist_ok=True)
    root, feature = open_root(tmp_path), service()
    logs = week_of_logs(root, feature, 1, rows=ROWS // 2, change=usual)
    compute_cost_rollup(root, feature, logs)
    trend, verdict = trend_of(root, feature, 1)
    assert verdict.status == "pass" and trend.rise is not None
    assert trend.rise.total == pytest.approx(0.518, abs=0.005)
    assert trend.rise.traffic == pytest.approx(trend.rise.total, abs=1e-6)
