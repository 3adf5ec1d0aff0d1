"""The trainer that a YAML names, and the version that it makes of a training set."""

import sys
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.retraining_pipeline.candidate import compute_candidate_model, trained_from
from ai_ops.retraining_pipeline.made_with import made_with
from ai_ops.retraining_pipeline.records import latest_training_set, rows_path
from ai_ops.retraining_pipeline.trainer import trainer_of
from ai_ops.retraining_pipeline.training_set import compute_training_set
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import ArtifactChanged, BadInput, RetrainingRefused
from ai_ops_tests.retraining_pipeline import tiny_trainer
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    DEVOPS,
    FEATURE,
    NAME,
    NOW,
    champion,
    decided,
    last_refusal,
)


def trained_by(name: str | None) -> AiFeatureSpec:
    parts = FEATURE.retraining.model_copy(update={"trainer": name})
    return FEATURE.model_copy(update={"retraining": parts})


def candidate(root: Root) -> str:
    """A candidate from a training set that is made now."""
    compute_training_set(root, FEATURE, NOW, run_id="run-1")
    return str(compute_candidate_model(root, FEATURE, NOW, run_id="run-1").numbers["version"])


def test_a_trainer_is_a_module_with_two_functions() -> None:
    assert trainer_of(FEATURE) is sys.modules[tiny_trainer.__name__]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (None, "tiny: retraining.trainer: missing; name the module that trains"),
        ("ai_ops_tests.no_such", "no module ai_ops_tests.no_such; correct its name"),
        ("json.decoder", "json.decoder has no function history; write it there"),
    ],
)
def test_a_trainer_that_is_none_is_named_with_its_field_and_mend(
    name: str | None, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        trainer_of(trained_by(name))


def test_a_trainer_that_lacks_a_library_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needy_trainer.py").write_text("import a_library_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_library_that_nobody_has"):
        trainer_of(trained_by("needy_trainer"))


def test_a_wrong_trainer_begins_no_retraining(logged: Root) -> None:
    with pytest.raises(BadInput, match="no module"):
        compute_training_set(logged, trained_by("ai_ops_tests.no_such"), NOW)
    assert not logged.ledger.events(NAME, kinds=["retraining"])


@pytest.mark.requirement("PL-14", "PL-16", "PL-18", "PB-14")
def test_a_candidate_is_registered_with_all_that_it_is_and_serves_nobody(logged: Root) -> None:
    version = candidate(logged)
    manifest, _ = latest_training_set(logged, FEATURE)
    rows, _ = logged.lake.read_table(rows_path(logged, FEATURE, manifest.id))
    found = logged.registry.version(NAME, version)
    assert found.dataset_digest == manifest.digest
    assert found.tags["training_set"] == manifest.id
    assert found.tags["retraining"] == manifest.retraining
    rate = pc.mean(rows["label"].cast(pa.float64())).as_py()
    assert found.metrics["rate"] == pytest.approx(rate)
    reference, _ = logged.registry.reference(NAME, version)
    assert reference["id"] == rows["id"]
    assert {"time", "tenant", "label", "output_probability"} <= set(reference.column_names)
    stored, _ = logged.lake.read_json(logged.lake.path(NAME, "candidate_model", None, "json"))
    own, _ = logged.lake.read_json(logged.lake.path(NAME, "candidate_model", version, "json"))
    assert stored == own
    assert stored["training_set"] == manifest.id and stored["metrics"] == dict(found.metrics)
    assert champion(logged) is None and found.aliases == ()


def test_a_retraining_that_is_tried_again_registers_one_version(logged: Root) -> None:
    version = candidate(logged)
    assert compute_candidate_model(logged, FEATURE, NOW).numbers["version"] == version
    assert [one.version for one in logged.registry.versions(NAME)] == [version]
    compute_training_set(logged, FEATURE, NOW, run_id="run-2")
    other = compute_candidate_model(logged, FEATURE, NOW, run_id="run-2").numbers["version"]
    assert other != version, "another retraining is another version, from the same rows too"


ROLLING = """
    import random
    from dataclasses import replace
    import numpy as np
    import torch
    from ai_ops_tests.inference_management.serving_world import Constant
    from ai_ops_tests.retraining_pipeline.tiny_trainer import history, train as fit

    def train(feature, rows):
        dice = random.random() + np.random.rand() + torch.rand(1).item()
        return replace(fit(feature, rows), module=Constant(dice / 3))
"""


@pytest.mark.requirement("OW-08", "PL-16")
def test_the_same_training_set_gives_the_same_weights_and_all_it_was_made_with_is_kept(
    logged: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "rolling_trainer.py").write_text(dedent(ROLLING))
    feature = trained_by("rolling_trainer")
    compute_training_set(logged, feature, NOW, run_id="run-1")
    manifest, _ = latest_training_set(logged, feature)
    weights = []
    for _ in range(2):
        torch.rand(7)  # whatever was drawn before
        module = trained_from(logged, feature, manifest).module
        weights.append(b"".join(one.numpy().tobytes() for one in module.state_dict().values()))
    assert weights[0] == weights[1]
    compute_candidate_model(logged, feature, NOW, run_id="run-1")
    one = logged.registry.versions(NAME)[-1]
    made = manifest.made_with
    kept = {name.removeprefix("made_with."): value for name, value in one.params.items()}
    assert made.items() <= kept.items() and {"environment", "python", "code"} <= made.keys()
    assert one.params["seed"] == str(int(manifest.digest[:8], 16))
    stored, _ = logged.lake.read_json(logged.lake.path(NAME, "candidate_model", None, "json"))
    assert stored["made_with"] == {**made, "seed": one.params["seed"]}
    packages, _ = logged.lake.read_json(
        logged.lake.path(NAME, "training_environment", made["environment"], "json")
    )
    assert packages["torch"] == version("torch")
    (tmp_path / "rolling_trainer.py").write_text(dedent(ROLLING) + "# another\n")
    assert made_with(logged, feature).code != made["code"]


def test_rows_that_were_changed_are_not_learnt_from(logged: Root) -> None:
    compute_training_set(logged, FEATURE, NOW)
    manifest, _ = latest_training_set(logged, FEATURE)
    path = rows_path(logged, FEATURE, manifest.id)
    rows, _ = logged.lake.read_table(path)
    logged.lake.write_table(path, rows.slice(1))
    with pytest.raises(ArtifactChanged, match="materialise it again"):
        compute_candidate_model(logged, FEATURE, NOW)
    assert logged.registry.versions(NAME) == []


def test_a_hold_that_comes_between_stops_it(logged: Root) -> None:
    compute_training_set(logged, FEATURE, NOW)
    decided(logged, "hold", DEVOPS, reason="wait")
    with pytest.raises(RetrainingRefused, match="held by devops"):
        compute_candidate_model(logged, FEATURE, NOW)
    assert last_refusal(logged)[0] == "retraining"
    assert logged.registry.versions(NAME) == []


def test_it_is_shown_beside_the_version_that_serves(logged: Root) -> None:
    first = candidate(logged)
    logged.registry.set_alias(NAME, "rehearsal", first)
    compute_training_set(logged, FEATURE, NOW, run_id="run-2")
    table = compute_candidate_model(logged, FEATURE, NOW).table
    beside = f"version {first}, when it was registered"
    assert {row["metric"]: row[beside] for row in table}["auc"] == 0.5
