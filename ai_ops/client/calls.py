"""From a call of the model to its record: what every surface of the client shares."""

import inspect
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from ai_ops.client.binding import Arguments, Binding
from ai_ops.client.lines import raw
from ai_ops.client.log import PredictionLog
from ai_ops.client.records import Prediction
from ai_ops.vocabulary.errors import BadInput, LogWriteFailed
from ai_ops.vocabulary.words import Mode, PredictionStatus

Picker = str | Callable[[Arguments], Any]
"""The name of an argument, or what is called with all of them."""

LogSource = PredictionLog | Callable[[], PredictionLog]
"""A log, or what is called for it at the end of each call."""

Version = str | None | Callable[[], str | None] | Callable[[Arguments], str | None]
"""The model's version, or what is called for it as a call begins, with its arguments or none."""

_MOST_ERROR: Final = 1000
_IMMUTABLE: Final = frozenset({str, int, float, bool, type(None), msgspec.Raw})


def _never(_: BaseException) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the calls of one function are told to the log; the fields are those of ``logged``."""

    log: LogSource
    model_version: Version
    input: Picker | None = None
    output: Callable[[Any], Any] | None = None
    id: Picker | None = None
    call_site: str | None = None
    tenant: Picker | None = None
    subject: Picker | None = None
    cost: Callable[[Any], Mapping[str, Any] | None] | None = None
    mode: Mode = "sync"
    request_id: Picker | None = None
    refused: tuple[type[BaseException], ...] = ()
    no_prediction: Callable[[BaseException], bool] = _never


class Calls:
    """Begins the record of each call of one function."""

    def __init__(self, function: Callable[..., Any], how: Options) -> None:
        self.how = how
        self.call_site = how.call_site or _qualified_name(function)
        self.arguments_of = Binding(inspect.signature(function))
        names = self.arguments_of.names
        # Only what was asked for is looked at in each call.
        asked = {name: getattr(how, name) for name in ("id", "tenant", "subject", "request_id")}
        self.texts = {name: picker for name, picker in asked.items() if picker is not None}
        for option, wanted in {"input": how.input, **self.texts}.items():
            if isinstance(wanted, str) and wanted not in names:
                raise BadInput(
                    f"{self.call_site}: {option}={wanted!r} is no argument of it; "
                    f"it has {', '.join(names) or 'none'}"
                )
        self.owner = names[0] if names and names[0] in ("self", "cls") else None
        self.versioned_by_arguments = callable(how.model_version) and bool(
            inspect.signature(how.model_version).parameters
        )

    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "Call":
        """The record of a call, begun: its input as it is now, and the version that answers now."""
        return Call(self, args, kwargs)


class Picks:
    """Reads the fields of one record; one that cannot be read costs neither answer nor record."""

    def __init__(self) -> None:
        self._failed: list[str] = []

    @property
    def failed(self) -> str | None:
        """What could not be read, and why, without any value."""
        return "; ".join(self._failed) or None

    def pick(self, what: str, read: Callable[..., Any], *given: Any) -> Any:
        """What ``read`` gives for what it is given; None when it fails."""
        try:
            return read(*given)
        except Exception as error:
            self.fail(f"{what} could not be read ({type(error).__name__})")
            return None

    def fail(self, why: str) -> None:
        """Say that something is not in the record as it was."""
        self._failed.append(why)


class Call:
    """One call on its way to its record, which ``answered`` or ``ended_by`` writes."""

    def __init__(self, calls: Calls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._started = time.perf_counter()
        self._how, self._call_site = calls.how, calls.call_site
        self._picks = Picks()
        arguments = calls.arguments_of(args, kwargs)
        pick = self._picks.pick
        self._begun = {
            "input": pick("input", _input, calls, arguments),
            "model_version": pick("model_version", _version, calls, arguments),
        }
        for name, picker in calls.texts.items():
            self._begun[name] = pick(name, _text, picker, arguments)
        if not self._begun.get("id"):
            self._begun["id"] = new_id()

    def answered(self, answer: Any) -> None:
        """Write the record of a call that was answered, before the answer leaves.

        Raises ``LogWriteFailed`` when it cannot be written and the policy refuses to go on.
        """
        output, cost = self._how.output, self._how.cost
        picked = answer if output is None else self._picks.pick("output", output, answer)
        costs = None if cost is None else self._picks.pick("cost", cost, answer)
        write(self._how.log, self._prediction(output=picked, cost=costs))

    def ended_by(self, error: BaseException, yielded: Any = None) -> None:
        """Write the record of a call that an exception ended; nothing else is raised by it."""
        if self._how.no_prediction(error):
            return
        output = self._how.output
        picked = yielded
        if output is not None and yielded is not None:
            picked = self._picks.pick("output", output, yielded)
        status: PredictionStatus = "refused" if isinstance(error, self._how.refused) else "failed"
        prediction = self._prediction(output=picked, status=status, error=described(error))
        write_despite(self._how.log, prediction, error)

    def _prediction(self, **ended: Any) -> Prediction:
        return Prediction(
            **self._begun,
            **ended,
            latency_ms=milliseconds_since(self._started),
            call_site=self._call_site,
            mode=self._how.mode,
            withheld=self._picks.failed,
        )


def write(source: LogSource, prediction: Prediction) -> None:
    """Write one prediction; ``LogWriteFailed`` as the log raises it."""
    log_of(source).record_many((prediction,))


def write_despite(source: LogSource, prediction: Prediction, error: BaseException) -> None:
    """Write one prediction while the application's own error is on its way: that one wins."""
    try:
        write(source, prediction)
    except Exception as failure:
        error.add_note(f"and its prediction could not be logged: {failure}")


