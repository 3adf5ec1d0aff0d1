"""Processes that log at full speed are killed at random moments: nothing acknowledged is lost.

Several workers share a writer's name: started each by itself, forked from one parent that goes on
logging, with one thread or with several. A worker writes each id to a file of its own once
``record()`` said that it stands in the log; small parts make kills hit the rotation, the sealing
and the reserving of space, too. SIGKILL meets a random one of them, and another takes its place.
Every few kills all are killed, and what was acknowledged is looked for in the segments: that of the
killed and of those beside them.

    python benchmarks/kills.py --kills 1000 --json
"""

import argparse
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.progress import Progress

from ai_ops.client import Policy, PredictionLog
from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.client.records import PredictionRecord, SealRecord

FEATURE = "killed"
ROUND = 25
POLICY = Policy(
    feature=FEATURE, segment_bytes=256 * 1024, segment_seconds=0.2, emergency_bytes=16 * 1024
)
PADDING = ("", "x" * 300, "y" * 1500, "z" * 5000)


# What runs in a worker -------------------------------------------------------------------------


def log_without_end(log: PredictionLog, acknowledged: int, name: str) -> None:
    """Log at full speed, telling each id when it stands in the log."""
    number = 0
    while True:
        id = f"{os.getpid()}-{name}-{number}"
        payload = {"x": number, "pad": PADDING[number % len(PADDING)]}
        if log.record(id=id, model_version="1", input=payload):
            os.write(acknowledged, id.encode() + b"\n")
        number += 1


def be_worker(log: PredictionLog, folder: Path, threads: int) -> None:
    """Log in that many threads, until somebody kills this process."""
    path = folder / "acknowledged" / f"{os.getpid()}-{time.monotonic_ns()}"
    told = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in range(threads - 1):
        asked = (log, told, f"t{number}")
        threading.Thread(target=log_without_end, args=asked, daemon=True).start()
    log_without_end(log, told, "main")


def be_parent(log: PredictionLog, folder: Path) -> None:
    """Log, and fork a worker for each line of the standard input; tells the children's pids."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    threading.Thread(target=be_worker, args=(log, folder, 1), daemon=True).start()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            be_worker(log, folder, int(line))
        print(child, flush=True)


def run_process(folder: Path, threads: int) -> None:
    log = PredictionLog(folder / "segments", FEATURE, "web", policy=POLICY, sync_seconds=0.05)
    be_worker(log, folder, threads) if threads else be_parent(log, folder)


# What kills them -------------------------------------------------------------------------------


class Workers:
    """The living workers of one round."""

    def __init__(self, folder: Path, chance: random.Random, stack: ExitStack) -> None:
        self._folder, self._chance, self._stack = folder, chance, stack
        self._parent = self._start(0)
        self.pids = [self._parent.pid]

    def add(self) -> None:
        """One more: by itself now and then, usually a child of the parent, if that lives."""
        threads = self._chance.choice((1, 1, 3))
        if self._parent.pid not in self.pids:
            self._parent = self._start(0)
            self.pids.append(self._parent.pid)
        elif self._chance.random() < 0.1:
            self.pids.append(self._start(threads).pid)
        else:
            self.pids.append(self._fork(threads))

    def kill(self, pid: int) -> None:
        """SIGKILL, and wait until the process is gone."""
        self.pids.remove(pid)
        handle = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [], 30)
        finally:
            os.close(handle)

    def _start(self, threads: int) -> "subprocess.Popen[str]":
        command = [sys.executable, __file__, "--worker", str(threads), str(self._folder)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._stack.callback(_forget, process)
        return process

    def _fork(self, threads: int) -> int:
        parent = self._parent
        _pipe(parent.stdin).write(f"{threads}\n")
        return int(_pipe(parent.stdout).readline())


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _forget(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


@dataclass
class Found:
    """What was found when all were dead."""

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    written: int = 0
    torn_tails: int = 0
    damaged_lines: int = 0
    segments: int = 0
    sealed: int = 0


def look(folder: Path, found: Found) -> None:
    """Compare what was acknowledged with what stands in the segments."""
    ids: set[str] = set()
    for segment in folder.glob(f"segments/{FEATURE}/*/*.jsonl"):
        found.segments += 1
        with segment.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    found.torn_tails += bool(line.rstrip(b"\0"))
                    continue
                try:
                    record = read_line(line)
                except DamagedLine:
                    found.damaged_lines += 1
                    continue
                if isinstance(record, PredictionRecord):
                    ids.add(record.id)
                found.sealed += isinstance(record, SealRecord)
    found.written += len(ids)
    for file in folder.glob("acknowledged/*"):
        *told, _ = file.read_bytes().decode().split("\n")
        found.acknowledged += len(told)
        found.lost += sum(id not in ids for id in told)


def live_and_die(folder: Path, kills: int, workers: int, chance: random.Random) -> Iterator[int]:
    """One round of kills in a folder; gives the number of each."""
    (folder / "acknowledged").mkdir(parents=True)
    with ExitStack() as stack:
        living = Workers(folder, chance, stack)
        for number in range(kills):
            while len(living.pids) < workers:
                living.add()
            time.sleep(chance.random() * 0.05)
            living.kill(chance.choice(living.pids))
            yield number + 1
        for pid in list(living.pids):
            living.kill(pid)


def measure(kills: int, workers: int, seed: int, quiet: bool = False) -> dict[str, Any]:
    """Rounds of kills, each followed by a look at what is left."""
    chance, found, begun = random.Random(seed), Found(), time.perf_counter()
    with Progress(console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("kills", total=kills)
        while found.kills < kills:
            with tempfile.TemporaryDirectory() as folder:
                due = min(ROUND, kills - found.kills)
                for _ in live_and_die(Path(folder), due, workers, chance):
                    found.kills += 1
                    bar.advance(task)
                look(Path(folder), found)
    return {
        "name": "kills",
        "ratios": {"lost_over_acknowledged": found.lost / max(1, found.acknowledged)},
        "measured": {
            **{f"{name}_count": value for name, value in asdict(found).items()},
            "duration_s": round(time.perf_counter() - begun, 1),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=4, help="processes that log side by side")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--worker", type=int, metavar="THREADS", help=argparse.SUPPRESS)
    parser.add_argument("folder", type=Path, nargs="?", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker is not None:
        run_process(asked.folder, asked.worker)
        return
    result = measure(asked.kills, asked.workers, asked.seed)
    if asked.json:
        print(json.dumps(result))
        return
    for name, value in {**result["ratios"], **result["measured"]}.items():
        print(f"{name:28} {value}")


if __name__ == "__main__":
    main()
