"""The log's columns follow what the versions read, and say so when nobody could tell."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from ai_ops.ai_features.parts import InputColumn
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.prediction_logging import day_reading, whole_index
from ai_ops.prediction_logging.compaction import UNKNOWN, WRONG, compute_prediction_log
from ai_ops.prediction_logging.conformity_report import judge_schema_conforms
from ai_ops.prediction_logging.log_columns import columns_of, only
from ai_ops.prediction_logging.schema_evolution import VersionInputs
from ai_ops.storage.registry import Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import RegistryUnavailable
from ai_ops_tests.inference_management.serving_world import ROWS, Constant
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, INPUT, World, moment

WIND = InputColumn(name="wind", type="number", nullable=True)
TEMP_TEXT = InputColumn(name="temp", type="category")
NEXT = "2021-03-05"


def register(registry: Registry, inputs: list[InputColumn]) -> None:
    rows = {**ROWS, "wind": [1.0, 2.0, None]}
    if TEMP_TEXT in inputs:
        rows["temp"] = ["cold", "warm", "cold"]
    encoder = TabularEncoder.fit(rows, inputs)
    registry.register(
        FEATURE.name,
        Constant(0.25),
        encoder,
        encoder.encode(rows),
        metrics={},
        params={},
        dataset=pd.DataFrame({"x": [1.0]}),
        dataset_digest="0" * 32,
        reference=pa.table({"id": ["a"], "probability": [0.25]}),
    )


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Version 1 reads what the YAML says, 2 also the wind, 3 the temperature as a word."""
    store = tmp_path_factory.mktemp("versions")
    made = Registry(f"sqlite:///{store / 'mlflow.db'}", store / "artifacts")
    register(made, list(FEATURE.inputs))
    register(made, [*FEATURE.inputs, WIND])
    register(made, [TEMP_TEXT if column.name == "temp" else column for column in FEATURE.inputs])
    return made


@pytest.fixture(params=["at once", "line by line"])
def world(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    for module in (day_reading, whole_index):
        fewest = 0 if request.param == "at once" else 1 << 40
        monkeypatch.setattr(module, "FEWEST_BYTES", fewest)
    made = World(tmp_path)
    made.root = Root.open(tmp_path, {"MLFLOW_TRACKING_URI": registry.uri})
    return made


def compact(world: World, day: str = DAY) -> dict[str, Any]:
    compute_prediction_log(world.root, FEATURE, [moment(day)])
    metadata: dict[bytes, bytes] = world.log_of(day).schema.metadata
    return {
        "wrong": json.loads(metadata[WRONG]),
        "unknown": json.loads(metadata[UNKNOWN]),
    }


@pytest.mark.requirement("PL-07")
def test_what_only_a_newer_version_reads_is_null_before_it_and_days_read_together(
    world: World,
) -> None:
    with world.open_log() as log:
        world.write(log, "a", "b")
        world.clock.time += timedelta(days=1)
        world.write(log, "c", "d")
        world.write(log, "e", "f", model_version="2", input={**INPUT, "wind": 7})
        world.write(log, "g", model_version="2")
    assert compact(world) == {"wrong": [], "unknown": {}}
    assert "input_wind" not in world.log_of().column_names
    # One row of version 2 lacks what it reads; rows of version 1 lack nothing.
    assert compact(world, NEXT)["wrong"] == [["input_wind", "2", 1]]
    assert world.log_of(NEXT)["input_wind"].to_pylist() == [None, None, 7.0, 7.0, None]
    both = duckdb.execute(
        "SELECT count(*), count(input_wind), count(input_temp)"
        " FROM read_parquet(?, union_by_name = true)",
        [[world.path(), world.path(NEXT)]],
    ).fetchone()
    assert both == (7, 2, 7)
    verdict = judge_schema_conforms(world.root, FEATURE, moment(NEXT))
    assert "input_wind of version 2 (1)" in verdict.reason


def test_where_a_version_has_another_type_the_yaml_keeps_its_own(world: World) -> None:
    with world.open_log() as log:
        world.write(log, "a")
        world.write(log, "b", "c", model_version="3", input={**INPUT, "temp": "cold"})
    assert compact(world)["wrong"] == [["input_temp", "3", 2]]
    table = world.log_of()
    assert table["input_temp"].to_pylist() == [20.5, None, None]
    assert json.loads(table["input"][1].as_py())["temp"] == "cold"


def test_a_registry_that_does_not_answer_is_told_and_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.open_log() as log:
        world.write(log, "a", model_version="2", input={**INPUT, "wind": 7})

    def silent(*_: object) -> None:
        raise RegistryUnavailable("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(Registry, "inputs", silent)
        assert compact(world)["unknown"] == {"2": "the registry does not answer"}
    assert "input_wind" not in world.log_of().column_names
    verdict = judge_schema_conforms(world.root, FEATURE, moment())
    assert "version 2: the registry does not answer" in verdict.reason
    assert verdict.observed["versions_by_the_yaml"] == "2"
    assert compact(world)["unknown"] == {}
    assert world.log_of()["input_wind"].to_pylist() == [7.0]


def test_a_version_is_asked_for_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = VersionInputs(world.root, FEATURE).columns(["2"])
    monkeypatch.setattr(Registry, "inputs", None)
    assert VersionInputs(world.root, FEATURE).columns(["2"]) == first


def test_a_version_that_no_registry_has_is_held_to_the_yaml(world: World) -> None:
    with world.open_log() as log:
        world.write(log, "a", model_version="77")
    assert "77" in compact(world)["unknown"]["77"]


def test_only_the_versions_of_a_day_widen_it() -> None:
    columns = columns_of(FEATURE, {"1": FEATURE.inputs, "2": (*FEATURE.inputs, WIND)})
    assert "input_wind" in {column.title for column in columns.columns}
    narrow = only(columns, ["1"])
    assert [column.title for column in narrow.inputs] == [
        "input_city",
        "input_temp",
        "input_express",
    ]
    assert only(columns, ["2"]).columns == columns.columns
