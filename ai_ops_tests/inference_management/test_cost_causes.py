"""Causes planted in the log, alone and together: the trend names the one that has most of it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_factors import FactorName
from ai_ops.inference_management.cost_judgement import judge_trend
from ai_ops.inference_management.cost_rollup import compute_cost_rollup
from ai_ops.inference_management.cost_trend import CostTrend
from ai_ops.inference_management.cost_weeks import Weeks
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.inference_management.served import (
    Change,
    of_week,
    open_root,
    week_of_logs,
)
from ai_ops_tests.inference_management.spent_world import (
    ROWS,
    Edit,
    a_slower_version,
    app_fails,
    asked_again,
    at,
    bolt_asks_a_long_one_again,
    bolt_asks_its_query_again,
    dearer_tokens,
    everywhere,
    rented,
    service,
    three_times_slower,
    together,
    usual,
    where,
    without_the_cache,
)

pytestmark = pytest.mark.requirement("WK-05", "PB-20")


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
    Planted("most requests of app fail", "retries", app_fails, call_site="app"),
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
