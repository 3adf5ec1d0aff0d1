"""The challenger in shadow: asked what the champion was asked, and heard by nobody."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from ai_ops.client import PredictionLog
from ai_ops.client.lines import read_line
from ai_ops.client.records import CloseRecord, PredictionRecord
from ai_ops.inference_management import challenger as shadowing
from ai_ops.inference_management import server
from ai_ops.inference_management.challenger import Shadow
from ai_ops.inference_management.predictor import Serving
from ai_ops.inference_management.steady_clock import steady
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.storage.environments import beside
from ai_ops.storage.root import Root
from ai_ops_tests.inference_management.serving_world import (
    GOOD,
    NAME,
    asking,
    registered,
    root_with,
    write_feature,
)

pytestmark = pytest.mark.requirement("ST-08")

ASKED = [{"id": f"p{n}", "inputs": {**GOOD, "temp": float(n)}} for n in range(12)]
PATIENCE = 20.0


@pytest.fixture
def root(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Root:
    return root_with(registered(tmp_path_factory.getbasetemp()), tmp_path / "root")


class Fixed:
    """Stands where the follower of the challenger's alias stands."""

    def __init__(self, scores: Callable[[Any], Any]) -> None:
        model: Any = type("Model", (), {"scores": staticmethod(scores)})
        self.serving = Serving("2", model, registry_reachable=True)

    def start(self) -> None: ...

    def stop(self) -> None: ...


@contextmanager
def served(root: Root, follower: Any = None, *, capacity: int = 1000) -> Iterator[httpx.Client]:
    """The server of a feature that has a challenger; ``follower`` instead of the registry's."""
    feature = write_feature(root.folder / "defs")
    serving = feature.serving.model_copy(update={"shadow": True})
    feature = feature.model_copy(update={"serving": serving})
    clock = steady(root.clock)
    policy = policy_of(feature, clock.mode)
    log = PredictionLog(root.segments, NAME, "web", clock, policy=policy)
    apart = PredictionLog(beside(root, "challenger").segments, NAME, "web", clock, policy=policy)
    with pytest.MonkeyPatch.context() as patch:
        if follower is not None:
            patch.setattr(
                server,
                "shadow_of",
                lambda _root, _feature, answering, log: Shadow(
                    follower, answering.outputs, log, capacity=capacity
                ),
            )
        patch.setattr(shadowing, "STOP_SECONDS", 0.2)
        with asking(server.create_app(root, feature, log, shadow_log=apart)) as client:
            yield client


def lines(folder: Path) -> list[Any]:
    return [
        read_line(line)
        for file in sorted(folder.glob("*/*/*.jsonl"))
        for line in file.read_bytes().splitlines(keepends=True)
    ]


def records(folder: Path) -> list[PredictionRecord]:
    return [one for one in lines(folder) if isinstance(one, PredictionRecord)]


def shadow_of(client: httpx.Client) -> dict[str, Any]:
    state: dict[str, Any] = client.get("/health").json()["challenger"]
    return state


def until(client: httpx.Client, told: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The challenger's state once it is as said."""
    deadline = time.monotonic() + PATIENCE
    while not told(state := shadow_of(client)):
        assert time.monotonic() < deadline, state
        time.sleep(0.02)
    return state


def ask(client: httpx.Client) -> list[bytes]:
    headers = {"x-request-id": "r-1"}
    answers = [client.post("/predict", json=one, headers=headers) for one in ASKED]
    answers.append(client.post("/predict/batch", json={"predictions": ASKED}))
    assert {answer.status_code for answer in answers} == {200}
    return [answer.content for answer in answers]


def test_the_challenger_is_asked_the_same_and_logged_apart(root: Root) -> None:
    root.registry.assign(NAME, "challenger", "2")
    with served(root) as client:
        until(client, lambda state: state["version"] == "2")
        answers = ask(client)
        until(client, lambda state: state["answered"] == 24)
        refused = client.post("/predict", json={"id": "bad", "inputs": {}})
        assert refused.status_code == 422, "what nobody answered is no question to a challenger"
        root.registry.assign(NAME, "challenger", None)
        until(client, lambda state: state["version"] is None)
        client.post("/predict", json={**ASKED[0], "id": "later"})
    assert all(b'"model_version":"1"' in answer and b'"2"' not in answer for answer in answers)
    own, apart = records(root.segments), records(beside(root, "challenger").segments)
    assert {one.model_version for one in own} == {"1"}
    assert len(own) == 26
    assert {one.model_version for one in apart} == {"2"}
    assert [one.id for one in apart] == [one.id for one in own[:24]]
    assert [one.request_id for one in apart] == [one.request_id for one in own[:24]]
    assert {bytes(one.output) for one in apart} == {b'{"probability":0.75,"late":true}'}
    assert {bytes(one.input) for one in apart} == {b"null"}, "the champion's record holds it"
    [closed] = [
        one for one in lines(beside(root, "challenger").segments) if isinstance(one, CloseRecord)
    ]
    assert (closed.served, closed.count) == (24, 24)


def raises(rows: Any) -> Any:
    raise RuntimeError("out of memory")


def no_probability(rows: Any) -> Any:
    return np.full(len(rows), np.nan).reshape(2, 2, 2, 2)


def one_row_only(rows: Any) -> Any:
    if isinstance(rows, dict) or len(rows) > 1 or rows[0]["temp"] == 3.0:
        raise ValueError("it reads one row, and not that one")
    return np.array([0.5])


FAILING: dict[str, tuple[Callable[[Any], Any], int]] = {
    "it raises": (raises, 24),
    "its answer is of another shape": (no_probability, 24),
    "one row is too much for it": (one_row_only, 2),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_challenger_that_fails_costs_no_answer_and_is_counted(root: Root, case: str) -> None:
    scores, failing = FAILING[case]
    with served(root, Fixed(scores)) as client:
        answers = ask(client)
        state = until(client, lambda state: state["taken"] == 24)
        assert client.get("/health").status_code == 200
    assert (state["failed"], state["answered"]) == (failing, 24 - failing)
    assert answers == without_a_challenger(root)
    statuses = [one.status for one in records(beside(root, "challenger").segments)]
    assert statuses.count("failed") == failing
    assert len(statuses) == 24


def test_a_challenger_that_hangs_costs_no_answer_and_what_it_misses_is_counted(root: Root) -> None:
    forever = threading.Event()

    def hangs(rows: Any) -> Any:
        forever.wait(PATIENCE)
        raise RuntimeError("too late")

    with served(root, Fixed(hangs), capacity=10) as client:
        answers = ask(client)
        state = until(client, lambda state: state["busy_seconds"] is not None)
        assert state["handed"] <= 10
        assert state["handed"] + state["dropped"] == 24
        assert client.get("/health").json()["status"] == "ok"
        begun = time.monotonic()
    assert time.monotonic() - begun < PATIENCE / 2, "the server ends while its challenger hangs"
    forever.set()
    assert answers == without_a_challenger(root)
    assert len(records(root.segments)) == 48


def without_a_challenger(root: Root) -> list[bytes]:
    """The champion's answers to the same requests, when there is nobody beside it."""
    with served(root) as client:
        answers = ask(client)
        assert shadow_of(client)["handed"] == 0
    return answers


def test_a_version_that_answers_is_not_compared_with_itself(root: Root) -> None:
    root.registry.assign(NAME, "challenger", "1")
    with served(root) as client:
        until(client, lambda state: state["version"] == "1")
        ask(client)
        until(client, lambda state: state["skipped"] == 24)
    assert records(beside(root, "challenger").segments) == []
