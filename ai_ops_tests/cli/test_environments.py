"""Production, staging and challenger of several features: which version is where, logged apart."""

import json
import re
import shlex
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from typer.testing import CliRunner

from ai_ops.ai_features.parts import InputColumn
from ai_ops.cli import serve
from ai_ops.cli.main import assemble
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.retraining_pipeline.promotion import promote
from ai_ops.storage.environments import beside
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import PromotionRefused
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.inference_management.serving_world import ATTRIBUTES, GOOD, ROWS, Constant, asking
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    BACKEND,
    DEVOPS,
    FEATURE,
    NAME,
    SCIENTIST,
    copied_root,
    later,
    launched,
    registered,
    root_with,
)

SECOND = "second"
DOCS = Path(__file__).parents[2] / "docs" / "environments.md"
OWNERS = {
    "prediction_logging": {"accountable": BACKEND},
    "drift_monitoring": {"accountable": SCIENTIST},
    "retraining_pipeline": {"accountable": BACKEND},
    "inference_management": {"accountable": DEVOPS},
    "accuracy_evaluation": {"follows": "drift_monitoring"},
}
APP = assemble()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A feature that is launched with version 1 and has two more; another one in rehearsal."""
    root = root_with(
        registered(tmp_path_factory.getbasetemp()), tmp_path_factory.mktemp("placed") / "root"
    )
    launched(root)
    encoder = TabularEncoder.fit(ROWS, [InputColumn(**one) for one in ATTRIBUTES["inputs"]])
    root.registry.register(
        SECOND,
        Constant(0.5),
        encoder,
        encoder.encode(ROWS),
        metrics={"auc": 0.5},
        params={},
        dataset=pd.DataFrame({"x": [1.0]}),
        dataset_digest="0" * 32,
        reference=pa.table({"id": ["a"], "output_probability": [0.5]}),
    )
    root.registry.set_alias(SECOND, "rehearsal", "1")
    later(root, hours=1)
    return root


@pytest.fixture
def root(made: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Root:
    defs = tmp_path / "defs"
    for name, shadow in ((NAME, True), (SECOND, False)):
        file = defs / name / "defs.yaml"
        file.parent.mkdir(parents=True)
        serving = ATTRIBUTES["serving"] | {"shadow": shadow}
        attributes = {**ATTRIBUTES, "name": name, "serving": serving, "owners": OWNERS}
        file.write_text(yaml.safe_dump({"type": "ai_ops.AiFeature", "attributes": attributes}))
    copied = copied_root(made, tmp_path / "root")
    monkeypatch.setenv("AI_OPS_DEFS", str(defs))
    monkeypatch.setenv("AI_OPS_ROOT", str(copied.folder))
    for variable in ("AI_OPS_LEDGER_URL", "MLFLOW_TRACKING_URI", "AI_OPS_IDENTITY"):
        monkeypatch.delenv(variable, raising=False)
    return copied


def call(*words: str) -> tuple[int, str]:
    """The exit code of a command, and what it said."""
    done = CliRunner().invoke(APP, list(words), env={"COLUMNS": "200"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def placed() -> dict[tuple[str, str], dict[str, Any]]:
    code, out = call("environments", "--json")
    assert code == 0, out
    rows = json.loads(out)["environments"]
    return {(one["feature"], one["environment"]): one for one in rows}


@contextmanager
def served(monkeypatch: pytest.MonkeyPatch, feature: str, *options: str) -> Iterator[httpx.Client]:
    """What ``ai-ops serve`` serves, on a port of the test's own."""
    apps: list[Any] = []

    def run(app: Any, listening: socket.socket, *_: Any) -> None:
        listening.close()
        apps.append(app)

    with monkeypatch.context() as patch:
        patch.setattr(serve, "_run", run)
        code, out = call("serve", feature, *options)
    assert code == 0, out
    with asking(apps[0]) as client:
        yield client


@pytest.mark.requirement("ST-08", "PL-14")
def test_every_feature_tells_what_is_where_since_when_and_by_whom(root: Root) -> None:
    assert call("stage", NAME, "2", "--by", "anna")[0] == 0
    code, out = call("challenge", NAME, "3", "--by", "ben", "--reason", "it knows spring", "--json")
    assert code == 0
    told = json.loads(out)
    assert (told["version"], told["by"], told["gate"]) == ("3", "ben", "not judged")
    rows = placed()
    assert {key: row["version"] for key, row in rows.items() if row["version"]} == {
        (NAME, "production"): "1",
        (NAME, "staging"): "2",
        (NAME, "challenger"): "3",
        (NAME, "rehearsal"): "1",
        (SECOND, "rehearsal"): "1",
    }
    production, staging = rows[NAME, "production"], rows[NAME, "staging"]
    assert production["by"] == f"launch, {DEVOPS}"
    assert production["gate"] == "launched, by its checklist"
    assert staging["by"] == "anna"
    assert production["since"] < staging["since"] == root.clock.now().isoformat()
    assert staging["gate"] == "not judged"
    _, table = call("environments")
    assert re.search(rf"{NAME}\W+3\W.*ben\W+not judged\W+challenger\W", table)
    assert "…" not in table, "names are what the other commands take"
    code, history = call("history", NAME)
    assert "challenger" in history and "it knows spring" in history


