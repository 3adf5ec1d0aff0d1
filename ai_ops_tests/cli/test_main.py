"""The command as a whole: what it offers, and what it says when a part is not installed."""

import subprocess
import sys
from importlib.metadata import version as installed

import pytest

from ai_ops.cli.main import COMMANDS, GROUPS


def ai_ops(*arguments: str, without: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    """`ai-ops` in a process in which some packages cannot be imported."""
    hide = f"import sys; sys.modules.update(dict.fromkeys({list(without)!r}))"
    argv = f"sys.argv = ['ai-ops', *{list(arguments)!r}]"
    code = f"{hide}; {argv}; from ai_ops.cli.main import run; run()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_its_help_lists_every_command() -> None:
    help_ = ai_ops("--help").stdout
    listed = {line.split()[1] for line in help_.splitlines() if len(line.split()) > 2}
    assert {name for name, _ in (*COMMANDS, *GROUPS)} <= listed


@pytest.mark.parametrize(
    ("arguments", "without", "extra"),
    [
        (("checklist", "flight_delay", "--json"), ("sqlalchemy",), "platform"),
        (("drift", "show", "flight_delay", "2021-03-01"), ("duckdb",), "platform"),
        (("serve", "flight_delay"), ("fastapi",), "serving"),
        (("--help",), ("typer",), "platform"),
    ],
)
def test_a_missing_part_is_named_with_the_command_that_installs_it(
    arguments: tuple[str, ...], without: tuple[str, ...], extra: str
) -> None:
    done = ai_ops(*arguments, without=without)
    assert done.returncode == 2
    assert f"pip install 'ai-ops[{extra}]'" in done.stderr
    assert without[0] in done.stderr
    assert "Traceback" not in done.stderr


def test_it_tells_its_version() -> None:
    done = ai_ops("--version")
    assert (done.returncode, done.stdout.strip()) == (0, installed("ai-ops"))


@pytest.mark.parametrize("variable", ["AI_OPS_LEDGER_URL", "MLFLOW_TRACKING_URI"])
def test_the_demo_refuses_to_write_into_a_team_s_own_stores(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "postgresql://ledger.example.com/production")
    done = ai_ops("demo", "--no-ui")
    assert done.returncode == 2
    assert f"env -u {variable}" in done.stderr


def test_serving_needs_nothing_of_the_platform() -> None:
    platform = ("dagster", "evidently", "pandas", "duckdb", "scipy", "sklearn", "matplotlib")
    done = ai_ops("serve", "--help", without=platform)
    assert done.returncode == 0
    assert "Serve the champion" in done.stdout


def test_a_command_imports_nothing_of_the_others() -> None:
    others = ("dagster", "mlflow", "torch", "pandas", "duckdb", "scipy", "fastapi")
    done = ai_ops("history", "--help", without=others)
    assert done.returncode == 0, done.stderr
    assert "Usage: ai-ops history" in done.stdout
