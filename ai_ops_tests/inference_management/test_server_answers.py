"""What the server answers and logs, without a socket: refusals, failures, the champion."""

import json
import math
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client import PredictionLog
from ai_ops.client.lines import read_line
from ai_ops.client.records import PredictionRecord
from ai_ops.inference_management.answering import Answering
from ai_ops.inference_management.answers import Answer, Waiting
from ai_ops.inference_management.predictor import Champion, Serving
from ai_ops.inference_management.steady_clock import steady
from ai_ops.storage.clocks import WallClock
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.errors import ClockRefused
from ai_ops_tests.inference_management.serving_world import (
    DAY,
    GOOD,
    registered,
    root_with,
    write_feature,
)


class Fixed:
    """Stands where the champion stands, and never changes."""

    def __init__(self, model: Any, version: str | None = "1") -> None:
        self.serving = Serving(version=version, model=model)


class Halves:
    """A model that answers one half for everything, or fails."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails

    def scores(self, rows: Any) -> Any:
        if self.fails:
            raise RuntimeError("out of memory")
        return np.full(len(rows["city"]) if isinstance(rows, dict) else len(rows), 0.5)


class World:
    """A feature, a log and what answers for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.feature = write_feature(folder / "defs")
        self.log = PredictionLog(folder / "segments", self.feature.name, "web", WallClock())

    def answering(self, model: Any = None, **options: Any) -> Answering:
        champion: Any = Fixed(model or Halves())
        return Answering(self.feature, champion, self.log, **options)

    def records(self) -> list[PredictionRecord]:
        lines = [
            line
            for file in self.folder.glob("segments/tiny/*/*.jsonl")
            for line in file.read_bytes().splitlines(keepends=True)
        ]
        return [r for line in lines if isinstance(r := read_line(line), PredictionRecord)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def told(answer: Answer) -> Any:
    return msgspec.json.decode(answer.body)


def body(**parts: Any) -> bytes:
    return json.dumps({"inputs": GOOD, **parts}).encode()


@pytest.mark.requirement("PL-03", "PL-04", "PL-05", "PL-07")
def test_an_answer_has_its_id_version_and_outputs_and_is_logged(world: World) -> None:
    sent = b'{"id": "a", "inputs": {"city": "A", "temp": 7, "express": true}, "tenant": "t"}'
    answer = world.answering().single(sent, "r-1")
    assert answer.status == 200
    outputs = {"probability": 0.5, "late": True}
    assert told(answer) == {"id": "a", "model_version": "1", "outputs": outputs}
    [record] = world.records()
    assert bytes(record.input) == b'{"city": "A", "temp": 7, "express": true}'  # raw, as sent
    assert json.loads(bytes(record.output)) == outputs
    assert (record.id, record.model_version, record.tenant, record.request_id) == (
        "a",
        "1",
        "t",
        "r-1",
    )
    assert record.latency_ms is not None
    assert 0 < json.loads(bytes(record.cost))["compute_ms"] <= record.latency_ms


def test_a_batch_is_answered_in_its_order_and_shares_a_request_id(world: World) -> None:
    rows = [{"id": str(n), "inputs": GOOD} for n in range(20)]
    sent = json.dumps({"predictions": rows, "call_site": "nightly"}).encode()
    answer = told(world.answering().batch(sent))
    assert [one["id"] for one in answer["predictions"]] == [str(n) for n in range(20)]
    records = world.records()
    assert len({record.request_id for record in records}) == 1
    assert {(r.mode, r.call_site, r.status) for r in records} == {("batch", "nightly", "ok")}


BAD = [
    ({**GOOD, "temp": math.nan}, "temp", "not a finite number"),
    ({**GOOD, "temp": -math.inf}, "temp", "not a finite number"),
    ({**GOOD, "temp": "hot"}, "temp", "should be a valid number"),
    ({**GOOD, "temp": True}, "temp", "should be a valid number"),
    ({**GOOD, "city": 5}, "city", "should be a valid string"),
    ({**GOOD, "city": None}, "city", "should be a valid string"),
    ({**GOOD, "express": 1}, "express", "should be a valid boolean"),
    ({**GOOD, "color": "red"}, "color", "unknown"),
    ({"city": "A", "express": True}, "temp", "missing"),
]


@pytest.mark.requirement("MO-08")
@pytest.mark.parametrize(("inputs", "named", "problem"), BAD)
def test_a_bad_input_is_refused_by_name_and_logged(
    world: World, inputs: dict[str, Any], named: str, problem: str
) -> None:
    answer = world.answering().single(body(inputs=inputs, id="a"))
    assert answer.status == 422
    [detail] = told(answer)["detail"]
    assert detail["input"] == named
    assert detail["problem"].startswith(problem)
    [record] = world.records()
    assert (record.id, record.status) == ("a", "refused")
    assert named in (record.error or "")
    kept = json.loads(bytes(record.input))
    assert set(kept) == set(inputs)
    assert kept["city"] == inputs["city"]


def test_nan_is_kept_in_the_log_as_it_was_sent(world: World) -> None:
    world.answering().single(b'{"inputs": {"city": "A", "temp": NaN, "express": true}}')
    [record] = world.records()
    assert json.loads(bytes(record.input))["temp"] == "NaN"


@pytest.mark.parametrize(
    "sent", [b"", b"{", b"[]", b"\xff\x00", b'{"inputs": 5}', b'"\\ud800"', b"[" * 9999]
)
def test_a_body_that_is_no_request_is_refused_and_logged(world: World, sent: bytes) -> None:
    assert world.answering().single(sent).status == 422
    assert world.answering().batch(sent).status == 422
    assert [record.status for record in world.records()] == ["refused", "refused"]


def test_one_bad_row_refuses_its_batch_and_every_row_is_logged(world: World) -> None:
    rows = [{"id": "a", "inputs": GOOD}, {"id": "b", "inputs": {**GOOD, "temp": "hot"}}]
    answer = world.answering().batch(json.dumps({"predictions": rows}).encode())
    assert answer.status == 422
    [detail] = told(answer)["detail"]
    assert (detail["row"], detail["input"]) == (1, "temp")
    assert [(r.id, r.status) for r in world.records()] == [("a", "refused"), ("b", "refused")]


@pytest.mark.requirement("ST-06")
def test_requests_that_arrive_together_share_a_call_and_keep_what_is_theirs(world: World) -> None:
    waiting = [Waiting(body(id=f"p{n}", tenant=f"t{n}"), f"r{n}", n) for n in range(20)]
    answers = world.answering().together(waiting)
    assert [told(answer)["id"] for answer in answers] == [f"p{n}" for n in range(20)]
    kept = [(r.id, r.tenant, r.request_id, r.mode, r.status) for r in world.records()]
    assert kept == [(f"p{n}", f"t{n}", f"r{n}", "sync", "ok") for n in range(20)]


def test_a_bad_request_among_others_is_refused_alone(world: World) -> None:
    bad = body(id="bad", inputs={**GOOD, "temp": "hot"})
    waiting = [Waiting(sent, None, 0.0) for sent in (body(id="a"), bad, body(id="b"))]
    assert [answer.status for answer in world.answering().together(waiting)] == [200, 422, 200]
    assert [(r.id, r.status) for r in world.records()] == [
        ("a", "ok"),
        ("bad", "refused"),
        ("b", "ok"),
    ]
    world.log.close()
    assert [answer.status for answer in world.answering().together(waiting[::2])] == [503, 503]


def test_a_failing_model_is_an_error_that_is_logged(world: World) -> None:
    answer = world.answering(Halves(fails=True)).single(body(id="a"))
    assert answer.status == 500
    [record] = world.records()
    assert (record.status, record.model_version) == ("failed", "1")
    assert "out of memory" in (record.error or "")


def test_without_a_record_there_is_no_answer(world: World) -> None:
    world.log.close()
    answer = world.answering().single(body())
    assert answer.status == 503
    assert b"probability" not in answer.body
    assert world.answering(on_log_failure="count").single(body()).status == 200
    assert world.log.failures == 2


def test_without_a_model_there_is_no_answer_and_a_record(world: World) -> None:
    champion: Any = Fixed(None, None)
    answer = Answering(world.feature, champion, world.log).single(body(id="a"))
    assert answer.status == 503
    assert [(r.id, r.status, r.model_version) for r in world.records()] == [("a", "failed", None)]


def test_the_replays_clock_is_read_again_when_it_was_advanced(tmp_path: Path) -> None:
    root = Root.open(tmp_path, {})
    replay = root.begin_replay(utc("2021-03-04T12:00:00Z"))
    clock = steady(root.clock)
    for hour in range(13, 23):
        replay.advance(utc(f"2021-03-04T{hour}:00:00Z"))
        assert clock.now() == replay.now()
    replay.file.unlink()
    with pytest.raises(ClockRefused, match="clock is gone"):
        clock.now()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return registered(tmp_path_factory.getbasetemp())


def champion_of(root: Root, feature: AiFeatureSpec) -> Champion:
    return Champion(root.registry, feature.name, 0.1, root.clock)


@pytest.mark.requirement("ST-07")
def test_the_champion_is_followed_and_an_outage_keeps_the_last_good_model(
    database: Path, tmp_path: Path
) -> None:
    root, feature = root_with(database, tmp_path / "root"), write_feature(tmp_path / "defs")
    champion = champion_of(root, feature)
    champion.poll()
    assert (champion.serving.version, champion.serving.problem) == ("1", None)
    assert champion.serving.last_poll == utc(f"{DAY}T12:00:00Z")

    store = root.folder / "mlflow" / "mlflow.db"
    store.rename(store.with_suffix(".away"))
    champion.poll()
    assert (champion.serving.version, champion.serving.registry_reachable) == ("1", False)
    assert champion.serving.model is not None
    store.with_suffix(".away").rename(store)
    root.registry.set_alias(feature.name, "champion", "2")
    champion.poll()
    assert (champion.serving.version, champion.serving.registry_reachable) == ("2", True)
    assert champion.serving.model is not None
    assert champion.serving.model.scores([GOOD]).tolist() == [0.75]


def test_a_champion_that_cannot_be_loaded_keeps_the_old_one_and_says_so(
    database: Path, tmp_path: Path
) -> None:
    root, feature = root_with(database, tmp_path / "root"), write_feature(tmp_path / "defs")
    champion = champion_of(root, feature)
    champion.poll()
    model = root.registry.version(feature.name, "2").model_id
    with sqlite3.connect(root.folder / "mlflow" / "mlflow.db") as store:
        store.execute(
            "UPDATE logged_model_params SET param_value = ? "
            "WHERE model_id = ? AND param_key = 'sha256.model'",
            ("0" * 64, model),
        )
    store.close()
    root.registry.set_alias(feature.name, "champion", "2")
    champion.poll()
    assert champion.serving.version == "1"
    assert "version 2 cannot be loaded" in (champion.serving.problem or "")
