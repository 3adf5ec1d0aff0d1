"""``ai-ops serve`` tells what is missing or misspelt, and how to mend it."""

import subprocess
import sys
from pathlib import Path

import pytest


def run(*arguments: str, without: str = "") -> subprocess.CompletedProcess[str]:
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({without!r}.split()))\n"
        "import typer; from ai_ops.cli.serve import serve; typer.run(serve)"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("package", ["fastapi", "torch"])
def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    tmp_path: Path, package: str
) -> None:
    ended = run("flight_delay", "--root", str(tmp_path), without=package)
    assert ended.returncode == 2
    assert f"serving needs {package}" in ended.stderr
    assert "pip install 'ai-ops[serving]'" in ended.stderr


def test_an_unknown_feature_is_named_beside_those_there_are(tmp_path: Path) -> None:
    ended = run("flight_deley", "--root", str(tmp_path))
    assert ended.returncode == 2
    assert "flight_deley: no such AI feature; there are: flight_delay" in ended.stderr


def test_a_writer_that_is_no_name_is_refused(tmp_path: Path) -> None:
    ended = run("flight_delay", "--root", str(tmp_path), "--writer", "../up")
    assert ended.returncode == 2
    assert "writer '../up'" in ended.stderr
