"""A decorator that logs each call of a function as a prediction."""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import Any, ParamSpec, TypeVar

from ai_ops.client.calls import Calls, LogSource, Options, Picker, Version, as_it_is
from ai_ops.vocabulary.words import Mode

P = ParamSpec("P")
R = TypeVar("R")


def logged(
    log: LogSource,
    *,
    model_version: Version,
    input: Picker | None = None,
    output: Callable[[Any], Any] | None = None,
    id: Picker | None = None,
    call_site: str | None = None,
    tenant: Picker | None = None,
    subject: Picker | None = None,
    cost: Callable[[Any], Mapping[str, Any] | None] | None = None,
    mode: Mode = "sync",
    request_id: Picker | None = None,
    refused: tuple[type[BaseException], ...] | type[BaseException] = (),
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Log one prediction per call of a function, coroutine, generator or async generator.

    The record is written before the answer leaves; a generator's, before its end does, with the
    list of what it yielded as output. An exception is a record with status ``failed`` (those of
    ``refused``: ``refused``) and is raised again; so is a generator that is closed or forgotten
    half-way. ``LogWriteFailed`` reaches the caller only when the policy refuses to go on without
    a record, and never in place of the application's own error.

    ``input`` (all arguments but ``self``), ``id`` (made up), ``tenant``, ``subject`` and
    ``request_id`` are read from the call: the name of an argument, or a function of all arguments
    by name. ``output`` and ``cost`` are functions of the answer. ``model_version`` is the version,
    or a function that is called for it as each call begins. ``call_site`` is the function's
    qualified name if nothing else is said. ``log`` may be a function that gives the log.
    """
    how = Options(
        log=log,
        model_version=model_version,
        input=input,
        output=output,
        id=id,
        call_site=call_site,
        tenant=tenant,
        subject=subject,
        cost=cost,
        mode=mode,
        request_id=request_id,
        refused=refused if isinstance(refused, tuple) else (refused,),
    )
    return lambda function: told(function, how)


def told(function: Callable[P, R], how: Options) -> Callable[P, R]:
    """The function, each of its calls told to the log."""
    calls = Calls(function, how)
    # The same kind of function as before: what frameworks ask it must stay true.
    if inspect.isasyncgenfunction(function):
        wrapper: Any = _async_generator(function, calls)
    elif inspect.isgeneratorfunction(function):
        wrapper = _generator(function, calls)
    elif inspect.iscoroutinefunction(function):
        wrapper = _coroutine(function, calls)
    else:
        wrapper = _function(function, calls)
    logging: Callable[P, R] = functools.wraps(function)(wrapper)
    return logging


def _function(function: Callable[..., Any], calls: Calls) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        call = calls.begin(args, kwargs)
        try:
            answer = function(*args, **kwargs)
        except BaseException as error:
            call.ended_by(error)
            raise
        call.answered(answer)
        return answer

    return wrapper


def _coroutine(function: Callable[..., Any], calls: Calls) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        call = calls.begin(args, kwargs)
        try:
            answer = await function(*args, **kwargs)
        except BaseException as error:
            call.ended_by(error)
            raise
        call.answered(answer)
        return answer

    return wrapper


def _generator(function: Callable[..., Any], calls: Calls) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        call = calls.begin(args, kwargs)
        yielded: list[Any] = []
        try:
            returned = yield from _Overheard(function(*args, **kwargs), yielded)
        except BaseException as error:
            call.ended_by(error, yielded)
            raise
        call.answered(yielded)
        return returned

    return wrapper


def _async_generator(function: Callable[..., Any], calls: Calls) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        call = calls.begin(args, kwargs)
        yielded: list[Any] = []
        inner = function(*args, **kwargs)
        try:
            item = await anext(inner)
            while True:
                yielded.append(as_it_is(item))
                try:
                    sent = yield item
                except GeneratorExit:
                    raise
                except BaseException as thrown:
                    item = await inner.athrow(thrown)
                else:
                    item = await inner.asend(sent)
        except StopAsyncIteration:
            call.answered(yielded)
        except BaseException as error:
            # First the record: a loop that ends may not come back from the closing.
            call.ended_by(error, yielded)
            await inner.aclose()
            raise

    return wrapper


class _Overheard(Generator[Any, Any, Any]):
    """A generator handed on as it is, and a list of what it yielded."""

    def __init__(self, inner: Generator[Any, Any, Any], yielded: list[Any]) -> None:
        self._inner, self._yielded = inner, yielded

    def send(self, value: Any) -> Any:
        """Send into the generator."""
        return self._heard(self._inner.send(value))

    def throw(self, *thrown: Any) -> Any:
        """Throw into the generator."""
        return self._heard(self._inner.throw(*thrown))

    def close(self) -> None:
        """Close the generator."""
        self._inner.close()

    def _heard(self, item: Any) -> Any:
        self._yielded.append(as_it_is(item))
        return item
