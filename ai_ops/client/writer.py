"""One process's side of a log: its lock, its counts, its incarnation, its thread."""

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ai_ops.client import processes
from ai_ops.client.incarnation import Incarnation
from ai_ops.client.policy import Policy
from ai_ops.client.telling import Counts, Teller
from ai_ops.vocabulary.clock import Clock
from ai_ops.vocabulary.errors import ClockRefused, LogWriteFailed

_SHORTEST_TICK: Final = 0.02
_logger = logging.getLogger(__name__)


class Writer:
    """Writes for one process, which begins an incarnation when it first has something to tell.

    Its thread syncs, gives heartbeats and seals the parts that ended: no caller waits for that.
    """

    def __init__(
        self, directory: Path, name: str, clock: Clock, policy: Policy, sync_seconds: float
    ) -> None:
        self.counts = Counts()
        self.incarnation: Incarnation | None = None
        # One that a thread may take again: a handler of a signal may record, or close, as well.
        self.lock = threading.RLock()
        self._directory, self._name, self._clock, self._policy = directory, name, clock, policy
        self._now = clock.now
        self._tick_seconds = max(_SHORTEST_TICK, min(sync_seconds, policy.heartbeat_seconds))
        # The incarnation while nothing but a write stands between a prediction and its line.
        self._usual: Incarnation | None = None
        self.closed = False
        self._sync_error: OSError | None = None
        self._seen = datetime.min.replace(tzinfo=UTC)  # what the clock last told
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin now."""
        with self.lock:
            now = self._now()
            self._prepared(now, 0).keep(now)

    def write(self, bodies: Sequence[bytes], withheld: int = 0) -> None:
        """Write predictions, encoded; ``LogWriteFailed`` when none of them is written."""
        self.lock.acquire()  # half the price of ``with``: every prediction passes here
        try:
            incarnation, now = self._usual, self._now()
            if incarnation is None:
                incarnation = self._prepared(now, len(bodies))
            incarnation.append(bodies, now)
            if withheld:
                self.counts.withheld += withheld
        except ClockRefused as error:
            self.counts.fail(len(bodies))
            raise LogWriteFailed(f"{self._directory}: no time is told ({error})") from error
        finally:
            self.lock.release()

    def count(
        self, *, failures: int = 0, unsampled: int = 0, served: int = 0, turned_away: int = 0
    ) -> None:
        """Count what leaves no line of its own."""
        with self.lock:
            self.counts.fail(failures)
            self.counts.unsampled += unsampled
            self.counts.turned_away += turned_away
            if served:
                self.counts.served = (self.counts.served or 0) + served
            if not self._usual and not self.closed:
                with suppress(LogWriteFailed, ClockRefused):  # the first heartbeat will tell it
                    self._prepared(self._now(), 0)

    def close(self) -> None:
        """End in order.

        The lock is held until all is done, so that whoever closes it again finds it done.
        """
        with self.lock:
            if self.closed:
                return
            self.closed, self._usual = True, None
            self._ended.set()
            if self.incarnation:
                self._end(self.incarnation)

    def let_go_after_fork(self) -> None:
        """Close a forked child's handles: files, locks and reserved space stay its parent's."""
        if self.incarnation:
            self.incarnation.let_go()

    def _prepared(self, now: datetime, count: int) -> Incarnation:
        """See to what stands between ``count`` predictions and their lines, or tell it."""
        if self.closed:
            self.counts.fail(count)
            raise LogWriteFailed(f"{self._directory}: the log is closed")
        if self.incarnation is None:
            teller = Teller(self._policy, self._name, self._clock.mode, now)
            self.incarnation = Incarnation(self._directory, self._policy, teller, self.counts)
            self._seen = now
            processes.close_at_the_end_of_a_child(self.close)
            with suppress(RuntimeError):  # no thread starts while the interpreter ends
                threading.Thread(target=self._keep, name="prediction-log", daemon=True).start()
        if self._sync_error and count:
            # Told to a caller: nobody waits on the thread that met it.
            error, self._sync_error = self._sync_error, None
            self.incarnation.leave_part()
            self.counts.fail(count)
            raise LogWriteFailed(f"{self._directory}: the disk lost writes ({error})") from error
        self._usual = None if self._sync_error else self.incarnation
        return self.incarnation

    def _keep(self) -> None:
        while not self._ended.wait(self._tick_seconds):
            try:
                self._tick()
            except Exception:  # whatever a clock does: without this thread nothing is synced
                _logger.exception("%s: heartbeats and syncs are in danger", self._directory)

    def _tick(self) -> None:
        with self.lock:
            incarnation = self.incarnation
            if self.closed or incarnation is None:
                return
            # A disk or a clock that refuses is told to the caller of the next prediction.
            with suppress(LogWriteFailed, ClockRefused):
                self._seen = self._now()
                incarnation.keep(self._seen)
            segment, now = incarnation.segment, self._seen
        try:
            incarnation.sealing.settle(now, segment)
        except OSError as error:
            with self.lock:
                self._sync_error, self._usual = error, None

    def _end(self, incarnation: Incarnation) -> None:
        with suppress(ClockRefused):
            self._seen = self._now()
        try:
            incarnation.close(self._seen)
        finally:
            try:
                incarnation.sealing.finish(self._seen)
            except OSError as error:
                lost = f"{self._directory}: the disk lost writes ({error})"
                raise LogWriteFailed(lost) from error
