"""A log follows its process: forks, SIGTERM, the end of a child, another program in its place."""

import asyncio
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ai_ops.client import Policy, PredictionLog
from ai_ops_tests.client.parts import Part, assert_whole, ids_of, is_held, parts_of

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def open_log(folder: Path, **policy: float) -> PredictionLog:
    chosen = Policy(feature="tiny", **policy)  # type: ignore[arg-type]
    return PredictionLog(folder, "tiny", "web", policy=chosen, sync_seconds=0.05)


def write(log: PredictionLog, *ids: str) -> None:
    for id in ids:
        assert log.record(id=id, model_version="1", input={"x": id})


def by_process(folder: Path) -> dict[int, list[Part]]:
    found: dict[int, list[Part]] = {}
    for part in parts_of(folder):
        found.setdefault(part.opened.pid, []).append(part)
    return found


def in_child(work: Callable[[], None]) -> int:
    """Fork, do something in the child, and end it in the way of ``os._exit``."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    return child


@contextmanager
def at_full_speed(log: PredictionLog) -> Iterator[list[str]]:
    """Threads that log as fast as they can while the block runs."""
    done, acknowledged = threading.Event(), []

    def work(name: int) -> None:
        number = 0
        while not done.is_set():
            id = f"{name}-{number}"
            write(log, id)
            acknowledged.append(id)
            number += 1

    threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield acknowledged
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_children_of_a_busy_process_write_for_themselves_and_disturb_nobody(tmp_path: Path) -> None:
    with open_log(tmp_path, segment_bytes=65536) as log:

        def work() -> None:
            assert log.incarnation is None
            write(log, f"child-{os.getpid()}")
            log.close()

        with at_full_speed(log) as acknowledged:
            children = [in_child(work) for _ in range(8)]
    lives = by_process(tmp_path)
    assert len(lives) == 9
    for parts in lives.values():
        assert_whole(parts)
    assert sorted(ids_of(lives[os.getpid()])) == sorted(acknowledged)
    assert all(ids_of(lives[child]) == [f"child-{child}"] for child in children)


def test_a_child_lets_go_of_its_parents_segment_at_once(tmp_path: Path) -> None:
    """Or a parent that died would be held alive by a child that never logs."""
    told, tell = os.pipe()
    parent = os.fork()
    if parent == 0:
        log = open_log(tmp_path)
        write(log, "a")
        if os.fork() == 0:
            os.write(tell, str(os.getpid()).encode())
            time.sleep(60)
        time.sleep(60)
    child = int(os.read(told, 20))
    try:
        (part,) = parts_of(tmp_path)
        assert is_held(part.path)
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        assert not is_held(part.path)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_child_that_logs_nothing_leaves_nothing(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        in_child(log.close)
        in_child(lambda: None)
        assert list(tmp_path.glob("tiny/web/*.emergency"))  # its parent's reserve is left alone
    assert len(parts_of(tmp_path)) == 1


def test_a_worker_may_begin_before_its_first_request(tmp_path: Path) -> None:
    def work() -> None:
        log.start()
        log.served(2)
        log.close()

    with open_log(tmp_path) as log:
        child = in_child(work)
    (part,) = by_process(tmp_path)[child]
    assert part.closed is not None
    assert (part.closed.count, part.closed.served) == (0, 2)


def test_a_count_of_requests_begins_an_incarnation_as_a_record_does(tmp_path: Path) -> None:
    def work() -> None:
        log.served()
        log.close()

    with open_log(tmp_path) as log:
        child = in_child(work)
    assert by_process(tmp_path)[child][0].closed is not None


def log_in_child(log: PredictionLog, id: str) -> None:
    write(log, id)


def test_a_child_of_multiprocessing_closes_its_log_at_its_end(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        fork = multiprocessing.get_context("fork")
        children = [fork.Process(target=log_in_child, args=(log, f"c{n}")) for n in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join()
    lives = by_process(tmp_path)
    assert len(lives) == 3
    for parts in lives.values():
        assert_whole(parts)


def test_tasks_of_an_event_loop_share_a_log(tmp_path: Path) -> None:
    async def work() -> None:
        async def one(name: int) -> None:
            for number in range(50):
                write(log, f"{name}-{number}")
                await asyncio.sleep(0)

        await asyncio.gather(*(one(name) for name in range(10)))

    with open_log(tmp_path) as log:
        asyncio.run(work())
    assert_whole(parts_of(tmp_path))
    assert len(ids_of(parts_of(tmp_path))) == 500


BEGIN = """
import os, signal, sys, threading, time
from ai_ops.client import PredictionLog
log = PredictionLog(sys.argv[1], "tiny", "web", **options)
def say(text):
    os.write(1, text.encode() + b"\\n")
