"""The log of predictions that an application writes."""

import atexit
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from ai_ops.client import processes
from ai_ops.client.keys import Keys
from ai_ops.client.lines import encode
from ai_ops.client.policy import Policy
from ai_ops.client.privacy import Protector
from ai_ops.client.records import Prediction
from ai_ops.client.sampling import kept
from ai_ops.client.writer import Writer
from ai_ops.vocabulary.clock import Clock, WallClock
from ai_ops.vocabulary.errors import BadInput, ClockRefused, LogWriteFailed
from ai_ops.vocabulary.words import Mode, PredictionStatus

_NAME: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")


class PredictionLog:
    """Writes one AI feature's predictions, each with one checked write before it returns.

    ``folder`` is where segments lie: ``<folder>/<feature>/<writer>/<incarnation>.<part>.jsonl``.
    A writer's name is its role, as ``web-1``; two processes may share it. What was written
    survives the death of the process at once, and a loss of power after ``sync_seconds`` at most.
    A thread of its own syncs, gives heartbeats and seals the parts that ended: no caller waits.

    A prediction that cannot be written takes a number in the sequence, and ``failures`` counts it.
    With ``on_log_failure="refuse"`` its caller gets ``LogWriteFailed``: whether to answer without
    a record is the application's decision. With ``"count"`` nothing is raised.

    Safe for threads, for an event loop (a record takes microseconds) and for forks: a child begins
    an incarnation of its own with its first record or count, or with ``start()``. The log closes
    itself at the end of the interpreter and of a child of ``multiprocessing``, and before SIGTERM
    ends the process: the process still dies of the signal. A handler of SIGTERM that the
    application has, or sets later, is left in its place; ``close_on_sigterm=False`` never sets one.

    What the policy hashes or encrypts is so before it is written, with the environment's keys if
    none are given; without them it is not written at all, only that there was a prediction.
    """

    def __init__(
        self,
        folder: Path | str,
        feature: str,
        writer: str,
        clock: Clock | None = None,
        *,
        policy: Policy | None = None,
        keys: Keys | None = None,
        sync_seconds: float = 1.0,
        close_on_sigterm: bool = True,
    ) -> None:
        for what, name in (("feature", feature), ("writer", writer)):
            if not _NAME.match(name):
                raise BadInput(f"{what} {name!r}: use letters, digits, dot, dash and underscore")
        self._policy = policy or Policy(feature=feature)
        if self._policy.feature != feature:
            raise BadInput(f"feature {feature!r}: the policy is of {self._policy.feature!r}")
        self._protector = Protector.of(self._policy, keys)
        self._by_policy = self._protector is not None or self._policy.sampling < 1
        self._new_writer = partial(
            Writer,
            Path(folder).absolute() / feature / writer,  # a process may change its directory
            writer,
            clock or WallClock(),
            self._policy,
            sync_seconds,
        )
        self._writer = self._new_writer()
        self._forking = False
        self.start()
        processes.follow_forks(self._before_fork, self._after_fork, self._begin_in_child)
        atexit.register(self.close)
        if close_on_sigterm:
            processes.close_on_sigterm(self.close)

    @property
    def failures(self) -> int:
        """How many predictions this process could not write."""
        return self._writer.counts.failures

    @property
    def incarnation(self) -> str | None:
        """The name that this process's segments begin with; None after a fork, until it writes."""
        return self._writer.incarnation.name if self._writer.incarnation else None

    def start(self) -> None:
        """Begin now: for a forked worker, whose heartbeats otherwise wait for its first record."""
        try:
            self._writer.start()
        except (LogWriteFailed, ClockRefused):
            if self._policy.on_log_failure == "refuse":
                raise

    def served(self, count: int = 1) -> None:
        """Count requests that the application answered, whether or not it logged a prediction.

        To be called where requests are counted anyway, away from the code that logs: heartbeats
        tell it, so that a path which answers without logging shows.
        """
        self._writer.count(served=count)

    def turned_away(self, count: int = 1) -> None:
        """Count requests that the application had no room for (429): they are no predictions.

        Heartbeats tell it: of them the log knows nothing else.
        """
        self._writer.count(turned_away=count)

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
    ) -> bool:
        """Write one prediction, timed by the log's clock; True when it stands in the log.

        The fields are ``Prediction``'s.
        """
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
        if self._by_policy:
            return self.record_many((prediction,))
        try:
            body = encode(prediction)
        except Exception as error:
            return self._not_encoded(1, error)
        try:
            self._writer.write((body,))
        except LogWriteFailed as error:
            return self._not_written(error, error.__cause__)
        return True

    def record_many(self, predictions: Sequence[Prediction]) -> bool:
        """Write the predictions of one batch with one write and one time: all of them or none.

        True when all stand in the log; those that the policy's sampling leaves out do not.
        """
        asked = len(predictions)
        if self._policy.sampling < 1:
            predictions = self._sampled(predictions)
        if not predictions:
            return not asked
        if self._protector:
            predictions = [self._protector.protect(prediction) for prediction in predictions]
        withheld = [prediction.id for prediction in predictions if prediction.withheld]
        try:
            bodies = [encode(prediction) for prediction in predictions]
        except Exception as error:
            return self._not_encoded(len(predictions), error)
        try:
            self._writer.write(bodies, len(withheld))
        except LogWriteFailed as error:
            return self._not_written(error, error.__cause__)
        return len(bodies) == asked

    def close(self) -> None:
        """End in order: the closing record and the seals, so that what is missing will be known."""
        try:
            self._writer.close()
        except LogWriteFailed:
            if self._policy.on_log_failure == "refuse":
                raise
        finally:
            atexit.unregister(self.close)

    def __enter__(self) -> "PredictionLog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _not_encoded(self, count: int, error: Exception) -> bool:
        """JSON has no form for a value, or the value's own methods failed."""
        self._writer.count(failures=count)
        told = LogWriteFailed(f"{self._policy.feature}: cannot be logged: {error}")
        return self._not_written(told, error)

    def _not_written(self, error: LogWriteFailed, cause: BaseException | None) -> bool:
        if self._policy.on_log_failure == "refuse":
            raise error from cause
        return False

    def _sampled(self, predictions: Sequence[Prediction]) -> Sequence[Prediction]:
        share = self._policy.sampling
        drawn = [prediction for prediction in predictions if kept(prediction.id, share)]
        self._writer.count(unsampled=len(predictions) - len(drawn))
        return drawn

    def _before_fork(self) -> None:
        # No other thread is in the middle of opening a file, of which the child could not know.
        self._writer.lock.acquire()
        self._forking = True

    def _after_fork(self) -> None:
        if self._forking:
            self._forking = False
            self._writer.lock.release()

    def _begin_in_child(self) -> None:
        # The parent goes on with its segment; two processes would tear each other's lines.
        inherited, self._forking = self._writer, False
        inherited.let_go_after_fork()
        self._writer = self._new_writer()
        self._writer.closed = inherited.closed
