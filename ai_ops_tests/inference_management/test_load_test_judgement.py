"""What a load test says: judged line by line, and no evidence where nothing was measured."""

import json
from dataclasses import asdict, replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.ai_features.serving import ExpectedPeak
from ai_ops.inference_management.load_test_judgement import Served, judge, lines_of, outdated
from ai_ops.inference_management.load_test_phases import limit_of
from ai_ops.inference_management.load_test_records import Gpu, LoadTest, Saturation
from ai_ops.inference_management.load_test_rules import broken
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.inference_management.load_records import (
    SERVING,
    batches,
    phases,
    record,
    seen,
)

NEXT_DAY = utc("2021-03-05T12:00:00Z")


def judged(test: LoadTest, **serving: Any) -> Verdict:
    return judge(test, SERVING.model_copy(update=serving), own_model=True)


@pytest.mark.requirement("PL-22", "PL-24", "PL-25", "PL-26", "PL-27")
def test_a_test_in_which_all_is_well_passes_and_tells_every_line() -> None:
    verdict = judged(record())
    assert verdict.status == "pass" and not verdict.findings
    assert verdict.sample_size == 300 + 600 + 120 + 300 + 60
    for words in ("at the peak", "twice the peak", "120 batches of 5 rows", "200/s were held"):
        assert words in verdict.reason
    assert "400/s were not (rate)" in verdict.reason
    assert "answered after 8.4 s, of which the model's loading 1.2 s" in verdict.reason
    assert "460 MB loaded, 480 at most, 470 afterwards" in verdict.reason
    for name in ("sync_2x_p99_ms", "batch_p99_ms", "sync_2x_cpu_ms_per_prediction", "held_rate"):
        assert name in verdict.observed


@pytest.mark.parametrize(
    ("traffic", "status", "words"),
    [
        (seen(failed=60, errors={"HTTP 429": 60}), "fail", "60 x HTTP 429"),
        (seen(failed=8, errors={"HTTP 500": 8}), "no_evidence", "may be chance"),
        (seen(failed=6), "pass", ""),
        (seen(behind=60, achieved_rate=90.0), "fail", "90.0 a second answered"),
        (seen(behind=60, achieved_rate=90.0, lag_ms=400.0), "no_evidence", "400 ms late"),
        (seen(slow=60, slow_when_sent=60, p99_ms=900.0), "fail", "p99 is 900 ms"),
        (seen(slow=60, slow_when_sent=0, lag_ms=400.0), "no_evidence", "the generator itself"),
        (seen(slow=8, slow_when_sent=8, p99_ms=260.0), "no_evidence", "let it run longer"),
        (
            seen(requests=99, rate=16.5, achieved_rate=16.5),
            "no_evidence",
            "99 requests are too few",
        ),
        (seen(generator_share=0.8), "no_evidence", "80% of a core"),
    ],
)
@pytest.mark.requirement("PL-27")
def test_what_a_course_broke_is_named_and_a_doubt_is_no_pass(
    traffic: Any, status: str, words: str
) -> None:
    verdict = judged(record(phases=phases(sync_2x=traffic)))
    assert verdict.status == status and words in verdict.reason
    assert {finding.slice for finding in verdict.findings} <= {"phase = sync_2x"}


def test_a_generator_that_is_the_limit_hides_no_failed_answer() -> None:
    both = seen(generator_share=0.9, failed=300, errors={"HTTP 503": 300})
    verdict = judged(record(phases=phases(sync_2x=both)))
    assert verdict.status == "fail"
    assert [finding.status for finding in verdict.findings] == ["fail", "no_evidence"]


def test_slowness_while_others_take_the_machine_is_not_the_endpoint_s() -> None:
    slow = phases(sync_2x=seen(slow=300, slow_when_sent=300, p99_ms=900.0))
    shared = tuple(replace(phase, others_share=0.6) for phase in slow)
    verdict = judged(record(phases=shared))
    assert verdict.status == "no_evidence"
    assert "other processes took 60% of this machine" in verdict.reason


def test_a_batch_has_the_promised_time_for_each_of_its_rows() -> None:
    slow = batches(slow=40, slow_when_sent=40, p99_ms=1900.0)
    verdict = judged(record(phases=phases(batch=slow)))
    assert verdict.status == "fail" and "1250 ms are promised (5 rows)" in verdict.reason


@pytest.mark.parametrize(
    ("changed", "line", "words"),
    [
        ({"cold_start": None}, "cold_start", "was running already"),
        ({"memory": None}, "memory", "cannot be seen from here"),
        ({"version_after": "2"}, "version", "version 1 answered at first and 2 at last"),
        ({"version": None}, "version", "does not say which version"),
        ({"phases": phases()[:2]}, "batch", "not measured"),
    ],
)
@pytest.mark.requirement("PL-24", "PL-25", "PL-26")
def test_what_was_not_measured_of_an_own_model_is_no_evidence(
    changed: Any, line: str, words: str
) -> None:
    verdict = judged(record(**changed))
    assert verdict.status == "no_evidence"
    assert any(f"phase = {line}" == one.slice for one in verdict.findings)
    assert words in verdict.reason


def test_an_endpoint_of_others_is_judged_by_what_can_be_seen_of_it() -> None:
    from_outside = {"url": "https://example.com", "cold_start": None, "memory": None}
    test = record(**from_outside, version=None, version_after=None)
    assert judge(test, SERVING, own_model=False).status == "pass"
    assert judge(test, SERVING, own_model=True).status == "no_evidence"
    single = replace(test, batches=False, phases=phases()[:2])
    lines = [line.name for line in lines_of(single, SERVING, own_model=False)]
    assert lines == ["sync_1x", "sync_2x", "saturation"]


