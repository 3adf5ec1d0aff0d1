"""The decorator: one record per call, of whatever kind the function is."""

import asyncio
import contextvars
import functools
import gc
import inspect
import json
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from ai_ops.client import PredictionLog, logged
from ai_ops.vocabulary.errors import BadInput, LogWriteFailed
from ai_ops_tests.client.reading import failing_log, open_log, written


@pytest.fixture
def log(tmp_path: Path) -> Iterator[PredictionLog]:
    with open_log(tmp_path) as opened:
        yield opened


@pytest.mark.requirement("ST-05", "PL-04", "PL-05", "PL-06", "PL-07")
def test_a_call_is_a_record_with_its_arguments_by_name(log: PredictionLog, tmp_path: Path) -> None:
    @logged(log, model_version="7")
    def score(amount: float, *, country: str = "de") -> dict[str, float]:
        return {"p": amount / 10}

    assert score(5.0) == {"p": 0.5}
    (told,) = written(tmp_path)
    assert told.input == {"amount": 5.0, "country": "de"}
    assert told.output == {"p": 0.5}
    assert (told.model_version, told.status, told.error) == ("7", "ok", None)
    assert told.call_site.endswith(
        "test_decorator.test_a_call_is_a_record_with_its_arguments_by_name.<locals>.score"
    )
    assert len(told.id) == 32 and told.latency_ms >= 0 and told.time.tzinfo is not None


def test_the_pickers_choose_every_field(log: PredictionLog, tmp_path: Path) -> None:
    @logged(
        log,
        model_version=lambda call: call["self"].version,
        input=lambda call: {"text": call["request"]["text"]},
        output=lambda answer: answer["label"],
        id="key",
        tenant=lambda call: call["request"]["tenant"],
        subject="user",
        request_id=lambda call: 42,
        cost=lambda answer: {"tokens": answer["tokens"]},
        call_site="inbox",
        mode="batch",
    )
    def classify(self: Any, request: dict[str, str], key: str, user: str | None = None) -> Any:
        return {"label": "spam", "tokens": 12}

    class Model:
        version = 3

        ask = classify

    Model().ask({"text": "hi", "tenant": "acme", "secret": "s"}, key="k1", user="u1")
    (told,) = written(tmp_path)
    assert (told.input, told.output) == ({"text": "hi"}, "spam")
    assert (told.id, told.tenant, told.subject, told.request_id) == ("k1", "acme", "u1", "42")
    assert (told.model_version, told.call_site, told.mode) == ("3", "inbox", "batch")
    assert json.loads(bytes(told.cost)) == {"tokens": 12}


def test_self_is_no_input(log: PredictionLog, tmp_path: Path) -> None:
    class Model:
        @logged(log, model_version="1")
        def ask(self, x: int) -> int:
            return x

    Model().ask(2)
    assert written(tmp_path)[0].input == {"x": 2}


@pytest.mark.requirement("PL-04")
def test_the_input_is_logged_as_it_was_before_the_call(log: PredictionLog, tmp_path: Path) -> None:
    @logged(log, model_version="1")
    def consume(rows: list[int]) -> int:
        return rows.pop()

    consume([1, 2])
    assert written(tmp_path)[0].input == {"rows": [1, 2]}


@pytest.mark.requirement("PL-07")
def test_the_version_is_the_one_at_the_beginning_of_the_call(
    log: PredictionLog, tmp_path: Path
) -> None:
    live = ["1"]

    @logged(log, model_version=lambda: live[0])
    def ask() -> str:
        live[0] = "2"
        return "x"

    ask()
    ask()
    assert [told.model_version for told in written(tmp_path)] == ["1", "2"]


def test_an_exception_is_a_record_and_goes_on(log: PredictionLog, tmp_path: Path) -> None:
    @logged(log, model_version="1", refused=PermissionError)
    def ask(what: str) -> None:
        raise {"no": PermissionError, "broken": ValueError}[what](f"about {what}")

    with pytest.raises(PermissionError, match="about no"):
        ask("no")
    with pytest.raises(ValueError, match="about broken"):
        ask("broken")
    assert [(told.status, told.error) for told in written(tmp_path)] == [
        ("refused", "PermissionError: about no"),
        ("failed", "ValueError: about broken"),
    ]


@pytest.mark.requirement("ST-05")
def test_a_coroutine_is_logged_and_stays_one(log: PredictionLog, tmp_path: Path) -> None:
    tenant = contextvars.ContextVar[str]("tenant")

    @logged(log, model_version="1", tenant=lambda _: tenant.get())
    async def ask(x: int) -> int:
        await asyncio.sleep(0)
        return x * 2

    async def request(x: int) -> int:
        tenant.set(f"t{x}")
        return await ask(x)

    async def main() -> list[int]:
        return await asyncio.gather(*map(request, range(5)))

    assert inspect.iscoroutinefunction(ask)
    assert asyncio.run(main()) == [0, 2, 4, 6, 8]
    assert {told.tenant: told.output for told in written(tmp_path)} == {
        f"t{x}": x * 2 for x in range(5)
    }


