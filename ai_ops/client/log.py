"""The log of predictions that an application writes."""

import atexit
import os
import re
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ai_ops.client.lines import encode
from ai_ops.client.policy import Policy
from ai_ops.client.records import Prediction
from ai_ops.client.segment import Segment
from ai_ops.vocabulary.clock import Clock, WallClock
from ai_ops.vocabulary.errors import BadInput, ClockRefused, LogWriteFailed
from ai_ops.vocabulary.words import Mode, PredictionStatus

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")


class PredictionLog:
    """Writes one AI feature's predictions, each with one checked write before it returns.

    ``folder`` is where segments lie: ``<folder>/<feature>/<writer>/<incarnation>.jsonl``, one file
    a process lifetime. A writer's name is its role, as ``web-1``; two processes may share it. Safe
    for threads; after a fork the child begins a segment of its own. What was written survives the
    death of the process at once, and a loss of power after ``sync_seconds`` at most.

    Raises ``LogWriteFailed`` when a prediction could not be written: whether to answer without a
    record is the application's decision, ``failures`` counts them.
    """

    def __init__(
        self,
        folder: Path | str,
        feature: str,
        writer: str,
        clock: Clock | None = None,
        *,
        policy: Policy | None = None,
        sync_seconds: float = 1.0,
    ) -> None:
        for what, name in (("feature", feature), ("writer", writer)):
            if not _NAME.match(name):
                raise BadInput(f"{what} {name!r}: use letters, digits, dot, dash and underscore")
        self._directory = Path(folder) / feature / writer
        self._feature, self._writer, self._clock = feature, writer, clock or WallClock()
        self._policy = policy or Policy(feature=feature)
        self._sync_seconds = sync_seconds
        self._failures = 0
        self._closed = False
        self._segment: Segment | None = None
        self._sync_error: OSError | None = None
        self._dirty = False
        self._begin()
        self._segment = self._open()
        _after_fork(self)
        atexit.register(self.close)

    @property
    def failures(self) -> int:
        """How many predictions could not be written."""
        return self._failures

    @property
    def incarnation(self) -> str | None:
        """The name of the segment that is written now; None after a failed write or a fork."""
        segment = self._segment
        return segment.incarnation if segment else None

    def record(
        self,
        *,
        id: str,
        model_version: str | None,
        input: Any,
        output: Any = None,
        status: PredictionStatus = "ok",
        error: str | None = None,
        latency_ms: float | None = None,
        call_site: str | None = None,
        mode: Mode = "sync",
        tenant: str | None = None,
        subject: str | None = None,
        cost: Mapping[str, Any] | None = None,
        request_id: str | None = None,
    ) -> None:
        """Write one prediction, timed by the log's clock. The fields are ``Prediction``'s."""
        prediction = Prediction(
            id=id,
            model_version=model_version,
            input=input,
            output=output,
            status=status,
            error=error,
            latency_ms=latency_ms,
            call_site=call_site,
            mode=mode,
            tenant=tenant,
            subject=subject,
            cost=cost,
            request_id=request_id,
        )
        self.record_many((prediction,))

    def record_many(self, predictions: Sequence[Prediction]) -> None:
        """Write the predictions of one batch with one write and one time."""
        if not predictions:
            return
        try:
            bodies = [encode(prediction) for prediction in predictions]
        except (TypeError, ValueError, RecursionError) as error:
            with self._lock:
                self._fail(len(predictions))
            raise LogWriteFailed(f"{self._feature}: cannot be logged: {error}") from error
        with self._lock:
            self._write(bodies)

    def close(self) -> None:
        """End in order: a closing record, so that what is missing behind it would be known."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._wake.set()
            atexit.unregister(self.close)
            if self._segment:
                self._segment.close(self._clock.now())
                self._segment = None

    def __enter__(self) -> "PredictionLog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, bodies: Sequence[bytes]) -> None:
        segment = self._segment
        try:
            if self._closed:
                raise LogWriteFailed(f"{self._directory}: the log is closed")
            if self._sync_error:
                error, self._sync_error = self._sync_error, None
                raise LogWriteFailed(
                    f"{self._directory}: the disk lost writes ({error})"
                ) from error
            if segment is None:
                segment = self._segment = self._open()
            segment.append(bodies, self._clock.now())
        except LogWriteFailed:
            self._failures += len(bodies)
            if segment and not segment.whole:
                segment.abandon()
                self._segment = None
            raise
        except ClockRefused as error:
            self._fail(len(bodies))
            raise LogWriteFailed(f"{self._directory}: the clock tells no time ({error})") from error
        if not self._dirty:
            self._dirty = True
            self._wake.set()

    def _fail(self, count: int) -> None:
        self._failures += count
        if self._segment:
            self._segment.last += count  # the gap in the sequence stays as a trace

    def _open(self) -> Segment:
        segment = Segment(self._directory, self._feature, self._writer, self._clock.now())
        if not self._syncer.is_alive():
            self._syncer.start()
        return segment

    def _begin(self) -> None:
        """What a process needs anew: its lock, its syncing thread, no segment yet."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._dirty = False
        self._sync_error = None
        self._segment = None
        self._syncer = threading.Thread(target=self._sync, name="prediction-log-sync", daemon=True)

    def _begin_in_child(self) -> None:
        # The parent goes on with its segment; two processes would tear each other's lines.
        inherited = self._segment
        self._begin()
        if inherited:
            inherited.let_go_after_fork()

    def _sync(self) -> None:
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            self._dirty = False
            try:
                if segment := self._segment:
                    segment.sync()
            except OSError as error:
                self._sync_error = error  # told to the next caller: nobody waits on this thread
            time.sleep(self._sync_seconds)


def _after_fork(log: PredictionLog) -> None:
    reference = weakref.ref(log)
    begin: Callable[[PredictionLog], None] = PredictionLog._begin_in_child

    def in_child() -> None:
        if living := reference():
            begin(living)

    os.register_at_fork(after_in_child=in_child)
