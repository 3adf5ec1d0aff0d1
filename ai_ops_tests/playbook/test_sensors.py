"""The sensor that answers alerts: it appends to the ledger, and looks only when there is news."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ai_ops.playbook.sensors import sensors
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.deciding import FEATURE, NOW, launched, root_in, standing
from ai_ops_tests.orchestration.ticking import Ticking

DAY = "2021-04-02"
LATER = NOW.replace(day=3)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Ticking]:
    root = root_in(tmp_path / "root")
    launched(root)
    [sensor] = sensors(FEATURE)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ticking(sensor, root, instance)


def drifted(root: Root) -> None:
    root.begin_replay(LATER)
    reason = "temp moved on 3 of 4 days"
    verdict = Verdict.failing(reason, Finding("drift", "fail", reason), sample_size=900)
    window = Window.of_day(DAY)
    recorded = RecordedVerdict(
        FEATURE.name, "input_drift", "drift_report", DAY, window, LATER, verdict
    )
    root.ledger.record_verdicts([recorded], clock=root.clock)


@pytest.mark.requirement("PB-05")
def test_a_confirmed_alert_becomes_one_incident_however_often_the_sensor_looks(
    daemon: Ticking,
) -> None:
    assert daemon.tick() is None
    assert daemon.skipped == "no alert is without its answer"
    drifted(daemon.root)
    assert daemon.tick() is None
    assert daemon.skipped is not None
    assert daemon.skipped.startswith(f"recorded incident_opened: drift-{DAY}, incident_step: ")
    assert daemon.skipped.endswith(f"incident_asked: drift-{DAY} (what_is_it)")
    daemon.tick()
    daemon.tick()
    assert daemon.skipped == "nothing was judged or decided since the last look"
    assert [one.id for one in standing(daemon.root).incidents] == [f"drift-{DAY}"]
    assert daemon.requests == [], "an incident starts no run"


def test_the_sensor_judges_nothing(daemon: Ticking) -> None:
    drifted(daemon.root)
    before = daemon.root.ledger.verdicts(FEATURE.name)
    daemon.tick()
    assert daemon.root.ledger.verdicts(FEATURE.name) == before
