"""``ai-ops ship``: its shapes, words and exit codes; a process of its own that is stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ai_ops.cli.common import BAD, DONE, FAILS, NO_EVIDENCE
from ai_ops.cli.ship import ship
from ai_ops_tests.prediction_logging.logging_world import DAY
from ai_ops_tests.prediction_logging.shipping_world import NAME, Shipping, name_of

APP = typer.Typer()
APP.command()(ship)
PROGRAM = "import typer; from ai_ops.cli.ship import ship; typer.run(ship)"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shipping:
    monkeypatch.delenv("AI_OPS_LAKE_URL", raising=False)
    return Shipping(tmp_path)


def options(world: Shipping) -> list[str]:
    return ["--from", str(world.machine), "--to", world.root.lake.url]


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(APP, list(arguments), env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_one_round_ships_what_is_whole_and_ends_with_0(world: Shipping) -> None:
    [file] = world.write_on("a", "b")
    code, out, err = call(NAME, *options(world), "--once")
    assert (code, err) == (DONE, "")
    assert out == "tiny: 1 landed, 0 confirmed and removed, 1 on this machine\n"
    world.compact()
    code, out, _ = call("--all", *options(world), "--once", "--json")
    [done] = json.loads(out)["rounds"]
    assert (code, done["feature"], done["removed"]) == (DONE, NAME, [name_of(file)])
    assert set(done["status"]["spool"]) == {
        *("waiting", "waiting_bytes", "to_ship", "free_bytes"),
        *("growth_bytes_per_second", "seconds_to_full"),
    }


def test_what_lies_in_the_root_is_shipped_to_its_own_lake(world: Shipping) -> None:
    with world.open_log() as log:
        world.write(log, "a")
    code, _, _ = call(NAME, "--root", str(world.root.folder), "--once")
    assert code == DONE and len(world.landed()) == 2
    assert world.compact()["rows"] == 1 and world.judged().status == "pass"


def test_a_lake_that_is_not_there_ends_a_round_with_1_and_says_what_waits(world: Shipping) -> None:
    world.write_on("a")
    Path(world.root.lake.url).rmdir()
    code, _, err = call(NAME, *options(world), "--once")
    assert code == FAILS
    assert "tiny: landing place unreachable: 1 segments wait, " in err
    assert "no such folder; is it mounted?" in err


def test_a_store_that_does_not_answer_is_the_same(
    world: Shipping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-key-of-the-test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-key-of-the-test")
    world.write_on("a")
    code, _, err = call(NAME, "--from", str(world.machine), "--to", "s3://nobody/x", "--once")
    assert code == FAILS and "landing place unreachable: 1 segments wait" in err


def test_nothing_logged_is_no_evidence_and_no_feature_is_bad_usage(world: Shipping) -> None:
    assert call(NAME, *options(world), "--once")[0] == NO_EVIDENCE
    assert call("--all", *options(world), "--once")[0] == NO_EVIDENCE
    code, _, err = call(*options(world), "--once")
    assert code == BAD and "--all" in err
    assert call(NAME, "--all", *options(world), "--once")[0] == BAD
    elsewhere = world.machine / "elsewhere"
    assert call(NAME, "--root", str(elsewhere), "--once")[0] == NO_EVIDENCE
    assert not elsewhere.exists()


def test_a_process_ships_what_comes_rides_out_an_outage_and_ends_when_told(
    world: Shipping,
) -> None:
    world.write_on("a")
    told = [sys.executable, "-c", PROGRAM, "--all", *options(world), "--every", "0.1", "--json"]
    process = subprocess.Popen(
        told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert process.stdout is not None and process.stderr is not None
    assert json.loads(process.stdout.readline())["rounds"][0]["landed"]
    lake = Path(world.root.lake.url)
    lake.rename(lake.with_name("away"))
    world.write_on("b")
    assert "unreachable" in process.stderr.readline()
    lake.with_name("away").rename(lake)
    deadline = time.monotonic() + 20
    while len(world.landed(DAY)) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(world.landed(DAY)) == 4
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == DONE
