"""A version comes back as it went in, or not at all."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from ai_ops.ai_features.parts import InputColumn
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.storage.model_files import ENCODER, MODEL, REFERENCE, mlflow_module
from ai_ops.storage.registry import ModelVersion, Registry
from ai_ops.vocabulary.errors import (
    ArtifactChanged,
    BadInput,
    MissingEvidence,
    RegistryUnavailable,
    UnknownVersion,
)

INPUTS = (
    InputColumn(name="city", type="category"),
    InputColumn(name="temp", type="number", nullable=True),
)
ROWS = {"city": ["A", "B", "A"], "temp": [1.0, None, 3.0]}
REFERENCE_TABLE = pa.table({"id": ["r1", "r2"], "probability": [0.25, 0.75]})


class Tiny(torch.nn.Module):
    def __init__(self, width: int, bias: float) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(width, 1)
        torch.nn.init.constant_(self.linear.bias, bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.linear(x))


def registry_in(folder: Path) -> Registry:
    return Registry(f"sqlite:///{folder / 'mlflow' / 'mlflow.db'}", folder / "mlflow" / "artifacts")


def register(registry: Registry, bias: float = 0.0) -> tuple[ModelVersion, torch.nn.Module]:
    encoder = TabularEncoder.fit(ROWS, INPUTS)
    module = Tiny(encoder.width, bias)
    version = registry.register(
        "tiny",
        module,
        encoder,
        encoder.encode(ROWS),
        metrics={"auc": 0.7, "n": 3},
        params={"kind": "tiny"},
        dataset=pd.DataFrame(ROWS),
        dataset_digest="0" * 32,
        reference=REFERENCE_TABLE,
        tags={"recipe": "r"},
    )
    return version, module


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """A registry with the versions 1 and 2."""
    made = registry_in(tmp_path_factory.mktemp("registry"))
    register(made)
    register(made, bias=1.0)
    return made


def folder_of(registry: Registry, version: str) -> Path:
    return registry._found("tiny", version)[1]


@pytest.mark.requirement("PL-12", "PL-14", "PL-16", "PL-18")
def test_a_version_has_its_metrics_its_data_and_its_size(registry: Registry) -> None:
    version = registry.version("tiny", "1")
    assert version.metrics == {"auc": 0.7, "n": 3}
    assert version.dataset_digest == "0" * 32
    assert version.tags["recipe"] == "r" and version.params["kind"] == "tiny"
    assert version.size_bytes == (folder_of(registry, "1") / MODEL).stat().st_size
    assert abs((datetime.now(UTC) - version.created_at).total_seconds()) < 3600
    assert [one.version for one in registry.versions("tiny")] == ["1", "2"]


def test_a_loaded_version_answers_as_the_module_did(tmp_path: Path) -> None:
    registry = registry_in(tmp_path)
    _, module = register(registry)
    loaded = registry.load("tiny", "1")
    with torch.no_grad():
        expected = module(torch.from_numpy(loaded.encoder.encode(ROWS))).numpy().reshape(-1)
    np.testing.assert_allclose(loaded.scores(ROWS), expected, rtol=1e-6)
    for index in range(3):
        row = {name: values[index] for name, values in ROWS.items()}
        np.testing.assert_allclose(loaded.scores([row]), expected[index], rtol=1e-6)
    many = {name: values * 100 for name, values in ROWS.items()}
    assert loaded.scores(many).shape == (300,)


def test_the_training_data_is_linked_to_the_run(registry: Registry) -> None:
    run = registry._client.get_run(registry.version("tiny", "1").run_id)
    assert [one.dataset.digest for one in run.inputs.dataset_inputs] == ["0" * 32]


@pytest.mark.parametrize("elsewhere", [None, "http://127.0.0.1:9"])
def test_registering_leaves_the_process_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: str | None
) -> None:
    """A server that is started later takes its registry from the environment."""
    if elsewhere:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", elsewhere)
    else:
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    before = mlflow_module().get_tracking_uri()
    register(registry_in(tmp_path))
    assert os.environ.get("MLFLOW_TRACKING_URI") == elsewhere
    assert mlflow_module().get_tracking_uri() == before


def test_a_version_that_is_not_there_is_named_with_those_that_are(registry: Registry) -> None:
    for ask in (registry.version, registry.load, registry.reference):
        with pytest.raises(UnknownVersion, match=r"'7'.*it holds: 1, 2"):
            ask("tiny", "7")
    with pytest.raises(UnknownVersion, match="it holds: 1, 2"):
        registry.set_alias("tiny", "champion", "7")
    with pytest.raises(UnknownVersion, match="it holds: none"):
        registry.version("other", "1")


def test_nobody_is_champion_before_the_alias_is_set(tmp_path: Path, registry: Registry) -> None:
    empty = registry_in(tmp_path)
    assert empty.champion("tiny") is None and empty.versions("tiny") == []
    assert not (tmp_path / "mlflow").exists()  # asking must not create a store
    assert registry.champion("tiny") is None and registry.champion("other") is None
    with pytest.raises(MissingEvidence, match="champion"):
        registry.require_champion("tiny")


def test_an_alias_is_always_one_of_those_it_was_moved_to(registry: Registry) -> None:
    registry.set_alias("tiny", "moving", "1")
    readers = [registry, Registry(registry.uri, registry.artifacts)]

    def move(turn: int) -> None:
        registry.set_alias("tiny", "moving", str(turn % 2 + 1))

    def read(turn: int) -> str | None:
        return readers[turn % 2].alias("tiny", "moving")

    with ThreadPoolExecutor(8) as pool:
        moves = [pool.submit(move, turn) for turn in range(20)]
        seen = {future.result() for future in [pool.submit(read, turn) for turn in range(40)]}
        for future in moves:
            future.result()
    assert seen <= {"1", "2"}
    registry.set_alias("tiny", "moving", "2")
    assert registry.version("tiny", "2").aliases == ("moving",)


def test_the_reference_comes_back_with_the_digest_of_its_file(registry: Registry) -> None:
    table, digest = registry.reference("tiny", "1")
    assert table.equals(REFERENCE_TABLE)
    assert digest == registry.version("tiny", "1").params["sha256.reference"]


@pytest.mark.parametrize("file", [MODEL, ENCODER, REFERENCE])
def test_a_file_that_was_tampered_with_is_not_used(registry: Registry, file: str) -> None:
    path = folder_of(registry, "2") / file
    original = path.read_bytes()
    read = registry.reference if file == REFERENCE else registry.load
    try:
        path.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
        with pytest.raises(ArtifactChanged, match=r"version 2.*is not the file"):
            read("tiny", "2")
        path.unlink()
        with pytest.raises(MissingEvidence, match="is gone"):
            read("tiny", "2")
    finally:
        path.write_bytes(original)


def test_a_pickled_model_is_refused(tmp_path: Path) -> None:
    mlflow = mlflow_module()
    mlflow.pytorch.save_model(
        Tiny(3, 0.0), str(tmp_path / "p"), serialization_format="pickle", pip_requirements=["torch"]
    )
    with pytest.raises(mlflow.exceptions.MlflowException, match=r"(?i)pickle"):
        mlflow.pytorch.load_model(str(tmp_path / "p"))


def test_an_example_of_one_row_is_refused(tmp_path: Path) -> None:
    encoder = TabularEncoder.fit(ROWS, INPUTS)
    one = encoder.encode({"city": ["A"], "temp": [1.0]})
    with pytest.raises(BadInput, match="two rows"):
        registry_in(tmp_path).register(
            "tiny",
            Tiny(encoder.width, 0.0),
            encoder,
            one,
            metrics={},
            params={},
            dataset=pd.DataFrame(ROWS),
            dataset_digest="0" * 32,
            reference=REFERENCE_TABLE,
        )


def test_an_outage_is_an_outage_and_not_an_empty_registry(tmp_path: Path) -> None:
    registry = registry_in(tmp_path)
    register(registry)
    registry.set_alias("tiny", "champion", "1")
    database = tmp_path / "mlflow" / "mlflow.db"
    database.rename(database.with_suffix(".away"))
    with pytest.raises(RegistryUnavailable, match="vanished"):
        registry.champion("tiny")
    with pytest.raises(RegistryUnavailable, match="vanished"):
        registry.versions("tiny")
    database.with_suffix(".away").rename(database)
    assert registry.champion("tiny") == "1"


def test_a_registry_that_refuses_the_connection_does_not_show_its_password(tmp_path: Path) -> None:
    registry = Registry("http://me:secret@127.0.0.1:9", tmp_path)
    with pytest.raises(RegistryUnavailable) as caught:
        registry.champion("tiny")
    assert "secret" not in str(caught.value)


def test_importing_the_registry_loads_neither_mlflow_nor_torch() -> None:
    heavy = "{'mlflow', 'torch', 'pandas'}"
    code = f"import ai_ops.storage.registry, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
