"""A writer that is killed, hangs or never begins is told while it happens: real processes.

The sensor sees it, the ledger keeps it, Dagster shows it, and an incident is opened from there.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli import writers as command
from ai_ops.playbook.answering import answer_alerts
from ai_ops.prediction_logging.checks import WRITERS_ALIVE
from ai_ops.prediction_logging.live_writers import look_at_writers
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.prediction_logging.sensors import sensors
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops_tests.faults.log_fleet import WORKER, feature_with
from ai_ops_tests.orchestration.ticking import Ticking
from ai_ops_tests.prediction_logging.logging_world import FEATURE

HEARTBEAT = 0.4
PATIENCE = 40.0


class Service:
    """Two writers on the wall's clock, as a production has them, and the sensor that looks."""

    def __init__(self, folder: Path) -> None:
        self.feature: AiFeatureSpec = feature_with(
            {"web": 1, "batch": 1}, heartbeat_seconds=HEARTBEAT
        )
        self.root = Root.open(folder / "root", {})
        self.policy = folder / "policy.json"
        folder.mkdir(exist_ok=True)
        self.policy.write_bytes(policy_of(self.feature).dump())
        self.processes: dict[str, subprocess.Popen[str]] = {}

    def begin(self, writer: str) -> None:
        told = {
            "folder": str(self.root.segments),
            "policy": str(self.policy),
            "writer": writer,
        }
        process = subprocess.Popen(
            [sys.executable, str(WORKER), json.dumps(told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes[writer] = process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "loaded"
        process.stdin.write("begin\n")
        process.stdin.flush()
        assert process.stdout.readline().strip() == "ready"

    def kill(self, writer: str, number: int = signal.SIGKILL) -> None:
        self.processes[writer].send_signal(number)
        if number == signal.SIGKILL:
            self.processes[writer].communicate()

    def states(self) -> dict[str, str]:
        """The newest state of each writer."""
        now = datetime.now(UTC)
        return {
            one.writer: one.state for one in look_at_writers(self.root, self.feature, now).states
        }

    def end(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.communicate("end\n")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    made.root.ledger.append(
        [
            NewEvent(
                "launch",
                FEATURE.name,
                {"version": "1", "previous": None, "metrics": {}, "by": "someone@example.com"},
                datetime.now(UTC) - timedelta(days=1),
            )
        ],
        clock=made.root.clock,
    )
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def ticking(service: Service) -> Iterator[Ticking]:
    job = dg.define_asset_job("tiny__daily")
    found = {one.name: one for one in sensors(service.feature, job)}
    with dg.instance_for_test() as instance:
        yield Ticking(found["tiny__silent_writers"], service.root, instance)


def verdicts(service: Service) -> list[str]:
    history = service.root.ledger.history(FEATURE.name, WRITERS_ALIVE.name)
    return [recorded.verdict.status for recorded in history]


def test_the_clean_service_is_judged_once_and_green(service: Service, ticking: Ticking) -> None:
    service.begin("web")
    service.begin("batch")
    assert ticking.tick() is None
    assert ticking.tick() is None
    assert verdicts(service) == ["pass"]
    [evaluation] = ticking.evaluations
    assert evaluation.passed
    assert evaluation.check_name == "writers_alive"
    assert service.states() == {"web": "alive", "batch": "alive"}


@pytest.mark.fault("writers_alive")
@pytest.mark.requirement("WK-09", "PB-03")
def test_a_writer_that_is_killed_is_an_alert_within_three_heartbeats(
    service: Service, ticking: Ticking
) -> None:
    service.begin("web")
    service.begin("batch")
    ticking.tick()
    service.kill("batch")
    ticking.tick()  # whoever can lock a segment knows that its process is gone: nobody waits
    assert verdicts(service) == ["pass", "fail"]
    assert not ticking.evaluations[-1].passed
    assert service.states() == {"web": "alive", "batch": "crashed"}
    last = service.root.ledger.history(FEATURE.name, WRITERS_ALIVE.name)[-1].verdict
    assert "writer batch crashed" in last.reason
    assert all("writer web" not in finding.reason for finding in last.findings)

    answer_alerts(service.root, service.feature, datetime.now(UTC))
    [incident] = standing_of(service.root.ledger, FEATURE.name).open_incidents
    assert (incident.alert, incident.item) == ("pipeline_failure", "writers_alive")

    service.begin("batch")
    until(service, ticking, "pass")
    assert service.states()["batch"] == "alive"


@pytest.mark.fault("writers_alive")
def test_a_writer_that_hangs_is_silent_after_three_heartbeats(
    service: Service, ticking: Ticking
) -> None:
    service.begin("web")
    service.begin("batch")
    ticking.tick()
    service.kill("batch", signal.SIGSTOP)
    until(service, ticking, "fail")
    assert service.states() == {"web": "alive", "batch": "silent"}
    service.kill("batch", signal.SIGCONT)
    until(service, ticking, "pass")


@pytest.mark.fault("writers_alive")
def test_a_writer_that_never_begins_is_told(service: Service, ticking: Ticking) -> None:
    service.begin("web")
    until(service, ticking, "fail")
    assert service.states() == {"web": "alive", "batch": "never started"}
    last = service.root.ledger.history(FEATURE.name, WRITERS_ALIVE.name)[-1].verdict
    assert "writer batch never started" in last.reason


def test_a_writer_that_ended_is_closed_and_missed(service: Service, ticking: Ticking) -> None:
    service.begin("web")
    service.begin("batch")
    ticking.tick()
    service.end()
    until(service, ticking, "fail")
    assert service.states() == {"web": "closed", "batch": "closed"}


def test_the_command_shows_what_the_sensor_sees(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    import typer

    monkeypatch.setattr(command, "resolve_feature", lambda *_: service.feature)
    app = typer.Typer()
    app.command()(command.writers)
    options = ["tiny", "--root", str(service.root.folder)]
    service.begin("web")
    service.begin("batch")
    done = CliRunner().invoke(app, [*options, "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [(one["writer"], one["state"]) for one in told["writers"]] == [
        ("web", "alive"),
        ("batch", "alive"),
    ]
    service.kill("web")
    done = CliRunner().invoke(app, options, env={"COLUMNS": "200"})
    assert done.exit_code == 1
    assert "crashed" in done.stdout
    assert "fail: writer web crashed" in done.stdout.replace("\n", " ")


def test_without_a_roster_there_is_no_evidence(tmp_path: Path) -> None:
    root = Root.open(tmp_path, {})
    seen = look_at_writers(root, FEATURE, datetime.now(UTC))
    assert (seen.verdict.status, seen.states) == ("no_evidence", ())


def until(service: Service, ticking: Ticking, status: str) -> None:
    """Tick as the daemon does, until the writers are judged so."""
    deadline = time.monotonic() + PATIENCE
    while not verdicts(service) or verdicts(service)[-1] != status:
        assert time.monotonic() < deadline, ticking.skipped
        ticking.tick()
        time.sleep(0.05)
