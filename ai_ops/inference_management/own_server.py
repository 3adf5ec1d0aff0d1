"""`ai-ops serve` as a process of its own, for a load test or a drill: its start, memory and end."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil

from ai_ops.vocabulary.errors import AiOpsError

START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 30.0


class NeverServed(AiOpsError):
    """A server that was to be put under load did not answer."""


@dataclass
class OwnServer:
    """A server of a feature on the loopback, of the version that ``root`` has it serve.

    ``answered_after`` is how many seconds after its start it first was healthy, ``loaded_mb`` what
    it and its workers then held in memory. ``environment`` is set beside what this process has.
    """

    feature: str
    root: Path
    options: Sequence[str] = ()
    port: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    begun: float | None = None
    answered_after: float | None = None
    loaded_mb: float | None = None
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def __enter__(self) -> "OwnServer":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> psutil.Process:
        """The process that was started; its workers are its children."""
        if self._process is None:
            raise NeverServed(f"the server of {self.feature} was not started")
        return psutil.Process(self._process.pid)

    def start(self) -> None:
        """Start it and wait until it is healthy; ``NeverServed`` with what it printed."""
        self.port = self.port or _free_port()
        told = self.root / "serve.log"
        told.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "ai_ops.cli", "serve", self.feature, "--while-stdin"]
        command += ["--root", str(self.root), "--port", str(self.port), *self.options]
        begun = self.begun = time.monotonic()
        with told.open("ab") as output:
            # The end of its standard input tells the server that we are gone, however we went.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, **self.environment},
            )
        while not self.healthy():
            late = time.monotonic() > begun + START_SECONDS
            if self._process.poll() is not None or late:
                tail = told.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise NeverServed(f"the server of {self.feature} never answered; it said:\n{tail}")
            time.sleep(0.02)
        self.answered_after = time.monotonic() - begun
        self.loaded_mb = self.memory_mb()

    def healthy(self) -> bool:
        """Whether it says that a model is loaded."""
        try:
            return httpx.get(f"{self.url}/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def memory_mb(self) -> float:
        """What the process and its workers hold in memory now (resident, in 10**6 bytes)."""
        return sum(one.memory_info().rss for one in self.processes()) / 1e6

    def processes(self) -> list[psutil.Process]:
        """The process and its workers, as they are now; none while it does not run."""
        if self._process is None:
            return []
        return [self.process, *self.process.children(recursive=True)]

    def stop(self) -> None:
        """End it in order, so that its log is closed; a server that does not end is killed."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
