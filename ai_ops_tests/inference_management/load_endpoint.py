"""A small endpoint in a process of its own, well or with one fault: what a load test is to find.

Run as ``python load_endpoint.py KIND``: it tells its address and serves until its input ends.
"""

import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

WORK_SECONDS = 0.01
HELD_PER_SECOND = 36
"""What the endpoint that drops requests answers; above its peak of 25, below twice that."""
LEAKED = 200_000


class Endpoint(BaseHTTPRequestHandler):
    """Answers every prediction alike; its model is asked by one request at a time."""

    protocol_version = "HTTP/1.1"
    kind = "well"
    model = threading.Lock()
    leaked: ClassVar[list[bytearray]] = []
    first: float | None = None
    lately: ClassVar[deque[float]] = deque()

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.kind == "stalls":
            self._stall()
        if self.kind == "drops" and self._too_many():
            self.close_connection = True
            return
        if self.kind == "leaks":
            type(self).leaked.append(bytearray(b"x" * LEAKED))
        if self.kind == "serial":
            self._work(WORK_SECONDS)
        elif self.kind == "slow":
            self._work(3 * WORK_SECONDS)
        rows = asked.get("predictions", [asked])
        content = json.dumps({"late": [False] * len(rows)}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is told."""

    def _work(self, seconds: float) -> None:
        with self.model:
            time.sleep(seconds)

    def _stall(self) -> None:
        """Second number 1 of every 20 passes without an answer."""
        with self.model:
            begun = type(self).first = type(self).first or time.monotonic()
        at = (time.monotonic() - begun) % 20
        if 1 <= at < 2:
            time.sleep(2 - at)

    def _too_many(self) -> bool:
        with self.model:
            now = time.monotonic()
            while self.lately and self.lately[0] < now - 1:
                self.lately.popleft()
            if len(self.lately) >= HELD_PER_SECOND:
                return True
            self.lately.append(now)
            return False


class Server(ThreadingHTTPServer):
    """Takes what comes, also when much comes at once."""

    daemon_threads = True
    request_queue_size = 256


@dataclass(frozen=True)
class Running:
    """An endpoint that answers."""

    url: str
    pid: int


@contextmanager
def endpoint(kind: str = "well") -> Iterator[Running]:
    """An endpoint of a kind, until the block ends."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__)), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "the endpoint did not start"
        yield Running(url, process.pid)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


if __name__ == "__main__":
    Endpoint.kind = sys.argv[1]
    serving = Server(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{serving.server_address[1]}", flush=True)
    sys.stdin.read()
