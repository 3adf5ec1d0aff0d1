"""KServe's events become rows: both protocols, both written forms, halves brought together."""

import base64
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.prediction_logging.events.halves import Half, Halves
from ai_ops.storage.root import Root
from ai_ops_tests.prediction_logging.event_world import (
    NOON,
    Read,
    cloud_event,
    feature_of,
    values_of,
    write_lines,
)

FEATURE = feature_of("kserve_events", "kserve/*.jsonl")
ASKED, ANSWERED = ["Ulm", 20.5, True], [0.25, False]
V1 = ({"instances": [ASKED]}, {"predictions": [ANSWERED]})


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.open(tmp_path, {})


def pair(id: str, data: Any = V1, **more: Any) -> list[dict[str, Any]]:
    asked, answered = data
    return [
        cloud_event("request", id, asked, **more),
        cloud_event("response", id, answered, 7_500_000),
    ]


def read(root: Root, *lines: Any, feature: Any = FEATURE) -> Read:
    write_lines(root.folder / "kserve/events.jsonl", lines)
    return Read(root, feature)


def tensor(name: str, shape: list[int], data: list[Any], kind: str = "FP64") -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": kind, "data": data}


BY_TENSOR = (
    {
        "inputs": [
            tensor("city", [2], ["Ulm", "Bonn"], "BYTES"),
            tensor("temp", [2, 1], [[20.5], [3.0]]),
            tensor("express", [2, 1], [True, False], "BOOL"),
        ]
    },
    {
        "model_name": "delays",
        "model_version": "12",
        "outputs": [tensor("probability", [2], [0.25, 0.5]), tensor("late", [2], [0, 1], "INT64")],
    },
)
BY_NAME = (
    {"instances": [{"city": "Ulm", "temp": 20.5, "express": True}]},
    {"predictions": [{"probability": 0.25, "late": False}]},
)
IN_ONE = (
    {"inputs": [tensor("x", [1, 3], [["Ulm", 20.5, True]], "BYTES")]},
    {"outputs": [tensor("y", [1, 2], [0.25, 0])]},
)


@pytest.mark.requirement("FQ-01", "PL-04", "PL-05", "PL-06")
@pytest.mark.parametrize("data", [V1, BY_NAME, IN_ONE])
def test_a_request_and_its_response_are_one_prediction(root: Root, data: Any) -> None:
    found = read(root, *pair("a", data))
    row = found.of("a")
    assert values_of(row) == (ASKED, ANSWERED)
    assert (row["time"], row["latency_ms"], row["status"]) == (NOON, 7.5, "ok")
    assert not found.quarantined


def test_tensors_of_a_batch_are_rows_and_the_response_tells_the_version(root: Root) -> None:
    found = read(root, *pair("a", BY_TENSOR))
    assert [values_of(row) for row in found.rows] == [
        (ASKED, ANSWERED),
        (["Bonn", 3.0, False], [0.5, True]),
    ]
    assert {(row["id"], row["model_version"]) for row in found.rows} == {
        ("a#0", "12"),
        ("a#1", "12"),
    }


def test_an_event_is_read_in_either_form_that_receivers_write_down(root: Root) -> None:
    written = []
    for event in pair("a"):
        data = event.pop("data")
        headers = {f"Ce-{name.title()}": value for name, value in event.items()}
        headers["Ce-Metadata"] = '{"x-tenant": ["acme"]}'
        written.append({"headers": headers, "body": json.dumps(data)})
    coded = pair("b")
    for event in coded:
        event["data_base64"] = base64.b64encode(json.dumps(event.pop("data")).encode()).decode()
        event["metadata"] = {"x-tenant": ["other"]}
    columns = {
        "tenant": "request.metadata.x-tenant.0",
        "call_site": "request.inferenceservicename",
    }
    found = read(
        root,
        *written,
        *coded,
        feature=feature_of("kserve_events", "kserve/*.jsonl", columns=columns),
    )
    assert [(row["id"], row["tenant"], row["call_site"]) for row in found.rows] == [
        ("a", "acme", "delays"),
        ("b", "other", "delays"),
    ]
    assert all(values_of(row) == (ASKED, ANSWERED) for row in found.rows)


