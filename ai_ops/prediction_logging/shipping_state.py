"""What a shipping process remembers between rounds, and the right to be the only one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Final

import msgspec

from ai_ops.prediction_logging.landing_records import Manifest, Reached
from ai_ops.prediction_logging.spool import Sample
from ai_ops.vocabulary.errors import BadInput

STATE: Final = ".shipping"
"""The folder, beside those of the features, where it lies."""


class Shipped(msgspec.Struct, kw_only=True):
    """A segment that landed: when its file was last changed (ns), and how it was seen there."""

    changed: int
    manifest: Manifest
    seen: str = ""


class State(msgspec.Struct, kw_only=True):
    """What landed from here, how the spool grew, and how far each process had come.

    Lost, it is found again at the landing place. ``uncounted`` are the segments that landed, by
    folder, of which the landing place was not told yet.
    """

    shipped: dict[str, Shipped] = {}
    samples: list[Sample] = []
    reached: dict[str, Reached] = {}
    uncounted: dict[str, int] = {}


def load(folder: Path, feature: str) -> State:
    """What is remembered; nothing when the file is not there or not whole."""
    try:
        return msgspec.json.decode(_file(folder, feature).read_bytes(), type=State)
    except (FileNotFoundError, msgspec.MsgspecError):
        return State()


def remember(folder: Path, feature: str, state: State) -> None:
    """Replace what is remembered."""
    file = _file(folder, feature)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.fresh")
    fresh.write_bytes(msgspec.json.encode(state))
    fresh.replace(file)


@contextmanager
def alone(folder: Path, feature: str) -> Iterator[None]:
    """Hold the right to ship a feature from this folder; ``BadInput`` when a process holds it."""
    file = _file(folder, feature).with_suffix(".lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise BadInput(f"{folder}: another process ships {feature} from here") from None
        yield


def _file(folder: Path, feature: str) -> Path:
    return folder / STATE / f"{feature}.json"
