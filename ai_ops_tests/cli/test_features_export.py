"""``ai-ops features export-client``: the file by which an application follows its YAML."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ai_ops.ai_features import load_feature
from ai_ops.cli.common import DEFS
from ai_ops.cli.features import app
from ai_ops.client import PredictionLog, load_policy
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.vocabulary.errors import BadInput

FEATURE = load_feature(DEFS / "flight_delay" / "defs.yaml")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["export-client", *map(str, arguments)], env={"COLUMNS": "250"})


def test_the_file_is_the_policy_that_the_yaml_declares(tmp_path: Path) -> None:
    file = tmp_path / "new" / "policy.json"
    done = run("flight_delay", "--to", file)
    policy = load_policy(file)
    assert policy == policy_of(FEATURE)
    assert done.exit_code == 0
    assert str(file) in done.stdout and policy.digest in done.stdout
    with PredictionLog(tmp_path / "log", "flight_delay", "web", policy=policy) as log:
        log.record(id="a", model_version="1", input={})
    (segment,) = (tmp_path / "log").glob("*/*/*.jsonl")
    assert f'"policy":"{policy.digest}"' in segment.read_text()


def test_it_lies_in_the_current_folder_and_is_told_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = json.loads(run("flight_delay", "--json").stdout)
    policy = load_policy(tmp_path / told["file"])
    assert told["file"] == "flight_delay.logging.json"
    assert (told["feature"], told["digest"]) == ("flight_delay", policy.digest)
    assert told["policy"]["on_log_failure"] == policy.on_log_failure


def test_one_altered_byte_is_refused_with_file_and_mend(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    run("flight_delay", "--to", file)
    whole = file.read_bytes()
    for place, byte in enumerate(whole):
        if bytes([byte]).isspace():
            continue  # between the members, where it means nothing
        file.write_bytes(whole[:place] + bytes([byte ^ 1]) + whole[place + 1 :])
        with pytest.raises(BadInput) as refused:
            load_policy(file)
        assert str(file) in str(refused.value)
        assert "ai-ops features export-client" in str(refused.value)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("flight_delay", "--to", tmp_path / "file" / "policy.json")
    assert done.exit_code == 2
    assert "--to" in done.stderr
    assert run("no_such_feature").exit_code == 2
