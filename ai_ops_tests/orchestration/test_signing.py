"""Each tick gives its sign of life, a failed one says so, and Dagster's own records are copied."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.types import DaemonHeartbeat

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.schedules import schedules
from ai_ops.orchestration.resources import RootResource
from ai_ops.orchestration.running import open_instance
from ai_ops.orchestration.sensing import sensor_of
from ai_ops.orchestration.signing import LOOKED, look_at_dagster
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.signs_of_life import sign, signs_of
from ai_ops_tests.checklist.books import FEATURE
from ai_ops_tests.orchestration.ticking import Ticking

NAME = FEATURE.name


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(tmp_path / "of_dagster") as instance:
        yield instance


@pytest.fixture
def root(tmp_path: Path) -> Root:
    root = Root.open(tmp_path, environment={})
    root.ledger.append([NewEvent("drill", NAME, {})], clock=root.clock)
    return root


def ticks(root: Root, feature: AiFeatureSpec, _: dg.SensorEvaluationContext) -> dg.SkipReason:
    """A tick that finds nothing to do, which is most of what a sensor does all day long."""
    return dg.SkipReason("nothing")


def breaks(root: Root, feature: AiFeatureSpec, _: dg.SensorEvaluationContext) -> dg.SkipReason:
    """A tick that raises, and would raise with every row of a customer in its words."""
    raise KeyError("somebody@example.com")


@pytest.mark.requirement("ST-09")
def test_a_tick_that_ends_well_is_a_sign_and_one_that_raises_is_none(
    root: Root, instance: dg.DagsterInstance
) -> None:
    Ticking(sensor_of(FEATURE, "well", ticks), root, instance).tick()
    with pytest.raises(Exception, match="somebody"):
        Ticking(sensor_of(FEATURE, "ill", breaks), root, instance).tick()
    found = signs_of(root.ledger, NAME)
    assert "sensor:well" in found and "sensor:ill" not in found
    assert found["failed:sensor:ill"].words == "KeyError", "not its words, which may quote rows"


def test_a_replay_gives_none(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    root = Root.open(tmp_path, environment={})
    root.begin_replay(datetime(2021, 3, 1, tzinfo=UTC))
    Ticking(sensor_of(FEATURE, "well", ticks), root, instance).tick()
    assert signs_of(root.ledger, NAME) == {}


def stopped_schedule(name: str, status: InstigatorStatus) -> InstigatorState:
    target = LoadableTargetOrigin(python_file="nowhere.py")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, location_name=status.value)
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "all"), name)
    return InstigatorState(
        origin, InstigatorType.SCHEDULE, status, ScheduleInstigatorData("0 6 * * *")
    )


def test_what_dagster_knows_is_copied_heartbeats_and_what_is_stopped(
    root: Root, instance: dg.DagsterInstance
) -> None:
    beat = root.clock.now() - timedelta(seconds=20)
    instance.add_daemon_heartbeat(DaemonHeartbeat(beat.timestamp(), "SENSOR", "one", []))
    for name, status in (
        (f"{NAME}__daily_schedule", InstigatorStatus.STOPPED),
        (f"{NAME}__weekly_schedule", InstigatorStatus.STOPPED),
        (f"{NAME}__weekly_schedule", InstigatorStatus.RUNNING),
        ("another__daily_schedule", InstigatorStatus.STOPPED),
    ):
        instance.add_instigator_state(stopped_schedule(name, status))
    look_at_dagster(lambda: instance, root, FEATURE)
    found = signs_of(root.ledger, NAME)
    assert found.keys() == {
        LOOKED,
        "daemon:sensor",
        "stopped:schedule:daily",
        "known:schedule:weekly",
    }
    assert abs(found["daemon:sensor"].at - beat) < timedelta(seconds=1)


def test_a_look_that_fails_costs_no_tick_and_is_told(root: Root) -> None:
    def gone() -> dg.DagsterInstance:
        raise ConnectionError("postgresql://ai_ops:secret@db/dagster")

    look_at_dagster(gone, root, FEATURE)
    assert signs_of(root.ledger, NAME)["failed:daemon:sensor"].words == "ConnectionError"


def test_the_first_look_after_a_silence_says_that_the_machinery_came_back(
    root: Root, instance: dg.DagsterInstance
) -> None:
    look_at_dagster(lambda: instance, root, FEATURE)
    assert "awake" not in signs_of(root.ledger, NAME), "it begins"
    other = Root.open(root.folder / "other", environment={})
    other.ledger.append([NewEvent("drill", NAME, {})], clock=other.clock)
    sign(other, NAME, LOOKED, at=other.clock.now() - timedelta(hours=9))
    look_at_dagster(lambda: instance, other, FEATURE)
    assert "awake" in signs_of(other.ledger, NAME)


def test_a_schedule_that_ticks_gives_its_sign(root: Root, instance: dg.DagsterInstance) -> None:
    [daily] = [one for one in schedules(FEATURE) if one.job_name == f"{NAME}__daily"]
    with dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=root.clock.now(),
        resources={"root": RootResource(folder=str(root.folder))},
    ) as context:
        daily(context)
    assert "schedule:daily" in signs_of(root.ledger, NAME)
