"""Dagster's daemon, with or without its webserver, as processes that end with the block."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.sensors import due
from ai_ops.component import CHECKS
from ai_ops.orchestration.orphans import end_orphans
from ai_ops.orchestration.running import dagster_environment, open_instance
from ai_ops.orchestration.sensing import is_settled
from ai_ops.orchestration.submitting import workspace_options
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError

HOST: Final = "127.0.0.1"
STOP_SECONDS: Final = 60.0
SETTLE_SECONDS: Final = 900.0
_SHOWN: Final = 2000


class DagsterDied(AiOpsError):
    """Dagster ended by itself; the message holds the last of what it wrote."""


@dataclass
class DagsterProcess:
    """``dagster dev`` on a port of the loopback, or without one the daemon alone.

    Its processes are a session of their own: a Ctrl-C in the terminal reaches this process only,
    which then ends them in order.
    """

    root: Path
    port: int | None = None
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> Path:
        """The file that takes what Dagster writes."""
        return self.root / "dagster.log"

    def __enter__(self) -> "DagsterProcess":
        with open_instance(self.root) as instance:
            end_orphans(instance)
        dev = ["dagster", "dev", "-h", HOST, "-p", str(self.port)]
        what = dev if self.port is not None else ["dagster._daemon", "run"]
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *what, *workspace_options()],
                env=dagster_environment(self.root),
                cwd=self.root,  # the checkout's own dagster.yaml is not the instance
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        process = self._running()
        try:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_SECONDS)
        finally:  # a second Ctrl-C ends the waiting, and must leave nothing behind either
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what a part of it left behind
            process.wait()

    def must_live(self) -> None:
        """Raise ``DagsterDied`` when it ended by itself."""
        if self._running().poll() is not None:
            tail = self.log.read_text(errors="replace")[-_SHOWN:]
            raise DagsterDied(f"Dagster has ended; {self.log} ends with:\n{tail}")

    def wait(self) -> None:
        """Wait until it ends, which it does not do by itself."""
        while True:
            self.must_live()
            time.sleep(1)

    def settle(self, root: Root, feature: AiFeatureSpec) -> None:
        """Wait until its sensors have nothing left to ask for, for some minutes at most."""
        deadline = time.monotonic() + SETTLE_SECONDS
        with open_instance(self.root) as instance:
            while time.monotonic() < deadline:
                self.must_live()
                if is_settled(instance, feature, due(root, feature, CHECKS)):
                    return
                time.sleep(1)

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise DagsterDied("Dagster was not started")
        return self._process


@contextmanager
def interruptible() -> Iterator[None]:
    """End the block at Ctrl-C without a word; a terminal that closes, or a kill, is one too."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    asked = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before: list[Callable[[int, FrameType | None], object] | int | None]
    before = [signal.signal(one, interrupt) for one in asked]
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for one, handler in zip(asked, before, strict=True):
            signal.signal(one, handler)
