"""The challenger in shadow: asked what the champion was asked, after its answer has gone.

It answers nobody. Whatever it does (raises, hangs, is slow), the champion's answers are on their
way before it is asked: requests wait for it in a queue that has an end, and what finds the queue
full is counted and forgotten. It has a thread, and of its process's cores what that thread takes.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from ai_ops.client import Prediction, PredictionLog
from ai_ops.inference_management.answers import Answered
from ai_ops.inference_management.predictor import Champion, Serving
from ai_ops.inference_management.requests import Asked
from ai_ops.storage.loaded_model import LoadedModel

CAPACITY: Final = 20_000
"""How many predictions may wait for the challenger."""
AT_ONCE: Final = 64
"""How many it is asked at once: few, for Python's lock is held while their inputs are encoded."""
LOOK_SECONDS: Final = 0.05
"""How often it looks for what waits: nobody who answers has to wake it."""
STOP_SECONDS: Final = 2.0
_MOST_ERROR: Final = 1000

_logger = logging.getLogger(__name__)

Outputs = Callable[[LoadedModel, Sequence[Asked]], list[dict[str, Any]]]
"""What a model answers, by the names of the feature's outputs: as the champion's are made."""


@dataclass(slots=True)
class Counts:
    """What became of the predictions that were handed over; each is written by one thread.

    ``skipped`` were answered by the very version that challenges, ``unlogged`` have an answer of
    the challenger that could not be written.
    """

    handed: int = 0
    dropped: int = 0
    taken: int = 0
    answered: int = 0
    failed: int = 0
    skipped: int = 0
    unlogged: int = 0


class Shadow:
    """Asks the challenger in a thread of its own, and logs its answers in a log of their own.

    A record has the id and the request's id of the champion's, the challenger's version and
    outputs, and no input: that stands in the champion's record. The log's heartbeats tell with
    ``served`` how many predictions should have an answer, so that what was dropped shows there.
    """

    def __init__(
        self,
        challenger: Champion,
        outputs: Outputs,
        log: PredictionLog,
        *,
        capacity: int = CAPACITY,
    ) -> None:
        self.challenger, self.log, self.counts = challenger, log, Counts()
        self._outputs, self._capacity = outputs, capacity
        self._queue: deque[tuple[Answered, ...]] = deque()
        self._ended = threading.Event()
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)

    def start(self) -> None:
        """Follow the challenger's alias from now on, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End in order; a challenger that hangs is left behind, what waits for it is dropped."""
        self._ended.set()
        self.challenger.stop()
        if self._thread.is_alive():
            self._thread.join(timeout=STOP_SECONDS)
        self.log.close()

    def hand(self, answered: tuple[Answered, ...]) -> None:
        """Leave predictions for the challenger, if there is one: this neither waits nor raises."""
        if self.challenger.serving.model is None or not answered:
            return
        counts = self.counts
        if counts.handed - counts.taken + len(answered) > self._capacity:
            counts.dropped += len(answered)
            return
        self._queue.append(answered)
        counts.handed += len(answered)

    def state(self) -> dict[str, Any]:
        """How it stands, for ``/health``: nothing in it makes the champion's server unhealthy."""
        serving, counts, since = self.challenger.serving, self.counts, self._busy_since
        return {
            "version": serving.version,
            "problem": serving.problem if serving.registry_reachable is False else None,
            **asdict(counts),
            "waiting": counts.handed - counts.taken,
            "busy_seconds": None if since is None else round(time.monotonic() - since, 1),
            "log": {"incarnation": self.log.incarnation, "failures": self.log.failures},
        }

    def _work(self) -> None:
        import torch

        torch.set_num_threads(1)
        self.challenger.start()  # loading a model takes seconds: here nobody waits for it
        told = 0
        while not self._ended.wait(LOOK_SECONDS):
            while self._queue and not self._ended.is_set():
                self._ask(self._next())
            if (due := self.counts.handed + self.counts.dropped) > told:
                self.log.served(due - told)
                told = due

    def _next(self) -> list[Answered]:
        """What waits, up to so many at once, or one batch that is larger."""
        rows = list(self._queue.popleft())
        while self._queue and len(rows) + len(self._queue[0]) <= AT_ONCE:
            rows += self._queue.popleft()
        return rows

    def _ask(self, rows: Sequence[Answered]) -> None:
        serving = self.challenger.serving
        self._busy_since = time.monotonic()
        try:
            # Who was promoted while others waited would be compared with itself.
            due = [one for one in rows if one.version != serving.version]
            self.counts.skipped += len(rows) - len(due)
            if due and serving.model is not None:
                self._log(serving, due, self._answers(serving.model, due))
        except Exception:  # a thread that died would compare nothing any more, and nobody would see
            self.counts.failed += len(rows)
            _logger.exception("the challenger, version %s, was not asked", serving.version)
        finally:
            self._busy_since = None
            self.counts.taken += len(rows)

    def _answers(
        self, model: LoadedModel, rows: Sequence[Answered]
    ) -> list[Mapping[str, Any] | Exception]:
        """The outputs of each, or what kept the challenger from answering it."""
        try:
            return list(self._outputs(model, [one.asked for one in rows]))
        except Exception as error:
            if len(rows) == 1:
                return [error]
        # One row that it cannot read must not cost the others their comparison.
        return [answer for one in rows for answer in self._answers(model, [one])]

    def _log(
        self,
        serving: Serving,
        rows: Sequence[Answered],
        answers: Sequence[Mapping[str, Any] | Exception],
    ) -> None:
        records = []
        for one, answer in zip(rows, answers, strict=True):
            failed = isinstance(answer, Exception)
            self.counts.failed += failed
            self.counts.answered += not failed
            records.append(
                Prediction(
                    id=one.id,
                    model_version=serving.version,
                    input=None,
                    output=None if failed else answer,
                    status="failed" if failed else "ok",
                    error=repr(answer)[:_MOST_ERROR] if failed else None,
                    call_site=one.asked.call_site,
                    mode=one.mode,
                    tenant=one.asked.tenant,
                    request_id=one.request_id,
                )
            )
        before = self.log.failures
        self.log.record_many(records)
        self.counts.unlogged += self.log.failures - before
