"""The servers under measurement: what they serve, how they start, and those that are no product."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import torch

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root

EXAMPLES: dict[str, tuple[Any, Any]] = {
    "number": (1.5, 20.0),
    "category": ("A", "B"),
    "boolean": (True, False),
}


class Linear(torch.nn.Module):
    """One linear layer: a model small enough for the server around it to be what is measured."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(width, 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.layer(rows))


def register(root: Root, feature: AiFeatureSpec) -> tuple[str, Sequence[float]]:
    """Register the model, make it champion; its version, and one row encoded for MLflow."""
    columns = {c.name: list(EXAMPLES[c.type]) for c in feature.inputs}
    encoder = TabularEncoder.fit(columns, feature.inputs)
    encoded = encoder.encode(columns)
    version = root.registry.register(
        feature.name,
        Linear(encoder.width),
        encoder,
        encoded,
        metrics={},
        params={},
        dataset=pd.DataFrame(columns),
        dataset_digest="0" * 32,
        reference=pa.table({"id": ["a"], "probability": [0.5]}),
    ).version
    launch = {"version": version, "previous": None, "by": "benchmark"}
    root.ledger.append([NewEvent("launch", feature.name, launch)], clock=root.clock)
    root.registry.set_alias(feature.name, "champion", version)
    return version, encoded[0].tolist()


@contextmanager
def started(command: Sequence[str], environment: dict[str, str]) -> Iterator[int]:
    """A server's process until the block ends; its id."""
    # MLflow starts uvicorn by its bare name, and as a child: it needs a path and a group to end.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            command,
            stdout=told,
            stderr=told,
            env={**os.environ, **environment, "PATH": path},
            start_new_session=True,
        )
        try:
            yield process.pid
            if process.poll() is not None:
                told.seek(0)
                raise RuntimeError(f"{command} ended: {told.read().decode()}")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()


def await_answer(url: str) -> None:
    """Wait until a server answers."""
    give_up = time.monotonic() + 240
    while not _answers(url):
        if time.monotonic() > give_up:
            raise RuntimeError(f"{url} does not answer")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def floor(port: int) -> None:
    """The floor: an endpoint that reads the body and answers nothing."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def empty(request: Request) -> Response:
        await request.body()
        return Response(b"{}", media_type="application/json")

    app = Starlette(routes=[Route("/", empty, methods=["GET", "POST"])])
    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", access_log=False, log_level="error"
    )


class Unlogged:
    """Stands where the log stands, and writes nothing."""

    failures = 0
    incarnation = "none"

    def record_many(self, predictions: Sequence[Any]) -> bool:
        return True

    def served(self, count: int = 1) -> None: ...

    def turned_away(self, count: int = 1) -> None: ...

    def close(self) -> None: ...


def unlogged(feature: str, folder: Path, port: int, workers: int) -> None:
    """`ai-ops serve` without a log: no option of the product, for measuring only."""
    from ai_ops.cli import serve

    serve._log = lambda *_: Unlogged()  # type: ignore[assignment,return-value]
    serve.serve(feature, folder, port=port, workers=workers)
