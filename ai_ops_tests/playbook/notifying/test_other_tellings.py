"""What is told besides incidents: lists that nobody signed, machinery that is dead."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ai_ops.component import told_besides
from ai_ops.playbook.notifying.notify import notify
from ai_ops.storage.ledger import Ledger
from ai_ops.storage.signs_of_life import sign
from ai_ops_tests.deciding import BACKEND, DEVOPS, FEATURE, SCIENTIST
from ai_ops_tests.playbook.notifying.receiving import webhook
from ai_ops_tests.playbook.notifying.telling_world import (
    START,
    happened,
    live_root,
    opened,
    said_of,
)

DAY = timedelta(days=1)


@pytest.mark.requirement("OW-02", "WK-01")
def test_a_list_that_nobody_signs_is_told_to_its_owner_and_then_to_every_owner(
    tmp_path: Path,
) -> None:
    with webhook() as hook:
        root = live_root(tmp_path, hook.url)
        happened(
            root,
            "launch",
            START,
            version="1",
            previous=None,
            metrics={},
            gate_hash=FEATURE.gate.digest,
            by=DEVOPS,
        )
        for age in range(30):
            now = START + (age + 0.5) * DAY
            notify(root, FEATURE, now, told_besides(root, FEATURE, datetime.now(UTC)))
            if age == 0:
                assert len(hook.got) == 1
    drift = [one for one in said_of(root) if one["what"].startswith("drift_reviewed unsigned")]
    assert len({one["what"] for one in drift}) == len(drift), "each is told once"
    assert SCIENTIST in drift[0]["to"]
    assert "late 2" in drift[-1]["what"]
    assert set(drift[-1]["to"]) == {BACKEND, SCIENTIST, DEVOPS}
    assert "ai-ops sign-off flight_delay drift_reviewed" in hook.taken[0]


def test_machinery_that_died_is_told_once_to_whoever_runs_it(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with webhook() as hook:
        root = live_root(tmp_path, hook.url)
        sign(root, FEATURE.name, "sensor:incidents", "ticked", at=now - timedelta(hours=3))
        for _ in range(2):
            notify(root, FEATURE, now, told_besides(root, FEATURE, now))
        [said] = [one for one in said_of(root) if "sensor:incidents" in one["about"]]
    assert said["to"] == [DEVOPS]
    assert any("ai-ops watchdog flight_delay" in text for text in hook.taken)


def test_a_process_that_dies_before_it_recorded_tells_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with webhook() as hook:
        root = live_root(tmp_path, hook.url)
        opened(root)
        append = Ledger.append

        def dies(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Ledger, "append", dies)
        with pytest.raises(KeyboardInterrupt):
            notify(root, FEATURE, START + timedelta(minutes=1))
        monkeypatch.setattr(Ledger, "append", append)
        notify(root, FEATURE, START + timedelta(minutes=2))
        notify(root, FEATURE, START + timedelta(minutes=3))
        assert len(hook.got) == 2, "twice told is better than never"
