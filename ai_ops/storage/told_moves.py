"""A mark in the root's folder that the version in production moved: servers of this machine look.

A glance at it costs microseconds, so that it can be taken ten times a second where the registry is
asked every other second. It says nothing but "look now": which version serves, registry and ledger
say. Servers of other machines see no mark, and poll.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from ai_ops.storage.root import Root

FOLDER: Final = "moved"

Mark = tuple[int, int] | None
"""What tells one mark from the next; None while there is none."""


def tell(root: Root, feature: str) -> None:
    """Leave the mark that a feature's version moved."""
    # The move is done: on a disk that takes no mark, servers see it when they poll.
    with suppress(OSError):
        file = _file(root, feature)
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        fresh.touch()
        fresh.replace(file)


def told(root: Root, feature: str) -> Callable[[], Mark]:
    """Glances at the mark of a feature."""
    file = _file(root, feature)

    def glance() -> Mark:
        try:
            found = os.stat(file)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    return glance


def _file(root: Root, feature: str) -> Path:
    return root.folder / FOLDER / feature
