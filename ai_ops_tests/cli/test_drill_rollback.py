"""`ai-ops drill rollback` as a person runs it: the server and every command are processes."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from ai_ops.ai_features import load_feature
from ai_ops.cli.main import assemble
from ai_ops.inference_management.drill_root import FOLDER
from ai_ops.inference_management.rollback_reports import judge_rollback_drill
from ai_ops.storage.identities import Identities, demo_identities
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops_tests.inference_management.rollback_world import (
    PERSON,
    feature_in,
    home_in,
    registered,
    went_well,
)
from ai_ops_tests.inference_management.serving_world import NAME

STRANGER = "stranger@example.com"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Root:
    feature_in(tmp_path / "defs")
    monkeypatch.setenv("AI_OPS_DEFS", str(tmp_path / "defs"))
    (tmp_path / "made").mkdir()
    return home_in(tmp_path / "home", registered(tmp_path / "made"))


def run(home: Root, *options: str) -> Result:
    app = assemble("drill")
    return CliRunner().invoke(
        app, ["drill", "rollback", NAME, "--root", str(home.folder), *options]
    )


# The commands of an emergency are processes here, each of which imports torch and MLflow: that is
# what is shown, and it takes its time.
@pytest.mark.requirement("PL-29", "PL-31", "PL-32", "PL-33", "PL-34")
def test_a_person_drills_the_rollback_and_signs_it(home: Root, tmp_path: Path) -> None:
    ran = run(home, "--json")
    told = json.loads(ran.stdout)
    assert (ran.exit_code, told["verdict"]["status"]) == (3, "no_evidence"), ran.output
    drill = told["drill"]
    assert [one["code"] for one in drill["ran"]] == [0, 0, 0, 0, 0]
    assert [one["command"].split()[1] for one in drill["ran"]] == [
        "promote",
        "rollback",
        "rollback",
        "hold",
        "history",
    ]
    assert drill["moves"] == ["launch 1", "promotion 2", "rollback 1", "hold"]
    counted = drill["counted"]
    assert (counted["lost"], counted["mislabelled"], counted["strange"]) == (0, 0, 0)
    assert (drill["unlogged"], drill["bodies"] > 0) == (0, True)
    assert 0 < drill["clocks"]["first_old"] <= drill["clocks"]["waited"]
    # Production was not touched: its version, its log, its standing.
    assert home.registry.champion(NAME) == "2"
    assert not home.segments.exists()
    assert [move.version for move in standing_of(home.ledger, NAME).moves] == ["1", "2"]
    assert (home.folder / FOLDER / drill["id"] / "ledger.db").exists()
    signed = run(home, "--sign", "--by", PERSON)
    busy = "it was not the load" in signed.output
    assert signed.exit_code == (3 if busy else 0), signed.output
    verdict = home.ledger.verdicts(NAME, items=["rollback_drill"])[-1].verdict
    assert (verdict.status, verdict.observed["signed_by"]) == (
        "no_evidence" if busy else "pass",
        PERSON,
    )


@pytest.mark.requirement("PL-32", "OW-07")
def test_only_whoever_answers_for_serving_can_sign_a_drill(home: Root, tmp_path: Path) -> None:
    record = home.lake.path(NAME, "rollback_drill", None, "json")
    home.lake.write_json(record, went_well().as_data())
    Identities(demo_identities(home)).create(STRANGER)
    refused = run(home, "--sign", "--by", STRANGER)
    assert refused.exit_code == 1
    assert f"{STRANGER} may not decide on drill" in refused.output
    assert run(home, "--sign", "--by", PERSON).exit_code == 0
    # What was signed is what was seen: a record that was changed since is signed by nobody.
    changed = went_well(workers=2).as_data()
    home.lake.write_json(record, changed)
    spec = load_feature(tmp_path / "defs" / NAME / "defs.yaml")
    verdict = judge_rollback_drill(home, spec, home.clock.now())
    assert (verdict.status, verdict.observed["signed_by"]) == ("no_evidence", None)


@pytest.mark.requirement("PL-32")
def test_whoever_cannot_sign_is_told_before_anything_is_drilled(home: Root) -> None:
    without = run(home, "--by", STRANGER)
    assert without.exit_code == 2 and f"no key of {STRANGER}" in without.output
    Identities(demo_identities(home)).create(STRANGER)
    refused = run(home, "--by", STRANGER)
    assert refused.exit_code == 1 and f"{STRANGER} may not decide on drill" in refused.output
    assert not (home.folder / FOLDER).exists() and not home.ledger.events(NAME, kinds=["drill"])


def test_a_drill_without_a_declared_peak_is_bad_usage(home: Root, tmp_path: Path) -> None:
    file = tmp_path / "defs" / NAME / "defs.yaml"
    said = yaml.safe_load(file.read_text())
    del said["attributes"]["serving"]["expected_peak"]
    file.write_text(yaml.safe_dump(said))
    ran = run(home)
    assert ran.exit_code == 2
    assert "serving.expected_peak" in ran.output
