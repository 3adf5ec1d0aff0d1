"""What takes long to make and is the same in every test: made once for all workers, then read."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

T = TypeVar("T")

_shared: list[Path] = []
"""The folder that the workers of this run share; empty before the run has begun."""


def share(folder: Path) -> None:
    """Keep what is made from now on in a folder of this run."""
    folder.mkdir(exist_ok=True)
    _shared[:] = [folder]


def made_once(name: str, make: Callable[[], T]) -> T:
    """What ``make`` returns, made by the first worker that asks; outside a run it is made anew."""
    if not _shared:
        return make()
    path = _shared[0] / f"{name}.pickle"
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            path.write_bytes(pickle.dumps(make()))
    made: T = pickle.loads(path.read_bytes())
    return made
