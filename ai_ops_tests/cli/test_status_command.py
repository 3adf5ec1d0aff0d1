"""``ai-ops status``: its words, its shape, its page and its exit codes."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ai_ops.cli import status as command
from ai_ops.cli.common import BAD, DONE, FAILS, NO_EVIDENCE
from ai_ops.storage.root import Root
from ai_ops_tests.checklist.books import FEATURE, TO_COME, failing, judged, rehearsed
from ai_ops_tests.deciding import BACKEND, decided

APP = typer.Typer()
APP.command()(command.status)


@pytest.fixture(autouse=True)
def of_2021(monkeypatch: pytest.MonkeyPatch) -> None:
    """The feature as it stands in the books of these tests."""
    monkeypatch.setattr(command, "resolve_feature", lambda _: FEATURE)


def call(root: Root, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command."""
    result = CliRunner().invoke(APP, ["--root", str(root.folder), *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.requirement("PL-02", "FR-3")
def test_it_ends_with_0_1_or_3_as_the_lists_do(tmp_path: Path) -> None:
    root = rehearsed(tmp_path / "whole")
    assert call(root)[0] == DONE
    judged(root, "version_registered", failing("there is no other version", "version"))
    assert call(root)[0] == FAILS
    assert call(rehearsed(tmp_path / "lacking", without=TO_COME), FEATURE.name)[0] == NO_EVIDENCE
    assert call(Root.open(tmp_path / "nowhere"))[0] == BAD


def test_a_root_without_any_verdict_is_no_evidence(tmp_path: Path) -> None:
    root = Root.open(tmp_path, environment={})
    code, out, _ = call(root)
    assert code == NO_EVIDENCE
    assert "evidence of 6 items missing" in out


def test_as_json_it_is_one_object(tmp_path: Path) -> None:
    code, out, _ = call(rehearsed(tmp_path, without=TO_COME), "--json")
    told = json.loads(out)
    assert code == NO_EVIDENCE
    assert told["light"] == "amber"
    (one,) = told["features"]
    assert one["feature"] == FEATURE.name
    assert one["question"] == "May it be launched?"
    lacking = [item for item in one["items"] if item["status"] != "pass"]
    assert [item["id"] for item in lacking] == ["load_tested", "rollback_rehearsed"]
    assert all(item["owner"] and item["since"] and item["command"] for item in lacking)


def test_for_a_person_it_says_what_is_held_and_by_whom_and_no_code_of_a_terminal(
    tmp_path: Path,
) -> None:
    root = rehearsed(tmp_path, without={"load_test"})
    decided(root, "hold", BACKEND, reason="[red]the feed\x1b[2J is mended")
    _, out, _ = call(root)
    assert "May it be launched? Nobody can say: evidence of 1 item missing" in out
    assert f"by {BACKEND} since 2021-04-01: [red]the feed\\x1b[2J is mended" in out
    assert "ai-ops drill load flight_delay" in out
    assert "\x1b" not in out


def test_the_page_is_written_whatever_the_light(tmp_path: Path) -> None:
    root = rehearsed(tmp_path / "root", without=TO_COME)
    file = tmp_path / "status.html"
    code, _, _ = call(root, "--html", str(file))
    assert code == NO_EVIDENCE
    assert "The endpoint is load tested" in file.read_text(encoding="utf-8")
    code, _, err = call(root, "--html", str(tmp_path / "no" / "status.html"))
    assert code == BAD
    assert "--html" in err