def work():
    number = 0
    while True:
        log.record(id=str(number), model_version="1", input={})
        if number == 100:
            say("ready")
        number += 1
"""


def run(folder: Path, program: str, options: str = "{}") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", f"options = {options}\n{BEGIN}\n{program}", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def terminated(process: "subprocess.Popen[str]", kind: int = signal.SIGTERM) -> tuple[str, str]:
    """What it said from its being ready to its end by a signal."""
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(kind)
    return process.communicate(timeout=30)


@pytest.mark.parametrize(
    "program",
    [
        "work()",
        "threading.Thread(target=work, daemon=True).start()\ntime.sleep(60)",
        "threading.Thread(target=work).start()\nwork()",
    ],
    ids=["in the middle of a record", "in a call that waits", "with threads"],
)
def test_sigterm_closes_the_log_and_ends_the_process_all_the_same(
    tmp_path: Path, program: str
) -> None:
    process = run(tmp_path, program)
    terminated(process)
    assert process.returncode == -signal.SIGTERM
    assert_whole(parts_of(tmp_path))
    assert len(ids_of(parts_of(tmp_path))) > 100


def test_an_application_keeps_its_own_handler(tmp_path: Path) -> None:
    before = "signal.signal(signal.SIGTERM, lambda *_: (say('mine'), sys.exit(3)))\n"
    process = run(tmp_path, f"{before}work()")
    assert terminated(process)[0] == "mine\n"
    assert process.returncode == 3
    assert_whole(parts_of(tmp_path))


def test_a_handler_that_raises_in_the_middle_of_a_record_leaves_the_log_whole(
    tmp_path: Path,
) -> None:
    class Interrupted(BaseException):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    draw, acknowledged, interrupts = random.Random(5), [], 0
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with open_log(tmp_path, segment_bytes=8192) as log:
            for number in range(1500):
                try:
                    signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-6, 4e-5))
                    write(log, str(number))
                    acknowledged.append(str(number))
                    time.sleep(1e-4)
                except Interrupted:
                    interrupts += 1
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
    parts = parts_of(tmp_path)
    assert interrupts > 100
    assert_whole(parts)
    assert set(acknowledged) <= set(ids_of(parts))


def test_a_handler_set_before_the_log_is_kept(tmp_path: Path) -> None:
    own = "signal.signal(signal.SIGTERM, handler)"
    program = f"""
import os, signal, sys
from ai_ops.client import PredictionLog
handler = lambda *_: None
{own}
log = PredictionLog(sys.argv[1], "tiny", "web")
assert signal.getsignal(signal.SIGTERM) is handler
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)


def test_whoever_does_not_want_it_keeps_sigterm_as_it_is(tmp_path: Path) -> None:
    process = run(
        tmp_path,
        "assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL\nwork()",
        "{'close_on_sigterm': False}",
    )
    terminated(process)
    assert process.returncode == -signal.SIGTERM
    assert parts_of(tmp_path)[0].closed is None


def test_a_terminated_child_of_multiprocessing_closes_its_log(tmp_path: Path) -> None:
    process = run(
        tmp_path,
        "import multiprocessing\n"
        "child = multiprocessing.get_context('fork').Process(target=work)\n"
        "child.start()\ntime.sleep(1)\nchild.terminate()\nchild.join()\n"
        "say(str(child.exitcode))",
    )
    said, wrong = process.communicate(timeout=30)
    assert said.endswith(f"-{signal.SIGTERM.value}\n"), wrong
    for parts in by_process(tmp_path).values():
        assert_whole(parts)


def test_another_program_in_its_place_holds_nothing(tmp_path: Path) -> None:
    process = run(
        tmp_path,
        "log.record(id='a', model_version='1', input={})\n"
        "os.execv(sys.executable, [sys.executable, '-c', 'print(\"ready\", flush=True); input()'])",
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    (part,) = parts_of(tmp_path)
    assert not is_held(part.path)
    assert (ids_of([part]), part.sealed) == (["a"], None)
    process.kill()
    process.communicate()
