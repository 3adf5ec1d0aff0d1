"""Requests that wait for the model, and the thread that asks it: the event loop goes on."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from statistics import median_low
from typing import Final

from ai_ops.inference_management.answering import Answering
from ai_ops.inference_management.answers import Answer, Scored, Waiting

QUICK_SECONDS: Final = 0.005
"""A model that answers within this is asked in the event loop: another thread would cost more than
it spares (half of a request's CPU, for a small model)."""
_CALLS: Final = 5
"""Of so many calls the median counts: on a busy machine any one may take long."""


@dataclass(slots=True, eq=False)
class _Pending:
    """A request that waits for its answer until ``due`` (``perf_counter``)."""

    waiting: Waiting
    due: float
    future: asyncio.Future[Answer]
    late: bool = False


class Gathering:
    """Answers together the requests that came while the model was busy, ``at_once`` at most.

    Nobody waits for a timer: a request that comes alone is asked alone; what comes while the model
    is asked, or in the same turn of the event loop, shares a call and one write to the log. A
    request whose time is over is answered so (504) and logged as failed, even while the model is
    being asked for it: what the model says then is dropped. A thread asks the model, unless it may
    be ``quick`` and lately was.
    """

    def __init__(
        self, answering: Answering, at_once: int, name: str, *, quick: bool = False
    ) -> None:
        self._answering, self._at_once, self._may_be_quick = answering, at_once, quick
        self._took: deque[float] = deque(maxlen=_CALLS)  # seconds, of the last calls
        self._waiting: list[_Pending] = []
        self._asked: list[_Pending] = []
        self._asked_since = 0.0
        self._sending = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._jobs: SimpleQueue[list[_Pending] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin, in the event loop that runs."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """End the thread, once it has answered what it was asked."""
        self._jobs.put(None)

    def stuck_for(self) -> float:
        """For how many seconds the model has been asked the same question."""
        return time.perf_counter() - self._asked_since if self._asked else 0.0

    async def answer(self, waiting: Waiting, seconds: float) -> Answer:
        """The answer to a request, at the latest so many seconds after it came in."""
        assert self._loop is not None
        pending = _Pending(waiting, waiting.started + seconds, self._loop.create_future())
        self._waiting.append(pending)
        self._wake()
        if self._timer is None or pending.due < self._timer_due:
            self._expect(pending.due)
        return await pending.future

    def _wake(self) -> None:
        if self._waiting and not (self._asked or self._sending):
            assert self._loop is not None
            self._sending = True
            self._loop.call_soon(self._send)  # who arrives in the same turn comes along

    def _send(self) -> None:
        self._sending = False
        if not self._waiting or self._asked:
            return
        asked = self._asked = self._waiting[: self._at_once]
        del self._waiting[: self._at_once]
        self._asked_since = time.perf_counter()
        if self._may_be_quick and self._took and median_low(self._took) < QUICK_SECONDS:
            self._told(asked, *self._scored(asked))
        else:
            self._jobs.put(asked)

    def _scored(self, asked: list[_Pending]) -> tuple[Sequence[Scored] | Exception, float]:
        """What becomes of the requests, and how many seconds that took."""
        begun = time.perf_counter()
        scored: Sequence[Scored] | Exception
        try:
            scored = self._answering.scored([one.waiting for one in asked])
        except Exception as error:  # handed to the callers: left open they would hang
            scored = error
        return scored, time.perf_counter() - begun

    def _work(self) -> None:
        import torch

        torch.set_num_threads(1)  # one row is too small to share, and threads would fight for cores
        assert self._loop is not None
        while (asked := self._jobs.get()) is not None:
            scored, took = self._scored(asked)
            try:
                self._loop.call_soon_threadsafe(self._told, asked, scored, took)
            except RuntimeError:  # the loop ended while the model was asked: nobody waits
                return

    def _told(
        self, asked: list[_Pending], scored: Sequence[Scored] | Exception, took: float
    ) -> None:
        self._took.append(took)
        self._asked = []
        self._wake()
        in_time = [one for one in asked if not one.late]
        try:
            if isinstance(scored, Exception):
                raise scored
            kept = [one for pending, one in zip(asked, scored, strict=True) if not pending.late]
            answers = self._answering.answered(kept) if kept else []
        except Exception as error:
            for one in in_time:
                if not one.future.done():
                    one.future.set_exception(error)
            return
        for one, answer in zip(in_time, answers, strict=True):
            if not one.future.done():  # a caller that hung up is gone, its record stays
                one.future.set_result(answer)

    def _expect(self, due: float) -> None:
        assert self._loop is not None
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._loop.call_later(max(0.0, due - time.perf_counter()), self._expire)

    def _expire(self) -> None:
        """Answer those whose time is over, and look again when the next one's is."""
        now, self._timer = time.perf_counter(), None
        late = [one for one in (*self._asked, *self._waiting) if one.due <= now and not one.late]
        self._waiting = [one for one in self._waiting if one.due > now]
        for one in late:
            one.late = True
            try:
                milliseconds = (one.due - one.waiting.started) * 1000
                answer = self._answering.late(one.waiting, round(milliseconds, 3))
            except Exception as error:
                if not one.future.done():
                    one.future.set_exception(error)
                continue
            if not one.future.done():
                one.future.set_result(answer)
        left = [one.due for one in (*self._asked, *self._waiting) if not one.late]
        if left:
            self._expect(min(left))
