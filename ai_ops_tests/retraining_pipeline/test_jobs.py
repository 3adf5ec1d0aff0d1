"""The jobs as Dagster runs them: a whole retraining, one that stops, a promotion, a rollback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ai_ops.component import definitions_of
from ai_ops.orchestration.building import asset_key, retraining_pool
from ai_ops.orchestration.running import Runner, failures_of
from ai_ops.retraining_pipeline.jobs import (
    RETRAINED,
    promotion_config,
    promotion_job_name,
    retraining_config,
    retraining_job_name,
    rollback_config,
    rollback_job_name,
)
from ai_ops.retraining_pipeline.promotion import promote
from ai_ops.storage.retrainings import of_run
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import PromotionRefused
from ai_ops.vocabulary.words import GATE_CHECKS
from ai_ops_tests.retraining_pipeline import tiny_trainer
from ai_ops_tests.retraining_pipeline.moving import back_token, candidate
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    BACKEND,
    BEGIN,
    DEVOPS,
    FEATURE,
    NAME,
    NOW,
    approved,
    champion,
    decided,
    incident,
    last_refusal,
    standing,
    write_labels,
    write_log,
)

JOB = retraining_job_name(FEATURE)


@pytest.fixture
def runner() -> Iterator[Runner]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Runner(definitions_of(FEATURE), instance)


@pytest.fixture
def live(live: Root) -> Root:
    """Launched with version 1, with three weeks of a log and its labels."""
    yesterday = NOW.date().replace(day=NOW.day - 1)
    write_log(live, BEGIN, yesterday)
    write_labels(live, BEGIN, yesterday)
    return live


def retrained(runner: Runner, **config: Any) -> dg.ExecuteInProcessResult:
    asked = retraining_config(FEATURE, cause="asked for", requested_by=BACKEND, **config)
    return runner.run(JOB, config=asked, raises=False)


def materialised(result: dg.ExecuteInProcessResult) -> list[str]:
    return [
        event.asset_key.path[-1]
        for event in result.all_events
        if event.is_step_materialization and event.asset_key
    ]


def shown(runner: Runner, name: str) -> dict[str, Any]:
    """The metadata of an asset's latest materialisation."""
    event = runner.instance.get_latest_materialization_event(asset_key(FEATURE, name))
    assert event is not None and event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    return {
        name: value.records if isinstance(value, dg.TableMetadataValue) else value.value
        for name, value in metadata.items()
    }


@pytest.mark.requirement("PB-15", "PB-34", "ST-12")
def test_a_retraining_ends_with_the_gate_and_what_it_refuses_is_not_promoted(
    live: Root, runner: Runner
) -> None:
    result = retrained(runner)
    assert materialised(result) == list(RETRAINED)
    assert not result.success, "the gate refused a candidate that is no better"
    own = of_run(standing(live), result.run_id)
    assert own is not None
    assert (own.cause, own.requested_by) == ("asked for", BACKEND)
    assert set(own.stages) == {"started", "evaluated"}
    version = str(own.stages["evaluated"]["version"])
    assert own.stages["evaluated"]["accepted"] is False
    verdicts = live.ledger.verdicts(NAME, items=(*GATE_CHECKS, "training_set_sound"))
    assert {one.item for one in verdicts} == {*GATE_CHECKS, "training_set_sound"}
    assert champion(live) == "1", "it ends there: nobody serves it"
    # A person approves it all the same, and a run of the promotion alone is tried.
    approved(live, version)
    with pytest.raises(PromotionRefused, match="gate_"):
        promote(live, FEATURE, version)
    assert champion(live) == "1" and last_refusal(live)[0] == "promotion"


def test_a_training_set_that_is_not_sound_is_not_learnt_from(live: Root, runner: Runner) -> None:
    Path(live.lake.path(NAME, "prediction_log", "2021-02-20")).unlink()
    before = len(live.registry.versions(NAME))
    result = retrained(runner)
    assert not result.success
    assert materialised(result) == ["training_set"]
    assert len(live.registry.versions(NAME)) == before


