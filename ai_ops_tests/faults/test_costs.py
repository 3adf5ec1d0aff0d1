"""Faults of cost, planted in the second of two weeks: each turns its check red and is named."""

from pathlib import Path

import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_reports import compute_cost_trend, judge_cost_trend
from ai_ops.inference_management.cost_rollup import compute_cost_rollup, judge_cost_known
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.inference_management.served import (
    Change,
    Row,
    declared,
    of_day,
    of_week,
    open_root,
    week_of_logs,
    with_costs,
)

pytestmark = pytest.mark.requirement("WK-05", "PL-21")

BUSY_MS = 20_000.0
"""Slow enough that 400 requests a day keep a machine busy for a tenth of its day."""


def second_week(
    folder: Path,
    *,
    ms: float = BUSY_MS,
    change: Change | None = None,
    feature: AiFeatureSpec | None = None,
) -> tuple[Root, Verdict]:
    root, clean = open_root(folder), declared()
    later = feature or clean
    compute_cost_rollup(root, clean, week_of_logs(root, clean, 0, ms=ms))
    compute_cost_rollup(root, later, week_of_logs(root, clean, 1, ms=ms, change=change))
    compute_cost_trend(root, later, [of_week(1)])
    return root, judge_cost_trend(root, later, of_week(1))


def three_times_as_long_at_web(one: Row, number: int) -> Row:
    return one | {"latency_ms": one["latency_ms"] * 3} if one["call_site"] == "web" else one


def test_a_steady_week_is_green(tmp_path: Path) -> None:
    root, verdict = second_week(tmp_path)
    assert verdict.status == "pass"
    known = judge_cost_known(root, declared(), of_day(of_week(1).partition))
    assert known.status == "pass" and known.sample_size == 400


def test_a_slightly_noisy_week_is_green(tmp_path: Path) -> None:
    def noisy(one: Row, number: int) -> Row:
        return one | {"latency_ms": one["latency_ms"] * (0.8 + 0.6 * (number * 7919 % 100) / 100)}

    _, verdict = second_week(tmp_path, change=noisy)
    assert verdict.status == "pass"


@pytest.mark.fault("cost_trend")
def test_a_doubled_price_is_named(tmp_path: Path) -> None:
    feature = declared()
    (machine,) = feature.costs.compute
    dearer = machine.model_copy(update={"hourly_price": machine.hourly_price * 2})
    _, verdict = second_week(tmp_path, feature=with_costs(feature, compute=(dearer,)))
    assert verdict.status == "fail"
    (finding,) = verdict.findings
    assert finding.kind == "cost" and finding.size == pytest.approx(1.0, abs=0.01)
    assert "most of it by prices of machines, tokens or storage" in finding.reason
    assert finding.begin == of_week(1).window.start


@pytest.mark.fault("cost_known", "cost_trend")
def test_a_missing_price_is_no_evidence_and_never_nothing(tmp_path: Path) -> None:
    unpriced = with_costs(declared(), compute=())
    root, verdict = second_week(tmp_path, feature=unpriced)
    assert verdict.status == "no_evidence" and "declare the prices" in verdict.reason
    known = judge_cost_known(root, unpriced, of_day(of_week(1).partition))
    assert known.status == "no_evidence" and "declare costs.compute" in known.reason
    assert "per_1000" not in known.observed
    table, _ = root.lake.read_table(root.lake.path(unpriced.name, "cost_rollup", "2013-04-08"))
    assert set(table["total_nano"].to_pylist()) == {None}


@pytest.mark.fault("cost_trend")
@pytest.mark.requirement("PB-20")
def test_a_call_site_that_takes_three_times_as_long_is_named(tmp_path: Path) -> None:
    _, verdict = second_week(tmp_path, ms=2 * BUSY_MS, change=three_times_as_long_at_web)
    assert verdict.status == "fail"
    assert {finding.call_site for finding in verdict.findings} == {"web"}
    assert all(finding.kind == "cost" and finding.tenant is None for finding in verdict.findings)
    worth = next(f for f in verdict.findings if "worth" in f.reason)
    # A fifth of the day is work, half of it at this call site; three times that is a fifth more.
    assert worth.size == pytest.approx(0.185, abs=0.005)


@pytest.mark.fault("cost_trend")
@pytest.mark.requirement("PB-20")
def test_it_is_named_on_machines_that_mostly_wait(tmp_path: Path) -> None:
    """At 20 ms a prediction the machine is idle: the money is small, the change is not."""
    _, verdict = second_week(tmp_path, ms=20.0, change=three_times_as_long_at_web)
    assert verdict.status == "fail"
    (finding,) = verdict.findings
    assert finding.call_site == "web" and finding.size == pytest.approx(3.0)
    assert "3.0 times as long" in finding.reason


@pytest.mark.fault("cost_trend")
def test_a_busier_tenant_is_named(tmp_path: Path) -> None:
    def slow_tenant(one: Row, number: int) -> Row:
        return one | {"latency_ms": one["latency_ms"] * 4} if one["tenant"] == "bolt" else one

    _, verdict = second_week(tmp_path, ms=3 * BUSY_MS, change=slow_tenant)
    assert verdict.status == "fail"
    assert {finding.tenant for finding in verdict.findings} == {"bolt"}