@pytest.mark.requirement("ST-08")
def test_staging_takes_no_gate_and_the_promotion_of_the_same_version_all_of_it(root: Root) -> None:
    assert call("stage", NAME, "2")[0] == 0
    with pytest.raises(PromotionRefused) as refused:
        promote(root, FEATURE, "2")
    assert any("never judged" in reason for reason in refused.value.reasons)
    assert any("nobody approved" in reason for reason in refused.value.reasons)


REFUSED = {
    "the live version": (("challenge", NAME, "1"), "it cannot challenge itself"),
    "a server that asks no challenger": (("challenge", SECOND, "1"), "serving.shadow is not set"),
    "no such version": (("stage", NAME, "9"), "no version '9' in the registry"),
    "nothing to take out": (("stage", NAME, "--none"), "no version is in staging"),
    "neither a version nor none": (("stage", NAME), "VERSION: name one"),
    "both": (("challenge", NAME, "2", "--none"), "VERSION: name one"),
    "a rehearsal of staging": (
        ("serve", NAME, "--rehearsal", "--environment", "staging"),
        "leave one of the two out",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_placed_is_refused_by_name(root: Root, case: str) -> None:
    words, reason = REFUSED[case]
    before = root.ledger.head()
    code, out = call(*words)
    assert code in (1, 2) and reason in out
    assert root.ledger.head() == before


def test_an_alias_that_was_moved_by_hand_is_told(root: Root) -> None:
    root.registry.assign(NAME, "staging", "3")
    code, out = call("environments")
    assert code == 1
    assert "the alias staging is at 3, by the ledger it is at no version" in out


@pytest.mark.requirement("ST-07", "ST-08")
def test_two_features_in_two_environments_answer_with_their_own_and_are_logged_apart(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("stage", NAME, "2")
    servers = {
        "production": (NAME, ()),
        "staging": (NAME, ("--environment", "staging")),
        "another": (SECOND, ("--rehearsal",)),
    }
    for id, (feature, options) in servers.items():
        with served(monkeypatch, feature, *options) as client:
            answer = client.post("/predict", json={"id": id, "inputs": GOOD}).json()
            assert client.get("/version").json()["version"] == answer["model_version"]
            expected = {"production": "1", "staging": "2", "another": "1"}[id]
            assert answer["model_version"] == expected, "read from the registry at start-up"
            if id == "staging":  # … and at every poll
                call("stage", NAME, "3")
                until(client, "3")
                call("stage", NAME, "--none")
                until(client, None)
                assert client.post("/predict", json={"inputs": GOOD}).status_code == 503
    day = root.clock.now().date().isoformat()
    moment = Moment(day, Window.of_day(day), Window.of_day(day).end)
    logged = {}
    for environment in ("production", "staging"):
        where = beside(root, environment)  # type: ignore[arg-type]  # of the words above
        compute_prediction_log(where, FEATURE, [moment])
        table, _ = where.lake.read_table(where.lake.path(NAME, "prediction_log", day))
        rows = table.select(["id", "model_version"]).to_pylist()
        logged[environment] = {(row["id"], row["model_version"]) for row in rows}
    assert logged["production"] == {("production", "1")}
    assert ("staging", "2") in logged["staging"]
    assert not any(id == "production" for id, _ in logged["staging"])


def test_the_commands_of_the_page_run_as_they_stand(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    fences = re.findall(r"```sh\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    commands = [shlex.split(line)[1:] for fence in fences for line in fence.splitlines()]
    assert len(commands) == 8
    for command in commands:
        if command[0] == "serve":
            with served(monkeypatch, *command[1:]) as client:
                assert client.get("/version").json()["version"] == "2"
        else:
            code, out = call(*command)
            assert code == 0, (command, out)
    left = {row["environment"] for row in placed().values() if row["version"]}
    assert left == {"production", "rehearsal"}, "what was placed was taken out again"


def until(client: httpx.Client, version: str | None) -> None:
    deadline = time.monotonic() + 20
    while client.get("/version").json()["version"] != version:
        assert time.monotonic() < deadline, client.get("/health").json()
        time.sleep(0.02)