def test_halves_meet_over_files_and_in_any_order(root: Root) -> None:
    requests, responses = zip(*(pair(f"e{n}") for n in range(20)), strict=True)
    write_lines(root.folder / "kserve/b.jsonl", requests)
    write_lines(root.folder / "kserve/a.jsonl", reversed(responses))
    found = Read(root, FEATURE)
    assert len(found.rows) == 20 and not found.quarantined
    assert {row["status"] for row in found.rows} == {"ok"}


@pytest.mark.requirement("MO-08", "PL-10")
def test_a_half_alone_and_what_is_neither_are_told(root: Root) -> None:
    failed = (V1[0], {"error": "the model is out of memory"})
    found = read(
        root,
        *pair("good"),
        cloud_event("request", "unanswered", V1[0]),
        cloud_event("response", "unasked", V1[1]),
        *pair("failed", failed),
        {"type": "org.kubeflow.serving.inference.outlier", "id": "o", "data": {}},
        "no event",
        *pair("short", ({"instances": [ASKED, ASKED]}, V1[1])),
        cloud_event("request", "", V1[0]),
        *pair("binary", ({"inputs": [tensor("x", [1], []) | {"data": None}]}, V1[1])),
        *pair("misshapen", ({"inputs": [tensor("x", [2, 2], [1])]}, V1[1])),
        *pair("untimed", time=None),
    )
    assert {row["id"]: (row["status"], row["error"]) for row in found.rows} == {
        "good": ("ok", None),
        "unanswered": ("failed", "no response was logged"),
        "failed": ("failed", "the model is out of memory"),
    }
    unanswered = found.of("unanswered")
    assert values_of(unanswered) == (ASKED, [None, None]) and unanswered["wrong"] is None
    told = {reason: detail for _, reason, detail in found.told}
    by_line = {line: detail for line, _, detail in found.told}
    assert told["response without its request"] == "nobody knows what was asked"
    assert told["event of another kind"].startswith("type: neither a request nor a response")
    assert "not JSON" in told
    assert by_line[9] == "response.data: 2 rows were asked and 1 answered"
    assert by_line[11].startswith("id: missing")
    assert by_line[12].startswith("request.data.inputs.x: its data is not JSON")
    assert by_line[14] == "request.data.inputs.x: shape [2, 2] does not hold 1 values"
    assert by_line[16].startswith("request.time: missing")
    assert len(found.quarantined) == 8


def test_what_is_delivered_twice_is_one_and_what_contradicts_is_told(root: Root) -> None:
    asked, answered = pair("a")
    other = cloud_event("request", "b", {"instances": [["Bonn", 1.0, False]]})
    found = read(root, asked, asked, answered, answered, asked, *pair("b")[:1], other)
    assert [row["id"] for row in found.rows] == ["a", "b"]
    assert [(one.id, one.reason) for one in found.quarantined] == [("b", "conflicting id")]


@given(st.permutations(range(24)), st.integers(1, 5))
def test_halves_that_wait_on_the_disk_are_found_like_those_in_memory(
    order: list[int], waiting: int
) -> None:
    halves = Halves(waiting)
    every = [
        Half("response" if n % 2 else "request", str(n // 2), "f", n, b"%d" % n) for n in range(22)
    ]
    alone = [Half("request", "x", "f", 22, b"22"), Half("response", "y", "f", 23, b"23")]
    every += alone
    pairs = [found for n in order if isinstance(found := halves.add(every[n]), tuple)]
    assert sorted(one.id for one, _ in pairs) == sorted(map(str, range(11)))
    assert all((one.part, other.part) == ("request", "response") for one, other in pairs)
    assert sorted(halves.rest(), key=lambda half: half.line) == alone


def test_a_shuffled_log_is_the_same_log(root: Root) -> None:
    lines = [event for n in range(50) for event in pair(f"e{n}", (V1, BY_NAME)[n % 2])]
    straight = read(root, *lines).rows
    Random(7).shuffle(lines)
    shuffled = read(root, *lines).rows
    for row in (*straight, *shuffled):
        del row["row"]
    assert straight == shuffled
