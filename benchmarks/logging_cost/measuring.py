"""Takes the contenders through their rounds and their kills, and tells what it saw."""

import argparse
import gzip
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import IO, Any
from uuid import uuid4

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from logging_cost.contenders import CONTENDERS, inputs_of, write_id

_ID = re.compile(rb"[0-9a-f]{32}")
_SCRIPT = str(Path(__file__).parents[1] / "logging.py")


# What runs in the process of a contender -------------------------------------------------------


def take_turns(name: str, folder: Path) -> None:
    """One round for each line of the standard input; its measurements as one line of JSON."""
    contender = CONTENDERS[name]
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no measurement
    log = contender.make(folder)
    log(uuid4().hex, inputs_of(0))
    print(json.dumps({"runs": True}), file=out)
    inputs = [inputs_of(number) for number in range(contender.records)]
    for _ in sys.stdin:
        ids = [uuid4().hex for _ in inputs]
        threads, processes = time.thread_time_ns(), time.process_time_ns()
        for id, values in zip(ids, inputs, strict=True):
            log(id, values)
        threads, processes = time.thread_time_ns() - threads, time.process_time_ns() - processes
        ids, nanoseconds = [uuid4().hex for _ in inputs], []
        now = time.perf_counter_ns
        for id, values in zip(ids, inputs, strict=True):
            begun = now()
            log(id, values)
            nanoseconds.append(now() - begun)
        seen = {"cpu": threads, "all_cpu": processes, "latencies": nanoseconds}
        print(json.dumps(seen), file=out)


