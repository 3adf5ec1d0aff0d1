"""MLflow's traces become rows: traces of the real library, from its store and exported."""

import json
from pathlib import Path
from typing import Any

import pytest

from ai_ops.storage.model_files import mlflow_module, quiet
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops_tests.prediction_logging.event_world import Read, feature_of, values_of, write_lines

ASKED, ANSWERED = ["Ulm", 20.5, True], [0.25, False]
COLUMNS = {
    "tenant": "tags.tenant",
    "subject": "metadata.mlflow.trace.user",
    "call_site": "root.name",
}
EXPERIMENT = "shop / late?"


def predict(city: str, temp: float, express: bool) -> dict[str, Any]:
    """What an application traces."""
    import mlflow

    mlflow.update_current_trace(
        tags={"tenant": "acme"}, metadata={"mlflow.trace.user": "u-1"}, client_request_id=city
    )
    with mlflow.start_span("llm", span_type="LLM") as span:
        usage = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
        span.set_attribute("mlflow.chat.tokenUsage", usage)
        span.set_attribute("mlflow.llm.model", "gpt-4o")
    if city == "bad":
        raise ValueError("no such city")
    return {"probability": 0.25, "late": False}


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Root, list[str]]:
    """A root in whose tracking store three calls were traced, and the traces as exported."""
    folder = tmp_path_factory.mktemp("traced")
    mlflow, root = mlflow_module(), Root.open(folder, {})
    (folder / "mlflow").mkdir()
    before = mlflow.get_tracking_uri()
    # MLflow writes its address into the environment, for every process and test after this one.
    with quiet(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", root.registry.uri)
        mlflow.set_tracking_uri(root.registry.uri)
        try:
            client = mlflow.MlflowClient()
            id = client.create_experiment(EXPERIMENT, (folder / "artifacts").as_uri())
            patch.setenv("MLFLOW_EXPERIMENT_ID", id)
            mlflow.set_experiment(experiment_id=id)
            traced = mlflow.trace(predict, name="checkout", span_type="CHAIN")
            traced(*ASKED)
            with pytest.raises(ValueError, match="no such city"):
                traced("bad", 1.0, False)
            traced("late", 2.0, False)
            mlflow.flush_trace_async_logging()
            found = client.search_traces(locations=[id], order_by=["timestamp_ms ASC"])
            return root, [trace.to_json() for trace in found]
        finally:
            mlflow.set_tracking_uri(before)


def check(found: Read) -> None:
    assert not found.quarantined
    row = found.of("Ulm")
    assert values_of(row) == (ASKED, ANSWERED)
    assert (row["tenant"], row["subject"], row["call_site"]) == ("acme", "u-1", "checkout")
    assert json.loads(row["cost"]) == {"model": "gpt-4o", "input_tokens": 3, "output_tokens": 5}
    assert row["latency_ms"] >= 0 and row["request_id"].startswith("tr-")
    failed = found.of("bad")
    assert (failed["status"], failed["error"]) == ("failed", "ValueError: no such city")
    assert values_of(failed) == (["bad", 1.0, False], [None, None]) and failed["wrong"] is None
    assert [row["id"] for row in found.rows] == ["Ulm", "bad", "late"]


@pytest.mark.requirement("FQ-01", "PL-04", "PL-05", "PL-06", "PL-18")
def test_traces_are_read_from_the_tracking_store(traced: tuple[Root, list[str]]) -> None:
    root, _ = traced
    check(Read(root, feature_of("mlflow_traces", f"mlflow:{EXPERIMENT}", columns=COLUMNS)))
    with pytest.raises(MissingEvidence, match="no experiment 'gone'"):
        Read(root, feature_of("mlflow_traces", "mlflow:gone"))


@pytest.mark.parametrize("form", ["lines", "list", "pretty"])
def test_exported_traces_are_read_however_they_are_put_in_files(
    traced: tuple[Root, list[str]], tmp_path: Path, form: str
) -> None:
    _, exported = traced
    folder = tmp_path / "traces"
    folder.mkdir()
    if form == "lines":
        write_lines(folder / "all.jsonl", exported)
    elif form == "list":
        (folder / "all.json").write_text(f"[{', '.join(exported)}]")
    else:
        for number, one in enumerate(exported):
            (folder / f"{number}.json").write_text(json.dumps(json.loads(one), indent=2))
    check(Read(Root.open(tmp_path, {}), feature_of("mlflow_traces", "traces/*", columns=COLUMNS)))


def test_a_trace_of_mlflow_2_is_read(tmp_path: Path) -> None:
    trace = {
        "info": {
            "request_id": "tr-1",
            "experiment_id": "1",
            "timestamp_ms": 1614859200000,
            "execution_time_ms": 12,
            "status": "OK",
            "request_metadata": [{"key": "mlflow.modelId", "value": "m-7"}],
            "tags": {"tenant": "acme"},
        },
        "data": {
            "spans": [
                {
                    "name": "checkout",
                    "parent_id": None,
                    "attributes": {
                        "mlflow.spanInputs": json.dumps(ASKED),
                        "mlflow.spanOutputs": json.dumps(ANSWERED),
                    },
                }
            ]
        },
    }
    write_lines(tmp_path / "a.jsonl", [trace])
    row = Read(Root.open(tmp_path, {}), feature_of("mlflow_traces")).of("tr-1")
    assert values_of(row) == (ASKED, ANSWERED)
    assert (row["latency_ms"], row["model_version"]) == (12.0, "m-7")
    assert row["time"].isoformat() == "2021-03-04T12:00:00+00:00"


@pytest.mark.requirement("MO-08")
def test_damage_is_told_with_its_line_and_field(
    traced: tuple[Root, list[str]], tmp_path: Path
) -> None:
    _, (good, *_) = traced
    running, rootless, untimed, odd = (json.loads(good) for _ in range(4))
    running["info"]["state"] = "IN_PROGRESS"
    del rootless["data"]["spans"][0]
    del untimed["info"]["request_time"]
    odd["data"]["spans"][0]["attributes"]["mlflow.spanInputs"] = "[1, 2]"
    lines = [good, "{", {"run": 1}, running, rootless, untimed, odd, {"info": {}, "data": "x"}]
    write_lines(tmp_path / "a.jsonl", lines)
    found = Read(Root.open(tmp_path, {}), feature_of("mlflow_traces"))
    assert [row["id"] for row in found.rows] == ["Ulm"]
    told = {line: (reason, detail) for line, reason, detail in found.told}
    assert told[2][0] == "not JSON"
    assert told[3] == ("event of another kind", "info: missing: no trace of MLflow")
    assert told[4][0] == "unfinished trace" and "IN_PROGRESS" in told[4][1]
    assert told[5][1].startswith("data.spans: no root span")
    assert told[6][1].startswith("info.request_time: missing")
    assert told[7][1].startswith("mlflow.spanInputs: 2 values, and 3 are declared")
    assert told[8][0] == "missing or unreadable field"
    assert len(told) == 7