def log_of(source: LogSource) -> PredictionLog:
    """The log itself; ``LogWriteFailed`` when what should make it fails."""
    if isinstance(source, PredictionLog):
        return source
    try:
        return source()
    except LogWriteFailed:
        raise
    except Exception as error:
        raise LogWriteFailed(f"there is no log to write to: {error}") from error


def as_it_is(value: Any) -> Any:
    """The value as JSON of this moment, which what follows cannot change any more."""
    if type(value) in _IMMUTABLE:
        return value
    try:
        return raw(value)
    except Exception:  # also of the value's own methods: the log refuses it, and counts that
        return value


def new_id() -> str:
    """A random id of 32 hexadecimal digits."""
    return os.urandom(16).hex()


def described(error: BaseException) -> str:
    """The type and the words of an error, as its record holds them.

    >>> described(KeyError("x")), described(TimeoutError())
    ("KeyError: 'x'", 'TimeoutError')
    """
    if isinstance(error, GeneratorExit):
        return "GeneratorExit: closed before its end"
    try:
        words = str(error)
    except Exception:
        words = "its message cannot be read"
    kind = type(error).__name__
    return (f"{kind}: {words}" if words else kind)[:_MOST_ERROR]


def milliseconds_since(started: float) -> float:
    """The time since a ``perf_counter``."""
    return round((time.perf_counter() - started) * 1000, 4)


def _qualified_name(function: Callable[..., Any]) -> str:
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return f"{function.__module__}.{name}"


def _input(calls: Calls, arguments: Arguments) -> Any:
    if calls.how.input is not None:
        return as_it_is(_picked(calls.how.input, arguments))
    if calls.owner is not None:
        arguments = {name: arguments[name] for name in arguments if name != calls.owner}
    return as_it_is(arguments)


def _picked(picker: Picker, arguments: Arguments) -> Any:
    return arguments[picker] if isinstance(picker, str) else picker(arguments)


def _text(picker: Picker, arguments: Arguments) -> str | None:
    value = _picked(picker, arguments)
    return None if value is None else str(value)


def _version(calls: Calls, arguments: Arguments) -> Any:
    version: Any = calls.how.model_version
    if not callable(version):
        return version
    found = version(arguments) if calls.versioned_by_arguments else version()
    return None if found is None else str(found)
