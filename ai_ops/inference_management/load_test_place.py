"""Where a load test's own server runs: beside production, with nothing of production's written to.

It reads production's registry and ledger, to serve what is really live. Its segments and its lake
are a folder of the test that is removed with it: no prediction of a test is ever read as one.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import psutil

from ai_ops.storage.clocks import ReplayClock
from ai_ops.storage.root import LAKE_VARIABLE, LEDGER_VARIABLE, TRACKING_VARIABLE, Root

FOLDER: Final = "drills"
"""Below the root's folder."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that is a root of its own to whoever runs with these variables."""

    folder: Path
    environment: Mapping[str, str]


@contextmanager
def apart(root: Root) -> Iterator[Place]:
    """A place for one test, removed when it ends, with what tests that were killed left."""
    drills = root.folder / FOLDER
    sweep(drills)
    folder = drills / f"load-{os.getpid()}-{uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    try:
        clock = root.clock
        if clock.mode == "replay":
            ReplayClock(folder / "lake" / "clock.json").advance(clock.now())
        yield Place(
            folder,
            {
                LEDGER_VARIABLE: root.ledger.url,
                TRACKING_VARIABLE: root.registry.uri,
                LAKE_VARIABLE: str(folder / "lake"),
            },
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # another test's place is there
            drills.rmdir()


def sweep(drills: Path) -> None:
    """Remove the places whose test is gone: they hold copies of what was asked."""
    for folder in drills.glob("load-*-*"):
        owner = folder.name.split("-")[1]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
