"""Requests per second of ``ai-ops serve``, every prediction logged, beside ``mlflow models serve``.

One registered model, one run, one client: 16 kept-alive connections over the loopback, each sending
its next request when the last is answered (a closed loop), written on asyncio's protocols so that
it takes little of the cores it shares with the servers. The servers take turns, several rounds
each, so that a busy moment of the machine meets all of them: with one worker and two, with the log
and without, asked for one row and for a hundred. Besides the rate, the CPU that a server takes for
a request is measured, which others on the machine change less. The floor is an endpoint that does
nothing. MLflow answers rows that are encoded already, checks no names and logs nothing.

    python benchmarks/serving.py --json
"""

import argparse
import json
import os
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvloop
from serving_cost.closed_loop import Contender, ask
from serving_cost.servers import EXAMPLES, await_answer, floor, register, started, unlogged

from ai_ops.cli.common import resolve_feature
from ai_ops.storage.root import Root

FEATURE = "flight_delay"
BATCH = 100
WORKERS = (1, 2)
SYNC, BATCHED = "sync", "batch"


def measure(folder: Path, connections: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Start the servers, let them take turns, and compare."""
    feature = resolve_feature(FEATURE)
    roots = {log: Root.open(folder / log, {}) for log in ("logged", "unlogged")}
    registered = {log: register(root, feature) for log, root in roots.items()}
    version, encoded = registered["logged"]
    inputs = {c.name: EXAMPLES[c.type][0] for c in feature.inputs}
    single = json.dumps({"inputs": inputs}).encode()
    batch = json.dumps({"predictions": [{"inputs": inputs}] * BATCH}).encode()
    python, local = sys.executable, "http://127.0.0.1"
    quiet = {"OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    quiet |= {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    contenders: list[Contender] = []
    with ExitStack() as stack:
        waiting = []

        def start(command: Sequence[str], port: int, health: str, store: str) -> int:
            environment = quiet | {"MLFLOW_TRACKING_URI": store}
            waiting.append(f"{local}:{port}{health}")
            return stack.enter_context(started([*command], environment))

        for log, root in roots.items():
            for workers in WORKERS:
                port, place = _free_port(), str(root.folder)
                own = [python, "-m", "ai_ops.cli.serve", FEATURE, "--root", place]
                own += ["--port", str(port), "--workers", str(workers)]
                if log == "unlogged":
                    own = [python, __file__, "--unlogged", place, str(port), str(workers)]
                pid = start(own, port, "/health", root.registry.uri)
                name = f"ai_ops_{log}_{workers}"
                contenders += [
                    Contender(f"{name}_{SYNC}", port, "/predict", single, 1, pid),
                    Contender(f"{name}_{BATCHED}", port, "/predict/batch", batch, BATCH, pid),
                ]
        port = _free_port()
        mlflow = [python, "-m", "mlflow", "models", "serve", "-m", f"models:/{FEATURE}/{version}"]
        mlflow += ["--env-manager", "local", "--workers", "1", "--port", str(port)]
        pid = start(mlflow, port, "/ping", roots["logged"].registry.uri)
        for mode, rows in ((SYNC, 1), (BATCHED, BATCH)):
            body = json.dumps({"inputs": [encoded] * rows}).encode()
            contenders.append(Contender(f"mlflow_1_{mode}", port, "/invocations", body, rows, pid))
        port = _free_port()
        pid = start([python, __file__, "--floor", str(port)], port, "/", "")
        contenders.append(Contender(f"floor_{SYNC}", port, "/", single, 1, pid))
        for url in waiting:
            await_answer(url)
        for number in range(rounds + 1):  # the first round warms up
            for contender in contenders:
                uvloop.run(ask(contender, connections, seconds / rounds, keep=number > 0))
    segments = roots["logged"].segments.glob(f"{FEATURE}/*/*.jsonl")
    logged = sum(file.read_bytes().count(b'"kind":"prediction"') for file in segments)
    return report({one.name: one for one in contenders}, logged)


def report(contenders: Mapping[str, Contender], logged: int) -> dict[str, Any]:
    """What is printed: what over what, and the numbers behind it."""
    measured: dict[str, float] = {"ai_ops_logged_count": logged}
    measured["machine_load_count"] = round(os.getloadavg()[0], 1)
    for name, one in contenders.items():
        measured[f"{name}_requests_per_second"] = round(one.rate, 1)
        measured[f"{name}_cpu_us"] = round(one.cpu_us, 1)
        measured[f"{name}_p50_ms"] = round(one.percentile(50), 2)
        measured[f"{name}_p99_ms"] = round(one.percentile(99), 2)
        if one.rows > 1:
            measured[f"{name}_rows_per_second"] = round(one.rate * one.rows)
    ratios: dict[str, float] = {}
    for mode in (SYNC, BATCHED):
        peer = contenders[f"mlflow_1_{mode}"]
        for workers in WORKERS:
            with_log = contenders[f"ai_ops_logged_{workers}_{mode}"]
            without = contenders[f"ai_ops_unlogged_{workers}_{mode}"]
            kind = f"{workers}_{mode}"
            ratios[f"{kind}_requests_per_second_over_mlflow"] = with_log.rate / peer.rate
            ratios[f"{kind}_requests_per_second_logged_over_unlogged"] = (
                with_log.rate / without.rate
            )
            ratios[f"{kind}_cpu_logged_over_unlogged"] = with_log.cpu_us / without.cpu_us
        ratios[f"{mode}_cpu_over_mlflow"] = (
            contenders[f"ai_ops_logged_1_{mode}"].cpu_us / peer.cpu_us
        )
    one, empty = contenders[f"ai_ops_logged_1_{SYNC}"], contenders[f"floor_{SYNC}"]
    ratios["p99_over_mlflow"] = one.percentile(99) / contenders[f"mlflow_1_{SYNC}"].percentile(99)
    ratios["requests_per_second_over_floor"] = one.rate / empty.rate
    return {
        "name": "serving",
        "ratios": {name: round(ratio, 2) for name, ratio in ratios.items()},
        "measured": measured,
    }


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4.0, help="per contender, after warm-up")
    parser.add_argument("--rounds", type=int, default=4, help="turns that the seconds are cut into")
    parser.add_argument("--floor", type=int, metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--unlogged", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.floor:
        floor(asked.floor)
        return
    if asked.unlogged:
        folder, port, workers = asked.unlogged
        unlogged(FEATURE, Path(folder), int(port), int(workers))
        return
    with tempfile.TemporaryDirectory() as place:
        result = measure(Path(place), asked.connections, asked.seconds, asked.rounds)
    if asked.json:
        print(json.dumps(result))
        return
    for name, value in {**result["ratios"], **result["measured"]}.items():
        print(f"{name:50} {value}")


if __name__ == "__main__":
    main()
