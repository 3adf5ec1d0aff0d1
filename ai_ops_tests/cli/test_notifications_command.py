"""``ai-ops notifications`` and what else names a channel: no command shows a secret."""

import json
import logging
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ai_ops.cli import features, notifications
from ai_ops.cli.common import BAD, DONE, FAILS, NO_EVIDENCE
from ai_ops.definitions import defs
from ai_ops_tests.deciding import FEATURE, root_in
from ai_ops_tests.playbook.notifying.receiving import SECRET, webhook
from ai_ops_tests.playbook.notifying.telling_world import DRIFT, live_root, opened

NAME = FEATURE.name
WRONG = f"jsn://me:{SECRET}@example.com"


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(notifications.app, list(arguments))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert SECRET not in done.output
    return done.exit_code, done.output


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.delenv("AI_OPS_NOTIFY", raising=False)


def test_a_trial_shows_whether_a_channel_works_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_root(tmp_path)
    root = ("--root", str(tmp_path))
    code, said = run("show", NAME, *root)
    assert code == NO_EVIDENCE
    assert "set AI_OPS_NOTIFY" in said
    assert "there is no channel" in run("test", NAME, *root)[1]
    with webhook() as hook:
        monkeypatch.setenv("AI_OPS_NOTIFY", hook.url)
        assert run("test", NAME, *root)[0] == DONE
        assert "a trial" in hook.taken[0]
        hook.status = 500
        code, said = run("test", NAME, *root, "--json")
        assert code == FAILS
        assert "500" in json.loads(said)["notifications"][0]["reason"]
    code, said = run("show", NAME, *root, "--json")
    shown = json.loads(said)
    assert code == FAILS
    assert shown["channels"] == {"AI_OPS_NOTIFY": ["JSON (AI_OPS_NOTIFY)"]}
    assert [one["delivered"] for one in shown["notifications"]] == [True, False]


def test_a_replay_is_told_of_and_nothing_is_sent_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root_in(tmp_path)
    monkeypatch.setenv("AI_OPS_NOTIFY", "json://localhost:9")
    code, said = run("test", NAME, "--root", str(tmp_path))
    assert (code, "nothing is sent from it" in said) == (BAD, True)
    assert run("show", NAME, "--root", str(tmp_path))[0] == DONE


def test_what_is_quoted_in_a_notification_is_no_code_for_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = live_root(tmp_path)
    opened(root, f"{DRIFT}\x1b[2J[red]")
    with webhook() as hook:
        monkeypatch.setenv("AI_OPS_NOTIFY", hook.url)
        run("test", NAME, "--root", str(tmp_path))
    code, said = run("show", NAME, "--root", str(tmp_path))
    assert code == NO_EVIDENCE
    assert "\x1b[2J" not in said


def test_a_mistyped_channel_fails_the_check_of_features_without_its_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AI_OPS_NOTIFY_DRIFT_MONITORING", WRONG)
    done = CliRunner().invoke(features.app, ["check", NAME, "--root", str(tmp_path)])
    assert done.exit_code == BAD
    assert "AI_OPS_NOTIFY_DRIFT_MONITORING: jsn://… is no URL" in done.output
    assert SECRET not in done.output
    code, said = run("show", NAME, "--root", str(live_root(tmp_path / "root").folder))
    assert (code, "jsn://…" in said) == (BAD, True)


def test_a_mistyped_channel_is_named_when_dagster_loads_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AI_OPS_NOTIFY", WRONG)
    heard: list[str] = []
    # Dagster's loggers hand nothing on to pytest's.
    monkeypatch.setattr(logging.Logger, "error", lambda _, words, *rest: heard.append(words))
    assert defs().get_repository_def().sensor_defs
    assert any("jsn://… is no URL" in words for words in heard), heard
    assert not any(SECRET in words for words in heard)
