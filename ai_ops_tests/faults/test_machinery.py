"""Whatever judges may stop: sensor, schedule, daemon. Nothing of Dagster tells, the switch does.

A real daemon on a live root; every fault is planted in it or in what it reads.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import InstigatorStatus

from ai_ops.checklist.machinery import Sign
from ai_ops.orchestration.running import dagster_home
from ai_ops_tests.faults.live_world import (
    QUARTER,
    build_live,
    dead,
    empty_event_log,
    line,
    signs,
    state_in_dagster,
)
from ai_ops_tests.orchestration.daemon_world import DaemonWorld, daemon, wait_for


class Running:
    """The world and its daemon, which may be killed and started again."""

    def __init__(self, world: DaemonWorld) -> None:
        self.world = world
        self.stack = ExitStack()
        self.process = self.stack.enter_context(daemon(world))

    def kill(self) -> None:
        """Daemon and code server are gone without a word."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def start(self) -> None:
        """Another daemon."""
        self.process = self.stack.enter_context(daemon(self.world))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(build_live(tmp_path_factory.mktemp("live") / "installation"))
    with running.stack:
        yield running


@pytest.fixture(scope="module")
def instance(running: Running) -> Iterator[dg.DagsterInstance]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", str(dagster_home(running.world.root.folder)))
        with dg.DagsterInstance.get() as instance:
            yield instance


def watchdog(world: DaemonWorld) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "ai_ops.cli", "watchdog", "--defs", str(world.defs)]
    command += ["--root", str(world.root.folder)]
    env = {**os.environ, "COLUMNS": "300"}
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def wait_for_sign(world: DaemonWorld, source: str, state: str) -> Sign:
    def seen() -> Sign | None:
        found = signs(world)[source]
        return found if found.state == state else None

    return wait_for(f"{source} {state}", seen, world)


@pytest.mark.requirement("WK-09", "ST-09")
def test_every_process_that_runs_gives_its_sign_green(running: Running) -> None:
    world = running.world
    assert watchdog(world).returncode == 3, "never seen is no health"
    ready = line(world, "drift_ready").verdict
    assert "daemon:sensor was never seen" in ready.reason
    ticking = [name for name in signs(world) if name.startswith(("sensor:", "daemon:"))]
    for name in ticking:
        wait_for_sign(world, name, "alive")
    assert dead(world) == {}
    told = watchdog(world)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "daemon:" not in line(world, "drift_ready").verdict.reason


def test_a_sensor_and_a_schedule_that_are_stopped_are_named_within_a_minute_of_work(
    running: Running, instance: dg.DagsterInstance
) -> None:
    world, name = running.world, running.world.feature.name
    states = [state_in_dagster(instance, one) for one in ("incidents", "monthly_schedule")]
    for state in states:
        instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED))
    sensor = wait_for_sign(world, "sensor:incidents", "dead").words
    schedule = wait_for_sign(world, "schedule:monthly", "dead").words
    assert "it is stopped in Dagster" in sensor and "its last sign was" in sensor
    assert f"dagster sensor start {name}__incidents" in sensor
    assert "it is stopped in Dagster" in schedule, "long before its month is over"
    assert f"dagster schedule start {name}__monthly_schedule" in schedule
    told = watchdog(world)
    assert told.returncode == 1 and "sensor:incidents" in told.stdout
    for item, source in (
        ("drift_reviewed", "sensor:incidents"),
        ("thresholds_reviewed", "schedule:monthly"),
    ):
        verdict = line(world, item).verdict
        assert verdict.status == "no_evidence" and f"{source} is dead" in verdict.reason
    assert "sensor:" not in line(world, "log_audited").verdict.reason, "it needs no incidents"
    for state in states:
        instance.update_instigator_state(state.with_status(InstigatorStatus.RUNNING))
    wait_for("their start", lambda: not dead(world), world)


def test_a_sensor_whose_tick_raises_is_dead_although_it_ticks(running: Running) -> None:
    world = running.world
    broken = world.folder / "broken"
    broken.touch()
    found = wait_for_sign(world, "sensor:registry_watch", "dead")
    assert "it failed at" in found.words and "(RuntimeError)" in found.words
    assert "a mistake" not in found.words, "what an error says may hold rows"
    verdict = line(world, "registry_ready").verdict
    assert "sensor:registry_watch is dead" in verdict.reason
    broken.unlink()
    wait_for_sign(world, "sensor:registry_watch", "alive")


def test_a_daemon_that_was_killed_is_told_without_it_and_so_are_its_items(
    running: Running,
) -> None:
    world = running.world
    running.kill()
    last = signs(world)["sensor:cadences"].last_at
    told = watchdog(world)
    assert told.returncode in (0, 1) and "dagster" not in told.stderr
    found = dead(world, QUARTER)
    assert {"daemon:sensor", "daemon:scheduler", "daemon:queued_run_coordinator"} <= found.keys()
    assert "dagster-daemon run" in found["daemon:sensor"]
    assert "no sign for 1" in found["sensor:cadences"]
    for item in ("drift_ready", "drift_reviewed", "logs_written", "accuracy_on_held_out"):
        verdict = line(world, item, QUARTER).verdict
        assert not verdict.passed and "daemon:sensor is dead" in verdict.reason
    assert signs(world)["sensor:cadences"].last_at == last, "nobody gives signs any more"


def test_with_dagsters_event_log_emptied_the_books_say_the_same_and_work_goes_on(
    running: Running,
) -> None:
    world = running.world
    before = [(one.item, one.as_of) for one in world.root.ledger.verdicts(world.feature.name)]
    assert before, "the daemon had judged"
    assert empty_event_log(world) > 0
    after = [(one.item, one.as_of) for one in world.root.ledger.verdicts(world.feature.name)]
    assert after == before
    killed = signs(world)["sensor:cadences"].last_at
    assert killed is not None
    running.start()

    def again() -> bool:
        last = signs(world)["sensor:cadences"].last_at
        return last is not None and last > killed

    wait_for("a sign after the restart", again, world)
    told = watchdog(world)
    assert told.returncode == 0, told.stdout
    assert world.root.ledger.verify().head is not None
