"""The sensors of the retraining pipeline: what they ask for, when, and with which config."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ai_ops.orchestration.failed_runs import CAUSE_TAG
from ai_ops.orchestration.resources import RootResource
from ai_ops.retraining_pipeline.jobs import jobs
from ai_ops.retraining_pipeline.sensors import sensors
from ai_ops.storage.retraining_failures import Failure, record_failure
from ai_ops.storage.retrainings import record_stage, start_retraining
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.orchestration.ticking import Ticking
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    FEATURE,
    NAME,
    SCIENTIST,
    approved,
    decided,
    gate_passed,
    happened,
    incident,
    judged,
    later,
    launched,
    registered,
    root_with,
    standing,
)

JOBS = {job.name: job for job in jobs(FEATURE)}
TRAINING, PROMOTE = f"{NAME}__training_set", f"{NAME}__promote"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return registered(tmp_path_factory.getbasetemp())


@pytest.fixture
def root(database: Path, tmp_path: Path) -> Root:
    root = root_with(database, tmp_path / "root")
    launched(root)
    later(root, days=2)
    return root


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def ticking(name: str, root: Root, instance: dg.DagsterInstance) -> Ticking:
    own = {
        sensor.name: sensor for sensor in sensors(FEATURE, {job.name: job for job in jobs(FEATURE)})
    }
    return Ticking(own[f"{NAME}__{name}"], root, instance)


def worse(root: Root) -> None:
    """A confirmed accuracy gap of the live version."""
    now = root.clock.now()
    finding = Finding("accuracy", "fail", "auc fell")
    verdict = Verdict.failing("auc fell", finding, sample_size=900, observed={"version": "1"})
    day = "2021-03-11"
    window = Window.of_day(day)
    recorded = RecordedVerdict(NAME, "accuracy", "evaluation_run", day, window, now, verdict)
    root.ledger.record_verdicts([recorded], clock=root.clock)


def labels_read(root: Root) -> None:
    """Yesterday's labels, judged."""
    day = (root.clock.now() - timedelta(days=1)).date().isoformat()
    judged(root, "labels_arrived", "ground_truth", "pass", partition=day)


@pytest.mark.requirement("PB-33")
def test_a_confirmed_gap_asks_for_one_retraining_with_its_cause(
    root: Root, instance: dg.DagsterInstance
) -> None:
    daemon = ticking("retraining", root, instance)
    assert daemon.tick() is None
    labels_read(root)
    worse(root)
    asked = daemon.tick()
    assert asked is not None
    assert asked.run_key == "accuracy-1-2021-03-11"
    assert asked.run_config["ops"][TRAINING]["config"] == {
        "cause": "accuracy: auc fell",
        "incident": "",
        "requested_by": "ai_ops",
    }
    run = daemon.launch(asked, JOBS[f"{NAME}__retrain"])
    later(root, days=1)
    assert daemon.tick() is None
    assert run in daemon.skipped, "one at a time, also while it only waits"


@pytest.mark.requirement("PB-33")
def test_a_retraining_waits_for_yesterdays_labels_and_does_not_fail_of_their_lack(
    root: Root, instance: dg.DagsterInstance
) -> None:
    daemon = ticking("retraining", root, instance)
    labels_read(root)
    worse(root)
    later(root, hours=16)  # an hour after midnight: the day before is judged at six
    assert daemon.tick() is None
    assert daemon.skipped.startswith("the labels of 2021-03-12 are not judged yet")
    labels_read(root)
    assert daemon.tick() is not None


def test_no_retraining_is_asked_for_while_a_hold_is_open(
    root: Root, instance: dg.DagsterInstance
) -> None:
    labels_read(root)
    worse(root)
    decided(root, "hold", SCIENTIST, reason="look first")
    assert ticking("retraining", root, instance).tick() is None


