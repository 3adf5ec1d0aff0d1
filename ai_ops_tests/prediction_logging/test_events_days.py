"""From a YAML and the events of another system to the log of a day, as every check reads it."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.compaction import LOG, QUARANTINE, compute_prediction_log
from ai_ops.prediction_logging.completeness_report import judge_log_written
from ai_ops.prediction_logging.log_columns import columns_of
from ai_ops.prediction_logging.log_table import log_schema
from ai_ops.storage.root import Root
from ai_ops_tests.prediction_logging.event_world import (
    CAPTURED,
    DAY,
    NAME,
    captured,
    cloud_event,
    feature_of,
    values_of,
    write_lines,
)
from ai_ops_tests.prediction_logging.logging_world import moment
from ai_ops_tests.prediction_logging.test_events_otel import CALL, MAPPING, START, TEXTS

ASKED, ANSWERED = ["Ulm", 20.5, True], [0.25, False]
SECOND = 10**9


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.open(tmp_path, {})


def day_of(root: Root, feature: AiFeatureSpec) -> tuple[list[dict[str, Any]], pa.Table]:
    """The rows of the day and its quarantine, once they were written."""
    compute_prediction_log(root, feature, [moment(DAY)])
    log, _ = root.lake.read_table(root.lake.path(NAME, LOG, DAY))
    assert log.schema.remove_metadata() == log_schema(columns_of(feature))
    apart, _ = root.lake.read_table(root.lake.path(NAME, QUARANTINE, DAY))
    return log.to_pylist(), apart


def span(number: int, **told: Any) -> dict[str, Any]:
    """A line of one span, in the protocol's JSON."""
    names = {str: "stringValue", int: "intValue", float: "doubleValue"}
    attributes = [
        {"key": key, "value": {names[type(value)]: str(value) if type(value) is int else value}}
        for key, value in {**CALL, **told}.items()
        if type(value) in names
    ]
    one = {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": "chat",
        "startTimeUnixNano": str(START + number * SECOND),
        "endTimeUnixNano": str(START + (number + 1) * SECOND),
        "attributes": attributes,
        "status": {},
    }
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [one]}]}]}


@pytest.mark.requirement("FQ-01", "PL-04", "PL-05", "PL-06", "PL-07", "PL-08", "PL-11")
def test_a_day_of_captures(root: Root) -> None:
    feature = feature_of("sagemaker_capture", "capture/**/*.jsonl")
    lines = [captured(f"e{n}", [ASKED], [ANSWERED], ("BASE64 CSV", "JSON"), n) for n in range(5)]
    write_lines(root.folder / CAPTURED, [*lines, lines[0], captured("x", [ASKED, ASKED], [[1, 1]])])
    other = captured("tomorrow", [ASKED], [ANSWERED], seconds=86_400)
    write_lines(root.folder / CAPTURED.replace("04/12", "04/23"), [other])
    rows, apart = day_of(root, feature)
    assert [row["id"] for row in rows] == ["e0", "e1", "e2", "e3", "e4"]
    assert all(values_of(row) == (ASKED, ANSWERED) for row in rows)
    assert {row["model_version"] for row in rows} == {"blue"}
    assert apart["id"].to_pylist() == ["x"] and apart["offset"].to_pylist() == [7]
    verdict = judge_log_written(root, feature, moment(DAY))
    assert verdict.status == "fail" and "captureData.endpointOutput.data" in str(apart["detail"])


def test_a_day_of_requests_and_responses_that_stand_in_files_apart(root: Root) -> None:
    feature = feature_of("kserve_events", "kserve/**/*.jsonl")
    for part, data in (
        ("request", {"instances": [ASKED]}),
        ("response", {"predictions": [ANSWERED]}),
    ):
        events = [cloud_event(part, f"e{n}", data, n) for n in range(4)]
        write_lines(root.folder / f"kserve/{part}/a.jsonl", events)
    rows, apart = day_of(root, feature)
    assert [(row["id"], row["status"]) for row in rows] == [(f"e{n}", "ok") for n in range(4)]
    assert all(values_of(row) == (ASKED, ANSWERED) for row in rows) and not apart.num_rows
    late = cloud_event("request", "late", {"instances": [ASKED]})
    write_lines(root.folder / "kserve/request/b.jsonl", [late])
    rows, _ = day_of(root, feature)
    assert rows[0]["id"] == "e0" and ("late", "failed") in [(r["id"], r["status"]) for r in rows]
    answer = cloud_event("response", "late", {"predictions": [ANSWERED]}, 9)
    write_lines(root.folder / "kserve/response/c.jsonl", [answer])
    rows, _ = day_of(root, feature)
    assert {row["status"] for row in rows} == {"ok"} and len(rows) == 5


def test_a_day_of_spans(root: Root) -> None:
    feature = feature_of("otel_genai", "spans/*.jsonl", **MAPPING, attributes=TEXTS)
    write_lines(root.folder / "spans/a.jsonl", [span(n) for n in range(3)])
    rows, apart = day_of(root, feature)
    assert [row["output_tokens"] for row in rows] == [3.0, 3.0, 3.0] and not apart.num_rows
    assert {row["input_question"] for row in rows} == {"Is it late?"}
    assert {json.loads(row["cost"])["input_tokens"] for row in rows} == {12}
    assert {row["latency_ms"] for row in rows} == {1000.0}


def test_a_day_of_traces(root: Root) -> None:
    attributes = {
        "mlflow.spanInputs": json.dumps(dict(zip(("city", "temp", "express"), ASKED, strict=True))),
        "mlflow.spanOutputs": json.dumps({"probability": 0.25, "late": False}),
    }
    trace = {
        "info": {"trace_id": "tr-1", "request_time": "2021-03-04T12:00:00.058Z", "state": "OK"},
        "data": {"spans": [{"name": "predict", "parent_span_id": None, "attributes": attributes}]},
    }
    write_lines(root.folder / "traces/a.jsonl", [trace, {"info": {}}])
    feature = feature_of("mlflow_traces", "traces/*.jsonl", columns={"call_site": "root.name"})
    [row], _ = day_of(root, feature)
    assert values_of(row) == (ASKED, ANSWERED) and row["call_site"] == "predict"
    undated, _ = root.lake.read_table(root.lake.path(NAME, "prediction_log/undated", None))
    assert undated["reason"].to_pylist() == ["event of another kind"]
