"""The examples of retrainings that something else starts: their command lines, really run."""

import ast
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import ai_ops
from ai_ops.ai_features import load_feature
from ai_ops.cli.common import BAD, DONE, FAILS, NO_EVIDENCE
from ai_ops.orchestration.partitions import DELAYS
from ai_ops_tests.cli.deciding_world import World
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    DEVOPS,
    FEATURE,
    NAME,
    decided,
    logged_root,
    standing,
)

CHECKOUT = Path(ai_ops.__file__).parents[1]
TRIGGERS, PAGE = CHECKOUT / "examples" / "triggers", CHECKOUT / "docs" / "triggers.md"
CODES = (DONE, FAILS, BAD, NO_EVIDENCE)
SCRIPTS = {
    "codepipeline": lambda: parsed("codepipeline/buildspec.yml")["phases"]["build"]["commands"],
    "bitbucket": lambda: parsed("bitbucket/bitbucket-pipelines.yml")["pipelines"]["custom"][
        "retrain"
    ][1]["step"]["script"][1:],
}


class _Tags(yaml.SafeLoader):
    """YAML as CloudFormation reads it: ``!Ref`` is a string here."""


_Tags.add_multi_constructor("!", lambda loader, tag, node: loader.construct_scalar(node))


def parsed(file: str) -> Any:
    return yaml.load((TRIGGERS / file).read_text(), _Tags)


def pod(file: str) -> Any:
    spec = parsed(file)["spec"]
    return spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec


