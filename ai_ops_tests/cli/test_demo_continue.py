"""`ai-ops demo --continue` on a replay that was stopped: traffic, a daemon, the UI, a Ctrl-C."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from ai_ops.cli.demo_continue import told, traffic_at
from ai_ops.cli.main import assemble
from ai_ops.cli.replay import finish
from ai_ops.cli.server_process import free_port
from ai_ops.client.lines import read_line
from ai_ops.client.records import PredictionRecord
from ai_ops.defs.flight_delay.flights import INPUTS
from ai_ops.storage.ledger import Event
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops_tests.replayed import Replayed, lives

PATIENCE_SECONDS = 300.0
NEW_YEAR = date(2021, 1, 1)


def copied(source: Path, target: Path) -> Root:
    """A replay's root in another place, without Dagster's own books; its versions stay where they
    are."""
    left_out = shutil.ignore_patterns("dagster", "*.db", "*.db-*", "artifacts")
    shutil.copytree(source, target, ignore=left_out)
    for name in ("ledger.db", "mlflow/mlflow.db"):
        with sqlite3.connect(source / name) as found, sqlite3.connect(target / name) as copy:
            found.backup(copy)
    return Root.open(target, environment={})


def processes_of(folder: Path) -> set[int]:
    """The processes whose command or environment names the folder."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and lives(int(entry.name)):
            try:
                said = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:  # it ended while we looked
                continue
            if str(folder).encode() in said:
                found.add(int(entry.name))
    return found


@pytest.mark.requirement("ST-09")
def test_a_stopped_replay_goes_on_with_a_daemon_and_ends_in_order(
    replayed: Replayed, tmp_path: Path
) -> None:
    root = copied(replayed.root.folder, tmp_path / "continued")
    port, first = free_port(), replayed.end.isoformat()
    until = replayed.end + timedelta(days=1)
    command = [sys.executable, "-m", "ai_ops.cli", "demo", "--continue", "--port", str(port)]
    options = ["--seconds-per-day", "2", "--until", until.isoformat(), "--root", str(root.folder)]
    with (tmp_path / "said.log").open("wb") as said:
        process = subprocess.Popen([*command, *options], stdout=said, stderr=said)
    try:

        def wait_for(what: str, seen: Callable[[], bool]) -> None:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not seen():
                text = (tmp_path / "said.log").read_text()[-3000:]
                assert process.poll() is None, text
                assert time.monotonic() < deadline, f"{what}: {text}"
                time.sleep(0.25)

        def judged() -> bool:
            verdicts = root.ledger.verdicts("flight_delay", items={"log_complete"})
            return any(v.partition == first and v.verdict.status == "pass" for v in verdicts)

        wait_for("the day that went by, judged", judged)
        wait_for("the UI", lambda: answers(f"http://127.0.0.1:{port}/server_info"))
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_SECONDS)
        assert process.poll() == 0, (tmp_path / "said.log").read_text()[-3000:]
    finally:
        process.kill()
        process.wait()
    assert processes_of(root.folder) == set(), "it left a process behind"
    assert root.clock.now() == finish(until)
    assert f"{replayed.end:%a %d %b %Y}: " in (tmp_path / "said.log").read_text()
    assert logged_on(root, first), "its flights were asked for"


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def logged_on(root: Root, day: str) -> set[str]:
    found = set()
    for segment in (root.segments / "flight_delay").rglob("*.jsonl"):
        for line in segment.read_bytes().splitlines(keepends=True):
            record = read_line(line)
            if isinstance(record, PredictionRecord) and record.time.date().isoformat() == day:
                found.add(record.id)
    return found


def test_a_day_of_traffic_is_every_flight_of_it_once_in_its_hour() -> None:
    hours = pd.date_range("2021-01-01", "2021-01-03", freq="h", tz="UTC", inclusive="left")
    ids = [f"{hour:%d-%H}" for hour in hours]
    flights = pd.DataFrame({"id": ids, "time": hours, "tenant": "XX", **dict.fromkeys(INPUTS, 1.0)})
    events = [
        event
        for hour in range(24)
        for event in traffic_at(flights, utc(f"2021-01-01T{hour:02}:00:00Z"))
    ]
    asked = [body["id"] for one in events if one.requests for body in one.requests.predictions]
    assert asked == ids[:24]
    sources = [(one.kind, one.first) for one in events if not one.requests]
    assert sources == [("labels", NEW_YEAR - timedelta(days=1)), ("schedule", NEW_YEAR)]


def test_an_hour_that_the_replay_was_stopped_in_is_not_asked_for_again() -> None:
    assert list(traffic_at(pd.DataFrame(), utc("2021-01-01T10:30:00Z"))) == []


def test_a_line_tells_what_the_books_gained() -> None:
    at = utc("2021-01-01T00:00:00Z")

    def event(kind: str, run: str, **said: object) -> Event:
        return Event(1, 0, kind, "tiny", at, said, at, run)  # type: ignore[arg-type]

    gained = [
        event("verdict", "r1", status="pass"),
        event("verdict", "r2", status="fail"),
        event("verdict", "r2", status="fail"),
        event("incident_opened", "", incident="drift-2021-01-01"),
        event("retraining", "r3", retraining="2021-01-01-r3", stage="started"),
    ]
    assert told(gained) == (
        "runs: 3, verdicts: 3 (2 fail, 1 pass); incident_opened drift-2021-01-01; "
        "retraining 2021-01-01-r3 started"
    )


@pytest.mark.parametrize(
    ("until", "words"), [("2014-06-01", "on which the flights end"), ("2013-04-01", "after")]
)
def test_a_day_that_cannot_be_reached_is_refused(
    replayed: Replayed, until: str, words: str
) -> None:
    done = continued("--until", until, "--root", str(replayed.root.folder))
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_root_without_a_replay_has_nothing_to_go_on_with(tmp_path: Path) -> None:
    done = continued("--root", str(tmp_path))
    assert done.exit_code == 2
    assert "run `ai-ops demo` first" in done.stderr


def continued(*options: str) -> Result:
    return CliRunner().invoke(assemble("demo"), ["demo", "--continue", "--no-ui", *options])
