"""Two workers as real processes, under load: killed, swapped and ended, and nobody is lost."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import psutil
import pytest

from ai_ops.client.lines import read_line
from ai_ops.client.records import CloseRecord, PredictionRecord, SealRecord
from ai_ops.inference_management.load.driving import Driving
from ai_ops.inference_management.load.plan import Plan
from ai_ops.storage.root import Root
from ai_ops_tests.inference_management.serving_world import (
    GOOD,
    NAME,
    PROBABILITIES,
    Server,
    predict,
    registered,
    root_with,
    serve_version,
    serving,
    write_feature,
)
from ai_ops_tests.inference_management.test_server import until


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    base = tmp_path_factory.mktemp("workers")
    write_feature(base / "defs")
    return root_with(registered(tmp_path_factory.getbasetemp()), base / "root")


def told(server: Server, name: str) -> float:
    """A metric without labels of its own; 0 while there is none."""
    text = httpx.get(f"{server.url}/metrics", timeout=20).text
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def workers_of(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children()


def lines_of(root: Root) -> list[list[Any]]:
    """The lines of each incarnation, as they were written."""
    files = sorted((root.segments / NAME / "serve").glob("*.jsonl"))
    return [[read_line(line) for line in f.read_bytes().splitlines(keepends=True)] for f in files]


def predictions(lines: Sequence[Sequence[Any]]) -> list[PredictionRecord]:
    return [line for own in lines for line in own if isinstance(line, PredictionRecord)]


@pytest.mark.requirement("OW-09", "FR-2", "ST-07", "PL-07")
def test_nobody_is_lost_when_a_worker_dies_a_version_comes_and_the_server_ends(
    root: Root,
) -> None:
    defs, ready = root.folder.parent / "defs", f'ai_ops_workers_ready{{feature="{NAME}"}}'
    with serving(root, defs, "--workers", "2") as server:
        # It listens on the loopback only, unless it is told otherwise.
        listening = [one.laddr.ip for one in psutil.Process(server.process.pid).net_connections()]
        assert set(listening) == {"127.0.0.1"}
        first, second = workers_of(server)
        assert told(server, ready) == 2
        os.kill(first.pid, signal.SIGKILL)
        first.wait(20)
        # The other one goes on, whoever comes.
        assert {predict(server.url, {"inputs": GOOD}).status_code for _ in range(10)} == {200}
        until(lambda: told(server, ready) == 2, seconds=60)
        assert second.pid in {one.pid for one in workers_of(server)} and second.is_running()

        serving_two = f'ai_ops_model_info{{feature="{NAME}",version="2"}}'
        body = json.dumps({"inputs": GOOD, "call_site": "load"})
        plan = Plan(f"{server.url}/predict", [body], rate=50, seconds=60, keep_answers=True)
        answered_so_far = (
            f'ai_ops_http_requests_total{{feature="{NAME}",path="/predict",status="200"}}'
        )
        with Driving(plan) as load:
            before = told(server, answered_so_far)
            until(lambda: told(server, answered_so_far) > before + 20, seconds=60)
            serve_version(root, "2")
            until(lambda: told(server, serving_two) == 2)
            swapped = told(server, answered_so_far)
            until(lambda: told(server, answered_so_far) > swapped + 20)
            server.terminate()
            load.stop()
            course = load.course()
    assert server.process.returncode == 0
    # What got no answer never was sent: there was nobody to connect to any more.
    lost = {one.error for one in course.requests if one.status is None}
    assert all("Cannot connect to host" in (error or "") for error in lost)
    assert {one.status for one in course.requests} <= {200, None}
    answers = [json.loads(one.answer or "") for one in course.answered]
    answered = {(one["model_version"], one["outputs"]["probability"]) for one in answers}
    assert answered == set(PROBABILITIES.items())

    lines = lines_of(root)
    loaded = [one for one in predictions(lines) if one.call_site == "load"]
    assert sorted(one.id for one in loaded) == sorted(one["id"] for one in answers)
    assert {one.status for one in loaded} == {"ok"}
    # Each process kept its own part of the log; the one that was killed could not close it.
    ends = [type(own[-1]) for own in lines]
    assert len(lines) == 3 and ends.count(SealRecord) == 2
    for own in lines:
        for closing in (line for line in own if isinstance(line, CloseRecord)):
            # A worker that nobody asked counted nothing.
            assert (closing.served or 0) == closing.count == len(predictions([own]))


LIGHT = """
import sys
from ai_ops.inference_management.listening import Server, address, bound
from ai_ops.inference_management.pressure import Pressure
from ai_ops.inference_management.service_metrics import ServiceMetrics
from ai_ops.inference_management.workers import Workers
import os, time

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            told = (await receive())["type"]
            await send({"type": told + ".complete"})
            if told.endswith("shutdown"):
                return
    if scope["path"] == "/hang":
        time.sleep(60)
    pid = str(os.getpid()).encode()
    headers = [(b"content-length", str(len(pid)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": pid})

def tell():
    metrics.tell(0, ready=True, version=None, unwritten=None)

def work(post):
    if sys.argv[1] == "broken":
        raise RuntimeError("nothing to serve")
    Server(
        app, listening, Pressure(9), post.ready, tell,
        ends_after=2, lifeline=post.lifeline,
    ).run()

listening = bound("127.0.0.1", 0)
began = lambda: print(address(listening), flush=True)
metrics = ServiceMetrics("light", ("/",), 2)
kept = Workers(
    2, listening, metrics, work, began, ends_after=2, silent_after=1.5, while_open=0
)
sys.exit(kept.run())
"""


def light_url(process: subprocess.Popen[str]) -> str:
    """Where it listens."""
    listening = psutil.Process(process.pid).net_connections()
    return f"http://127.0.0.1:{listening[0].laddr.port}"


@contextmanager
def light(how: str = "well") -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """Workers that answer with their process's id, and the process that keeps them."""
    with subprocess.Popen(
        [sys.executable, "-c", LIGHT, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        left = psutil.Process(process.pid).children() if url else []
        try:
            assert {httpx.get(url).text for _ in range(3)} <= {str(one.pid) for one in left}
            yield process, left
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.requirement("OW-09")
@pytest.mark.parametrize("end", ["killed", "left alone", "interrupted"])
def test_workers_end_with_whoever_keeps_them(end: str) -> None:
    with light() as (process, workers):
        if end == "killed":
            process.kill()
        elif end == "interrupted":
            process.send_signal(signal.SIGINT)
        else:
            assert process.stdin is not None
            process.stdin.close()
        assert process.wait(20) == (-signal.SIGKILL if end == "killed" else 0)
        _, alive = psutil.wait_procs(workers, timeout=20)
        assert len(workers) == 2 and not alive


@pytest.mark.requirement("OW-09")
def test_a_worker_that_hangs_is_replaced() -> None:
    with light() as (process, workers):
        with pytest.raises(httpx.TransportError):  # it was killed while it was asked
            httpx.get(f"{light_url(process)}/hang", timeout=20)
        until(lambda: len(psutil.Process(process.pid).children()) == 2)
        assert sum(one.is_running() for one in workers) == 1


@pytest.mark.requirement("OW-09")
def test_workers_that_never_were_ready_are_not_started_for_ever() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LIGHT, "broken"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as ended:
        assert ended.stderr is not None
        told = ended.stderr.read()
    assert ended.returncode == 1 and "nothing to serve" in told
