"""`ai-ops serve` as a process of its own, and a caller that talks to it over a socket."""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ai_ops.vocabulary.errors import AiOpsError

START_SECONDS = 120.0
STOP_SECONDS = 20.0
ANSWER_SECONDS = 60.0


class ServerDied(AiOpsError):
    """The serving process does not answer, and starting it again did not help."""


def free_port() -> int:
    """A port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class ServerProcess:
    """The serving process of one feature, started again when it dies.

    A request whose answer never came was not acknowledged: it is sent again, with the same ids.
    """

    feature: str
    root: Path
    port: int = field(default_factory=free_port)
    writer: str = "serve"
    rehearsal: bool = False
    starts: int = 0
    _problem: str = "the server did not start"
    _process: "subprocess.Popen[bytes] | None" = None
    _connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> "ServerProcess":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process that serves now."""
        if self._process is None:
            raise ServerDied("the server was not started")
        return self._process.pid

    def start(self) -> None:
        """Start the process and wait until it is healthy; ``ServerDied`` with what it printed."""
        log = self.root / "serve.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "ai_ops.cli", "serve", self.feature]
        options = ["--root", str(self.root), "--port", str(self.port), "--writer", self.writer]
        options += ["--rehearsal"] if self.rehearsal else []
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, *options, "--while-stdin"],
                stdin=subprocess.PIPE,  # its end tells the server that we are gone, however we went
                stdout=output,
                stderr=output,
            )
        self.starts += 1
        deadline = time.monotonic() + START_SECONDS
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-2000:]
                raise ServerDied(f"{self._problem}; {log} ends with:\n{tail}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End the process gracefully, so that its log is closed."""
        self._hang_up()
        if self._process is not None:
            if self._process.poll() is None:
                self._process.terminate()
                self._process.wait(STOP_SECONDS)
            if self._process.stdin is not None:
                self._process.stdin.close()

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer to a request; the process is started again when it has died."""
        return self._answered("POST", path, json.dumps(body).encode())

    def _answered(self, method: str, path: str, content: bytes | None) -> Any:
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                return self._exchange(method, path, content)
            except (OSError, http.client.HTTPException) as error:
                self._hang_up()
                if time.monotonic() > deadline:
                    raise ServerDied(f"{path} was not answered: {error}") from error
                if self._process is None or self._process.poll() is not None:
                    self.start()
                else:
                    time.sleep(0.05)  # a process that was killed is not yet seen to be dead

    def get(self, path: str) -> Any:
        """The JSON answer to a GET; the process is started again when it has died."""
        return self._answered("GET", path, None)

    def _healthy(self) -> bool:
        try:
            self._exchange("GET", "/health", None)
        except (OSError, http.client.HTTPException, AiOpsError) as error:
            self._problem = f"the server is not healthy: {error}"
            self._hang_up()
            return False
        return True

    def _exchange(self, method: str, path: str, content: bytes | None) -> Any:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            self._connection.connect()
            # Headers and body are two writes: without this, each request waits for an ACK.
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection.request(method, path, content, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise AiOpsError(f"{path} answered {response.status}: {answer[:500].decode()}")
        return json.loads(answer)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
