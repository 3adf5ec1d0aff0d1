"""From a request over HTTP to its answer: its body, its deadline, and who asks the model."""

import asyncio
import math
import time
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from ai_ops.inference_management.answering import Answering
from ai_ops.inference_management.answers import Answer, Waiting
from ai_ops.inference_management.gathering import Gathering
from ai_ops.inference_management.requests import RefusedInput
from ai_ops.vocabulary.words import Mode

DEADLINE: Final = "x-deadline-ms"
AT_ONCE: Final = 512
"""How many single requests are asked in one call of the model, at most."""

LOOK_SECONDS: Final = 0.1
"""How often it looks for bodies that do not come."""

_DEADLINE: Final = DEADLINE.encode()


class Asking:
    """Reads requests and has them answered within ``deadline_ms``; a request may ask for less.

    Single requests share calls of the model, batches have a thread of their own: a long batch lets
    the others pass.
    """

    def __init__(self, answering: Answering, deadline_ms: float) -> None:
        self._answering, self._seconds = answering, deadline_ms / 1000
        self._reading: dict[asyncio.Task[Any], float] = {}
        self._cut: set[asyncio.Task[Any]] = set()
        self._looks = False
        self._singles = Gathering(answering, AT_ONCE, "answering", quick=True)
        self._batches = Gathering(answering, 1, "answering-batches")

    def start(self) -> None:
        """Begin, in the event loop that runs."""
        for one in (self._singles, self._batches):
            one.start()

    def stop(self) -> None:
        """End the threads."""
        for one in (self._singles, self._batches):
            one.stop()

    def stuck(self) -> str | None:
        """What is wrong when the model answers nothing any more."""
        asked = self._singles.stuck_for()
        return f"the model has not answered for {asked:.1f} s" if asked > self._seconds else None

    async def answered(self, request: Request, most: int, mode: Mode, started: float) -> Answer:
        """The answer to a request whose body may have ``most`` bytes."""
        request_id, seconds, refused = None, self._seconds, None
        for name, value in request.scope["headers"]:
            if name == b"x-request-id":
                request_id = value.decode("latin-1")
            elif name == _DEADLINE:
                asked = _milliseconds(value)
                if asked is None:
                    problem = {"input": DEADLINE, "problem": "not a number of milliseconds above 0"}
                    refused = RefusedInput([problem], [{}])
                else:
                    seconds = min(seconds, asked / 1000)
        body = await self._body(request.receive, most, started + seconds)
        if body is None:
            problem = {"input": "body", "problem": f"did not come within {seconds * 1000:g} ms"}
            body, refused = b"", RefusedInput([problem], [{}], status=408)
        waiting = Waiting(body, request_id, started, mode, refused)
        if refused:  # there is nothing to ask the model
            return self._answering.together([waiting])[0]
        gathering = self._singles if mode == "sync" else self._batches
        return await gathering.answer(waiting, seconds)

    async def _body(self, receive: Receive, most: int, until: float) -> bytes | None:
        """The body; of one with more than ``most`` bytes only enough to see that, and None of one
        that does not come in time."""
        task = asyncio.current_task()
        assert task is not None
        self._reading[task] = until
        if not self._looks:
            self._look()
        body = b""
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                part: bytes = message.get("body", b"")
                body = body + part if body else part
                if not message.get("more_body") or len(body) > most:
                    return body
        except asyncio.CancelledError:
            if task not in self._cut:
                raise
            self._cut.discard(task)
            task.uncancel()
            return None
        finally:
            del self._reading[task]

    def _look(self) -> None:
        """Give up the bodies that did not come in time: a timer for each would cost everybody."""
        now = time.perf_counter()
        for task, until in self._reading.items():
            if until <= now and task not in self._cut:
                self._cut.add(task)
                task.cancel()
        self._looks = bool(self._reading)
        if self._looks:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)


def _milliseconds(value: bytes) -> float | None:
    """The time that a header asks for.

    >>> _milliseconds(b"250"), _milliseconds(b"soon"), _milliseconds(b"nan"), _milliseconds(b"-1")
    (250.0, None, None, None)
    """
    try:
        asked = float(value)
    except ValueError:
        return None
    return asked if math.isfinite(asked) and asked > 0 else None
