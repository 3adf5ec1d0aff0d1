"""Who enters the commands of a drill, and who serves meanwhile: processes, as in production."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from ai_ops.inference_management.drill_root import ELSEWHERE, DrillRoot
from ai_ops.inference_management.own_server import OwnServer
from ai_ops.inference_management.rollback_record import Ran

COMMAND_SECONDS: Final = 300.0
_SAID: Final = 600
"""How much of what a command said last is kept."""


def entered(drill: DrillRoot, step: str, arguments: Sequence[str]) -> Ran:
    """Run ``ai-ops`` with these arguments as a process, on the drill's root and with its keys."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "ai_ops.cli", *arguments, "--root", str(drill.root.folder)]
    shown = " ".join(["ai-ops", *arguments])
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            env=dict(drill.environment),
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return Ran(step, shown, 124, time.monotonic() - begun, "it did not end in time")
    said = f"{done.stdout}{done.stderr}".strip()[-_SAID:]
    return Ran(step, shown, done.returncode, time.monotonic() - begun, said)


@contextmanager
def served(drill: DrillRoot) -> Iterator[str]:
    """``ai-ops serve`` as a process on the drill's root; where it answers."""
    # An empty variable counts as none: what this process knows of production leads nowhere.
    hidden = {name: "" for name in ELSEWHERE if name in os.environ}
    # Before the first promotion the alias of production points at nothing: it rehearses.
    server = OwnServer(
        drill.feature.name,
        drill.root.folder,
        options=("--rehearsal",),
        environment=hidden | dict(drill.environment),
    )
    with server:
        yield server.url
