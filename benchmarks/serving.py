"""Requests per second of ``ai-ops serve``, every prediction logged, beside ``mlflow models serve``.

One registered model, one run, one client: 16 kept-alive connections over the loopback, each sending
its next request when the last is answered (a closed loop), written on asyncio's protocols so that
it takes little of the cores it shares with the servers. The servers take turns, several rounds
each, so that a busy moment of the machine meets all of them. The floor is an endpoint that does
nothing. MLflow answers rows that are encoded already, checks no names and logs nothing.

    python benchmarks/serving.py --json
"""

import argparse
import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
import uvloop

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import resolve_feature
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root

FEATURE = "flight_delay"
EXAMPLES: dict[str, tuple[Any, Any]] = {
    "number": (1.5, 20.0),
    "category": ("A", "B"),
    "boolean": (True, False),
}


class Linear(torch.nn.Module):
    """One linear layer: a model small enough for the server around it to be what is measured."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(width, 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.layer(rows))


@dataclass
class Contender:
    """A server under measurement: where it answers, what it is asked, how long answers took."""

    name: str
    port: int
    path: str
    body: bytes
    milliseconds: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def request(self) -> bytes:
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body

    @property
    def rate(self) -> float:
        return len(self.milliseconds) / self.seconds

    def percentile(self, share: float) -> float:
        return float(np.percentile(self.milliseconds, share))


class Connection(asyncio.Protocol):
    """Sends a request, and the next one when the answer is whole; any answer but 200 ends it."""

    _LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)

    def __init__(self, request: bytes, until: float, ended: asyncio.Future[None]) -> None:
        self._request, self._until, self._ended = request, until, ended
        self._buffer = b""
        self.milliseconds: list[float] = []

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        length = self._LENGTH.search(head) if separator else None
        if length is None or len(rest) < int(length[1]):
            return
        now = time.perf_counter()
        if not head.startswith(b"HTTP/1.1 200"):
            self._end(RuntimeError(f"{head!r} {rest!r}"))
            return
        self.milliseconds.append((now - self._sent) * 1000)
        self._buffer = b""
        if now < self._until:
            self._send()
        else:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionError("the server closed the connection"))

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def _end(self, error: Exception | None = None) -> None:
        if not self._ended.done():
            self._ended.set_exception(error) if error else self._ended.set_result(None)
            self._transport.close()


async def ask(contender: Contender, connections: int, seconds: float, keep: bool) -> None:
    """One round of one contender."""
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    asking = []
    for _ in range(connections):
        ended: asyncio.Future[None] = loop.create_future()
        connection = Connection(contender.request, started + seconds, ended)
        await loop.create_connection(lambda c=connection: c, "127.0.0.1", contender.port)  # type: ignore[misc]
        asking.append((connection, ended))
    await asyncio.gather(*(ended for _, ended in asking))
    if keep:
        contender.seconds += time.perf_counter() - started
        contender.milliseconds += [
            took for connection, _ in asking for took in connection.milliseconds
        ]


def register(root: Root, feature: AiFeatureSpec) -> tuple[str, Sequence[float]]:
    """Register the model, make it champion; its version, and one row encoded for MLflow."""
    columns = {c.name: list(EXAMPLES[c.type]) for c in feature.inputs}
    encoder = TabularEncoder.fit(columns, feature.inputs)
    encoded = encoder.encode(columns)
    version = root.registry.register(
        feature.name,
        Linear(encoder.width),
        encoder,
        encoded,
        metrics={},
        params={},
        dataset=pd.DataFrame(columns),
        dataset_digest="0" * 32,
        reference=pa.table({"id": ["a"], "probability": [0.5]}),
    ).version
    launch = {"version": version, "previous": None, "by": "benchmark"}
    root.ledger.append([NewEvent("launch", feature.name, launch)], clock=root.clock)
    root.registry.set_alias(feature.name, "champion", version)
    return version, encoded[0].tolist()


@contextmanager
def started(command: Sequence[str], url: str, environment: dict[str, str]) -> Iterator[None]:
    """A server's process, once it answers, until the block ends."""
    # MLflow starts uvicorn by its bare name, and as a child: it needs a path and a group to end.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            command,
            stdout=told,
            stderr=told,
            env={**os.environ, **environment, "PATH": path},
            start_new_session=True,
        )
        try:
            give_up = time.monotonic() + 120
            while not _answers(url):
                if process.poll() is not None or time.monotonic() > give_up:
                    told.seek(0)
                    raise RuntimeError(f"{command[0]} does not answer: {told.read().decode()}")
                time.sleep(0.1)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def floor(port: int) -> None:
    """The floor: an endpoint that reads the body and answers nothing."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def empty(request: Request) -> Response:
        await request.body()
        return Response(b"{}", media_type="application/json")

    app = Starlette(routes=[Route("/", empty, methods=["GET", "POST"])])
    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", access_log=False, log_level="error"
    )


def measure(folder: Path, connections: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Start the three servers, let them take turns, and compare."""
    feature = resolve_feature(FEATURE)
    root = Root.open(folder, {})
    version, encoded = register(root, feature)
    inputs = {c.name: EXAMPLES[c.type][0] for c in feature.inputs}
    ours = Contender("ai_ops", _free_port(), "/predict", json.dumps({"inputs": inputs}).encode())
    peer = Contender(
        "mlflow", _free_port(), "/invocations", json.dumps({"inputs": [encoded]}).encode()
    )
    empty = Contender("floor", _free_port(), "/", ours.body)
    python, local = sys.executable, "http://127.0.0.1"
    quiet = {"OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    quiet |= {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    registry = {"MLFLOW_TRACKING_URI": root.registry.uri}
    serve = [python, "-m", "ai_ops.cli.serve", FEATURE, "--root", str(folder)]
    mlflow = [python, "-m", "mlflow", "models", "serve", "-m", f"models:/{FEATURE}/{version}"]
    mlflow += ["--env-manager", "local", "--workers", "1", "--port", str(peer.port)]
    with ExitStack() as stack:
        for command, url in (
            ([*serve, "--port", str(ours.port)], f"{local}:{ours.port}/health"),
            (mlflow, f"{local}:{peer.port}/ping"),
            ([python, __file__, "--floor", str(empty.port)], f"{local}:{empty.port}/"),
        ):
            stack.enter_context(started(command, url, quiet | registry))
        for number in range(rounds + 1):  # the first round warms up
            for contender in (ours, peer, empty):
                uvloop.run(ask(contender, connections, seconds / rounds, keep=number > 0))
    segments = root.segments.glob(f"{FEATURE}/*/*.jsonl")
    logged = sum(file.read_bytes().count(b'"status":"ok"') for file in segments)
    return report(ours, peer, empty, logged)


def report(ours: Contender, peer: Contender, empty: Contender, logged: int) -> dict[str, Any]:
    """What is printed: what over what, and the numbers behind it."""
    measured: dict[str, float] = {"ai_ops_logged_count": logged}
    for one in (ours, peer, empty):
        measured[f"{one.name}_requests_per_second"] = round(one.rate, 1)
        measured[f"{one.name}_requests_count"] = len(one.milliseconds)
        measured[f"{one.name}_p50_ms"] = round(one.percentile(50), 2)
        measured[f"{one.name}_p99_ms"] = round(one.percentile(99), 2)
    return {
        "name": "serving",
        "ratios": {
            "requests_per_second_over_mlflow": round(ours.rate / peer.rate, 2),
            "p99_over_mlflow": round(ours.percentile(99) / peer.percentile(99), 2),
            "requests_per_second_over_floor": round(ours.rate / empty.rate, 2),
        },
        "measured": measured,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=8.0, help="per server, after warm-up")
    parser.add_argument("--rounds", type=int, default=4, help="turns that the seconds are cut into")
    parser.add_argument("--floor", type=int, metavar="PORT", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.floor:
        floor(asked.floor)
        return
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), asked.connections, asked.seconds, asked.rounds)
    if asked.json:
        print(json.dumps(result))
        return
    for name, value in {**result["ratios"], **result["measured"]}.items():
        print(f"{name:36} {value}")


if __name__ == "__main__":
    main()