@pytest.mark.requirement("PL-24", "PL-25")
def test_a_gpu_that_is_declared_is_seen_or_its_line_is_no_evidence() -> None:
    assert not [line for line in lines_of(record(), SERVING, own_model=True) if line.name == "gpu"]
    for gpu, words in (
        (None, "none can be seen here"),
        (Gpu(), "none can be seen here"),
        (Gpu("A10", 30.0, 0.0), "put nothing on it"),
    ):
        verdict = judged(record(gpu=gpu), gpu=True)
        assert verdict.status == "no_evidence" and words in verdict.reason
    unused = lines_of(record(gpu=Gpu("A10", 30.0, 0.0)), SERVING, own_model=True)
    assert "gpu" not in {line.name for line in unused}, "nobody declared one, and none is used"
    used = lines_of(record(gpu=Gpu("A10", 900.0, 612.0)), SERVING, own_model=True)
    assert "gpu" in {line.name for line in used}
    verdict = judged(record(gpu=Gpu("A10", 900.0, 612.0)), gpu=True)
    assert verdict.status == "pass" and "A10, 612 MB held, 900 ms to warm up" in verdict.reason


def test_memory_that_grows_beyond_the_bound_is_a_leak_and_too_few_samples_say_nothing() -> None:
    leaking = replace(record().memory, leak_mb_per_1000=12.0)  # type: ignore[type-var]
    verdict = judged(record(memory=leaking))
    assert verdict.status == "fail" and verdict.findings[0].size == 12.0
    unknown = replace(record().memory, leak_mb_per_1000=None, samples=3)  # type: ignore[type-var]
    assert judged(record(memory=unknown)).status == "no_evidence"


@pytest.mark.requirement("PL-22", "PL-23")
def test_a_test_speaks_for_its_peak_its_size_of_model_and_90_days() -> None:
    same = Served("1", "up to 1 MB")
    assert outdated(record(), SERVING, same, NEXT_DAY) == []
    assert outdated(record(), SERVING, Served("2", "up to 1 MB"), NEXT_DAY) == []
    (other,) = outdated(record(), SERVING, Served("2", "up to 16 MB"), NEXT_DAY)
    assert "version 2 (up to 16 MB) answers now" in other.reason
    (unknown,) = outdated(record(), SERVING, Served("2", None), NEXT_DAY)
    sizeless = replace(record(), size_class=None)
    assert len(outdated(sizeless, SERVING, Served("2", None), NEXT_DAY)) == 1, "not the same size"
    assert "of a size that nobody knows" in unknown.reason
    (old,) = outdated(record(), SERVING, same, utc("2021-06-03T12:00:01Z"))
    assert "the test is 91 days old" in old.reason
    raised = SERVING.model_copy(update={"expected_peak": ExpectedPeak(requests_per_second=51)})
    (more,) = outdated(record(), raised, same, NEXT_DAY)
    assert "100 requests a second were tested, and 2 times the peak is 102" in more.reason
    gone = SERVING.model_copy(update={"expected_peak": None})
    assert len(outdated(record(), gone, same, NEXT_DAY)) == 1


def test_a_record_is_read_as_it_was_written() -> None:
    test = record(gpu=Gpu("A10", 1.0, 2.0), made=("city",), pictures={"memory": "a.png"})
    assert msgspec.convert(json.loads(json.dumps(asdict(test))), LoadTest) == test
    assert Saturation(()).held is None and Saturation(()).broken is None


def test_a_rate_breaks_on_the_generator_before_it_is_held_against_the_endpoint() -> None:
    late = {"behind": 300, "slow": 500, "lag_ms": 900.0}
    assert limit_of(seen(), SERVING) is None
    assert limit_of(seen(behind=300), SERVING) == "rate"
    assert limit_of(seen(slow=300, slow_when_sent=300), SERVING) == "latency"
    assert limit_of(seen(failed=300), SERVING) == "failures"
    assert limit_of(seen(**late), SERVING) == "generator"
    assert limit_of(seen(generator_share=0.9), SERVING) == "generator"


@given(
    requests=st.integers(1, 2000),
    failed=st.floats(0, 1),
    slow=st.floats(0, 1),
    behind=st.floats(0, 1),
    lag=st.floats(0, 5000),
)
def test_a_course_that_breaks_a_promise_never_passes(
    requests: int, failed: float, slow: float, behind: float, lag: float
) -> None:
    lost = round(failed * requests)
    answered = requests - lost
    late = round(slow * answered)
    course = seen(
        requests=requests,
        failed=lost,
        slow=late,
        slow_when_sent=late // 2,
        behind=round(behind * answered),
        lag_ms=lag,
    )
    found = list(broken(course, SERVING.slo))
    assert len({one.limit for one in found}) == len(found)
    limits = {one.limit for one in found}
    assert ("failures" in limits) == (lost / requests > SERVING.slo.failed_share)
    if answered and late / answered > 0.01:
        assert "latency" in limits
    assert all(one.status in ("fail", "no_evidence") and one.reason for one in found)


@pytest.mark.requirement("PL-22")
def test_a_test_of_an_instant_is_no_test() -> None:
    """Enough requests for a p99 and a rate that they all came in a tenth of a second."""
    rate = 6000.0
    short = tuple(
        replace(phase, traffic=tuple(replace(one, rate=rate) for one in phase.traffic))
        for phase in phases()
    )
    verdict = judge(record(phases=short), SERVING, own_model=True)
    assert verdict.status == "no_evidence"
    assert "s together, and an endpoint that stalls now and then is seen to in 20" in verdict.reason
