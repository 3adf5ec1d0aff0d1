"""A short replay for the tests: the demo's own command, with its server killed on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ai_ops.defs.flight_delay import traffic
from ai_ops.storage.root import Root

WEEKS_END = traffic.LAUNCH.replace(day=29)
"""The Monday after the week in which the first candidate is judged, and refused."""

KILLED_ON = traffic.LAUNCH.replace(day=10)
"""A Wednesday: every flight is a request of its own, so the kill falls between two of them."""

REPLAY_KILLED_ON = traffic.LAUNCH.replace(day=17)
"""A Wednesday too: the replay itself is killed, and goes on when it is started again."""

DONE = "replayed.json"


@dataclass(frozen=True)
class Replayed:
    """The root of a short replay, what it printed, and the servers it took."""

    root: Root
    summary: dict[str, Any]
    killed: int
    orphan: int
    begin: date = traffic.REHEARSAL
    end: date = WEEKS_END

    @classmethod
    def read(cls, folder: Path) -> "Replayed | None":
        """The replay that stands in a folder; None when it was not made yet."""
        done = folder / DONE
        if not done.exists():
            return None
        stored = json.loads(done.read_text())
        return cls(Root.open(folder, environment={}), **stored)


def demo(folder: Path) -> "subprocess.Popen[str]":
    """The demo's command on a root, up to a Monday, without the UI."""
    command = [sys.executable, "-m", "ai_ops.cli", "demo", "--no-ui", "--json"]
    with (folder / "progress.log").open("w") as progress:
        return subprocess.Popen(
            [*command, "--root", str(folder), "--until", WEEKS_END.isoformat()],
            stdout=subprocess.PIPE,
            stderr=progress,
            text=True,
        )


def replay_with_a_kill(folder: Path) -> Replayed:
    """Replay five weeks in a folder that may hold the trained versions already; kill the serving
    process with -9, a week later the replay itself."""
    process = demo(folder)
    _wait_until(process, folder, KILLED_ON)
    killed = _serving_process(folder)
    os.kill(killed, signal.SIGKILL)
    _wait_until(process, folder, REPLAY_KILLED_ON)
    orphan = _serving_process(folder)
    process.kill()
    process.communicate()
    process = demo(folder)
    output, _ = process.communicate()
    assert process.returncode == 0, (folder / "progress.log").read_text()[-3000:]
    stored = {"summary": json.loads(output), "killed": killed, "orphan": orphan}
    (folder / DONE).write_text(json.dumps(stored))
    return Replayed(Root.open(folder, environment={}), **stored)


def lives(process: int) -> bool:
    """Whether a process runs (one that is dead and not yet waited for does not)."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _wait_until(process: "subprocess.Popen[str]", folder: Path, day: date) -> None:
    """Wait until the replay's clock stands in the middle of a day."""
    clock = folder / "lake" / "clock.json"
    while not (clock.exists() and f'"{day}T1' in clock.read_text()):
        assert process.poll() is None, (folder / "progress.log").read_text()[-3000:]
        time.sleep(0.02)


def _serving_process(folder: Path) -> int:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:  # it ended while we looked
                continue
            if "serve" in command and str(folder) in command:
                return int(entry.name)
    raise AssertionError("no serving process was found")
