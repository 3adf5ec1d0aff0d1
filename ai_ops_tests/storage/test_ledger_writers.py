"""Several real processes write one ledger: nothing is lost or forked, a kill breaks nothing."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from ai_ops.storage.clocks import WallClock
from ai_ops.storage.ledger import Ledger, NewEvent

WRITER = Path(__file__).with_name("ledger_writer.py")


def start_writer(url: str, name: str, blocks: int, events: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(WRITER), url, name, str(blocks), str(events)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_that_also_create_the_ledger_lose_and_fork_nothing(ledger_url: str) -> None:
    writers = [start_writer(ledger_url, f"w{n}", blocks=30, events=4) for n in range(6)]
    acknowledged = []
    for writer in writers:
        out, err = writer.communicate(timeout=120)
        assert writer.returncode == 0, err
        acknowledged += out.split()
    ledger = Ledger(ledger_url)
    verified = ledger.verify()
    assert (verified.blocks, verified.events) == (6 * 30, 6 * 30 * 4)
    assert len(set(acknowledged)) == 6 * 30 and verified.head in acknowledged
    seen = [(e.payload["writer"], e.payload["block"], e.payload["event"]) for e in ledger.events()]
    assert sorted(seen) == [(f"w{w}", b, e) for w in range(6) for b in range(30) for e in range(4)]
    of_one = [place for place in seen if place[0] == "w3"]
    assert of_one == sorted(of_one), "a writer's own order is kept"


def test_a_writer_killed_at_any_moment_leaves_a_whole_chain(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    ledger.append([NewEvent("review", "parcels", {})], clock=WallClock())
    acknowledged: list[str] = []
    for attempt in range(5):
        writer = start_writer(ledger_url, f"killed{attempt}", blocks=100_000, events=200)
        assert writer.stdout is not None
        acknowledged.append(writer.stdout.readline().strip())
        time.sleep(0.013 * attempt)
        os.kill(writer.pid, signal.SIGKILL)
        out, _ = writer.communicate(timeout=60)
        acknowledged += [line for line in out.splitlines() if len(line) == 64]
        assert writer.returncode == -signal.SIGKILL
        verified = ledger.verify()
        assert verified.events == 1 + 200 * (verified.blocks - 1), "a block is whole or absent"
        for known in (acknowledged[0], acknowledged[-1]):
            ledger.verify(head=known)
    after = ledger.append([NewEvent("review", "parcels", {})], clock=WallClock())
    assert ledger.verify().head == after.hash
    assert after.seq - 2 >= len(acknowledged), "no acknowledged block is missing"


def test_threads_share_one_ledger_object(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)

    def write() -> None:
        for _ in range(10):
            ledger.append([NewEvent("review", "parcels", {})], clock=WallClock())

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.verify().blocks == 40


def test_a_ledger_in_use_crosses_fork_and_spawn(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    ledger.append([NewEvent("review", "parcels", {})], clock=WallClock())
    for method in ("fork", "spawn"):
        child = multiprocessing.get_context(method).Process(  # type: ignore[attr-defined]
            target=ledger.append,
            args=([NewEvent("review", "parcels", {"from": method})],),
            kwargs={"clock": WallClock()},
        )
        child.start()
        ledger.append([NewEvent("review", "parcels", {})], clock=WallClock())
        child.join(60)
        assert child.exitcode == 0, method
    assert ledger.verify().blocks == 5
