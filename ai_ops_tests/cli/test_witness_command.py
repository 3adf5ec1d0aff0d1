"""`ai-ops witness` as a process of its own, killed and started again, on a real server's log."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
import typer
import uvicorn
from typer.testing import CliRunner

from ai_ops.ai_features import load_feature
from ai_ops.cli.common import DEFS
from ai_ops.cli.witness import witness

FEATURE = "flight_delay"
APP = typer.Typer()
APP.command()(witness)


class Combined(logging.Formatter):
    """What a server answered, in the combined format."""

    def format(self, record: logging.LogRecord) -> str:
        client, method, path, version, status = record.args  # type: ignore[misc]
        at = datetime.fromtimestamp(record.created, UTC)
        told = f'[{at:%d/%b/%Y:%H:%M:%S +0000}] "{method} {path} HTTP/{version}" {status} 2'
        return f'{client} - - {told} "-" "test"'


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Answers everything with 200, and batches with 422."""
    status = 422 if scope["path"].endswith("batch") else 200
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


@contextmanager
def server(access_log: Path) -> Iterator[str]:
    """A real uvicorn that writes its access log to a file."""
    handler = logging.FileHandler(access_log)
    handler.setFormatter(Combined())
    logger = logging.getLogger("uvicorn.access")
    config = uvicorn.Config(
        answer, port=0, lifespan="off", log_config=None, log_level="info", ws="none"
    )
    running = uvicorn.Server(config)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.disabled = False  # by a library that configured logging in this process
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        thread.join()
        logger.removeHandler(handler)
        handler.close()


def command(root: Path, log: Path, *options: str) -> list[str]:
    run = [sys.executable, "-m", "ai_ops.cli.witness", FEATURE, "--access-log", str(log)]
    return [*run, "--root", str(root), *options]


def served(root: Path) -> int:
    declared = load_feature(DEFS / FEATURE / "defs.yaml").logging.witness
    assert declared is not None
    files = sorted(root.glob(declared.table))
    return sum(sum(pq.read_table(file)[declared.count_column].to_pylist()) for file in files)


@pytest.mark.requirement("WK-10")
def test_what_a_real_server_answered_is_counted(tmp_path: Path) -> None:
    log, root = tmp_path / "access.log", tmp_path / "root"
    with server(log) as url, httpx.Client(base_url=url) as client:
        for number in range(12):
            client.post("/predict", json={"n": number})
        client.post("/predict/batch", json={})
        client.get("/predict")
        client.post("/elsewhere")
    done = subprocess.run(
        command(root, log, "--once", "--json"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["lines"], sum(told["served"].values()), told["unreadable"]) == (15, 13, {})
    assert served(root) == 13


def test_a_line_that_cannot_be_read_ends_once_with_1(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("what is this\n")
    run = command(tmp_path / "root", log, "--once")
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (done.returncode, "1 × not the combined format" in done.stderr) == (1, True)


def test_misuse_is_refused_in_words_and_makes_nothing(tmp_path: Path) -> None:
    log, root = tmp_path / "access.log", tmp_path / "root"
    log.write_text("")
    wrong = {
        "is not there": (3, tmp_path / "none.log", ()),
        "cannot be read (Is a directory); name the file itself": (2, tmp_path, ()),
        "--paths: predict is no path of a request": (2, log, ("--paths", "predict")),
        "--paths: nothing is no path": (2, log, ("--paths", " ,")),
        "--name: use letters": (2, log, ("--name", "../x")),
    }
    for words, (code, file, options) in wrong.items():
        done = CliRunner().invoke(APP, command(root, file, "--once", *options)[3:])
        assert (done.exit_code, words in done.stderr) == (code, True), done.stderr
    assert not list(root.rglob("*"))


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    witness = subprocess.Popen(
        command(tmp_path / "root", log, "--format", "json"), stderr=subprocess.PIPE, text=True
    )
    assert witness.stderr is not None
    assert witness.stderr.readline().endswith("it is not there yet, and is waited for\n")
    request = {"ts": 1614861296, "method": "POST", "path": "/predict", "status": 200}
    log.write_text(json.dumps(request) + "\n")
    deadline = time.monotonic() + 60
    while not served(tmp_path / "root"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    witness.terminate()
    _, told = witness.communicate(timeout=60)
    assert (witness.returncode, told) == (0, "")


def test_a_witness_that_is_killed_counts_nothing_twice_and_loses_nothing(tmp_path: Path) -> None:
    log, root = tmp_path / "access.log", tmp_path / "root"
    written, ended = 0, threading.Event()

    def write() -> None:
        nonlocal written
        with log.open("a") as file:
            for _ in range(20):
                at = datetime.now(UTC).isoformat()
                request = {"ts": at, "method": "POST", "path": "/predict", "status": 200}
                file.write(json.dumps(request) + "\n")
                written += 1

    def serve() -> None:
        while not ended.wait(0.002):
            write()
            if written % 2000 == 0:
                log.rename(log.with_name(f"access.log.{written}"))

    write()
    # What was rotated before anybody looked at all belongs to nobody's count.
    subprocess.run(command(root, log, "--format", "json", "--once"), check=True)

    writer = threading.Thread(target=serve)
    writer.start()
    try:
        for _ in range(4):
            witness = subprocess.Popen(
                command(root, log, "--format", "json"), stderr=subprocess.DEVNULL
            )
            begun, deadline = served(root), time.monotonic() + 60
            while served(root) <= begun:
                assert witness.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
            os.kill(witness.pid, signal.SIGKILL)
            witness.wait()
    finally:
        ended.set()
        writer.join()
    done = subprocess.run(
        command(root, log, "--format", "json", "--once"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert served(root) == written
