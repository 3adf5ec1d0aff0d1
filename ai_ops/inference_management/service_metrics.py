"""What a server's workers count, in memory that they share, and its text for Prometheus.

Each worker writes into a place of its own, and any of them sums all: a count is one addition to an
integer, and goes on where it was when a worker is replaced.
"""

import mmap
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency's buckets, in seconds."""

STATUSES: Final = (200, 408, 413, 422, 429, 500, 503, 504)
"""The statuses that predictions are answered with; another one is counted under 0."""

_WORD: Final = 8
_VERSION: Final = 64
"""Bytes of a version's name that are shown."""
_WAITING, _READY, _UNWRITTEN, _STARTS, _TOLD, _HEAD = 0, 1, 2, 3, 4, 5
_STATUS_AT: Final = {status: place for place, status in enumerate((*STATUSES, 0))}
_BUCKETS_AT: Final = len(_STATUS_AT)
_SUM_AT: Final = _BUCKETS_AT + len(BOUNDS) + 1
_OF_PATH: Final = _SUM_AT + 1


class ServiceMetrics:
    """The counts of ``workers`` that serve ``paths``; this process is the one in ``place``."""

    def __init__(self, feature: str, paths: Sequence[str], workers: int = 1) -> None:
        self.place = 0
        self._feature, self._paths, self._workers = feature, tuple(paths), workers
        self._words = _HEAD + len(paths) * _OF_PATH
        size = workers * (self._words * _WORD + _VERSION)
        self._memory = mmap.mmap(-1, size)  # shared with the processes that are forked
        self._counts = memoryview(self._memory)[: workers * self._words * _WORD].cast("q")

    def begin(self, place: int) -> None:
        """Count as the worker in this place from now on; a process before it left its sums."""
        self.place = place
        self.tell(0, ready=False, version=None, unwritten=0)
        self._counts[place * self._words + _STARTS] += 1

    def end(self, place: int) -> None:
        """The worker in this place is gone: it serves nothing."""
        at, self.place = self.place, place
        self.tell(0, ready=False, version=None, unwritten=None)
        self.place = at

    def answered(self, path: int, status: int, seconds: float) -> None:
        """Count one answered request."""
        counts = self._counts
        at = self.place * self._words + _HEAD + path * _OF_PATH
        counts[at + _STATUS_AT.get(status, _BUCKETS_AT - 1)] += 1
        if status != 429:  # turned away at once: that says nothing of how long answers take
            counts[at + _BUCKETS_AT + bisect_left(BOUNDS, seconds)] += 1
            counts[at + _SUM_AT] += int(seconds * 1e9)

    def tell(
        self, waiting: int, *, ready: bool, version: str | None, unwritten: int | None
    ) -> None:
        """How this worker is now; ``unwritten`` predictions since it began, None to leave it."""
        at = self.place * self._words
        self._counts[at + _WAITING], self._counts[at + _READY] = waiting, ready
        self._counts[at + _TOLD] = time.monotonic_ns()
        if unwritten is not None:
            self._counts[at + _UNWRITTEN] = unwritten
        name = (version or "").encode()[:_VERSION].ljust(_VERSION, b"\0")
        place = self._version_at(self.place)
        if self._memory[place : place + _VERSION] != name:
            self._memory[place : place + _VERSION] = name

    def silent_for(self, place: int) -> float:
        """For how many seconds the worker in this place has told nothing of itself."""
        told = self._counts[place * self._words + _TOLD]
        return (time.monotonic_ns() - told) / 1e9

    def text(self) -> bytes:
        """All workers' sums in Prometheus's text format."""
        registry = CollectorRegistry()
        registry.register(_Collector(self))
        return generate_latest(registry)

    def families(self) -> Iterator[Metric]:
        """The metrics, each summed over the workers."""
        feature = self._feature
        requests = CounterMetricFamily(
            "ai_ops_http_requests",
            "Requests for predictions that were answered.",
            labels=("feature", "path", "status"),
        )
        durations = HistogramMetricFamily(
            "ai_ops_http_request_duration_seconds",
            "From a request's headers to the end of its answer.",
            labels=("feature", "path"),
        )
        for number, path in enumerate(self._paths):
            summed = self._of_path(number)
            for status, place in _STATUS_AT.items():
                if summed[place]:
                    requests.add_metric((feature, path, str(status or "other")), summed[place])
            buckets, total = [], 0
            for bound, count in zip((*BOUNDS, None), summed[_BUCKETS_AT:_SUM_AT], strict=True):
                total += count
                buckets.append(("+Inf" if bound is None else str(bound), float(total)))
            durations.add_metric((feature, path), buckets, summed[_SUM_AT] / 1e9)
        yield requests
        yield durations
        yield from self._states()

    def _states(self) -> Iterator[Metric]:
        for name, words, at in (
            ("ai_ops_http_requests_in_flight", "Requests that wait for their answer.", _WAITING),
            ("ai_ops_workers_ready", "Workers that have a model and are not ending.", _READY),
        ):
            gauge = GaugeMetricFamily(name, words, labels=("feature",))
            gauge.add_metric((self._feature,), self._sum(at))
            yield gauge
        for name, words, at in (("ai_ops_worker_starts", "Workers that were started.", _STARTS),):
            counter = CounterMetricFamily(name, words, labels=("feature",))
            counter.add_metric((self._feature,), self._sum(at))
            yield counter
        unwritten = GaugeMetricFamily(
            "ai_ops_predictions_unwritten",
            "Predictions that the workers of now could not write to the log.",
            labels=("feature",),
        )
        unwritten.add_metric((self._feature,), self._sum(_UNWRITTEN))
        yield unwritten
        info = GaugeMetricFamily(
            "ai_ops_model_info", "Workers that serve this version.", labels=("feature", "version")
        )
        serving = [name for worker in range(self._workers) if (name := self._version_of(worker))]
        for version in sorted(set(serving)):
            info.add_metric((self._feature, version), serving.count(version))
        yield info

    def _sum(self, at: int) -> int:
        return sum(self._counts[worker * self._words + at] for worker in range(self._workers))

    def _of_path(self, path: int) -> list[int]:
        begin = _HEAD + path * _OF_PATH
        return [self._sum(begin + place) for place in range(_OF_PATH)]

    def _version_of(self, worker: int) -> str:
        place = self._version_at(worker)
        seen = self._memory[place : place + _VERSION]
        return seen.rstrip(b"\0").decode(errors="replace")

    def _version_at(self, worker: int) -> int:
        return self._workers * self._words * _WORD + worker * _VERSION


class _Collector(Collector):
    def __init__(self, metrics: ServiceMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        return self._metrics.families()
