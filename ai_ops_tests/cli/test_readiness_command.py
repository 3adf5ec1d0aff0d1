"""``ai-ops readiness``: information, so it ends with 0 whatever it reads; 2 on bad input."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ai_ops.cli import readiness as command
from ai_ops.cli.common import BAD, DONE
from ai_ops.storage.root import Root
from ai_ops_tests.checklist.books import FEATURE, failing, judged, rehearsed
from ai_ops_tests.deciding import DEVOPS, decided

APP = typer.Typer()
APP.command()(command.readiness)


@pytest.fixture(autouse=True)
def of_2021(monkeypatch: pytest.MonkeyPatch) -> None:
    """The feature as it stands in the books of these tests."""
    monkeypatch.setattr(command, "resolve_feature", lambda _: FEATURE)


def call(root: Root, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command."""
    every = [FEATURE.name, "--root", str(root.folder), *arguments]
    result = CliRunner().invoke(APP, every, env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_it_ends_with_0_whatever_it_reads_and_with_2_on_bad_input(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    assert call(root)[0] == DONE
    judged(root, "log_complete", failing("a gap", "completeness"))
    code, out, _ = call(root)
    assert code == DONE
    assert "failing: log_complete" in out
    for words in (("--as-of", "yesterday"), ("--as-of", "2031-01-01T00:00:00Z")):
        code, _, err = call(root, *words)
        assert code == BAD
        assert "--as-of" in err


def test_as_json_it_is_one_object(tmp_path: Path) -> None:
    code, out, _ = call(rehearsed(tmp_path), "--json")
    told = json.loads(out)
    assert code == DONE
    assert set(told) == {"feature", "as_of", "rules", "ml_test_score"}
    score = told["ml_test_score"]
    assert score["score"] == min(score["sections"].values())
    assert len(told["rules"]) == 9 and len(score["tests"]) == 28


def test_no_markup_and_no_code_of_a_terminal_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = rehearsed(tmp_path)
    decided(root, "environment_lock", DEVOPS, digest="0" * 64, reason="as CI builds it")
    monkeypatch.setattr(
        "ai_ops.checklist.readiness._signed",
        lambda *_: {"environment_lock": "locked by [red]x\x1b[2J"},
    )
    _, out, _ = call(root)
    assert "locked by [red]x\\x1b[2J" in out
    assert "\x1b" not in out
