"""A writer's parts: when one ends and the next begins, what it tells of itself, its seal."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ai_ops.client import PredictionLog
from ai_ops.client.policy import Policy
from ai_ops.client.sampling import kept
from ai_ops.vocabulary.errors import BadInput, LogWriteFailed
from ai_ops_tests.client.parts import Part, assert_whole, ids_of, is_held, parts_of

NOON = datetime(2021, 3, 4, 12, tzinfo=UTC)


class HandClock:
    """A replay's clock that stands where the test puts it."""

    mode = "replay"

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time


def open_log(folder: Path, clock: Any = None, sync: float = 0.05, **policy: Any) -> PredictionLog:
    chosen = Policy(feature="tiny", **policy)
    return PredictionLog(folder, "tiny", "web", clock, policy=chosen, sync_seconds=sync)


def write(log: PredictionLog, *ids: str, **fields: Any) -> list[bool]:
    return [log.record(id=id, model_version="1", input={"x": id}, **fields) for id in ids]


def wait_for(happened: Callable[[], Any]) -> Any:
    """What a log's thread does within a fraction of a second, waited for patiently."""
    give_up = time.monotonic() + 20
    while not (found := happened()):
        assert time.monotonic() < give_up, "it did not happen"
        time.sleep(0.01)
    return found


def test_a_first_line_tells_who_writes_and_by_what_policy(tmp_path: Path) -> None:
    clock = HandClock()
    with open_log(tmp_path, clock, heartbeat_seconds=60, sampling=1.0) as log:
        (part,) = parts_of(tmp_path)
        assert log.incarnation == part.opened.incarnation
    opened = part.opened
    assert (opened.part, opened.last, opened.clock) == (1, 0, "replay")
    assert (opened.heartbeat_seconds, opened.sampling) == (60, 1.0)
    assert opened.policy == Policy(feature="tiny", heartbeat_seconds=60).digest
    assert opened.host
    assert abs((opened.monotonic or 0) - time.monotonic()) < 60


def test_a_new_part_begins_with_the_day_and_says_how_the_last_one_ended(tmp_path: Path) -> None:
    clock = HandClock()
    with open_log(tmp_path, clock, heartbeat_seconds=14400, sync=10) as log:
        write(log, "a", "b")
        clock.time = NOON + timedelta(hours=12)
        write(log, "c")
    first, second = parts_of(tmp_path)
    assert_whole([first, second])
    assert (ids_of([first]), ids_of([second])) == (["a", "b"], ["c"])
    assert {p.time.date() for p in second.predictions} == {datetime(2021, 3, 5).date()}
    assert (second.heartbeats[0].last, second.heartbeats[0].written) == (2, 2)


def test_a_new_part_begins_when_the_last_one_is_large(tmp_path: Path) -> None:
    with open_log(tmp_path, segment_bytes=4096) as log:
        ids = [f"id-{number}" for number in range(60)]
        write(log, *ids)
        write(log, "large", output="y" * 9000)
        write(log, "after")
    parts = parts_of(tmp_path)
    assert len(parts) > 5
    assert_whole(parts)
    assert ids_of(parts) == [*ids, "large", "after"]
    assert all(part.path.stat().st_size < 6000 for part in parts if "large" not in ids_of([part]))


def test_a_new_part_begins_with_time_also_when_nobody_asks_for_predictions(tmp_path: Path) -> None:
    with open_log(tmp_path, segment_seconds=0.1) as log:
        write(log, "a")
        wait_for(lambda: len(parts_of(tmp_path)) > 2 and parts_of(tmp_path)[1].sealed)
        write(log, "b")
    assert_whole(parts_of(tmp_path))
    assert ids_of(parts_of(tmp_path)) == ["a", "b"]


def test_heartbeats_come_while_nothing_is_written(tmp_path: Path) -> None:
    with open_log(tmp_path, heartbeat_seconds=0.05) as log:
        write(log, "a")
        log.served(3)
        beats = wait_for(lambda: parts_of(tmp_path)[0].heartbeats[2:])
        assert is_held(parts_of(tmp_path)[0].path)
    assert (beats[-1].last, beats[-1].written, beats[-1].served) == (1, 1, 3)
    times = [beat.monotonic for beat in parts_of(tmp_path)[0].heartbeats]
    assert times == sorted(times)


@pytest.mark.parametrize("hours", [5, -5])
def test_a_heartbeat_stands_before_the_record_when_the_clock_jumped(
    tmp_path: Path, hours: int
) -> None:
    clock = HandClock()
    with open_log(tmp_path, clock, heartbeat_seconds=14400, sync=10) as log:
        write(log, "a")
        clock.time += timedelta(hours=hours)
        write(log, "b", "c")
    (part,) = parts_of(tmp_path)
    assert_whole([part])
    kinds = [type(record).__name__ for record in part.records]
    assert kinds[1:5] == [
        "PredictionRecord",
        "HeartbeatRecord",
        "PredictionRecord",
        "PredictionRecord",
    ]
    assert part.heartbeats[0].time == clock.time


def test_failures_are_told_exactly_by_the_next_heartbeat_and_the_closing(tmp_path: Path) -> None:
    clock = HandClock()
    with open_log(tmp_path, clock, on_log_failure="count", sync=10) as log:
        assert write(log, "a") == [True]
        assert write(log, "b", "c", output=object()) == [False, False]
        clock.time += timedelta(minutes=1)
        assert write(log, "d") == [True]
    (part,) = parts_of(tmp_path)
    assert_whole([part])
    (beat,) = part.heartbeats
    assert (beat.last, beat.written, beat.failures) == (3, 1, 2)
    assert [prediction.seq for prediction in part.predictions] == [1, 4]
    assert part.closed is not None
    assert (part.closed.last, part.closed.count, part.closed.failures) == (4, 2, 2)


