"""Any registered version on demand: from code, from the command line, and in MLflow."""

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
import typer
from mlflow import MlflowClient
from typer.testing import CliRunner

from ai_ops.accuracy_evaluation.evaluation import compute_evaluation_run, judge_accuracy, read_run
from ai_ops.accuracy_evaluation.evaluation_set import compute_labelled_evaluation_set, read_set
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.accuracy_evaluation.versions import evaluate_version, judge_version_evaluation
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.evaluate import evaluate
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence, UnknownVersion
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.accuracy_evaluation.world import (
    Fitted,
    at_schedule,
    between,
    daily,
    open_root,
    register,
    write_labels,
    write_log,
)

FIRST, LAST = "2013-04-01", "2013-04-09"
WINDOW = Window.trailing("2013-04-08", days=7)
NOW = at_schedule(LAST).as_of

pytestmark = pytest.mark.requirement("MO-02", "PB-31")


@pytest.fixture(scope="module")
def root(
    tmp_path_factory: pytest.TempPathFactory,
    feature: AiFeatureSpec,
    flights: pd.DataFrame,
    fitted_to_march: Fitted,
) -> Root:
    """Version 2 serves; version 1 is a worse twin of it that doubles every logit."""
    root = open_root(tmp_path_factory.mktemp("versions"))
    root.begin_replay(NOW)
    register(root, feature, _overconfident(fitted_to_march))
    version = register(root, feature, fitted_to_march)
    root.registry.set_alias(feature.name, "champion", version)
    span = between(flights, FIRST, LAST)
    write_log(root, feature, span, fitted_to_march.scores, version=version, with_inputs=True)
    write_labels(root, span)
    compute_ground_truth(root, feature, daily(FIRST, LAST))
    return root


def _overconfident(fitted: Fitted) -> Fitted:
    module = deepcopy(fitted.module)
    with torch.no_grad():
        for weight in (*module.categories, module.numbers):
            weight.mul_(2.0)
    module.bias = module.bias * 2
    return replace(fitted, module=module)


def test_no_evaluation_yet_is_no_evidence(root: Root, feature: AiFeatureSpec) -> None:
    verdict = judge_version_evaluation(root, feature, NOW)
    assert verdict.status == "no_evidence" and "ai-ops evaluate flight_delay" in verdict.reason


def test_a_version_is_evaluated_beside_what_was_served(root: Root, feature: AiFeatureSpec) -> None:
    before = root.registry.version(feature.name, "1").metrics
    data, summary = evaluate_version(root, feature, "1", WINDOW, NOW)
    assert data["measured"]["rows"] > 5000 and data["measured"]["days"] == 7
    worse = data["difference"]["brier"]
    assert worse["value"] > 0 and worse["low"] > 0, "too sure of itself, and surely so"
    assert data["difference"]["auc"]["value"] == pytest.approx(0, abs=1e-6), "the order is the same"
    assert summary.numbers["auc_minus_served"] == 0
    stored, _ = root.lake.read_json(root.lake.path(feature.name, "version_evaluation", "1", "json"))
    assert stored == json.loads(json.dumps(data))
    assert root.registry.version(feature.name, "1").metrics == before, "launch's own are kept"


@pytest.mark.requirement("PL-18")
def test_the_evaluation_is_a_run_in_mlflow_with_its_dataset(
    root: Root, feature: AiFeatureSpec
) -> None:
    data, _ = evaluate_version(root, feature, "2", WINDOW, NOW)
    run = MlflowClient(tracking_uri=root.registry.uri).get_run(data["mlflow_run"])
    assert run.data.metrics["auc"] == pytest.approx(data["measured"]["metrics"]["auc"]["value"])
    (dataset,) = run.inputs.dataset_inputs
    assert data["dataset_digest"].startswith(dataset.dataset.digest)
    (model,) = run.inputs.model_inputs
    assert model.model_id == root.registry.version(feature.name, "2").model_id