@pytest.mark.requirement("OW-07")
def test_an_approval_asks_for_a_promotion_of_its_version_once(
    root: Root, instance: dg.DagsterInstance
) -> None:
    daemon = ticking("promotion", root, instance)
    assert daemon.tick() is None
    daemon.tick()
    assert daemon.skipped == "nothing was decided since the last look"
    gate_passed(root, "2", "1")
    approved(root, "2")
    asked = daemon.tick()
    assert asked is not None
    assert asked.run_config["ops"][PROMOTE]["config"] == {"version": "2"}
    run = daemon.launch(asked, JOBS[f"{NAME}__promotion"])
    assert daemon.tick() is None
    daemon.end(run)
    again = daemon.tick()
    assert again is not None
    assert again.run_key == asked.run_key, "Dagster starts a key once: a day later it is another"


def test_a_promotion_that_was_refused_is_asked_for_again_when_nothing_forbids_it(
    root: Root, instance: dg.DagsterInstance
) -> None:
    daemon = ticking("promotion", root, instance)
    gate_passed(root, "2", "1")
    approved(root, "2")
    opened = incident(root)
    first = daemon.tick()
    assert first is not None, "the first attempt is made: what is in the way is then recorded"
    happened(
        root, "refusal", what="promotion", version="2", by=None, reasons=["an incident is open"]
    )
    assert daemon.tick() is None
    decided(
        root, "incident_concluded", SCIENTIST, incident=opened, conclusion="false_alarm", note=""
    )
    second = daemon.tick()
    assert second is not None
    assert second.run_key != first.run_key


def test_a_promotion_is_asked_for_again_when_what_forbade_it_was_no_decision(
    root: Root, instance: dg.DagsterInstance
) -> None:
    daemon = ticking("promotion", root, instance)
    gate_passed(root, "2", "1")
    approved(root, "2")
    gate_passed(root, "2", "1", gate_calibration="no_evidence")
    happened(root, "refusal", what="promotion", version="2", by=None, reasons=["not judged"])
    assert daemon.tick() is None
    gate_passed(root, "2", "1")
    later(root, hours=1)
    assert daemon.tick() is not None


@pytest.mark.requirement("PB-40", "PB-41", "PB-42")
def test_a_retraining_that_broke_is_recorded_with_the_step_that_broke_it(root: Root) -> None:
    sensor = ticking("retraining_failed", root, dg.DagsterInstance.ephemeral()).sensor

    @dg.op(name=TRAINING)
    def training_set(context: dg.OpExecutionContext) -> None:
        start_retraining(root, FEATURE, cause="by hand", run_id=context.run_id)

    @dg.op(name=f"{NAME}__candidate_model", ins={"after": dg.In(dg.Nothing)})
    def candidate_model() -> None:
        raise ValueError("no such column: temp")

    @dg.job(name=f"{NAME}__retrain")
    def broken() -> None:
        candidate_model(training_set())

    with dg.DagsterInstance.ephemeral() as instance:
        result = broken.execute_in_process(instance=instance, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name,
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            dagster_event=result.get_run_failure_event(),
            resources={"root": RootResource(folder=str(root.folder))},
        )
        sensor(context)
        sensor(context)
        run = instance.get_run_by_id(result.run_id)
    assert run is not None and run.tags[CAUSE_TAG].startswith("schema change: column temp is not")
    [retraining] = standing(root).retrainings
    failed = retraining.stages["failed"]
    assert failed["step"] == f"{NAME}__candidate_model"
    assert "no such column: temp" in failed["error"]
    assert failed["part"] == "training"
    assert failed["likely_cause"]["kind"] == "schema_change"


def test_a_candidate_that_the_gate_refused_is_no_failure(root: Root) -> None:
    id = start_retraining(root, FEATURE, cause="by hand", run_id="r1")
    record_stage(root, FEATURE, id, "evaluated")
    assert record_failure(root, FEATURE, "r1", Failure("gate", "refused")) is None
