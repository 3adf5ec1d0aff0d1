"""What goes wrong with the processes that log: each found within three heartbeats, and named.

One fleet of real processes; every fault happens to a writer of its own, and the writer without a
fault stays without a finding.
"""

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import pytest

from ai_ops.prediction_logging.policy import policy_of
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.faults.log_fleet import Fleet, feature_with, found

ROSTER = {
    "clean": 1,
    "crash": 1,
    "restart": 1,
    "off": 1,
    "skip": 1,
    "pool": 4,
    "absent": 1,
    "skew": 1,
}
THREE_HEARTBEATS = 3.5
"""And half a one, for a sign of life that was just given."""


@dataclass
class Seen:
    """The verdicts on a fleet before and after its faults, and what its caller got answered."""

    before: dict[str, Verdict]
    after: dict[str, Verdict]
    fleet: Fleet

    def told(self, check: str, writer: str) -> str:
        """What a check says of a writer that it had nothing to say of before."""
        assert found(self.before[check], writer) == []
        return "; ".join(found(self.after[check], writer))


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    feature = feature_with(ROSTER)
    fleet = Fleet(tmp_path_factory.mktemp("fleet"), feature)
    try:
        off = msgspec.structs.replace(policy_of(feature), sampling=0.0)
        names = [name for name, count in ROSTER.items() for _ in range(count)]
        begun = fleet.begin(*(name for name in names if name not in ("absent", "off")))
        by_name = {worker.writer: worker for worker in begun}
        for worker in begun:
            worker.ask(10)
        before = fleet.judged()
        [switched] = fleet.begin("off", policy=off)
        switched.ask(7)
        by_name["skip"].ask(4, "skip")
        by_name["skew"].tell("jump -5")
        by_name["skew"].ask(3)
        by_name["crash"].kill()
        by_name["restart"].kill()
        [again] = fleet.begin("restart")
        again.ask(5)
        by_name["pool"].kill(signal.SIGSTOP)
        fleet.pass_heartbeats(THREE_HEARTBEATS)
        yield Seen(before, fleet.judged(), fleet)
    finally:
        fleet.end()


@pytest.mark.fault("writers_present")
@pytest.mark.requirement("WK-09")
def test_a_crash_is_told_with_what_is_left_of_it(seen: Seen) -> None:
    told = seen.told("writers_present", "crash")
    assert re.search(r"writer crash crashed after \S+ \d\d:\d\d:\d\d", told)
    assert "nothing up to sequence number 10 is missing" in told
    assert "none began after it" in told
    assert found(seen.after["witness_agrees"], "crash") == []


@pytest.mark.fault("writers_present")
def test_a_crash_that_somebody_restarted_is_told_too(seen: Seen) -> None:
    told = seen.told("writers_present", "restart")
    assert "writer restart crashed" in told
    assert re.search(r"another began at \S+ \d\d:\d\d:\d\d", told)


@pytest.mark.fault("log_unsampled", "witness_agrees")
@pytest.mark.requirement("WK-10")
def test_a_logger_that_a_configuration_switched_off_is_counted_exactly(seen: Seen) -> None:
    assert seen.after["log_unsampled"].status == "fail"
    unsampled = "; ".join(finding.reason for finding in seen.after["log_unsampled"].findings)
    assert "writer off" in unsampled
    assert "7" in unsampled
    assert "7 of 7 requests that the witness counted of writer off" in "; ".join(
        found(seen.after["witness_agrees"], "off")
    )


@pytest.mark.fault("witness_agrees")
@pytest.mark.requirement("WK-10", "ST-02")
def test_a_path_that_answers_without_a_record_is_counted_exactly(seen: Seen) -> None:
    told = seen.told("witness_agrees", "skip")
    assert "4 of 14 requests that the witness counted of writer skip were not logged" in told
    assert found(seen.after["log_complete"], "skip") == [], "its own sequence has no gap"


@pytest.mark.fault("writers_present")
def test_one_worker_of_four_that_falls_silent_is_named(seen: Seen) -> None:
    told = seen.told("writers_present", "pool")
    assert re.search(r"writer pool gave no sign of life for \S+ s", told)
    assert "3 of the 4 processes of writer pool" in told


@pytest.mark.fault("writers_present")
def test_a_worker_that_never_starts_is_missed(seen: Seen) -> None:
    told = "; ".join(found(seen.after["writers_present"], "absent"))
    assert "writer absent never started" in told
    assert re.search(r"since \S+ \d\d:\d\d:", told)


@pytest.mark.fault("writers_present")
def test_a_clock_that_was_set_is_told_with_its_size(seen: Seen) -> None:
    told = seen.told("writers_present", "skew")
    assert re.search(r"clock.* 5(\.0)? s", told)


def test_the_writer_without_a_fault_is_green(seen: Seen) -> None:
    for verdicts in (seen.before, seen.after):
        for check, verdict in verdicts.items():
            assert found(verdict, "clean") == [], check


def test_a_clean_fleet_is_green(tmp_path_factory: pytest.TempPathFactory) -> None:
    fleet = Fleet(tmp_path_factory.mktemp("clean"), feature_with({"web": 4}))
    try:
        for worker in fleet.begin("web", "web", "web", "web"):
            worker.ask(10)
        fleet.pass_heartbeats(THREE_HEARTBEATS)
        wrong = {
            name: verdict.reason for name, verdict in fleet.judged().items() if not verdict.passed
        }
        assert wrong == {}
    finally:
        fleet.end()