@pytest.mark.requirement("PL-18", "MO-01")
def test_each_version_of_a_months_set_is_a_run_in_mlflow_with_its_digest(
    root: Root, feature: AiFeatureSpec
) -> None:
    window = Window(Window.of_day(FIRST).start, Window.of_day("2013-04-30").end)
    month = Moment(FIRST, window, NOW)
    told = compute_labelled_evaluation_set(root, feature, [month])[FIRST].numbers["mlflow_run"]
    found, _ = read_set(root, feature, FIRST)
    client = MlflowClient(tracking_uri=root.registry.uri)
    run = client.get_run(str(told))
    assert run.data.tags["ai_ops.dataset_sha256"] == found.digest and found.live is not None
    assert run.data.metrics["auc"] == pytest.approx(found.live.measured.metrics["auc"].value)
    (dataset,) = run.inputs.dataset_inputs
    assert found.digest.startswith(dataset.dataset.digest)
    again = compute_labelled_evaluation_set(root, feature, [month])[FIRST]
    assert "mlflow_run" not in again.numbers, "the same set is no other evaluation"


def test_the_newest_evaluation_is_judged_until_it_expires(
    root: Root, feature: AiFeatureSpec
) -> None:
    evaluate_version(root, feature, "2", WINDOW, NOW)
    verdict = judge_version_evaluation(root, feature, NOW)
    assert verdict.status == "pass" and "version" in verdict.reason and verdict.sample_size > 5000
    late = at_schedule("2013-06-01").as_of
    expired = judge_version_evaluation(root, feature, late)
    assert expired.status == "no_evidence" and "days old" in expired.reason


def test_an_unknown_version_is_answered_with_the_known_ones(
    root: Root, feature: AiFeatureSpec
) -> None:
    with pytest.raises(UnknownVersion, match="1, 2"):
        evaluate_version(root, feature, "17", WINDOW, NOW)


def test_days_without_labels_are_missing_evidence(root: Root, feature: AiFeatureSpec) -> None:
    with pytest.raises(MissingEvidence, match="no labelled prediction from 2013-05-01"):
        evaluate_version(root, feature, "2", Window.trailing("2013-05-02", days=2), NOW)


def test_the_command_evaluates_and_tells_its_ends_apart(root: Root) -> None:
    app = typer.Typer()
    app.command()(evaluate)

    def run(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(
            app, ["flight_delay", "--root", str(root.folder), *arguments], env={}
        )
        return result.exit_code, result.stdout, result.stderr

    code, out, _ = run("--version", "1", "--from", "2013-04-03", "--to", "2013-04-08", "--json")
    assert code == 0 and json.loads(out)["measured"]["days"] == 6
    code, _, err = run("--version", "17")
    assert code == 2 and "1, 2" in err
    code, _, err = run("--from", "2012-04-03", "--to", "2012-04-08")
    assert code == 3 and "no labelled prediction" in err
    code, out, _ = run()
    assert code == 0 and "version 2" in out
    code, out, _ = run("--help")
    assert code == 0 and "latest.json is replaced" in out and "MLflow" in out


def test_the_champion_is_measured_beside_the_baseline(root: Root, feature: AiFeatureSpec) -> None:
    compute_evaluation_run(root, feature, [at_schedule("2013-04-08")])
    run, _ = read_run(root, feature, "2013-04-08")
    assert run.version == "2" and run.beside is not None and run.beside.version == "1"
    assert run.beside.difference["brier"].value < 0 and run.beside.difference["brier"].rows > 5000
    assert run.launch is not None and run.launch.measured.rows > 70_000


def test_rows_of_other_versions_are_named_and_not_counted(
    root: Root,
    feature: AiFeatureSpec,
    flights: pd.DataFrame,
    fitted_to_march: Fitted,
    folder: Path,
) -> None:
    own = open_root(folder)
    register(own, feature, fitted_to_march)
    register(own, feature, fitted_to_march)
    for first, last, version in ((FIRST, "2013-04-06", "1"), ("2013-04-07", LAST, "2")):
        span = between(flights, first, last)
        write_log(own, feature, span, fitted_to_march.scores, version=version)
    write_labels(own, between(flights, FIRST, LAST))
    compute_ground_truth(own, feature, daily(FIRST, LAST))
    compute_evaluation_run(own, feature, [at_schedule("2013-04-08")])
    run, _ = read_run(own, feature, "2013-04-08")
    assert run.version == "2" and run.other_versions["1"] > 4000
    assert run.beside is None and "cannot answer these rows" in run.no_beside
    verdict = judge_accuracy(own, feature, at_schedule("2013-04-08"))
    assert verdict.status == "no_evidence"
    assert "version 2 can be judged on 2 of 7 days" in verdict.reason
    assert "rows by version 1" in verdict.reason
