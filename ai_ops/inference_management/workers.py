"""Several processes that serve one socket: started, watched, replaced, and ended together."""

import contextlib
import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ai_ops.inference_management.service_metrics import ServiceMetrics

REST_SECONDS: Final = (0.2, 10.0)
"""After a worker died before it was ready: the least and the most to wait until the next one."""
PATIENCE_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 1.0
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """What a worker has of its supervisor: its place, whom it tells that it is ready, and a
    descriptor that ends when the supervisor does."""

    place: int
    lifeline: int
    ready: Callable[[], None]


@dataclass(slots=True)
class _Worker:
    """One place: the process in it, and when there is to be the next one."""

    place: int
    pid: int | None = None
    told: int | None = None
    ready: bool = False
    died_early: int = 0
    due: float = 0.0


class Workers:
    """Keeps ``count`` processes that run ``work`` on a socket that this one only holds.

    They are forked before anything is opened, so that what is imported lies in memory once. One
    that dies is replaced, as is one that is ready and then tells the metrics nothing for
    ``silent_after`` seconds: something holds its event loop. The others go on. SIGTERM, SIGINT and
    the end of ``while_open`` end all: who is not ready at once, the others when they have answered
    everybody.
    """

    def __init__(
        self,
        count: int,
        listening: socket.socket,
        metrics: ServiceMetrics,
        work: Callable[[Post], None],
        began: Callable[[], None],
        *,
        ends_after: float,
        silent_after: float | None = None,
        while_open: int | None = None,
    ) -> None:
        self._listening, self._metrics, self._work, self._began = listening, metrics, work, began
        self._ends_after, self._while_open = ends_after, while_open
        self._silent_after = silent_after or ends_after + PATIENCE_SECONDS
        self._workers = [_Worker(place) for place in range(count)]
        self._selector = selectors.PollSelector()  # epoll takes no file and no /dev/null
        self._lifeline, self._held = os.pipe()
        self._ending = False
        self._announced = False

    def run(self) -> int:
        """Serve until told to end; the process's exit code."""
        with self._signals() as woken:
            self._selector.register(woken, selectors.EVENT_READ, self._wake)
            if self._while_open is not None:
                self._selector.register(self._while_open, selectors.EVENT_READ, self._open)
            while not self._ending:
                self._replace()
                for key, _ in self._selector.select(self._pause()):
                    key.data(key.fd)
                self._kill_the_silent()
                if self._bury() and not self._announced:
                    self._end()
                    return 1
            self._end()
        return 0

    @contextlib.contextmanager
    def _signals(self) -> Iterator[int]:
        woken, wake = os.pipe()
        for end in (woken, wake):
            os.set_blocking(end, False)
        handled = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
        before = {number: signal.signal(number, lambda *_: None) for number in handled}
        previous = signal.set_wakeup_fd(wake)
        try:
            yield woken
        finally:
            signal.set_wakeup_fd(previous)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(woken)
            os.close(wake)

    def _wake(self, woken: int) -> None:
        told = set(os.read(woken, 4096))
        self._ending = self._ending or bool(told & {signal.SIGTERM, signal.SIGINT})

    def _open(self, held: int) -> None:
        if not os.read(held, 4096):
            self._ending = True

    def _told(self, told: int) -> None:
        worker = next(one for one in self._workers if one.told == told)
        if not os.read(told, 1):
            self._selector.unregister(told)  # it ended: what is left of it comes with SIGCHLD
            return
        worker.ready, worker.died_early = True, 0
        if not self._announced and all(one.ready for one in self._workers):
            self._announced = True
            self._began()

    def _pause(self) -> float:
        dues = [one.due - time.monotonic() for one in self._workers if one.pid is None]
        return max(0.0, min([*dues, LOOK_SECONDS]))

    def _kill_the_silent(self) -> None:
        for one in self._workers:
            silent = self._metrics.silent_for(one.place)
            if one.pid and one.ready and silent > self._silent_after:
                _logger.error(
                    "worker %d (pid %d) hangs for %.0f s: killed", one.place, one.pid, silent
                )
                _signal(one.pid, signal.SIGKILL)

    def _replace(self) -> None:
        for worker in self._workers:
            if worker.pid is None and time.monotonic() >= worker.due:
                self._start(worker)

    def _start(self, worker: _Worker) -> None:
        told, tell = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if not pid:
            self._serve(worker, tell)
        os.close(tell)
        worker.pid, worker.told, worker.ready = pid, told, False
        self._selector.register(told, selectors.EVENT_READ, self._told)

    def _serve(self, worker: _Worker, tell: int) -> None:
        """What the forked process does; it never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            # Held open here, they would hide from the others that somebody ended.
            self._selector.close()
            os.close(self._held)
            for one in self._workers:
                if one.told is not None:
                    os.close(one.told)
            self._metrics.begin(worker.place)
            self._work(Post(worker.place, self._lifeline, lambda: _tell(tell)))
            code = 0
        except BaseException as error:
            if isinstance(error, SystemExit):
                code = error.code if isinstance(error.code, int) else 1
            else:
                _logger.exception("worker %d failed", worker.place)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _bury(self) -> list[_Worker]:
        """The workers that died, made ready to be replaced."""
        dead = [one for one in self._workers if one.pid and _ended(one.pid)]
        for worker in dead:
            if not self._ending:
                _logger.error("worker %d (pid %d) died", worker.place, worker.pid)
            worker.died_early = 0 if worker.ready else worker.died_early + 1
            least, most = REST_SECONDS
            rest = min(most, least * 2**worker.died_early) if worker.died_early else 0.0
            worker.due = time.monotonic() + rest
            self._metrics.end(worker.place)
            assert worker.told is not None
            with contextlib.suppress(KeyError):
                self._selector.unregister(worker.told)
            os.close(worker.told)
            worker.pid, worker.told, worker.ready = None, None, False
        return dead

    def _end(self) -> None:
        """End everybody in order; who does not end in time is killed."""
        self._ending = True
        self._listening.close()
        # Who is not ready takes nobody from the socket, and would hold it open.
        self._tell_to_end(ready=False, seconds=PATIENCE_SECONDS)
        self._tell_to_end(ready=True, seconds=self._ends_after + PATIENCE_SECONDS)

    def _tell_to_end(self, *, ready: bool, seconds: float) -> None:
        told = [one for one in self._workers if one.pid and one.ready == ready]
        for one in told:
            _signal(one.pid, signal.SIGTERM)
        until = time.monotonic() + seconds
        while any(one.pid for one in told) and time.monotonic() < until:
            self._bury()
            time.sleep(0.01)
        for one in told:
            if one.pid:
                _logger.error("worker %d (pid %d) did not end, and is killed", one.place, one.pid)
                _signal(one.pid, signal.SIGKILL)
                os.waitpid(one.pid, 0)


def _tell(tell: int) -> None:
    with contextlib.suppress(OSError):
        os.write(tell, b"r")


def _ended(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG)[0] == pid


def _signal(pid: int | None, number: signal.Signals) -> None:
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