def log_until_killed(name: str, folder: Path) -> None:
    """Log at full speed, and write down each id that was acknowledged."""
    os.dup2(2, 1)  # nobody reads what a library prints
    log = write_id(folder) if name == "bare_write" else CONTENDERS[name].make(folder)
    inputs = [inputs_of(number) for number in range(100)]
    acknowledged = os.open(folder / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    number = 0
    while True:
        id = uuid4().hex
        log(id, inputs[number % 100])
        os.write(acknowledged, id.encode() + b"\n")
        number += 1


# What measures them ----------------------------------------------------------------------------


@dataclass
class Seen:
    """What was seen of one contender; nothing when it is ``missing``, which then says why."""

    name: str
    missing: str | None = None
    cpu_us: list[float] = field(default_factory=list)
    all_cpu_us: list[float] = field(default_factory=list)
    latencies_us: list[float] = field(default_factory=list)
    acknowledged: int = 0
    lost: int = 0

    def take(self, round_: dict[str, Any]) -> None:
        count = CONTENDERS[self.name].records
        self.cpu_us.append(round_["cpu"] / count / 1000)
        self.all_cpu_us.append(round_["all_cpu"] / count / 1000)
        self.latencies_us += [nanoseconds / 1000 for nanoseconds in round_["latencies"]]

    def percentile(self, share: float) -> float:
        return float(np.percentile(self.latencies_us, share))


class Runner:
    """A contender's process, waiting for its turns."""

    def __init__(self, name: str, folder: Path, environment: dict[str, str]) -> None:
        self._name, self._folder = name, folder
        self.process = _start("--turns", name, folder, environment)
        self.runs = bool(_pipe(self.process.stdout).readline())

    def turn(self) -> dict[str, Any]:
        _pipe(self.process.stdin).write("\n")
        _pipe(self.process.stdin).flush()
        told = _pipe(self.process.stdout).readline()
        if not told:
            raise RuntimeError(f"{self._name} ended: {self.end()}")
        seen: dict[str, Any] = json.loads(told)
        return seen

    def end(self) -> str:
        """End the process; the last line of what it complained of."""
        self.process.kill()
        self.process.communicate()
        return _complaint(self._folder)


def _start(
    how: str, name: str, folder: Path, environment: dict[str, str]
) -> "subprocess.Popen[str]":
    folder.mkdir(parents=True)
    with folder.with_suffix(".stderr").open("wb") as wrong:
        return subprocess.Popen(
            [sys.executable, _SCRIPT, how, name, "--folder", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=wrong,
            text=True,
            env={**os.environ, **environment},
        )


def _complaint(folder: Path) -> str:
    words = folder.with_suffix(".stderr").read_text(errors="replace").strip()
    return words.rpartition("\n")[2]


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@contextmanager
def sink(file: Path) -> Iterator[str]:
    """A server that takes whatever is sent to it: for a peer that logs to a server only."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            packed = self.headers.get("content-encoding") == "gzip"
            with file.open("ab") as taken:
                taken.write(gzip.decompress(body) if packed else body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def measure(folder: Path, rounds: int, kills: int, quiet: bool) -> list[Seen]:
    """All contenders: first their rounds, in turns, then their kills, one after the other."""
    chance = random.Random(1)
    seen = [Seen(name) for name in CONTENDERS]
    with ExitStack() as stack, Progress(console=Console(stderr=True), disable=quiet) as bar:
        url = stack.enter_context(sink(folder / "sink"))
        environment = {
            "LOGGING_COST_SINK": url,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "WHYLOGS_NO_ANALYTICS": "true",
            "OMP_NUM_THREADS": "1",
        }
        runners = {}
        for one in seen:
            runners[one.name] = runner = Runner(one.name, folder / one.name, environment)
            if not runner.runs:
                one.missing = runner.end()
        present = [one for one in seen if not one.missing]
        task = bar.add_task("rounds", total=(rounds + 1) * len(present))
        for number in range(rounds + 1):
            for one in present:
                round_ = runners[one.name].turn()
                if number:  # the first warms up
                    one.take(round_)
                bar.advance(task)
        for one in present:
            runners[one.name].end()
        keeping = [one for one in present if CONTENDERS[one.name].keeps_records]
        task = bar.add_task("kills", total=kills * len(keeping))
        for one in keeping:
            for number in range(kills):
                killed = folder / f"{one.name}-{number}"
                kill(one, killed, environment, chance, folder / "sink")
                bar.advance(task)
    return seen


def kill(
    one: Seen, folder: Path, environment: dict[str, str], chance: random.Random, taken: Path
) -> None:
    """One life at full speed and its end, and what is left of what was acknowledged."""
    process = _start("--until-killed", one.name, folder, environment)
    acknowledged = folder / "acknowledged"
    while not acknowledged.exists() or not acknowledged.stat().st_size:
        if process.poll() is not None:
            raise RuntimeError(f"{one.name}: {_complaint(folder)}")
        time.sleep(0.01)
    time.sleep(CONTENDERS[one.name].life_seconds * (0.5 + chance.random()))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    time.sleep(0.5 if one.name == "langfuse" else 0)  # the server still reads what was sent
    kept: set[bytes] = set()
    for file in (*folder.rglob("*"), taken):
        if file.is_file() and file != acknowledged:
            kept.update(_ID.findall(file.read_bytes()))
    ids = acknowledged.read_bytes().split(b"\n")[:-1]
    one.acknowledged += len(ids)
    one.lost += sum(id not in kept for id in ids)


def result_of(seen: list[Seen]) -> dict[str, Any]:
    """One object: what over what, and the numbers behind it."""
    found = {one.name: one for one in seen if not one.missing}
    floor, ours, stdlib = found["bare_write"], found["ai_ops"], found["stdlib_json"]
    cpu = {name: median(one.cpu_us) for name, one in found.items()}
    ratios = {
        "caller_cpu_over_floor": cpu["ai_ops"] / cpu["bare_write"],
        "all_cpu_over_floor": median(ours.all_cpu_us) / median(floor.all_cpu_us),
        "p99_over_stdlib_json": ours.percentile(99) / stdlib.percentile(99),
    }
    for name in found:
        if name not in ("bare_write", "ai_ops"):
            ratios[f"{name}_caller_cpu_over_floor"] = cpu[name] / cpu["bare_write"]
    measured: dict[str, Any] = {}
    for one in seen:
        if one.missing:
            measured[f"{one.name}_missing"] = _absence(one.missing)
            continue
        measured[f"{one.name}_p50_us"] = round(one.percentile(50), 2)
        measured[f"{one.name}_p99_us"] = round(one.percentile(99), 2)
        measured[f"{one.name}_caller_cpu_us"] = round(cpu[one.name], 2)
        measured[f"{one.name}_all_cpu_us"] = round(median(one.all_cpu_us), 2)
        if CONTENDERS[one.name].keeps_records:
            measured[f"{one.name}_acknowledged_count"] = one.acknowledged
            measured[f"{one.name}_lost_count"] = one.lost
    return {
        "name": "logging",
        "ratios": {name: round(ratio, 2) for name, ratio in ratios.items()},
        "measured": measured,
    }


def _absence(complaint: str) -> str:
    absent = complaint.startswith(("ModuleNotFoundError", "ImportError"))
    return f"{'not installed' if absent else 'does not run here'}: {complaint}"


def table_of(seen: list[Seen]) -> Table:
    floor = median(next(one for one in seen if one.name == "bare_write").cpu_us)
    table = Table(
        "", "p50 µs", "p99 µs", "caller's CPU µs", "x floor", "all CPU µs", "lost on kill"
    )
    for one in seen:
        if one.missing:
            table.add_row(one.name, _absence(one.missing), *[""] * 5)
            continue
        cpu = median(one.cpu_us)
        lost = "keeps no records"
        if CONTENDERS[one.name].keeps_records:
            share = one.lost / max(1, one.acknowledged)
            lost = f"{one.lost} of {one.acknowledged} ({share:.1%})"
        table.add_row(
            one.name,
            f"{one.percentile(50):.1f}",
            f"{one.percentile(99):.1f}",
            f"{cpu:.2f}",
            f"{cpu / floor:.1f}",
            f"{median(one.all_cpu_us):.2f}",
            lost,
        )
    return table


def main(about: str | None) -> None:
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each contender")
    parser.add_argument("--kills", type=int, default=3, help="kills of each contender")
    parser.add_argument("--turns", help=argparse.SUPPRESS)
    parser.add_argument("--until-killed", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.turns:
        take_turns(asked.turns, asked.folder)
    elif asked.until_killed:
        log_until_killed(asked.until_killed, asked.folder)
    else:
        # Beside this file, for /tmp may be memory, which is no disk.
        with tempfile.TemporaryDirectory(dir=Path(__file__).parents[2] / "data") as folder:
            seen = measure(Path(folder), asked.rounds, asked.kills, quiet=False)
        if asked.json:
            print(json.dumps(result_of(seen)))
        else:
            Console(width=120).print(table_of(seen))
