"""The wrapper of Celery tasks, with real workers."""

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.exceptions import Ignore, Reject

from ai_ops.client import logged_task
from ai_ops.client.lines import read_line
from ai_ops.client.records import CloseRecord, OpenRecord
from ai_ops.vocabulary.errors import LogWriteFailed
from ai_ops_tests.client.reading import Written, failing_log, open_log, written


class World:
    """Tasks of one application, their log, and a worker in a thread that runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log, self.broken_log = open_log(folder / "whole"), failing_log(folder / "broken")
        self.app = Celery(
            "tests", broker="memory://", backend="cache+memory://", set_as_current=False
        )
        task = functools.partial(self.app.task, shared=False)
        logging = functools.partial(logged_task, lambda: self.log)

        @task(bind=True)
        @logging(model_version="7", tenant="tenant", call_site="bound")
        def bound(self: Any, text: str, tenant: str = "acme") -> dict[str, int]:
            """Score a text."""
            return {"size": len(text)}

        @task
        @logging(model_version=lambda: "8", call_site="unbound")
        def unbound(text: str) -> int:
            return len(text)

        @task(bind=True, max_retries=2)
        @logging(model_version="7", call_site="fickle", refused=(PermissionError,))
        def fickle(self: Any, what: str) -> str:
            match what:
                case "break":
                    raise ValueError("the model broke")
                case "refuse":
                    raise PermissionError("not that")
                case "ignore":
                    raise Ignore
                case "reject":
                    raise Reject("no", requeue=False)
                case "retry" if self.request.retries < 2:
                    raise self.retry(countdown=0)
                case "give up":
                    raise self.retry(exc=TimeoutError("no model answers"), countdown=0)
            return what

        @task
        @logged_task(lambda: self.broken_log, model_version="7")
        def unlogged() -> int:
            return 1

        self.bound, self.unbound, self.fickle, self.unlogged = bound, unbound, fickle, unlogged

    def written(self, call_site: str) -> list[Written]:
        found = written(self.folder / "whole")
        return [told for told in found if told.call_site == call_site]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("celery"))
    with made.log, start_worker(made.app, perform_ping_check=False, shutdown_timeout=20):
        yield made


@pytest.mark.requirement("ST-02", "PL-03", "PL-04", "PL-05", "PL-06", "PL-07")
def test_a_worker_logs_each_task_with_its_id(world: World) -> None:
    asked = [world.bound.delay("hi"), world.unbound.delay("hello")]
    assert [one.get(timeout=20) for one in asked] == [{"size": 2}, 5]
    (first,), (second,) = world.written("bound"), world.written("unbound")
    assert (first.input, first.output) == ({"text": "hi", "tenant": "acme"}, {"size": 2})
    assert (first.tenant, first.model_version) == ("acme", "7")
    assert (second.input, second.output, second.model_version) == ({"text": "hello"}, 5, "8")
    assert [first.request_id, second.request_id] == [one.id for one in asked]
    assert first.id != first.request_id


def test_a_failed_task_is_a_failed_prediction_and_a_retry_is_none(world: World) -> None:
    for what in ("ignore", "reject"):
        world.fickle.delay(what)
    assert world.fickle.delay("retry").get(timeout=20) == "retry"
    errors = {"break": ValueError, "refuse": PermissionError, "give up": TimeoutError}
    for what, error in errors.items():
        with pytest.raises(error):
            world.fickle.delay(what).get(timeout=20)
    told = [(one.input["what"], one.status, one.error) for one in world.written("fickle")]
    assert told == [
        ("retry", "ok", None),
        ("break", "failed", "ValueError: the model broke"),
        ("refuse", "refused", "PermissionError: not that"),
        ("give up", "failed", "TimeoutError: no model answers"),
    ]


def test_celery_still_sees_the_arguments_and_the_name(world: World) -> None:
    assert world.bound.name.endswith("bound")
    assert world.bound.__doc__ == "Score a text."
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'text'"):
        world.bound.delay()


def test_a_task_called_as_a_function_is_logged_too(world: World) -> None:
    assert world.bound("called") == {"size": 6}
    told = world.written("bound")[-1]
    assert (told.request_id, told.output) == (None, {"size": 6})


@pytest.mark.requirement("PL-03")
def test_a_task_whose_record_cannot_be_written_fails_where_the_policy_refuses(
    world: World,
) -> None:
    with pytest.raises(LogWriteFailed):
        world.unlogged.delay().get(timeout=20)


@pytest.mark.requirement("ST-02", "ST-06")
def test_each_process_of_a_prefork_worker_has_a_log_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("queue", "control", "results"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("CELERY_WORLD", str(tmp_path))
    from ai_ops_tests.client import celery_world

    command = "-m celery -A ai_ops_tests.client.celery_world worker --pool prefork -c 2 -l WARNING"
    worker = subprocess.Popen([sys.executable, *command.split(), "--without-gossip"])
    try:
        asked = [celery_world.predict.delay(text, tenant="t") for text in ["hi"] * 12]
        asked += [celery_world.predict.delay("retry")]
        answers = [one.get(timeout=60) for one in asked]
        broken = celery_world.predict.delay("break")
        with pytest.raises(ValueError, match="the model broke"):
            broken.get(timeout=60)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=60)
    told = written(tmp_path / "log")
    assert len(told) == 14
    assert {one.request_id for one in told} == {one.id for one in [*asked, broken]}
    segments = [
        [read_line(line) for line in file.read_bytes().splitlines(keepends=True)]
        for file in (tmp_path / "log").glob("tiny/worker/*.jsonl")
    ]
    opened = {records[0].pid for records in segments if isinstance(records[0], OpenRecord)}
    assert {answer["pid"] for answer in answers} <= opened
    assert worker.pid not in opened and os.getpid() not in opened
    # Celery's pool processes end without Python's exit handlers, and in order all the same.
    assert all(any(isinstance(r, CloseRecord) for r in records) for records in segments)


def test_importing_the_client_loads_no_celery() -> None:
    heavy = {"celery", "kombu", "starlette", "fastapi", "cryptography", "uvicorn"}
    program = f"import ai_ops.client, sys; print({heavy} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert told.stdout.strip() == "set()", told.stderr
