"""Logs the calls of a Celery task as predictions, without importing Celery."""

import inspect
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypedDict, TypeVar, Unpack

from ai_ops.client.binding import Arguments
from ai_ops.client.calls import Options, Picker, Version
from ai_ops.client.decorator import told
from ai_ops.client.log import PredictionLog
from ai_ops.vocabulary.words import Mode

P = ParamSpec("P")
R = TypeVar("R")

_SIGNALS: Final = "celery.signals"
_FLOW: Final = frozenset({"Retry", "Ignore", "Reject"})


class TaskOptions(TypedDict, total=False):
    """What ``logged`` takes besides the log and the version."""

    input: Picker | None
    output: Callable[[Any], Any] | None
    id: Picker | None
    call_site: str | None
    tenant: Picker | None
    subject: Picker | None
    cost: Callable[[Any], Any] | None
    mode: Mode
    refused: tuple[type[BaseException], ...]


def logged_task(
    make_log: Callable[[], PredictionLog],
    *,
    model_version: Version,
    **options: Unpack[TaskOptions],
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Log each call of a Celery task: below ``@app.task(...)``, with ``bind=True`` or without.

    ``make_log`` is called once in each process, with the first task that it runs, so that no log
    is inherited from the parent of a pool; it is closed when the worker process ends. The task's
    id becomes the record's ``request_id``. Retry, Ignore and Reject are no predictions: what
    comes of a retry is a record of its own. All else is as with ``logged``.
    """
    log_of_process = _OncePerProcess(make_log)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        bound = next(iter(inspect.signature(function).parameters), None)

        def inputs(arguments: Arguments) -> dict[str, Any]:
            return {
                name: value
                for name, value in arguments.items()
                if not (name == bound and _is_task(value))
            }

        def task_id(arguments: Arguments) -> str | None:
            first = arguments.get(bound) if bound else None
            return _id_of(first if _is_task(first) else _current_task())

        how = Options(
            log=log_of_process,
            model_version=model_version,
            request_id=task_id,
            no_prediction=_is_flow,
            **{"input": inputs, **options},  # type: ignore[arg-type]  # a TypedDict's own types
        )
        logging = told(function, how)
        # Celery reads the arguments' names from here, not through the decorator.
        logging.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        return logging

    return decorate


class _OncePerProcess:
    """Gives the log of this process, and makes it when first asked."""

    def __init__(self, make: Callable[[], PredictionLog]) -> None:
        self._make = make
        self._made: tuple[int, PredictionLog] | None = None
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._begin_in_child)

    def __call__(self) -> PredictionLog:
        """The log of this process."""
        with self._lock:
            if self._made is None or self._made[0] != os.getpid():
                log = self._make()
                self._made = os.getpid(), log
                _close_with_the_worker(log)
            return self._made[1]

    def _begin_in_child(self) -> None:
        # A thread of the parent may have held it.
        self._lock, self._made = threading.Lock(), None


def _close_with_the_worker(log: PredictionLog) -> None:
    """Pool processes end without Python's exit handlers; Celery tells of it by a signal."""
    signals = sys.modules.get(_SIGNALS)
    if signals is not None:

        def close(**_: Any) -> None:
            log.close()

        signals.worker_process_shutdown.connect(close, weak=False)


def _is_flow(error: BaseException) -> bool:
    """Whether it is one of the exceptions by which a task says what Celery shall do with it."""
    return any(
        kind.__name__ in _FLOW and kind.__module__ == "celery.exceptions"
        for kind in type(error).__mro__
    )


def _is_task(value: Any) -> bool:
    return hasattr(value, "request") and hasattr(value, "apply_async")


def _current_task() -> Any:
    celery = sys.modules.get("celery")
    return None if celery is None else celery.current_task


def _id_of(task: Any) -> str | None:
    request = getattr(task, "request", None)
    found = getattr(request, "id", None)
    return None if found is None else str(found)
