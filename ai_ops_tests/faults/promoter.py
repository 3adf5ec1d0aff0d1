"""A promotion in a process of its own, which stops at one of its steps and waits there.

The pauses are put around the real functions here: the product has no hook for them.
"""

import signal
from collections.abc import Callable
from functools import wraps
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ai_ops.retraining_pipeline import promotion
from ai_ops.storage.ledger import Ledger
from ai_ops.storage.registry import Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import PromotionRefused
from ai_ops_tests.retraining_pipeline.pipeline_world import FEATURE

STEPS = ("begun", "looked", "to record", "in the transaction", "recorded", "moved")
"""Where a promotion can be stopped: from before it reads anything to after the alias is moved."""


def promote_until(folder: Path, version: str, step: str, told: Connection) -> None:
    """Promote, tell when the step is reached, and wait there for whatever comes."""

    def pause() -> None:
        told.send(step)
        signal.pause()

    root = _opened(folder)
    match step:
        case "begun":
            pause()
        case "looked":
            promotion.obstacles = _then(promotion.obstacles, pause)
        case "to record":
            Ledger.append = _first(Ledger.append, pause)  # type: ignore[method-assign]
        case "in the transaction":
            sa.event.listen(sa.Engine, "commit", lambda connection: _in(connection, pause))
        case "recorded":
            Registry.set_alias = _first(Registry.set_alias, pause)  # type: ignore[method-assign]
        case "moved":
            Registry.set_alias = _then(Registry.set_alias, pause)  # type: ignore[method-assign]
    promotion.promote(root, FEATURE, version)
    told.send("not stopped")


def promote_when_told(folder: Path, version: str, told: Connection) -> None:
    """Wait for a word, promote, and say what became of it."""
    root = _opened(folder)
    told.send("ready")
    told.recv()
    try:
        told.send(("moved", promotion.promote(root, FEATURE, version).version))
    except PromotionRefused as refused:
        told.send(("refused", "; ".join(refused.reasons)))


def _opened(folder: Path) -> Root:
    # The files of the versions are whole here, and what reads them takes seconds to import.
    Registry.load = lambda *_: None  # type: ignore[method-assign,assignment,return-value]
    return Root.open(folder, environment={})


def _first(real: Callable[..., Any], pause: Callable[[], None]) -> Callable[..., Any]:
    @wraps(real)
    def paused(*asked: Any, **named: Any) -> Any:
        pause()
        return real(*asked, **named)

    return paused


def _then(real: Callable[..., Any], pause: Callable[[], None]) -> Callable[..., Any]:
    @wraps(real)
    def paused(*asked: Any, **named: Any) -> Any:
        answer = real(*asked, **named)
        pause()
        return answer

    return paused


def _in(connection: sa.Connection, pause: Callable[[], None]) -> None:
    if connection.get_execution_options().get("ledger_writes"):
        pause()
