"""An open loop at work: its process, started, ended early, and its course read."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import msgspec

from ai_ops.inference_management.load.course import Course, Request
from ai_ops.inference_management.load.plan import Plan
from ai_ops.vocabulary.errors import AiOpsError

START_SECONDS: Final = 30.0


class LoadBroken(AiOpsError):
    """The generator of a load ended without saying what it saw: nothing is known."""


@dataclass
class Driving:
    """A load under way: ``with Driving(plan) as load: …; course = load.course()``.

    The generator is a process of its own, so that nothing here delays it and its CPU is known.
    """

    plan: Plan
    _process: "subprocess.Popen[bytes] | None" = None
    _folder: "tempfile.TemporaryDirectory[str] | None" = field(default=None, repr=False)

    def __enter__(self) -> "Driving":
        self._folder = tempfile.TemporaryDirectory()
        told = Path(self._folder.name) / "course.json"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ai_ops.inference_management.load.open_loop", str(told)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._input.write(msgspec.json.encode(self.plan) + b"\n")
        self._input.flush()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None and self._folder is not None
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stderr):
            if stream is not None:
                stream.close()
        self._folder.cleanup()

    def stop(self) -> None:
        """Send nothing more; what is under way is still waited for."""
        if not self._input.closed:
            self._input.close()

    def course(self) -> Course:
        """What was seen, once all is sent and answered; ``LoadBroken`` with its last words."""
        assert self._process is not None and self._folder is not None
        plan = self.plan
        try:
            self._process.wait(START_SECONDS + plan.seconds * 2 + plan.timeout_s)
        except subprocess.TimeoutExpired:
            raise LoadBroken("the load's generator did not end in time") from None
        if self._process.returncode:
            said = self._process.stderr.read() if self._process.stderr else b""
            raise LoadBroken(f"the load's generator failed: {said.decode(errors='replace')[-800:]}")
        told = Path(self._folder.name) / "course.json"
        seen = json.loads(told.read_text(encoding="utf-8"))
        return Course(
            plan.rate,
            plan.seconds,
            tuple(Request(*one) for one in seen["requests"]),
            seen["cpu_seconds"],
            seen["wall_seconds"],
            seen["stopped_early"],
        )

    @property
    def _input(self) -> IO[bytes]:
        assert self._process is not None and self._process.stdin is not None
        return self._process.stdin


def driven(plan: Plan) -> Course:
    """What a load saw, once it is over."""
    with Driving(plan) as load:
        return load.course()
