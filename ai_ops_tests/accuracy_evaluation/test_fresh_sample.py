"""An accuracy incident is answered with a fresh labelled sample, by the sensor and its run."""

from collections.abc import Iterator

import dagster as dg
import pandas as pd
import pytest

from ai_ops.accuracy_evaluation.evaluation import judge_accuracy
from ai_ops.accuracy_evaluation.sensors import sensors
from ai_ops.cli.incidents import as_data
from ai_ops.component import definitions_of
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.standing import Incident, standing_of
from ai_ops_tests.accuracy_evaluation.small_world import DAYS, SmallWorld, day_of
from ai_ops_tests.orchestration.ticking import Ticking

pytestmark = pytest.mark.requirement("PB-30", "PB-31", "PB-32")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def unrelated(rows: pd.DataFrame) -> pd.DataFrame:
    """The same inputs and answers, and as many come true, but not those that were likely."""
    late = rows["late"].sample(frac=1.0, random_state=3).to_numpy()
    return rows.assign(late=late)


def opened(world: SmallWorld, id: str) -> None:
    said = {
        "incident": id,
        "alert": "accuracy_drop",
        "item": "accuracy",
        "begin": day_of(DAYS - 4),
        "reason": "version 1 is worse than at launch",
        "version": "1",
        "severity": "critical",
    }
    event = NewEvent("incident_opened", world.feature.name, said)
    world.root.ledger.append([event], clock=world.root.clock)


def answered(world: SmallWorld, instance: dg.DagsterInstance, id: str) -> Incident:
    """The incident after one tick of the sensor and the run that it asked for."""
    made = definitions_of(world.feature)
    job = made.resolve_job_def(f"{world.feature.name}__evaluate_version")
    [sensor] = sensors(world.feature, job)
    daemon = Ticking(sensor, world.root, instance)
    assert daemon.tick() is None and "no accuracy incident" in daemon.skipped
    opened(world, id)
    request = daemon.tick()
    assert request is not None and request.run_key and request.run_key.startswith(id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AI_OPS_ROOT", str(world.root.folder))
        job.execute_in_process(
            instance=instance, run_config=request.run_config, raise_on_error=True
        )
    assert daemon.tick() is None, "answered once"
    found = standing_of(world.root.ledger, world.feature.name).incident(id)
    assert found is not None
    return found


def test_a_gap_that_is_there_is_confirmed_on_fresh_labels_without_anybody(
    small: SmallWorld, instance: dg.DagsterInstance
) -> None:
    worse = small.planted(unrelated, relabelled=True)
    assert judge_accuracy(worse.root, worse.feature, worse.moments[-1]).status == "fail"
    incident = answered(worse, instance, "accuracy_drop-a")
    [step] = incident.steps
    assert "version 1 was asked again about" in step and "the gap is confirmed" in step
    assert f"from {day_of(DAYS - 7)} to {day_of(DAYS - 1)}" in step
    assert step in as_data(worse.feature, incident, {})["steps"], "what `ai-ops incidents` shows"
    [event] = worse.root.ledger.events(worse.feature.name, {"incident_step"})
    assert event.payload["confirmed"] is True and event.payload["rows"] > 2000
    assert len(event.payload["dataset_digest"]) == 64 and event.payload["mlflow_run"]


def test_a_gap_that_is_not_there_is_recorded_as_not_confirmed(
    small: SmallWorld, instance: dg.DagsterInstance
) -> None:
    clean = small.planted(relabelled=True)
    incident = answered(clean, instance, "accuracy_drop-b")
    assert "the gap is not confirmed" in incident.steps[0]
