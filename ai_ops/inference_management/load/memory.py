"""What processes hold in memory while they are under load, sampled from beside."""

import bisect
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import psutil

from ai_ops.inference_management.load.course import Course
from ai_ops.inference_management.load.slopes import steady_growth

EVERY_SECONDS: Final = 0.1

Processes = Callable[[], Sequence[psutil.Process]]


@dataclass
class MemorySampler:
    """Samples, in a thread of its own, what some processes hold together: (monotonic time, MB).

    ``processes`` tells which they are now, so that a worker that is started again is counted.
    """

    processes: Processes
    samples: list[tuple[float, float]] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)
    _thread: threading.Thread | None = field(default=None, repr=False)

    def __enter__(self) -> "MemorySampler":
        self._thread = threading.Thread(target=self._sample, name="memory", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def at(self, moment: float) -> float | None:
        """What was held at a moment: the last sample before it, None where there is none."""
        known = [held for when, held in self.samples if when <= moment]
        return known[-1] if known else None

    def _sample(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            try:
                held = sum(one.memory_info().rss for one in self.processes()) / 1e6
            except psutil.Error:
                continue  # one that ended between being named and being read: the next look counts
            self.samples.append((time.monotonic(), held))


def over_predictions(
    samples: Sequence[tuple[float, float]], courses: Sequence[tuple[Course, int]]
) -> list[tuple[float, float]]:
    """The samples of loaded times, by how many predictions had been answered when each was taken.

    ``courses`` come with the rows that each of their requests asked for.
    """
    answered = sorted((one.ended, rows) for course, rows in courses for one in course.answered)
    times = [ended for ended, _ in answered]
    counts = [0]
    for _, rows in answered:
        counts.append(counts[-1] + rows)
    return [
        (float(counts[bisect.bisect_right(times, when)]), held)
        for when, held in samples
        if any(_under_way(course, when) for course, _ in courses)
    ]


def growth_per_1000(points: Sequence[tuple[float, float]]) -> float | None:
    """By how many MB the processes grew for every 1,000 predictions, once they were warm.

    >>> growth_per_1000([(100.0 * n, 300 + 0.5 * n) for n in range(40)])
    5.0
    """
    slope = steady_growth(points)
    return None if slope is None else slope * 1000


def _under_way(course: Course, moment: float) -> bool:
    if not course.requests:
        return False
    return course.requests[0].intended <= moment <= course.requests[-1].ended