def test_what_sampling_leaves_out_is_counted_and_takes_no_number(tmp_path: Path) -> None:
    ids = [str(number) for number in range(200)]
    with open_log(tmp_path, sampling=0.25) as log:
        told = write(log, *ids)
    (part,) = parts_of(tmp_path)
    assert told == [kept(id, 0.25) for id in ids]
    assert ids_of([part]) == [id for id in ids if kept(id, 0.25)]
    assert [p.seq for p in part.predictions] == list(range(1, sum(told) + 1))
    assert part.closed is not None
    assert part.closed.unsampled == 200 - sum(told)


def test_requests_are_counted_by_threads_without_losing_one(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:

        def count() -> None:
            for _ in range(500):
                log.served()

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    (part,) = parts_of(tmp_path)
    assert part.closed is not None
    assert part.closed.served == 2000


@pytest.mark.parametrize("how", ["removed", "moved"])
def test_a_log_goes_on_when_its_folder_is_taken_away(tmp_path: Path, how: str) -> None:
    with open_log(tmp_path) as log:
        write(log, "a")
        if how == "removed":
            shutil.rmtree(tmp_path / "tiny")
        else:
            (tmp_path / "tiny").rename(tmp_path / "elsewhere")
        part: Part = wait_for(lambda: parts_of(tmp_path))[0]
        assert (part.opened.part, part.opened.last) == (2, 1)
        write(log, "b")
    (part,) = parts_of(tmp_path)
    assert ids_of([part]) == ["b"]
    assert part.sealed is not None
    assert part.sealed.previous is not None  # the digest of the part that is missing


def test_a_handle_that_somebody_closed_is_not_used_again(tmp_path: Path) -> None:
    """As a process does that becomes a daemon: it closes whatever is open."""
    with open_log(tmp_path, sync=10) as log:
        write(log, "a")
        incarnation = log._writer.incarnation
        assert incarnation is not None and incarnation.segment is not None
        os.close(incarnation.segment.fd)
        assert write(log, "b") == [True]
    first, second = parts_of(tmp_path)
    assert (ids_of([first]), ids_of([second])) == (["a"], ["b"])
    assert first.sealed is None and second.sealed is not None
    assert second.sealed.previous == sha256(first.path.read_bytes()).hexdigest()


def test_a_disk_that_lost_writes_is_told_to_the_next_caller_and_that_part_is_not_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = threading.Event()

    def lose(_: int) -> None:
        failed.set()
        raise OSError(errno.EIO, "Input/output error")

    with open_log(tmp_path) as log:
        monkeypatch.setattr(os, "fdatasync", lose)
        write(log, "a")
        assert failed.wait(20)
        wait_for(lambda: log._writer._sync_error)
        monkeypatch.undo()
        log.served()
        with pytest.raises(LogWriteFailed, match="the disk lost writes"):
            write(log, "b")
        write(log, "c")
    first, second = parts_of(tmp_path)
    assert (ids_of([first]), first.sealed) == (["a"], None)
    assert (ids_of([second]), second.heartbeats[0].failures) == (["c"], 1)
    assert second.sealed is not None


def test_at_midnight_a_full_disk_keeps_the_part_that_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, clock = os.rename, HandClock()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with open_log(tmp_path, clock, sync=10, emergency_bytes=0) as log:
        write(log, "a")
        monkeypatch.setattr(os, "rename", full)
        clock.time += timedelta(hours=13)
        assert write(log, "b") == [True]
        monkeypatch.setattr(os, "rename", really)
    assert ids_of(parts_of(tmp_path)) == ["a", "b"]
    assert_whole(parts_of(tmp_path))


def test_what_a_dead_process_had_reserved_is_given_back(tmp_path: Path) -> None:
    open_log(tmp_path).close()
    left = tmp_path / "tiny" / "web" / "20210304T120000-1-dead.emergency"
    left.write_bytes(bytes(4096))
    with open_log(tmp_path, emergency_bytes=65536):
        (own,) = left.parent.glob("*.emergency")
        assert own.stat().st_size == 65536 and own != left
    assert not list(left.parent.glob("*.emergency"))


def test_a_log_without_a_place_refuses_to_begin_or_counts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogWriteFailed, match="cannot be created"):
        open_log(tmp_path / "file")
    log = open_log(tmp_path / "file", on_log_failure="count")
    assert write(log, "a") == [False]
    assert log.failures == 1
    log.close()


def test_a_policy_of_another_feature_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="the policy is of 'tiny'"):
        PredictionLog(tmp_path, "other", "web", policy=Policy(feature="tiny"))


def test_a_process_that_changes_its_directory_goes_on_where_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    policy = Policy(feature="tiny", segment_bytes=4096)
    with PredictionLog("segments", "tiny", "web", policy=policy) as log:
        monkeypatch.chdir(elsewhere)
        for number in range(30):
            log.record(id=f"p{number}", model_version="1", input={"x": "y" * 200})
    assert list(elsewhere.iterdir()) == []
    assert len(list((tmp_path / "segments" / "tiny" / "web").glob("*.jsonl"))) > 1