def test_a_cancelled_coroutine_is_a_failed_prediction(log: PredictionLog, tmp_path: Path) -> None:
    @logged(log, model_version="1")
    async def ask() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        async with asyncio.timeout(0.01):
            await ask()

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert [(told.status, told.error) for told in written(tmp_path)] == [
        ("failed", "CancelledError")
    ]


def streaming(log: PredictionLog) -> Any:
    @logged(log, model_version="1")
    def words(text: str) -> Generator[str, str, int]:
        for word in text.split():
            try:
                heard = yield word
            except KeyError as error:
                heard = f"caught {error.args[0]}"
            if heard:
                yield heard.upper()
        return len(text)

    return words


def test_a_generator_is_logged_at_its_end_and_delegates_all(
    log: PredictionLog, tmp_path: Path
) -> None:
    words = streaming(log)
    assert inspect.isgeneratorfunction(words)
    asked = words("one two three")
    assert next(asked) == "one"
    assert asked.send("sent") == "SENT"
    assert next(asked) == "two"
    assert asked.throw(KeyError("thrown")) == "CAUGHT THROWN"
    assert next(asked) == "three"
    assert written(tmp_path) == []
    with pytest.raises(StopIteration) as end:
        next(asked)
    assert end.value.value == 13
    (told,) = written(tmp_path)
    assert told.output == ["one", "SENT", "two", "CAUGHT THROWN", "three"]
    assert told.status == "ok"


@pytest.mark.parametrize("how", ["closed", "forgotten", "thrown into"])
def test_a_generator_that_ends_half_way_is_a_record_of_what_it_gave(
    log: PredictionLog, tmp_path: Path, how: str
) -> None:
    asked = streaming(log)("one two")
    next(asked)
    if how == "closed":
        asked.close()
    elif how == "forgotten":
        del asked
        gc.collect()
    else:
        with pytest.raises(OSError, match="gone"):
            asked.throw(OSError("gone"))
    (told,) = written(tmp_path)
    assert (told.status, told.output) == ("failed", ["one"])
    assert told.error.startswith("OSError: gone" if how == "thrown into" else "GeneratorExit")


def astreaming(log: PredictionLog, **how: Any) -> Any:
    @logged(log, model_version="1", **how)
    async def words(text: str) -> AsyncIterator[Any]:
        for word in text.split():
            await asyncio.sleep(0)
            if word == "bad":
                raise ValueError("a bad word")
            try:
                heard = yield word
            except KeyError:
                heard = "caught"
            if heard:
                yield heard

    return words


@pytest.mark.requirement("ST-05")
def test_an_async_generator_is_logged_at_its_end(log: PredictionLog, tmp_path: Path) -> None:
    words = astreaming(log, output=" ".join)
    assert inspect.isasyncgenfunction(words)

    async def main() -> list[str]:
        asked = words("one two")
        return [
            await anext(asked),
            await asked.asend("sent"),
            await anext(asked),
            await asked.athrow(KeyError()),
            *[word async for word in asked],
        ]

    assert asyncio.run(main()) == ["one", "sent", "two", "caught"]
    (told,) = written(tmp_path)
    assert (told.status, told.output) == ("ok", "one sent two caught")


@pytest.mark.parametrize("how", ["broken off", "closed", "raises", "cancelled"])
def test_an_async_generator_that_ends_half_way_is_a_record(
    log: PredictionLog, tmp_path: Path, how: str
) -> None:
    words = astreaming(log)

    async def main() -> None:
        if how == "raises":
            with pytest.raises(ValueError, match="bad word"):
                [word async for word in words("one bad")]
            return
        asked = words("one two")
        async for _ in asked:
            break
        if how == "closed":
            await asked.aclose()
        elif how == "cancelled":
            with pytest.raises(asyncio.CancelledError):
                await asked.athrow(asyncio.CancelledError())
        else:
            del asked
            gc.collect()
            await asyncio.sleep(0.01)  # the loop closes what was forgotten, in a task of its own

    asyncio.run(main())
    (told,) = written(tmp_path)
    assert (told.status, told.output) == ("failed", ["one"])
    kinds = {"raises": "ValueError", "cancelled": "CancelledError"}
    assert told.error.startswith(kinds.get(how, "GeneratorExit"))


def test_what_was_yielded_is_logged_as_it_was(log: PredictionLog, tmp_path: Path) -> None:
    @logged(log, model_version="1")
    def grow() -> Iterator[list[int]]:
        rows: list[int] = []
        for n in range(3):
            rows.append(n)
            yield rows

    assert list(grow()) == [[0, 1, 2]] * 3
    assert written(tmp_path)[0].output == [[0], [0, 1], [0, 1, 2]]


def test_the_function_looks_as_before(log: PredictionLog) -> None:
    def ask(x: int, y: str = "a") -> str:
        """Ask it."""
        return y * x

    told = logged(log, model_version="1")(ask)
    assert (told.__name__, told.__doc__, inspect.signature(told)) == (
        "ask",
        "Ask it.",
        inspect.signature(ask),
    )


