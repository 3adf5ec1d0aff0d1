"""The processes of an endpoint on this machine, watched from beside: their memory and their CPU."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psutil

from ai_ops.inference_management.load.memory import (
    MemorySampler,
    Processes,
    growth_per_1000,
    over_predictions,
)
from ai_ops.inference_management.load_test_phases import Measured
from ai_ops.inference_management.load_test_records import ColdStart, Memory
from ai_ops.vocabulary.errors import BadInput

SETTLED_SECONDS: Final = 1.0
"""How long after the load memory is looked at once more."""


@dataclass
class Watched:
    """Processes under load; ``before_model_mb`` and ``loaded_mb`` are what they held before it."""

    processes: Processes
    sampler: MemorySampler
    before_model_mb: float | None = None
    loaded_mb: float = 0.0

    def loaded(self, begun: float, cold: ColdStart | None) -> None:
        """Note what is held now that the model is loaded, and what was before it: as many seconds
        before the server was healthy as it says that loading took."""
        self.loaded_mb = self._held()
        load = cold.model_load_seconds if cold else None
        if cold is not None and load is not None:
            self.before_model_mb = self.sampler.at(begun + cold.healthy_seconds - load)

    def cpu_seconds(self) -> float | None:
        """The CPU that the processes took so far; None when one ended meanwhile."""
        try:
            spent = [one.cpu_times() for one in self.processes()]
        except psutil.Error:
            return None
        return sum(one.user + one.system for one in spent)

    def memory(self, measured: Measured) -> tuple[Memory, list[tuple[float, float]]]:
        """What the processes held, and that over the predictions of the phases."""
        time.sleep(SETTLED_SECONDS)
        samples = list(self.sampler.samples)
        over = over_predictions(samples, measured.of_phases())
        held = Memory(
            before_model_mb=self.before_model_mb,
            loaded_mb=self.loaded_mb,
            peak_mb=max((mb for _, mb in samples), default=0.0),
            after_mb=samples[-1][1] if samples else 0.0,
            leak_mb_per_1000=growth_per_1000(over),
            samples=len(over),
            predictions=int(over[-1][0]) if over else 0,
        )
        return held, over

    def _held(self) -> float:
        try:
            return sum(one.memory_info().rss for one in self.processes()) / 1e6
        except psutil.Error:
            return self.sampler.samples[-1][1] if self.sampler.samples else 0.0


@contextmanager
def watching(processes: Processes) -> Iterator[Watched]:
    """Processes, watched while the block runs."""
    with MemorySampler(processes) as sampler:
        yield Watched(processes, sampler)


@contextmanager
def watching_process(pid: int) -> Iterator[Watched]:
    """A process that serves already, and its children; ``BadInput`` where there is none."""
    try:
        process = psutil.Process(pid)
        process.memory_info()
    except psutil.Error as error:
        raise BadInput(f"--pid: {pid} cannot be watched: {error}") from None
    with watching(lambda: [process, *process.children(recursive=True)]) as watched:
        watched.loaded(0.0, None)
        yield watched
