"""A candidate's evaluation: what is read, what is written, whose criteria count."""

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from ai_ops.accuracy_evaluation.candidates import compute_candidate_evaluation
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.held_out import is_held_out
from ai_ops.storage.decisions import record, sign_decision
from ai_ops.storage.fingerprints import fingerprint_of, fingerprints
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.model_files import mlflow_module
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.words import GATE_CHECKS
from ai_ops_tests.accuracy_evaluation.gate_world import (
    FIRST,
    LAST,
    NOW,
    Trained,
    evaluated,
    freeze_gate,
    judged,
    launched,
    overconfident,
    registered,
    root_of,
    scientist,
    statuses,
    training_ids,
    write_candidate,
)
from ai_ops_tests.accuracy_evaluation.world import Fitted, between, open_root

pytestmark = pytest.mark.requirement("PB-15", "PB-34", "PB-35")


@pytest.fixture(scope="module")
def root(
    tmp_path_factory: pytest.TempPathFactory,
    feature: AiFeatureSpec,
    flights: pd.DataFrame,
    fitted_to_march: Fitted,
) -> Root:
    """Version 1, overconfident, is in production; version 2 is the candidate."""
    root = open_root(tmp_path_factory.mktemp("candidates"))
    root_of(root, feature, flights, fitted_to_march.scores)
    registered(root, feature, overconfident(fitted_to_march), fitted_to_march)
    launched(root, feature, "1")
    return root


@pytest.fixture(scope="module")
def trained(fitted_to_march: Fitted, feature: AiFeatureSpec) -> Trained:
    return Trained("2", training_ids(fitted_to_march, feature), retraining="r-1")


def test_no_candidate_yet_is_missing_evidence(root: Root, feature: AiFeatureSpec) -> None:
    with pytest.raises(MissingEvidence, match="candidate_model"):
        compute_candidate_evaluation(root, feature, NOW)


@pytest.mark.requirement("OW-06")
def test_the_yaml_alone_is_no_gate(root: Root, feature: AiFeatureSpec, trained: Trained) -> None:
    """The criteria count when their owner has frozen them, and then those that were frozen."""
    verdicts = evaluated(root, feature, trained)
    assert statuses(verdicts) == ["no_evidence"] * len(GATE_CHECKS)
    assert "no criteria are frozen" in verdicts["gate_evidence"].reason
    freeze_gate(root, feature)
    loosened = feature.gate.model_copy(
        update={"candidate": feature.gate.candidate.model_copy(update={"minimum_rows": 10**6})}
    )
    now_says = feature.model_copy(update={"gate": loosened})
    verdicts = judged(root, now_says)
    assert statuses(verdicts) == ["pass"] * len(GATE_CHECKS), (
        "what the YAML says by now is not in force"
    )
    assert verdicts["gate_evidence"].observed["gate_hash"] == feature.gate.digest


def test_both_are_scored_on_the_same_labelled_rows_of_the_hold_out(
    root: Root, feature: AiFeatureSpec, flights: pd.DataFrame, trained: Trained
) -> None:
    write_candidate(root, feature, trained)
    summary = compute_candidate_evaluation(root, feature, NOW)
    path = root.lake.path(feature.name, "candidate_evaluation", "2", "json")
    data, _ = root.lake.read_json(path)
    latest = root.lake.path(feature.name, "candidate_evaluation", None, "json")
    assert root.lake.read_bytes(latest) == root.lake.read_bytes(path)
    known = between(flights, FIRST, LAST).dropna(subset=["late"])
    known = known[known["available_at"] < pd.Timestamp(NOW.date(), tz="UTC")]
    share = feature.ground_truth.evaluation_share
    held_out = [is_held_out(id, share) for id in known["id"]]
    assert data["rows"] == len(known) - sum(held_out), "the evaluation set is in neither"
    assert data["compared"]["candidate"]["rows"] == data["compared"]["champion"]["rows"]
    assert (data["champion"], data["days"], data["retraining"]) == ("1", 14, "r-1")
    seen = fingerprints(root.ledger, feature.name)["2"]
    assert seen == fingerprint_of(root.registry.version(feature.name, "2")), "as it was judged"
    assert data["learnt"]["seen"] == 0 and data["learnt"]["rows"] > 70_000
    assert summary.numbers["gate_improvement"] == "pass"
    (auc, *_) = summary.table
    assert auc["metric"] == "auc" and auc["difference"] == pytest.approx(0, abs=1e-6)
    assert {"version 2", "version 1, in production", "low", "high"} < set(auc)


