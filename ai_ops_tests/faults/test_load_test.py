"""Endpoints that do not hold what serving promises: real processes under real load, each fault
named by its finding, and the same endpoint without one silent.

All of them are under load at the same time: the loads are light, and the tests wait once.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.serving import ExpectedPeak, Serving, Slo
from ai_ops.inference_management.checks import LOAD_TEST
from ai_ops.inference_management.load_test import Asked, run_load_test
from ai_ops.inference_management.load_test_records import PHASES, PhaseName
from ai_ops.orchestration.judging import judge_and_record, moment_now
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Finding, Verdict
from ai_ops_tests.inference_management.load_endpoint import endpoint
from ai_ops_tests.inference_management.serving_world import ATTRIBUTES

PEAK = 25.0
LOADS: dict[str, tuple[PhaseName, ...]] = {
    "well": PHASES,
    "serial": ("sync_2x",),
    "slow": ("sync_2x",),
    "leaks": ("sync_2x",),
    "stalls": ("sync_2x",),
    "drops": ("sync_1x", "sync_2x"),
}
SHORT = 1.0
WHOLE = 5.2
"""How long the phases of a test that is to pass last: in less nobody sees an endpoint that stalls
now and then."""


def feature() -> AiFeatureSpec:
    """The tiny feature as somebody else serves it: its process was running already."""
    changed = {
        "served_by": "provider_api",
        "serving": Serving(
            expected_peak=ExpectedPeak(requests_per_second=PEAK), slo=Slo(p99_ms=250)
        ),
    }
    return AiFeatureSpec(**ATTRIBUTES).model_copy(update=changed)


def verdict_of(folder: Path, kind: str) -> Verdict:
    """The verdict of the check on an endpoint of this kind, read back from the ledger."""
    root = Root.open(folder / kind, {})
    with endpoint(kind) as running:
        # What is known to be of this machine is not blamed for what others do to it: where slowness
        # is the fault, the endpoint might be anywhere.
        pid = running.pid if kind in ("well", "serial", "leaks") else None
        seconds = WHOLE if kind == "well" else SHORT
        asked = Asked(running.url, seconds=seconds, pid=pid, phases=LOADS[kind], steps=1)
        run_load_test(root, feature(), asked)
    now = moment_now(root.clock.now())
    judge_and_record(root, feature(), [LOAD_TEST], [now], run_id=None)
    (recorded,) = root.ledger.verdicts(feature().name, items=["load_test"])
    return recorded.verdict


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Verdict]]:
    folder = tmp_path_factory.mktemp("load")
    with ThreadPoolExecutor(len(LOADS)) as pool:
        asked = {kind: pool.submit(verdict_of, folder, kind) for kind in LOADS}
        yield {kind: verdict.result() for kind, verdict in asked.items()}


def failures(verdict: Verdict) -> list[Finding]:
    return [finding for finding in verdict.findings if finding.status == "fail"]


@pytest.mark.requirement("PL-22", "PL-26", "PL-27")
def test_an_endpoint_that_holds_twice_its_peak_is_green(verdicts: dict[str, Verdict]) -> None:
    verdict = verdicts["well"]
    assert not failures(verdict), verdict.reason
    # Where other tests take the machine's CPU, what was slow says nothing of the endpoint.
    busy = ("other processes took", "the generator")
    assert verdict.status == "pass" or any(words in verdict.reason for words in busy)
    assert verdict.observed["tested_rate"] == 2 * PEAK
    assert verdict.sample_size > 300 and "mixed_batch_p99_ms" in verdict.observed


def test_a_model_that_takes_its_usual_time_is_not_found(verdicts: dict[str, Verdict]) -> None:
    assert not failures(verdicts["serial"])


@pytest.mark.fault("load_test")
@pytest.mark.requirement("PL-22", "PL-27")
def test_a_model_three_times_as_slow_does_not_keep_up_at_twice_the_peak(
    verdicts: dict[str, Verdict],
) -> None:
    found = failures(verdicts["slow"])
    assert {one.slice for one in found} == {"phase = sync_2x"}
    assert any("p99 is" in one.reason and "250 ms are promised" in one.reason for one in found)
    assert not any("failed" in one.reason for one in found)


@pytest.mark.fault("load_test")
@pytest.mark.requirement("PL-25")
def test_memory_that_grows_with_every_prediction_is_a_leak(verdicts: dict[str, Verdict]) -> None:
    (found,) = failures(verdicts["leaks"])
    assert found.slice == "phase = memory" and found.reason.startswith("memory leaks")
    assert found.size == pytest.approx(200, rel=0.3), "MB for every 1,000 predictions"


@pytest.mark.fault("load_test")
@pytest.mark.requirement("PL-27")
def test_a_second_in_twenty_without_an_answer_is_seen_by_all_who_came_meanwhile(
    verdicts: dict[str, Verdict],
) -> None:
    found = [one for one in failures(verdicts["stalls"]) if "p99 is" in one.reason]
    assert [one.slice for one in found] == ["phase = sync_2x"]
    assert all(one.size and one.size > 500 for one in found), "ms: the p99, not one slow request"


@pytest.mark.fault("load_test")
@pytest.mark.requirement("PL-22", "PL-27")
def test_an_endpoint_that_drops_what_is_more_than_its_peak_fails_at_twice_the_peak(
    verdicts: dict[str, Verdict],
) -> None:
    found = [one for one in failures(verdicts["drops"]) if "requests failed" in one.reason]
    assert [one.slice for one in found] == ["phase = sync_2x"], "at the peak itself it answers"
    assert "ServerDisconnected" in found[0].reason


@pytest.mark.fault("load_test")
def test_an_endpoint_that_nobody_tested_is_no_evidence(tmp_path: Path) -> None:
    root = Root.open(tmp_path, {})
    now = moment_now(root.clock.now())
    (recorded,) = judge_and_record(root, feature(), [LOAD_TEST], [now], run_id=None)
    assert recorded.verdict.status == "no_evidence"
    assert "its asset was not materialised" in recorded.verdict.reason
