"""A bundle of real days, written and checked by the command, and the page that tells of it."""

import json
import re
import shlex
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ai_ops.cli.audit_offline import main as offline
from ai_ops.client import PredictionLog
from ai_ops.orchestration.judging import judge_and_record
from ai_ops.prediction_logging.checks import CHECKS
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS
from ai_ops_tests.cli.deciding_world import (
    BACKEND,
    BEGIN,
    DEVOPS,
    FEATURE,
    FINE,
    NOW,
    SCIENTIST,
    World,
    replay,
)
from ai_ops_tests.prediction_logging.logging_world import SetClock
from ai_ops_tests.sourced_world import sourced

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
COMMANDS = "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S))
FIRST, LAST = BEGIN.date().isoformat(), (BEGIN + timedelta(days=6)).date().isoformat()
LOGGED = [(BEGIN + timedelta(days=number)).date().isoformat() for number in (0, 1, 6)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three logged days of seven, a version that was approved and launched, signed decisions."""
    world = replay(tmp_path_factory.mktemp("audit") / "root", versions=1)
    for person in (BACKEND, SCIENTIST, DEVOPS):
        assert world("identity", "init", person).code == 0
    assert world("freeze-gate", FEATURE.name, "--by", SCIENTIST).code == 0
    world.gate_judged("1", champion="0", verdict=FINE)
    approve = ("approve", FEATURE.name, "--version", "1", "--reason", "a | b", "--by", SCIENTIST)
    assert world(*approve).code == 0
    told = {"version": "1", "previous": None, "metrics": {"auc": 0.68}, "by": DEVOPS}
    world.happened("launch", gate_hash=FEATURE.gate.digest, **told)
    moments = [Moment(day, Window.of_day(day), NOW) for day in LOGGED]
    for moment in moments:
        clock: Any = SetClock(moment.window.start + timedelta(hours=12))
        log = PredictionLog(world.root.segments, FEATURE.name, "web", clock)
        for number in range(5):
            said = {"carrier": "UA", "distance": 100.0 * number}
            log.record(id=f"{moment.partition}-{number}", model_version="1", input=said, output={})
        log.close()
    compute_prediction_log(world.root, FEATURE, moments)
    written = [check for check in CHECKS if check.name == "log_written"]
    judge_and_record(world.root, FEATURE, written, moments, run_id=None)
    return world


@pytest.fixture
def keys(world: World, tmp_path: Path) -> Path:
    """The public keys as the auditor was handed them."""
    shown = json.loads(world("identity", "list", "--json").out)["identities"]
    file = tmp_path / "keys.txt"
    file.write_text("".join(f"{one['person']} {one['public_key']}\n" for one in shown))
    return file


def exported(world: World, target: Path, *more: str) -> dict[str, Any]:
    span = ("--from", FIRST, "--to", LAST, "--to-file", str(target), "--by", BACKEND)
    done = world("audit", "export", FEATURE.name, *span, "--json", *more)
    assert done.code == 0, done.err
    told: dict[str, Any] = json.loads(done.out)
    return told


def verified(world: World, bundle: Path, *keys: str) -> tuple[int, dict[str, Any]]:
    done = world("audit", "verify", str(bundle), "--json", *keys, root=False)
    return done.code, json.loads(done.out)


@pytest.mark.requirement("PL-09", "MO-09", "PL-14", "PL-16")
def test_a_bundle_holds_what_an_auditor_asks_for_and_is_checked_without_the_root(
    world: World, keys: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.zip"
    told = exported(world, bundle)
    assert bundle.stat().st_mode & 0o077 == 0, "only its owner reads it"
    assert any("log (" in one and "its log was not written" in one for one in told["warnings"])
    code, checked = verified(world, bundle, "--keys", str(keys))
    assert (code, checked["ok"], checked["problems"]) == (0, True, [])
    assert (checked["signed_by"], checked["decisions_signed"], checked["mode"]) == (
        BACKEND,
        2,
        "replay",
    )
    with zipfile.ZipFile(bundle) as unpacked:
        manifest = json.loads(unpacked.read("manifest.json"))
        card = json.loads(unpacked.read("models/version_1.json"))
        readable = unpacked.read("models/version_1.md").decode()
        yaml = unpacked.read("feature/defs.yaml")
        with unpacked.open(f"log/{LOGGED[0]}.parquet") as log:
            assert pq.read_table(log)["id"].to_pylist()[0] == f"{LOGGED[0]}-0"
    assert manifest["ledger"]["head"] == world.root.ledger.verify().head
    assert len([one for one in manifest["missing"] if one["what"] == "log"]) == 4
    assert b"name: flight_delay" in yaml
    assert card["registered"]["metrics"] == {"auc": 0.68}
    assert card["registered"]["dataset_digest"] == "1" * 32
    assert card["registered"]["inputs"][0]["name"] == "distance"
    assert (card["moves"][0]["kind"], card["decision"]["by"]) == ("launch", SCIENTIST)
    assert {one["status"] for one in card["gate"]} == {"pass"}
    assert sorted(one["item"] for one in card["gate"]) == sorted(GATE_CHECKS)
    assert card["predictions_in_span"] == 15
    assert "a \\| b" in readable, "what a person wrote ends no row"


@pytest.mark.requirement("PL-09")
def test_an_auditor_without_the_right_key_is_told(world: World, keys: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.zip"
    told = exported(world, bundle)
    code, checked = verified(world, bundle)
    assert (code, checked["ok"]) == (3, False)
    assert "signed by a key that you did not give" in checked["unproven"]
    assert told["fingerprint"] in checked["unproven"]
    other = tmp_path / "other.json"
    other.write_text(world("identity", "show", DEVOPS, "--json").out)
    code, checked = verified(world, bundle, "--keys", str(other))
    assert code == 1 and "you did not give that key" in checked["problems"][0]
    content = bundle.read_bytes()
    (tmp_path / "cut.zip").write_bytes(content[:-1])
    done = world("audit", "verify", str(tmp_path / "cut.zip"), "--keys", str(keys), root=False)
    assert done.code == 1 and "is not to be believed" in done.out and "WRONG: byte" in done.out
    assert offline([str(bundle), "--keys", str(keys)]) == 0
    assert offline([str(tmp_path / "cut.zip"), "--keys", str(keys), "--json"]) == 1
    assert offline([str(tmp_path / "none.zip"), "--keys", str(keys)]) == 2


@pytest.mark.requirement("MO-09")
def test_without_rows_no_row_is_in_it_and_the_logs_digests_are(
    world: World, keys: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.zip"
    exported(world, bundle, "--without-rows")
    assert f"{LOGGED[0]}-0".encode() not in bundle.read_bytes()
    code, checked = verified(world, bundle, "--keys", str(keys))
    assert code == 0
    assert "6 files are withheld" in " ".join(checked["warnings"])
    with zipfile.ZipFile(bundle) as unpacked:
        withheld = json.loads(unpacked.read("manifest.json"))["withheld"]
    path = world.root.lake.path(FEATURE.name, "prediction_log", LOGGED[0])
    size, digest = world.root.lake.digest_of(path)
    named = {one["path"]: one for one in withheld}[f"log/{LOGGED[0]}.parquet"]
    assert (named["size"], named["sha256"], named["rows"]) == (size, digest, 5)


@pytest.mark.requirement("PL-09")
def test_of_a_log_of_others_the_bundle_says_what_nobody_can_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = sourced(tmp_path, days=29, rows_a_day=10)
    day = vendor.days(1)[0]
    vendor.root.begin_replay(vendor.moment(day).as_of)
    compute_prediction_log(vendor.root, vendor.feature, vendor.moments([day]))
    monkeypatch.setenv("AI_OPS_DEFS", str(vendor.file.parents[1]))
    ai_ops = World(vendor.root.folder)
    assert ai_ops("identity", "init", BACKEND).code == 0
    bundle = tmp_path / "bundle.zip"
    span = ("--from", day, "--to", day, "--to-file", str(bundle), "--by", BACKEND)
    done = ai_ops("audit", "export", vendor.feature.name, *span)
    assert done.code == 0, done.err
    assert "its completeness cannot be proven" in done.out
    with zipfile.ZipFile(bundle) as unpacked:
        [card] = [
            json.loads(unpacked.read(n))
            for n in unpacked.namelist()
            if "version_" in n and n.endswith(".json")
        ]
    assert (card["version"], card["predictions_in_span"]) == ("2021.1", 10)
    assert "somebody else trains the model" in card["unknown"][0]


def test_what_cannot_be_exported_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.zip"
    bundle.write_bytes(b"kept")

    def export(*given: str) -> tuple[int, str]:
        done = world("audit", "export", FEATURE.name, *given)
        return done.code, done.err

    span = ("--from", FIRST, "--to", LAST)
    new = ("--to-file", str(tmp_path / "new.zip"))
    empty = (BEGIN + timedelta(days=3)).date().isoformat()
    for given, code, words in (
        ((*span, "--to-file", str(bundle), "--by", BACKEND), 2, "it is there already"),
        (
            (*span, "--to-file", str(tmp_path / "no" / "b.zip"), "--by", BACKEND),
            2,
            "no such folder",
        ),
        ((*span, *new), 2, "--by: name who decides"),
        ((*span, *new, "--by", "nobody@example.com"), 2, "no key of nobody@example.com"),
        (("--from", LAST, "--to", FIRST, *new, "--by", BACKEND), 2, "swap them"),
        (("--from", empty, "--to", empty, *new, "--by", BACKEND), 3, "there is nothing to export"),
    ):
        found = export(*given)
        assert (found[0], words in found[1]) == (code, True), found
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["bundle.zip"]
    assert bundle.read_bytes() == b"kept"


def test_keys_come_in_four_forms_and_no_other(world: World, keys: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.zip"
    exported(world, bundle)
    key = world.root.folder / "identities" / f"{BACKEND}.pub"
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps({BACKEND: [key.read_text().strip()]}))
    yaml = tmp_path / FEATURE.name / "defs.yaml"
    yaml.parent.mkdir()
    declared = Path(sys.modules["ai_ops.cli.common"].__file__ or "").parents[1]
    text = (declared / "defs" / FEATURE.name / "defs.yaml").read_text()
    owned = (
        f'accountable: {BACKEND}\n      public_keys: {{"{BACKEND}": "{key.read_text().strip()}"}}'
    )
    yaml.write_text(text.replace(f"accountable: {BACKEND}", owned, 1))
    for given in (("--keys", str(key)), ("--keys", str(mapping)), ("--yaml", str(yaml))):
        assert verified(world, bundle, *given)[0] == 0
    for content, words in (
        ("", "no key in it"),
        (f"{BACKEND} nonsense", "no Ed25519 public key"),
        ("a b c", "write EMAIL KEY"),
        ("{", "no keys as ai-ops identity show --json has them"),
    ):
        mapping.write_text(content)
        done = world("audit", "verify", str(bundle), "--keys", str(mapping), root=False)
        assert done.code == 2 and words in done.err, done.err
    yaml.write_text(text)
    done = world("audit", "verify", str(bundle), "--yaml", str(yaml), root=False)
    assert done.code == 2 and "no public_keys in it" in done.err


def test_every_command_of_the_page_runs(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    out = []
    for command in COMMANDS.splitlines():
        name, *given = shlex.split(command)
        if name == "ai-ops":  # here, for a process of its own takes seconds to begin
            target = given[given.index(">") + 1] if ">" in given else None
            done = world(*given[: given.index(">")] if target else given, root=given[1] != "verify")
            assert done.code == 0, done.err
            if target:
                Path(target).write_text(done.out)
            out.append(done.out)
        else:
            ran = subprocess.run(["bash", "-euc", command], capture_output=True, text=True)
            assert ran.returncode == 0, ran.stderr
            out.append(ran.stdout)
    assert "".join(out).count("every byte is what was signed") == 3
    assert "Signature Verified Successfully" in out[-1]
    assert len(out) == 8