def test_a_callable_object_and_a_partial_are_functions_too(
    log: PredictionLog, tmp_path: Path
) -> None:
    class Model:
        def __call__(self, x: int) -> int:
            return x

    def ask(x: int, y: int) -> int:
        return x + y

    assert logged(log, model_version="1")(Model())(1) == 1
    assert logged(log, model_version="1")(functools.partial(ask, y=2))(1) == 3
    assert [told.output for told in written(tmp_path)] == [1, 3]


@pytest.mark.requirement("PL-03")
def test_without_a_record_there_is_no_answer_where_the_policy_refuses(tmp_path: Path) -> None:
    @logged(failing_log(tmp_path), model_version="1")
    def ask() -> str:
        return "answer"

    with pytest.raises(LogWriteFailed):
        ask()
    with pytest.raises(LogWriteFailed):
        list(streaming(failing_log(tmp_path))("one"))


def test_without_a_record_there_is_an_answer_where_the_policy_counts(tmp_path: Path) -> None:
    broken = failing_log(tmp_path, "count")

    @logged(broken, model_version="1")
    def ask() -> str:
        return "answer"

    assert ask() == "answer"
    assert list(streaming(broken)("one two")) == ["one", "two"]
    assert broken.failures == 2


@pytest.mark.parametrize("policy", ["refuse", "count"])
def test_the_applications_own_error_is_never_masked(tmp_path: Path, policy: Any) -> None:
    broken = failing_log(tmp_path, policy)

    @logged(broken, model_version="1")
    def ask() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as error:
        ask()
    notes = getattr(error.value, "__notes__", [])
    assert bool(notes) is (policy == "refuse")
    assert all("could not be logged" in note for note in notes)


def test_a_field_that_cannot_be_read_costs_neither_answer_nor_record(
    log: PredictionLog, tmp_path: Path
) -> None:
    @logged(log, model_version=lambda: {}["x"], id=lambda call: call["secret"], tenant="user")
    def ask(user: str) -> str:
        return user

    assert ask("Ada") == "Ada"
    (told,) = written(tmp_path)
    assert told.withheld == (
        "model_version could not be read (KeyError); id could not be read (KeyError)"
    )
    assert (told.input, told.output, told.model_version) == ({"user": "Ada"}, "Ada", None)
    assert len(told.id) == 32


def test_arguments_that_json_cannot_hold_are_a_failure_of_the_log(log: PredictionLog) -> None:
    @logged(log, model_version="1")
    def ask(session: object) -> str:
        return "answer"

    with pytest.raises(LogWriteFailed, match="object has no form in JSON"):
        ask(object())
    assert log.failures == 1


def test_models_and_dataclasses_are_inputs(log: PredictionLog, tmp_path: Path) -> None:
    class Asked(BaseModel):
        at: datetime
        amounts: tuple[float, ...]

    @dataclass
    class Answer:
        label: str

    @logged(log, model_version="1")
    def ask(asked: Asked) -> Answer:
        return Answer("spam")

    ask(Asked(at=datetime(2021, 3, 4, tzinfo=UTC), amounts=(1.5, float("nan"))))
    (told,) = written(tmp_path)
    assert told.input == {"asked": {"at": "2021-03-04T00:00:00Z", "amounts": [1.5, "nan"]}}
    assert told.output == {"label": "spam"}


@pytest.mark.parametrize("policy", ["refuse", "count"])
def test_a_value_whose_own_methods_fail_is_a_failure_of_the_log(
    tmp_path: Path, policy: Any
) -> None:
    class OnAnotherDevice:
        def tolist(self) -> Any:
            raise RuntimeError("the device is gone")

        def __str__(self) -> str:
            raise RuntimeError("the device is gone")

    with open_log(tmp_path, policy) as log:

        @logged(log, model_version="1", input=lambda _: {}, tenant="x")
        def ask(x: object) -> object:
            return x

        value = OnAnotherDevice()
        if policy == "count":
            assert ask(value) is value
        else:
            with pytest.raises(LogWriteFailed, match="the device is gone"):
                ask(value)
        assert log.failures == 1


def test_wrong_arguments_are_the_functions_own_error(log: PredictionLog, tmp_path: Path) -> None:
    @logged(log, model_version="1")
    def ask(x: int) -> int:
        return x

    with pytest.raises(TypeError, match="missing 1 required"):
        ask()  # type: ignore[call-arg]
    assert [(told.status, told.input) for told in written(tmp_path)] == [("failed", {})]


def test_an_argument_that_there_is_not_is_named_at_once(log: PredictionLog) -> None:
    def ask(x: int) -> int:
        return x

    with pytest.raises(BadInput, match="tenant='y' is no argument of it; it has x"):
        logged(log, model_version="1", tenant="y")(ask)


def test_a_log_that_is_made_late_and_fails_is_told_as_a_failure_of_the_log() -> None:
    def make() -> PredictionLog:
        raise BadInput("no policy there")

    @logged(make, model_version="1")
    def ask() -> str:
        return "answer"

    with pytest.raises(LogWriteFailed, match="no policy there"):
        ask()
