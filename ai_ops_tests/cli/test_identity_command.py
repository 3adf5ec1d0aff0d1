"""``ai-ops identity``: keys are made and shown, and a private key never leaves its file."""

import json
import stat
from pathlib import Path

import pytest
import yaml

from ai_ops.ai_features import load_feature
from ai_ops.cli.common import DEFS
from ai_ops_tests.cli.deciding_world import BACKEND, DEVOPS, NOW, SCIENTIST, Called, World

STRANGER = "stranger@example.com"


@pytest.fixture
def ai_ops(tmp_path: Path) -> World:
    """An empty replay."""
    world = World(tmp_path)
    world.root.begin_replay(NOW)
    return world


def private_lines(world: World) -> list[str]:
    """Everything that stands in private key files."""
    files = (world.folder / "identities").glob("*.pem")
    return [line for file in files for line in file.read_text().splitlines()]


def shown(called: Called) -> str:
    return called.out + called.err


def test_init_prints_the_public_key_and_where_it_goes_and_never_the_private_one(
    ai_ops: World, tmp_path: Path
) -> None:
    made = ai_ops("identity", "init", BACKEND)
    assert made.code == 0
    public = made.out.splitlines()[0]
    assert not [line for line in private_lines(ai_ops) if line in shown(made)]
    mode = (ai_ops.folder / "identities" / f"{BACKEND}.pem").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert str(DEFS / "flight_delay" / "defs.yaml") in made.out
    # What it prints can be pasted: the file then lets that key decide.
    at = made.out.index("    retraining_pipeline:")
    pasted = yaml.safe_load(made.out[at:].split("    inference_management:")[0])
    declared = yaml.safe_load((DEFS / "flight_delay" / "defs.yaml").read_text())
    owners = declared["attributes"]["owners"]
    owners["retraining_pipeline"] |= pasted["retraining_pipeline"]
    file = tmp_path / "flight_delay" / "defs.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump(declared))
    assert load_feature(file).owner_of("retraining_pipeline").public_keys == {BACKEND: public}


def test_a_second_key_of_a_person_is_refused_and_the_first_one_stays(ai_ops: World) -> None:
    first = json.loads(ai_ops("identity", "init", BACKEND, "--json").out)["public_key"]
    again = ai_ops("identity", "init", BACKEND)
    assert again.code == 2 and "has a key already" in again.err
    assert json.loads(ai_ops("identity", "show", BACKEND, "--json").out)["public_key"] == first
    assert ai_ops("identity", "init", "not an address").code == 2


def test_whom_no_file_names_is_told_so(ai_ops: World) -> None:
    made = ai_ops("identity", "init", STRANGER)
    assert made.code == 0 and f"No AI feature names {STRANGER}" in made.out
    assert "it decides nothing" in ai_ops("identity", "show", STRANGER).out


def test_list_and_show_say_what_each_key_decides(ai_ops: World) -> None:
    empty = ai_ops("identity", "list")
    assert empty.code == 3 and "ai-ops identity init EMAIL" in empty.err
    for person in (DEVOPS, SCIENTIST):
        ai_ops("identity", "init", person)
    listed = json.loads(ai_ops("identity", "list", "--json").out)
    decides = {one["person"]: one["decides"] for one in listed["identities"]}
    assert decides == {
        SCIENTIST: [{"feature": "flight_delay", "domain": "drift_monitoring"}],
        DEVOPS: [{"feature": "flight_delay", "domain": "inference_management"}],
    }
    table = ai_ops("identity", "list")
    assert DEVOPS in table.out and "flight_delay: inference_management" in table.out
    one = ai_ops("identity", "show", DEVOPS)
    assert one.out.splitlines()[1:] == ["flight_delay: inference_management"]
    nobody = ai_ops("identity", "show", BACKEND)
    assert nobody.code == 2 and f"ai-ops identity init {BACKEND}" in nobody.err
    told = shown(table) + shown(one)
    assert not [line for line in private_lines(ai_ops) if line in told]


def test_a_person_s_key_needs_no_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AI_OPS_IDENTITIES", raising=False)
    nowhere = World(tmp_path / "no-root")
    assert nowhere("identity", "init", BACKEND).code == 0
    assert (tmp_path / "home" / ".config" / "ai_ops" / "identities" / f"{BACKEND}.pem").exists()
    assert json.loads(nowhere("identity", "list", "--json").out)["identities"][0]["decides"] == []
    assert not (tmp_path / "no-root").exists(), "to make a key makes no installation"
