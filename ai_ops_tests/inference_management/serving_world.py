"""A tiny AI feature with real registered versions, and its server as a real process."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
import torch
import uvicorn
import yaml

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.ai_features.parts import InputColumn
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.registry import Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.words import EventKind

NAME = "tiny"
DAY = "2021-03-04"
PROBABILITIES = {"1": 0.25, "2": 0.75}
ROWS = {"city": ["A", "B", "A"], "temp": [1.0, None, 3.0], "express": [True, False, True]}
GOOD = {"city": "A", "temp": 20.5, "express": True}
_OWNER = {"accountable": "someone@example.com"}

ATTRIBUTES: dict[str, Any] = {
    "name": NAME,
    "title": "Is it late?",
    "served_by": "own_model",
    "monitoring": {"start": date(2021, 1, 1)},
    "inputs": [
        {"name": "city", "type": "category"},
        {"name": "temp", "type": "number", "nullable": True},
        {"name": "express", "type": "boolean"},
    ],
    "outputs": [
        {"name": "probability", "type": "probability"},
        {"name": "late", "type": "boolean"},
    ],
    "judged": {"score": "probability", "decision": "late", "threshold": 0.5},
    "ground_truth": {"labels": "sources/tiny/labels/*.parquet"},
    "user_actions": {"table": "sources/tiny/actions/*.parquet"},
    "owners": {
        **dict.fromkeys(
            (
                "prediction_logging",
                "drift_monitoring",
                "retraining_pipeline",
                "inference_management",
            ),
            _OWNER,
        ),
        "accuracy_evaluation": {"follows": "drift_monitoring"},
    },
    "serving": {"expected_peak": {"requests_per_second": 50}, "poll_seconds": 0.1},
}


class Constant(torch.nn.Module):
    """A model that answers every row with the same probability."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = torch.nn.Parameter(torch.tensor(probability), requires_grad=False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows.sum(dim=1, keepdim=True) * 0 + self.probability


def write_feature(folder: Path) -> AiFeatureSpec:
    """The tiny feature, declared in ``<folder>/tiny/defs.yaml``."""
    file = folder / NAME / "defs.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump({"type": "ai_ops.AiFeature", "attributes": ATTRIBUTES}))
    return load_feature(file)


def register(registry: Registry, probability: float) -> str:
    """Register a version of constant output; returns its number."""
    inputs = [InputColumn(**column) for column in ATTRIBUTES["inputs"]]
    encoder = TabularEncoder.fit(ROWS, inputs)
    version = registry.register(
        NAME,
        Constant(probability),
        encoder,
        encoder.encode(ROWS),
        metrics={},
        params={},
        dataset=pd.DataFrame({"x": [1.0]}),
        dataset_digest="0" * 32,
        reference=pa.table({"id": ["a"], "probability": [probability]}),
    )
    return version.version


def registered(base: Path) -> Path:
    """A registry with version 1 (always 0.25) and 2 (always 0.75), made once below ``base``."""
    folder = base / "registered-versions"
    database = folder / "mlflow" / "mlflow.db"
    if not (folder / "complete").exists():
        registry = Registry(f"sqlite:///{database}", folder / "mlflow" / "artifacts")
        for probability in PROBABILITIES.values():
            register(registry, probability)
        (folder / "complete").touch()
    return database


def root_with(database: Path, folder: Path, champion: str | None = "1") -> Root:
    """A replay's root at noon of ``DAY`` with a registry of its own, copied from ``database``."""
    own = folder / "mlflow" / "mlflow.db"
    own.parent.mkdir(parents=True)
    shutil.copy(database, own)
    root = Root.open(folder, {})
    root.begin_replay(utc(f"{DAY}T12:00:00Z"))
    if champion:
        serve_version(root, champion, kind="launch")
    return root


def serve_version(root: Root, version: str, kind: EventKind = "rollback") -> None:
    """Bring a version to production as far as a server sees it: by ledger and registry."""
    said = {"version": version, "previous": root.registry.champion(NAME), "by": "a@example.com"}
    root.ledger.append([NewEvent(kind, NAME, said)], clock=root.clock)
    root.registry.set_alias(NAME, "champion", version)


@dataclass
class Server:
    """A server process that answers."""

    process: subprocess.Popen[str]
    url: str

    def kill(self) -> None:
        """End it without a chance to tidy up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=20)

    def terminate(self) -> None:
        """End it as a supervisor would."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)


@contextmanager
def serving(root: Root, defs: Path, *options: str) -> Iterator[Server]:
    """``ai-ops serve tiny`` on a free port, until the block ends."""
    command = [sys.executable, "-m", "ai_ops.cli.serve", NAME, "--root", str(root.folder)]
    process = subprocess.Popen(
        [*command, "--defs", str(defs), "--port", "0", *options],
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(),
    )
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        found = re.search(r"http://[\d.:]+", ready)
        assert found, f"the server did not start: {ready!r}"
        yield Server(process, found[0])
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def asking(app: Any) -> Iterator[httpx.Client]:
    """Who asks an application that a thread of the test serves, from its start to its end."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="critical", ws="none", lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the application did not start"
                time.sleep(0.005)
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            with httpx.Client(base_url=url, timeout=20) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


def predict(url: str, body: Any) -> httpx.Response:
    """One prediction; ``body`` may hold NaN, which JSON does not know and clients send anyway."""
    return httpx.post(f"{url}/predict", content=json.dumps(body), timeout=20)


def _environment() -> dict[str, str]:
    # MLflow writes its process-wide tracking URI into the environment; a child must not follow it.
    inherited = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    return {**inherited, "OMP_NUM_THREADS": "1"}
