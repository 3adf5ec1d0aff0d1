"""The gate and the monthly set as Dagster runs them: assets, blocking checks, months."""

from collections.abc import Iterator

import dagster as dg
import pandas as pd
import pytest

from ai_ops.accuracy_evaluation import assets as accuracy_assets
from ai_ops.accuracy_evaluation.checks import CHECKS
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.building import asset_key
from ai_ops.orchestration.judging import checks_of
from ai_ops.orchestration.resources import RootResource
from ai_ops.orchestration.running import Runner, open_runner
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.words import GATE_CHECKS
from ai_ops_tests.accuracy_evaluation.gate_world import (
    NOW,
    Trained,
    freeze_gate,
    launched,
    overconfident,
    registered,
    root_of,
    training_ids,
    write_candidate,
)
from ai_ops_tests.accuracy_evaluation.world import Fitted, open_root

MAY_1 = utc("2013-05-01T09:00:00Z")


@pytest.fixture(scope="module")
def root(
    tmp_path_factory: pytest.TempPathFactory,
    feature: AiFeatureSpec,
    flights: pd.DataFrame,
    fitted_to_march: Fitted,
) -> Root:
    root = open_root(tmp_path_factory.mktemp("dagster"))
    root_of(root, feature, flights, fitted_to_march.scores, end="2013-04-30")
    registered(root, feature, overconfident(fitted_to_march), fitted_to_march)
    freeze_gate(root, feature)
    return root


@pytest.fixture(scope="module")
def runner(root: Root, feature: AiFeatureSpec) -> Iterator[Runner]:
    definitions = dg.Definitions(
        assets=accuracy_assets.assets(feature),
        asset_checks=checks_of(feature, CHECKS),
        jobs=[
            dg.define_asset_job("gate", [asset_key(feature, "candidate_evaluation")]),
            dg.define_asset_job("month", [asset_key(feature, "labelled_evaluation_set")]),
        ],
        resources={"root": RootResource(folder=str(root.folder))},
    )
    with open_runner(root.folder, definitions) as runner:
        yield runner


def gate(runner: Runner, root: Root, feature: AiFeatureSpec) -> dict[str, bool]:
    result = runner.run("gate", raises=False)
    said = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert set(said) == set(GATE_CHECKS), "every verdict is reported, the run's end too"
    assert result.success == all(said.values()), "a refused candidate goes no further"
    recorded = root.ledger.verdicts(feature.name, assets=["candidate_evaluation"])
    assert {one.item: one.verdict.passed for one in recorded} == said
    assert {one.partition for one in recorded} == {None}
    return said


@pytest.mark.requirement("PB-15", "PB-34")
def test_a_candidate_passes_the_gate_or_its_run_ends_there(
    root: Root, runner: Runner, feature: AiFeatureSpec, fitted_to_march: Fitted
) -> None:
    assert root.clock.now() == NOW
    ids = training_ids(fitted_to_march, feature)
    launched(root, feature, "1")
    write_candidate(root, feature, Trained("2", ids))
    assert all(gate(runner, root, feature).values())
    launched(root, feature, "2")
    write_candidate(root, feature, Trained("1", ids))
    refused = gate(runner, root, feature)
    assert not refused["gate_calibration"] and not refused["gate_improvement"]
    event = runner.instance.get_latest_materialization_event(
        asset_key(feature, "candidate_evaluation")
    )
    assert event is not None and event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["gate_calibration"].value == "fail"
    assert {"picture", "table", "evaluation", "auc_difference"} < set(metadata)


@pytest.mark.requirement("MO-01")
def test_a_month_is_a_partition_that_reads_its_days(
    root: Root, runner: Runner, feature: AiFeatureSpec
) -> None:
    root.begin_replay(MAY_1)
    result = runner.run("month", partition="2013-04-01", raises=False)
    assert {one.check_name for one in result.get_asset_check_evaluations()} == {
        "held_out",
        "held_out_accuracy",
        "evaluation_set_sufficient",
    }
    recorded = root.ledger.verdicts(feature.name, assets=["labelled_evaluation_set"])
    found = {one.item: one for one in recorded}
    assert found["held_out"].verdict.status == "pass", found["held_out"].verdict.reason
    assert found["held_out"].partition == "2013-04-01" and found["held_out"].as_of == MAY_1
    # The last week of April is the gap that everybody knows of.
    assert found["held_out_accuracy"].verdict.status == "fail"
    assert "calibration" in found["held_out_accuracy"].verdict.reason
    march = runner.run("month", partition="2013-03-01", raises=False)
    assert march.success, "the month in which monitoring begins is one too"
