"""A webhook that is down, and back: a real daemon tells people, and tries again by itself."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ai_ops.orchestration.running import dagster_home
from ai_ops.storage.ledger import NewEvent
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.faults.live_world import build_live, dead, signs
from ai_ops_tests.inference_management.serving_world import NAME
from ai_ops_tests.orchestration.daemon_world import DaemonWorld, daemon, wait_for
from ai_ops_tests.playbook.notifying.receiving import SECRET, Webhook, webhook

CHECK = "alerts_delivered"
INCIDENT = "drift-by-hand"


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as listening:
        listening.status = 503
        yield listening


@pytest.fixture
def world(tmp_path: Path, hook: Webhook, monkeypatch: pytest.MonkeyPatch) -> Iterator[DaemonWorld]:
    monkeypatch.setenv("AI_OPS_NOTIFY", hook.url)
    built = build_live(tmp_path / "installation")
    opened = {
        "incident": INCIDENT,
        "alert": "drift",
        "item": "input_drift",
        "begin": "2021-03-04",
        "reason": "amount moved on 3 of 4 days",
        "version": None,
        "severity": "warning",
    }
    built.root.ledger.append([NewEvent("incident_opened", NAME, opened)], clock=built.root.clock)
    with daemon(built):
        yield built


def last(world: DaemonWorld, status: str) -> Verdict | None:
    """The newest verdict on notifications, if it is of that status."""
    found = world.root.ledger.history(NAME, CHECK)
    return found[-1].verdict if found and found[-1].verdict.status == status else None


@pytest.mark.fault("alerts_delivered")
@pytest.mark.requirement("PB-05")
def test_the_daemon_tells_people_when_their_webhook_is_back_green(
    world: DaemonWorld, hook: Webhook
) -> None:
    failed = wait_for("a failed delivery", lambda: last(world, "fail"), world)
    assert INCIDENT in failed.reason
    assert "503" in failed.reason
    assert "nobody could be told" in dead(world)["notification_channel"]
    assert hook.taken == []
    hook.status = 200
    wait_for("a delivery", lambda: last(world, "pass"), world)
    assert sum(f"incident {INCIDENT} " in text for text in hook.taken) == 1
    assert signs(world)["notification_channel"].state == "alive"
    assert signs(world)["sensor:notifications"].state == "alive"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", str(dagster_home(world.root.folder)))
        with dg.DagsterInstance.get() as instance:
            key = dg.AssetCheckKey(dg.AssetKey([NAME, "drift_report"]), CHECK)
            [record] = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert record.event is not None
    evaluation = record.event.get_dagster_event().asset_check_evaluation_data
    assert evaluation.passed
    files = [file for file in world.folder.rglob("*") if file.is_file()]
    leaks = [file for file in files if SECRET.encode() in file.read_bytes()]
    assert leaks == [], "a channel's secret stands in no file, database or log"
