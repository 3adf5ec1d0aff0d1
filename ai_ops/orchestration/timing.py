"""How long the statistics took inside Dagster's runs: what is left of a run is Dagster's own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Stopwatch:
    """The seconds of wall time spent in computations and judgements while it is in use, and how
    they divide into parts."""

    seconds: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)


_current: ContextVar[Stopwatch | None] = ContextVar("stopwatch", default=None)


@contextmanager
def timing() -> Iterator[Stopwatch]:
    """A stopwatch that runs whenever something is computed or judged in this context."""
    stopwatch = Stopwatch()
    token = _current.set(stopwatch)
    try:
        yield stopwatch
    finally:
        _current.reset(token)


@contextmanager
def timed(part: str = "other") -> Iterator[None]:
    """Count what happens inside on the stopwatch in use, if there is one."""
    stopwatch = _current.get()
    begin = time.perf_counter()
    try:
        yield
    finally:
        if stopwatch is not None:
            seconds = time.perf_counter() - begin
            stopwatch.seconds += seconds
            stopwatch.parts[part] = stopwatch.parts.get(part, 0.0) + seconds