def test_the_picture_shows_both_and_their_margins(
    root: Root, feature: AiFeatureSpec, trained: Trained, tmp_path: Path
) -> None:
    write_candidate(root, feature, trained)
    summary = compute_candidate_evaluation(root, feature, NOW)
    assert summary.picture is not None
    (tmp_path / "candidate.png").write_bytes(summary.picture)
    with Image.open(tmp_path / "candidate.png") as picture:
        assert picture.size == (1080, 306)


def test_a_retraining_came_to_its_evaluation(
    root: Root, feature: AiFeatureSpec, trained: Trained
) -> None:
    write_candidate(root, feature, trained)
    compute_candidate_evaluation(root, feature, NOW, run_id="run-7")
    found = {one.id: one for one in standing_of(root.ledger, feature.name).retrainings}
    said = found["r-1"].stages["evaluated"]
    assert said["version"] == "2" and said["accepted"] is True
    assert said["reason"].startswith("version 2 is better on ")


def test_the_same_moment_gives_the_same_file_but_for_the_clock_of_its_machine(
    root: Root, feature: AiFeatureSpec, trained: Trained
) -> None:
    path = root.lake.path(feature.name, "candidate_evaluation", "2", "json")
    found = []
    for _ in range(2):
        evaluated(root, feature, trained)
        data, _ = root.lake.read_json(path)
        assert data.pop("budget")["repeats"] and data.pop("mlflow_run")
        found.append(data)
    assert found[0] == found[1]


def test_an_amended_gate_judges_what_was_evaluated_before_it(
    root: Root, feature: AiFeatureSpec, trained: Trained
) -> None:
    evaluated(root, feature, trained)
    candidate = feature.gate.candidate.model_copy(update={"ece_gain": 0.5, "brier_gain": 0.5})
    gate = feature.gate.model_copy(update={"candidate": candidate})
    content = {"gate": gate.model_dump(mode="json"), "hash": gate.digest, "reason": "stricter"}
    token = sign_decision(root, feature, "gate_amendment", scientist(feature), content)
    record(root, feature, token)
    verdicts = judged(root, feature)
    assert verdicts["gate_improvement"].status == "fail"
    assert {verdicts[check].observed["gate_hash"] for check in GATE_CHECKS} == {gate.digest}


def test_criteria_that_nobody_can_read_any_more_pass_nothing(
    root: Root, feature: AiFeatureSpec, trained: Trained
) -> None:
    """As after an upgrade that gave the criteria a field of which the frozen ones say nothing."""
    evaluated(root, feature, trained)
    gate = feature.gate.model_dump(mode="json")
    del gate["candidate"]["ece_gain"]
    said = {"gate": gate, "hash": "0" * 64, "by": scientist(feature)}
    root.ledger.append([NewEvent("gate_freeze", feature.name, said)], clock=root.clock)
    verdicts = judged(root, feature)
    assert statuses(verdicts) == ["no_evidence"] * len(GATE_CHECKS)
    assert "amend them" in verdicts["gate_evidence"].reason


@pytest.mark.requirement("MO-03")
def test_the_evaluation_is_a_run_in_mlflow_on_the_digest_of_its_rows(
    root: Root, feature: AiFeatureSpec, trained: Trained
) -> None:
    """Asked of the run that a test before this one left, where there was one."""
    path = root.lake.path(feature.name, "candidate_evaluation", "2", "json")
    if not root.lake.glob(f"{feature.name}/candidate_evaluation/2.json"):
        evaluated(root, feature, trained)
    data, _ = root.lake.read_json(path)
    client = mlflow_module().MlflowClient(tracking_uri=root.registry.uri)
    run = client.get_run(data["mlflow_run"])
    assert run.info.status == "FINISHED"
    assert run.data.tags["ai_ops.dataset_sha256"] == data["dataset_digest"]
    assert run.data.tags["ai_ops.champion"] == "1"
    (dataset,) = run.inputs.dataset_inputs
    assert data["dataset_digest"].startswith(dataset.dataset.digest)
    value = data["compared"]["difference"]["auc"]["value"]
    assert run.data.metrics["difference_auc"] == pytest.approx(value)
    assert len(run.inputs.model_inputs) == 2