def test_a_hold_fails_the_run_at_its_first_step(live: Root, runner: Runner) -> None:
    decided(live, "hold", DEVOPS, reason="wait")
    result = retrained(runner)
    ((step, error, words),) = failures_of(result)
    assert (step, error) == (f"{NAME}__training_set", "RetrainingRefused")
    assert "held by devops@example.com" in words
    assert materialised(result) == [] and last_refusal(live)[0] == "retraining"


@pytest.mark.requirement("PB-10")
def test_a_drift_that_opens_while_an_automated_retraining_trains_stops_it_before_its_next_step(
    live: Root, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = tiny_trainer.train

    def meanwhile(*asked: Any) -> Any:
        incident(live)
        return train(*asked)

    monkeypatch.setattr(tiny_trainer, "train", meanwhile)
    asked = retraining_config(FEATURE, cause="accuracy", requested_by="ai_ops")
    result = runner.run(JOB, config=asked, raises=False)
    ((step, error, words),) = failures_of(result)
    assert (step, error) == (f"{NAME}__candidate_evaluation", "RetrainingRefused")
    assert "incident drift-2021-03-09 (drift) is concluded by nobody" in words
    assert materialised(result) == ["training_set", "candidate_model"]
    assert list(standing(live).retrainings[-1].stages) == ["started", "paused"]


def test_retrainings_of_a_feature_share_one_pool(runner: Runner) -> None:
    job = runner.definitions.resolve_job_def(JOB)
    pools = {job.get_node_named(f"{NAME}__{asset}").definition.pool for asset in RETRAINED}
    assert pools == {retraining_pool(FEATURE)} == {"retrain_tiny"}


@pytest.mark.requirement("PL-15", "PL-16", "PL-17")
def test_a_promotion_shows_what_moved_and_the_registry_as_it_is_then(
    live: Root, runner: Runner
) -> None:
    candidate(live)
    result = runner.run(promotion_job_name(FEATURE), config=promotion_config(FEATURE, "2"))
    assert result.success and champion(live) == "2"
    (event,) = live.ledger.events(NAME, kinds=["promotion"])
    assert event.run_id == result.run_id
    seen = shown(runner, "model_versions")
    assert (seen["move"], seen["version"], seen["previous"]) == ("promotion", "2", "1")
    assert seen["champion"] == "2"
    rows = {record.data["version"]: record.data for record in seen["table"]}
    assert rows["2"]["promoted_at"] == NOW.isoformat() and rows["2"]["previous"] == "1"
    assert rows["2"]["metrics_passed"] == "auc 0.7123"
    assert rows["1"]["promoted_by"] == f"launch, {DEVOPS}" and rows["3"]["promoted_at"] == "–"


def test_a_promotion_that_is_refused_fails_its_run_with_every_reason(
    live: Root, runner: Runner
) -> None:
    config = promotion_config(FEATURE, "2")
    result = runner.run(promotion_job_name(FEATURE), config=config, raises=False)
    ((step, error, words),) = failures_of(result)
    assert (step, error) == (f"{NAME}__promote", "Failure")
    assert f"{', '.join(GATE_CHECKS)}: version 2 was never judged" in words
    assert "nobody approved version 2" in words
    assert standing(live).refusals[-1].what == "promotion" and champion(live) == "1"


def test_a_rollback_takes_a_signed_token_and_nothing_else(live: Root, runner: Runner) -> None:
    candidate(live)
    promote(live, FEATURE, "2")
    job = rollback_job_name(FEATURE)
    refused = runner.run(job, config=rollback_config(FEATURE, "please"), raises=False)
    assert "not a signed decision" in failures_of(refused)[0][2] and champion(live) == "2"
    token = back_token(live)
    assert runner.run(job, config=rollback_config(FEATURE, token)).success
    assert champion(live) == "1"
    assert shown(runner, "model_versions")["by"] == DEVOPS