def assigned(file: str, name: str) -> Any:
    """What a Python file assigns to a name, without running it."""
    for node in ast.parse((TRIGGERS / file).read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{file} assigns no {name}")


def in_script(lines: list[str]) -> list[str]:
    """The command line of ai-ops in a shell script."""
    (line,) = [
        line for script in lines for line in script.splitlines() if line.startswith("ai-ops")
    ]
    return shlex.split(line.partition("||")[0].replace("$FEATURE", "flight_delay"))


def commands() -> dict[str, list[str]]:
    """Every example's command line."""
    schedule = parsed("eventbridge/template.yaml")["Resources"]["Retraining"]["Properties"]
    (override,) = json.loads(schedule["Target"]["Input"])["containerOverrides"]
    return {
        **{name: in_script(script()) for name, script in SCRIPTS.items()},
        **{
            file: pod(f"kubernetes/{file}.yaml")["template"]["spec"]["containers"][0]["command"]
            for file in ("job", "cronjob")
        },
        "celery": list(assigned("celery/retraining.py", "COMMAND")),
        "eventbridge": override["command"],
    }


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A process's environment on a root with three weeks of a log: the feature's own file, its
    trainer, and ``ai-ops`` as it is installed here."""
    root = logged_root(tmp_path / "root")
    file = tmp_path / "defs" / NAME / "defs.yaml"
    file.parent.mkdir(parents=True)
    attributes = FEATURE.model_dump(mode="json", exclude_unset=True)
    attributes["monitoring"]["start"] = FEATURE.monitoring.start  # a date in YAML
    file.write_text(yaml.safe_dump({"type": "ai_ops.AiFeature", "attributes": attributes}))
    assert load_feature(file) == FEATURE
    return {
        **{k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"},
        "AI_OPS_ROOT": str(root.folder),
        "AI_OPS_DEFS": str(tmp_path / "defs"),
        "FEATURE": NAME,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(CHECKOUT),
    }


@pytest.mark.requirement("ST-11", "ST-12", "ST-13")
def test_every_example_waits_for_the_same_retraining_and_says_who_asked() -> None:
    found = commands()
    assert len(found) == 6
    for name, words in found.items():
        assert words[:4] == ["ai-ops", "retrain", "flight_delay", "--wait"], name
        assert words[4] == "--reason" and words[5], name


@pytest.mark.requirement("ST-11", "ST-13")
def test_each_command_line_runs_up_to_what_forbids_it_here(tmp_path: Path) -> None:
    root = logged_root(tmp_path / "root")
    world = World(root.folder, feature=FEATURE)
    decided(root, "hold", DEVOPS, reason="look first")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ai_ops.cli.retrain.resolve_feature", lambda name: FEATURE)
        for number, (name, words) in enumerate(commands().items(), 1):
            done = world(*words[1:])
            assert done.code == FAILS and "held by devops@example.com" in done.err, name
            assert len(standing(root).refusals) == number, "recorded, each time"


@pytest.mark.requirement("ST-12", "ST-13")
def test_a_pipeline_s_script_really_retrains_and_ends_with_the_command_s_own_code(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Nothing is launched and no gate is frozen on this root: evidence is missing, code 3."""
    done = run(SCRIPTS["codepipeline"](), environment)
    assert done.returncode == NO_EVIDENCE, done.stderr
    assert "no criteria are frozen" in done.stdout and "evidence is missing" in done.stderr
    (retraining,) = standing(logged(environment)).retrainings
    assert "evaluated" in retraining.stages and retraining.cause == "CodePipeline "
    unknown = run(SCRIPTS["bitbucket"](), {**environment, "FEATURE": "nobody"})
    assert unknown.returncode == BAD and "what was asked for is wrong" in unknown.stderr


@pytest.mark.parametrize("code", [*CODES, 137])
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_tells_each_end_apart_and_hands_it_on(
    name: str, code: int, tmp_path: Path
) -> None:
    stand_in = tmp_path / "ai-ops"
    stand_in.write_text(f"#!/bin/sh\nexit {code}\n")
    stand_in.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = run(SCRIPTS[name](), {"PATH": path, "FEATURE": NAME})
    assert done.returncode == code
    words = ("passed", "refused", "wrong", "evidence is missing", "--from-failure")
    assert words[min(code, 4)] in done.stdout + done.stderr


@pytest.mark.requirement("ST-11", "ST-13")
def test_schedulers_try_again_only_what_another_try_can_mend() -> None:
    for file in ("kubernetes/job.yaml", "kubernetes/cronjob.yaml"):
        first, _ = pod(file)["podFailurePolicy"]["rules"]
        container = pod(file)["template"]["spec"]["containers"][0]["name"]
        assert first["onExitCodes"]["containerName"] == container
        assert (first["action"], first["onExitCodes"]["values"]) == ("FailJob", list(CODES[1:]))
        assert pod(file)["template"]["spec"]["restartPolicy"] == "Never"
    assert tuple(assigned("celery/retraining.py", "ENDS")) == CODES
    assert assigned("celery/retraining.py", "NO_EVIDENCE") == NO_EVIDENCE
    rules = parsed("eventbridge/template.yaml")["Resources"]
    ends = [
        rules[name]["Properties"]["EventPattern"]["detail"]["containers"]["exitCode"]
        for name in ("Passed", "NotPassed")
    ]
    assert ends == [[DONE], [{"anything-but": [DONE]}]]


@pytest.mark.requirement("ST-11")
def test_the_celery_task_ends_as_the_command_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(TRIGGERS / "celery")
    import retraining  # type: ignore[import-not-found]
    from celery.exceptions import Retry

    stand_in = tmp_path / "ai-ops"
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    retraining.app.conf.task_always_eager = True
    said = {}
    for code in CODES:
        stand_in.write_text(f"#!/bin/sh\nexit {code}\n")
        stand_in.chmod(0o755)
        try:
            said[code] = retraining.retrain()
        except (retraining.NotRetrained, Retry) as ended:
            said[code] = f"{type(ended).__name__}: {ended}"
    assert said[DONE].startswith("passed") and said[FAILS].startswith("NotRetrained: refused")
    assert "wrong" in said[BAD] and "evidence is missing" in said[NO_EVIDENCE]
    entry = retraining.app.conf.beat_schedule["retrain-flight-delay"]
    assert entry["task"] == retraining.retrain.name
    assert min(entry["schedule"].hour) * 3600 > DELAYS["daily"].seconds, "after the daily run"


def test_the_page_has_every_code_and_every_example() -> None:
    page = PAGE.read_text()
    assert all(f"| {code} |" in page for code in CODES)
    files = [file for file in TRIGGERS.rglob("*.*") if file.suffix != ".pyc"]
    assert len(files) == 6
    assert all(f"../examples/triggers/{file.relative_to(TRIGGERS)}" in page for file in files)


def run(script: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", "\n".join(script)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def logged(environment: dict[str, str]) -> Any:
    from ai_ops.storage.root import Root

    return Root.open(Path(environment["AI_OPS_ROOT"]), environment={})
