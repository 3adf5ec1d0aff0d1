"""``ai-ops watchdog``: its exit codes for cron and a probe, its shape, and that it stays light."""

import json
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.checklist.machinery_sources import sources_of
from ai_ops.cli.common import BAD, DONE, FAILS, NO_EVIDENCE
from ai_ops.cli.watchdog import watchdog
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.signs_of_life import sign
from ai_ops_tests.inference_management.serving_world import ATTRIBUTES, NAME

APP = typer.Typer()
APP.command()(watchdog)
HEAVY = ("dagster", "mlflow", "torch", "pandas", "duckdb")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Root:
    """A live root, and the declaration of its feature beside it."""
    monkeypatch.setenv("COLUMNS", "250")
    root = Root.open(tmp_path / "root", environment={})
    root.ledger.append([NewEvent("drill", NAME, {})], clock=root.clock)
    attributes = {**ATTRIBUTES, "monitoring": {"start": root.clock.now().date()}}
    file = tmp_path / "defs" / NAME / "defs.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump({"type": "ai_ops.AiFeature", "attributes": attributes}))
    return root


def feature_of(root: Root) -> AiFeatureSpec:
    return load_feature(root.folder.parent / "defs" / NAME / "defs.yaml")


def arguments(root: Root, *more: str) -> list[str]:
    defs = root.folder.parent / "defs"
    return ["--root", str(root.folder), "--defs", str(defs), *more]


def asked(root: Root, *more: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(APP, arguments(root, "--json", *more))
    return result.exit_code, json.loads(result.stdout)


def all_sign(root: Root, ago: timedelta = timedelta(0)) -> None:
    feature = feature_of(root)
    for source in sources_of(feature):
        if source.check is None:
            sign(root, feature.name, source.name, at=root.clock.now() - ago)


@pytest.mark.requirement("ST-09")
def test_it_ends_with_three_before_anything_ran_zero_at_work_one_when_something_died(
    root: Root,
) -> None:
    code, data = asked(root)
    assert (code, data["state"]) == (NO_EVIDENCE, "never")
    all_sign(root, timedelta(minutes=16))
    all_sign(root)
    code, data = asked(root)
    assert (code, data["state"]) == (DONE, "alive")
    feature = feature_of(root)
    sign(root, feature.name, "failed:sensor:cadences", "KeyError")
    code, data = asked(root, NAME)
    assert (code, data["state"]) == (FAILS, "dead")
    [only] = data["features"]
    [found] = [one for one in only["signs"] if one["state"] == "dead"]
    assert found["source"] == "sensor:cadences" and found["items"]
    assert found.keys() == {"source", "state", "last_at", "limit_seconds", "words", "items"}


def test_a_probe_of_the_daemon_sees_nothing_that_its_restart_would_not_mend(root: Root) -> None:
    all_sign(root, timedelta(seconds=20))
    sign(root, NAME, "stopped:sensor:cadences")
    assert asked(root)[0] == FAILS
    code, data = asked(root, "--daemon-only")
    assert code == DONE
    sources = {one["source"] for one in data["features"][0]["signs"]}
    assert len(sources) == 3 and all(source.startswith("daemon:") for source in sources)


def test_in_words_it_names_what_died_and_the_command(root: Root) -> None:
    all_sign(root, timedelta(hours=3))
    result = CliRunner().invoke(APP, arguments(root))
    assert result.exit_code == FAILS
    assert "no sign for 3.0 h" in result.stdout and "dagster-daemon run" in result.stdout
    patient = CliRunner().invoke(APP, arguments(root, "--patience", str(4 * 3600)))
    assert patient.exit_code == DONE


def test_a_clock_that_ran_ahead_is_mended_by_a_command(root: Root) -> None:
    all_sign(root)
    sign(root, NAME, "sensor:cadences", at=root.clock.now() + timedelta(days=2))
    code, data = asked(root)
    assert code == FAILS
    [clock] = [one for one in data["features"][0]["signs"] if one["state"] == "dead"]
    assert clock["source"] == "wall_clock"
    code, data = asked(root, "--clock-mended")
    dead = [one["source"] for one in data["features"][0]["signs"] if one["state"] == "dead"]
    assert "wall_clock" not in dead


def test_a_ledger_whose_last_link_was_edited_is_dead(root: Root) -> None:
    all_sign(root)
    book = root.folder / "ledger.db"
    with sqlite3.connect(book) as connection:
        connection.execute("DROP TRIGGER events_no_update")
        connection.execute("UPDATE events SET payload = '{\"edited\": true}'")
    connection.close()
    code, data = asked(root)
    assert code == FAILS
    [found] = [one for one in data["features"][0]["signs"] if one["state"] == "dead"]
    assert found["source"] == "ledger" and "block 1" in found["words"]


def test_a_replay_is_exempt_and_a_root_that_is_not_there_is_bad_usage(
    root: Root, tmp_path: Path
) -> None:
    replay = Root.open(tmp_path / "replay", environment={})
    replay.begin_replay(root.clock.now())
    defs = str(tmp_path / "defs")
    result = CliRunner().invoke(APP, ["--root", str(replay.folder), "--defs", defs])
    assert result.exit_code == DONE and "a replay" in result.stdout
    result = CliRunner().invoke(APP, ["--root", str(tmp_path / "nowhere"), "--defs", defs])
    assert result.exit_code == BAD


def test_it_needs_nothing_of_dagster_nor_what_else_is_heavy(root: Root) -> None:
    program = (
        "import sys; from ai_ops.cli import watchdog; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
