"""The server as a real process: swapped under load it never mislabels, an outage keeps it going."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ai_ops.ai_features import load_feature
from ai_ops.client.lines import read_line
from ai_ops.client.records import CloseRecord, SealRecord
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.inference_management.serving_world import (
    DAY,
    GOOD,
    NAME,
    PROBABILITIES,
    Server,
    predict,
    registered,
    root_with,
    serve_version,
    serving,
    write_feature,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return root_with(
        registered(tmp_path_factory.getbasetemp()), tmp_path_factory.mktemp("served") / "root"
    )


@pytest.fixture(scope="module")
def server(root: Root) -> Iterator[Server]:
    defs = root.folder.parent / "defs"
    write_feature(defs)
    with serving(root, defs) as started:
        yield started
        started.terminate()
        files = sorted((root.segments / NAME / "serve").glob("*.jsonl"))
        records = [read_line(line) for line in files[-1].read_bytes().splitlines(keepends=True)]
        assert isinstance(records[-1], SealRecord), "SIGTERM did not seal the log"
        closing = records[-2]
        assert isinstance(closing, CloseRecord), "SIGTERM did not close the log"


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something holds: a poll and a load take as long as the machine lets them."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)


def health(server: Server) -> dict[str, Any]:
    state: dict[str, Any] = httpx.get(f"{server.url}/health", timeout=20).json()
    return state


def test_it_answers_over_http_and_tells_its_schema(server: Server) -> None:
    answer = predict(server.url, {"id": "one", "inputs": GOOD})
    assert answer.status_code == 200
    assert answer.json()["id"] == "one"
    refused = predict(server.url, {"inputs": {**GOOD, "temp": float("nan")}})
    assert refused.status_code == 422
    assert refused.json() == {"detail": [{"input": "temp", "problem": "not a finite number"}]}
    batch = {"predictions": [{"inputs": GOOD}] * 3}
    answers = httpx.post(f"{server.url}/predict/batch", json=batch, timeout=20).json()
    assert len({one["id"] for one in answers["predictions"]}) == 3
    told = httpx.get(f"{server.url}/openapi.json", timeout=20).json()["paths"]["/predict"]["post"]
    schema = told["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]["inputs"]["properties"]) == set(GOOD)


def test_what_it_answers_is_counted_apart_from_what_it_logs(root: Root, tmp_path: Path) -> None:
    own = root_with(root.folder / "mlflow" / "mlflow.db", tmp_path / "root")
    write_feature(tmp_path / "defs")
    batch = {"predictions": [{"inputs": GOOD}] * 5}
    with serving(own, tmp_path / "defs") as server, httpx.Client(base_url=server.url) as client:
        for body in ({"inputs": GOOD}, {"inputs": GOOD}, {"inputs": "none"}):
            client.post("/predict", json=body)
        assert client.post("/predict/batch", json=batch).status_code == 200
        client.put("/predict", json={})
        client.get("/health")
        server.terminate()
    [file] = (own.segments / NAME / "serve").glob("*.jsonl")
    records = [read_line(line) for line in file.read_bytes().splitlines(keepends=True)]
    [closing] = [record for record in records if isinstance(record, CloseRecord)]
    assert (closing.served, closing.count) == (4, 8)


def test_no_page_loads_anything_from_outside(server: Server) -> None:
    for page in ("docs", "redoc"):
        assert httpx.get(f"{server.url}/{page}", timeout=20).status_code == 404


def test_a_body_without_an_end_is_refused_and_the_next_request_answered(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=20) as client:
        refused = client.post("/predict", content=(b" " * 2**16 for _ in range(64)))
        assert refused.status_code == 413
        assert client.post("/predict", json={"inputs": GOOD}).status_code == 200


@pytest.mark.requirement("ST-07", "PL-07")
def test_versions_swapped_under_load_are_never_mislabelled(root: Root, server: Server) -> None:
    answers: list[dict[str, Any]] = []
    ended = threading.Event()

    def load() -> None:
        with httpx.Client(base_url=server.url, timeout=20) as client:
            body = json.dumps({"inputs": GOOD, "call_site": "swap"})
            while not ended.is_set():
                answers.append(client.post("/predict", content=body).json())

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for version in ("2", "1", "2", "1"):
            serve_version(root, version)
            until(lambda wanted=version: health(server)["version"] == wanted)  # type: ignore[misc]
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    labelled = {(one["model_version"], one["outputs"]["probability"]) for one in answers}
    assert labelled == set(PROBABILITIES.items())

    moment = Moment(DAY, Window.of_day(DAY), root.clock.now())
    feature = load_feature(root.folder.parent / "defs" / NAME / "defs.yaml")
    compute_prediction_log(root, feature, [moment])
    log, _ = root.lake.read_table(root.lake.path(NAME, "prediction_log", DAY))
    swapped = [row for row in log.to_pylist() if row["call_site"] == "swap"]
    assert {(row["model_version"], row["output_probability"]) for row in swapped} == labelled
    assert {row["id"] for row in swapped} == {one["id"] for one in answers}


def test_an_outage_of_the_registry_keeps_it_serving_and_shows(root: Root, server: Server) -> None:
    until(lambda: health(server)["registry_reachable"])
    store = root.folder / "mlflow" / "mlflow.db"
    store.rename(store.with_suffix(".away"))
    try:
        until(lambda: not health(server)["registry_reachable"])
        assert predict(server.url, {"inputs": GOOD}).status_code == 200
        assert httpx.get(f"{server.url}/health", timeout=20).status_code == 200
    finally:
        store.with_suffix(".away").rename(store)
    until(lambda: health(server)["registry_reachable"])
