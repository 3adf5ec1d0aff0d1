"""A server within the test whose model answers when it is let, and what it logged."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ai_ops.client import PredictionLog
from ai_ops.client.lines import read_line
from ai_ops.inference_management.listening import Server, address, bound
from ai_ops.inference_management.predictor import Serving
from ai_ops.inference_management.server import Parts, create_app
from ai_ops.storage.clocks import WallClock
from ai_ops.storage.root import Root
from ai_ops_tests.inference_management.serving_world import write_feature

PATIENCE = 20.0


class Held:
    """A model that says nothing until it is let; it stands where the champion stands, too."""

    def __init__(self, version: str | None = "1") -> None:
        self.let, self.asked = threading.Event(), threading.Event()
        self.serving = Serving(version=version, model=self if version else None)  # type: ignore[arg-type]

    def start(self) -> None:
        """Nobody is followed."""

    def stop(self) -> None:
        """Nobody was."""

    def scores(self, rows: Any) -> Any:
        """One half for everything, once it is let."""
        self.asked.set()
        assert self.let.wait(PATIENCE)
        return np.full(len(rows["city"]) if isinstance(rows, dict) else len(rows), 0.5)


@dataclass
class Slow:
    """The server, its model and what is to be known of them."""

    url: str
    model: Held
    server: Server
    parts: Parts
    root: Root

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def connected(self) -> socket.socket:
        """A connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def lines(self) -> list[Any]:
        """What stands in its log."""
        files = sorted(self.root.segments.rglob("*.jsonl"))
        return [read_line(one) for f in files for one in f.read_bytes().splitlines(keepends=True)]


@contextmanager
def slow_server(
    folder: Path, *, held: bool = True, version: str | None = "1", **serving: Any
) -> Iterator[Slow]:
    """The server, until the block ends; ``serving`` are changes to that part of the feature."""
    feature = write_feature(folder / "defs")
    feature = feature.model_copy(update={"serving": feature.serving.model_copy(update=serving)})
    root = Root.open(folder / "root", {})
    log = PredictionLog(root.segments, feature.name, "web", WallClock())
    model: Any = Held(version)
    if not held:
        model.let.set()
    app = create_app(root, feature, log, champion=model)
    parts: Parts = app.state.parts
    parts.metrics.begin(0)
    listening, began = bound("127.0.0.1", 0), threading.Event()
    url = address(listening)
    server = Server(app, listening, parts.pressure, began.set, parts.tell, ends_after=10)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert began.wait(PATIENCE), "the server did not start"
        yield Slow(url, model, server, parts, root)
    finally:
        model.let.set()
        server.should_exit = True
        thread.join()


def until(holds: Any) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.005)
