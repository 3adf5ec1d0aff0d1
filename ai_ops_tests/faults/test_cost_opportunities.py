"""What could cost less, planted in the log: each is named by its line, the clean log by none."""

from datetime import timedelta
from pathlib import Path

import pytest

from ai_ops.inference_management.opportunity_report import (
    compute_cost_opportunities,
    judge_cost_opportunities,
)
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.inference_management.asked_world import (
    FIRST,
    MOMENT,
    Row,
    asked,
    line,
    opportunities,
    sorting,
    write_logs,
)
from ai_ops_tests.inference_management.served import open_root, with_costs

pytestmark = pytest.mark.requirement("MO-10")


def judged(root: Root, **changes: object) -> Verdict:
    return judge_cost_opportunities(root, sorting(**changes), MOMENT)


def test_a_log_in_which_nothing_repeats_saves_nothing_and_is_green(tmp_path: Path) -> None:
    root, _, found = opportunities(tmp_path)
    assert found.savings == ()
    verdict = judged(root)
    assert verdict.status == "pass" and verdict.sample_size == 7 * 200
    assert "nothing that could be saved" in verdict.reason and verdict.findings == ()


@pytest.mark.fault("cost_opportunities")
@pytest.mark.requirement("PB-23")
def test_a_tenant_that_repeats_one_query_is_named(tmp_path: Path) -> None:
    def repeating(day: int, number: int) -> Row:
        again = "Where is my PARCEL?" if number % 4 == 2 else "where is my parcel"
        return asked(day, number, text=again if number // 2 % 2 else None)

    root, _, found = opportunities(tmp_path, repeating, rows=400)
    cache = line(found, "cache")
    assert (cache.told, cache.tenant) == ("saving", "bolt")
    assert "tenant bolt" in cache.words and "0 of" in cache.risk
    assert (cache.freed_us or 0) == pytest.approx(7 * 200 * 40_000, rel=0.02)
    assert cache.cash_nano == 0, "no token was paid for, and rent is paid anyway"
    verdict = judged(root)
    assert verdict.status == "pass"
    assert [finding.tenant for finding in verdict.findings] == ["bolt"]


@pytest.mark.fault("cost_opportunities")
@pytest.mark.requirement("PB-21", "OW-10")
def test_a_call_site_that_bursts_is_named_by_batch_and_the_others_are_not(tmp_path: Path) -> None:
    def bursting(day: int, number: int) -> Row:
        one = asked(day, number)
        if number % 2:  # the app's job of two in the morning
            begin = one["time"].replace(hour=2, minute=0, second=0)
            return one | {"time": begin + timedelta(milliseconds=50 * number)}
        if number < 20:  # the web's few batches tell what a row takes in one
            return one | {"mode": "batch", "request_id": f"b{day}"}
        return one

    root, _, found = opportunities(tmp_path, bursting, rows=400)
    batch = line(found, "batch")
    assert (batch.call_site, batch.told) == ("app", "saving")
    assert "100% of them between 02:00 and 03:00 UTC" in batch.words
    assert "40 ms alone and 4 ms in a batch" in batch.words
    assert (batch.freed_us or 0) == pytest.approx(7 * 200 * 36_000, rel=0.05)
    assert "up to 1 s longer" in batch.risk and "backend decides" in batch.risk
    assert {one.call_site: one.fit for one in found.call_sites} == {
        "app": "batch fits",
        "web": "calls come one by one",
    }
    assert judged(root).observed["batch_fits"] == "app"


@pytest.mark.fault("cost_opportunities")
def test_without_a_log_there_is_no_evidence(tmp_path: Path) -> None:
    root = open_root(tmp_path)
    compute_cost_opportunities(root, sorting(), [MOMENT])
    verdict = judged(root)
    assert verdict.status == "no_evidence"
    assert "no log or no cost_rollup of 2021-03-01" in verdict.reason
    nobody_asked = open_root(tmp_path / "other")
    write_logs(nobody_asked, sorting(), rows=0)
    compute_cost_opportunities(nobody_asked, sorting(), [MOMENT])
    verdict = judged(nobody_asked)
    assert (verdict.status, verdict.reason) == ("no_evidence", "nothing was asked in these days")


@pytest.mark.fault("cost_opportunities")
def test_a_missing_day_is_no_month(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), sorting()
    write_logs(root, feature, days=6)
    compute_cost_opportunities(root, feature, [MOMENT])
    verdict = judged(root)
    last = FIRST + timedelta(days=6)
    assert verdict.status == "no_evidence" and str(last) in verdict.reason


@pytest.mark.fault("cost_opportunities")
def test_what_has_no_price_saves_nothing_that_is_known(tmp_path: Path) -> None:
    unpriced = with_costs(sorting(), compute=())
    root, *_ = opportunities(tmp_path, feature=unpriced)
    verdict = judge_cost_opportunities(root, unpriced, MOMENT)
    assert verdict.status == "no_evidence" and "unknown" in verdict.reason
