"""Whether serving kept its promises: shares with bounds, latency by mode, absence named."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ai_ops.ai_features.serving import Slo
from ai_ops.inference_management.service_health import (
    compute_service_health,
    judge_service_healthy,
)
from ai_ops.inference_management.service_levels import (
    MINIMUM_ANSWERS,
    P99_SLOW,
    Latency,
    ServiceHealth,
    judge_health,
    wilson,
)
from ai_ops_tests.inference_management.served import (
    batch,
    declared,
    of_day,
    open_root,
    row,
    write_day,
)

pytestmark = pytest.mark.requirement("FR-2")

DAY = "2013-04-03"


@given(st.integers(1, 5000), st.data())
def test_the_bounds_are_wilsons(of: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, of))
    expected = binomtest(count, of).proportion_ci(method="wilson")
    assert wilson(count, of) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_a_share_of_nothing_has_no_bounds() -> None:
    with pytest.raises(ValueError, match="share of nothing"):
        wilson(0, 0)


def test_a_day_is_counted_by_status_mode_call_site_and_tenant(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), declared()
    rows = [row(n, ms=10.0) for n in range(100)] + batch(3, ms=40.0, size=20)
    rows += [row(500 + n) | {"status": "refused"} for n in range(3)]
    write_day(root, feature, DAY, rows)
    compute_service_health(root, feature, [of_day(DAY)])
    data, _ = root.lake.read_json(root.lake.path(feature.name, "service_health", DAY, "json"))
    assert (data["rows"], data["ok"], data["failed"], data["refused"]) == (123, 120, 0, 3)
    by_mode = {latency["mode"]: latency for latency in data["latencies"]}
    assert by_mode["sync"]["p99_ms"] == 10.0 and by_mode["batch"]["p50_ms"] == 40.0
    assert sum(share["rows"] for share in data["tenants"]) == 123
    verdict = judge_service_healthy(root, feature, of_day(DAY))
    assert verdict.status == "pass" and "3 more were refused" in verdict.reason
    assert verdict.evidence[0].source == f"{feature.name}/service_health/{DAY}.json"


def test_answers_of_a_log_that_tells_no_mode_are_single_ones(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), declared()
    write_day(root, feature, DAY, [row(n, ms=10.0) | {"mode": None} for n in range(400)])
    summary = compute_service_health(root, feature, [of_day(DAY)])[DAY]
    assert summary.numbers["sync_p99_ms"] == 10.0
    verdict = judge_service_healthy(root, feature, of_day(DAY))
    assert verdict.status == "pass" and "p99 of 400 single answers is 10.0 ms" in verdict.reason


def test_one_failure_on_a_quiet_day_is_no_broken_promise() -> None:
    quiet = ServiceHealth(DAY, 20, 19, 1, 0, (Latency("sync", 19, 5, 6, 7, 0),))
    verdict = judge_health(quiet, Slo())
    assert verdict.status == "pass" and "5.00%" in verdict.reason


def test_answers_that_do_not_say_how_long_they_took_are_no_evidence() -> None:
    assert judge_health(ServiceHealth(DAY, 20, 20, 0, 0), Slo()).status == "no_evidence"


def test_one_single_request_does_not_hide_slow_batches(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), declared()
    slow = [one for k in range(10) for one in batch(k, ms=20_000.0, size=50)]
    write_day(root, feature, DAY, [row(99_999), *slow])
    compute_service_health(root, feature, [of_day(DAY)])
    verdict = judge_service_healthy(root, feature, of_day(DAY))
    assert verdict.status == "fail" and "500 of 500 rows in batches" in verdict.reason
    assert "1 sync answers are too few to judge, 18 are needed" in verdict.reason
    assert verdict.sample_size == 500


def test_every_mode_with_enough_answers_is_judged() -> None:
    sync = Latency("sync", MINIMUM_ANSWERS, 5, 6, 7, 0)
    slow = Latency("batch", 10_000, 9_000, 9_000, 9_000, 9_000)
    both = ServiceHealth(DAY, 10_018, 10_018, 0, 0, (slow, sync))
    assert judge_health(both, Slo()).status == "fail"
    few = ServiceHealth(DAY, 17, 17, 0, 0, (replace(sync, rows=MINIMUM_ANSWERS - 1),))
    assert judge_health(few, Slo()).status == "no_evidence"


def test_the_minimum_is_where_one_slow_answer_breaks_no_promise() -> None:
    assert wilson(1, MINIMUM_ANSWERS)[0] <= P99_SLOW < wilson(1, MINIMUM_ANSWERS - 1)[0]


def test_answers_silent_about_their_time_are_counted_and_may_forbid_a_pass() -> None:
    sync = Latency("sync", 1_000, 5, 6, 7, 0)
    silent = judge_health(ServiceHealth(DAY, 11_000, 11_000, 0, 0, (sync,)), Slo())
    assert silent.status == "no_evidence"
    assert "1000 of 11000 answers say how long they took" in silent.reason
    assert silent.sample_size == silent.observed["answers_judged_for_latency"] == 1_000
    nearly = judge_health(ServiceHealth(DAY, 1_005, 1_005, 0, 0, (sync,)), Slo())
    assert nearly.status == "pass" and nearly.sample_size == 1_000


def test_a_day_of_batches_only_is_judged_by_the_time_per_row(tmp_path: Path) -> None:
    """A batch of 50 rows may take 50 times as long as a single answer, no longer."""
    root, feature = open_root(tmp_path), declared()
    for day, ms in ((DAY, 2_000.0), ("2013-04-04", 20_000.0)):
        write_day(root, feature, day, [one for k in range(10) for one in batch(k, ms=ms, size=50)])
        compute_service_health(root, feature, [of_day(day)])
    assert judge_service_healthy(root, feature, of_day(DAY)).status == "pass"
    slow = judge_service_healthy(root, feature, of_day("2013-04-04"))
    assert slow.status == "fail" and "500 of 500 rows" in slow.reason
