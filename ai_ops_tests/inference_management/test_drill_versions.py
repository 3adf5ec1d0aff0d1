"""Which versions are drilled, with which requests, and what is copied of them."""

from pathlib import Path

import pytest

from ai_ops.cli.common import DEFS, resolve_feature
from ai_ops.inference_management.drill_root import FOLDER, _feature_of, missing_of, prepared
from ai_ops.inference_management.drill_versions import Pair, made_up, pair_of, telling
from ai_ops.inference_management.rollback_drill import pair_for
from ai_ops.storage.identities import Identities
from ai_ops.storage.root import LAKE_VARIABLE, LEDGER_VARIABLE, TRACKING_VARIABLE, Root
from ai_ops.storage.standing import Move
from ai_ops.vocabulary.words import EventKind
from ai_ops_tests.inference_management.rollback_world import (
    NOON,
    PERSON,
    feature_in,
    home_in,
    register,
    registered,
)
from ai_ops_tests.inference_management.serving_world import NAME


def move(kind: EventKind, version: str, previous: str | None) -> Move:
    return Move(kind, version, previous, NOON, PERSON, {}, None, "", (1, 0))  # type: ignore[arg-type]


LAUNCH, PROMOTION = move("launch", "2", None), move("promotion", "4", "2")
BACK = move("rollback", "2", "4")


@pytest.mark.requirement("PL-30")
@pytest.mark.parametrize(
    ("moves", "rehearsed", "known", "baseline", "pair"),
    [
        ((), "2", ["1", "2"], "1", ("2", "1")),
        ((), "1", ["1", "2"], "1", ("1", "2")),
        ((), None, ["1"], None, (None, "1")),
        ((), "1", ["1"], None, ("1", None)),
        ((LAUNCH,), None, ["1", "2", "3"], None, ("2", "1")),
        ((LAUNCH, PROMOTION), None, ["1", "2", "3", "4"], "1", ("4", "2")),
        ((LAUNCH, PROMOTION, BACK), None, ["1", "2", "3", "4"], "1", ("4", "2")),
    ],
)
def test_the_versions_are_those_that_a_rollback_of_production_would_be_about(
    moves: tuple[Move, ...],
    rehearsed: str | None,
    known: list[str],
    baseline: str | None,
    pair: tuple[str | None, str | None],
) -> None:
    found = pair_of(moves, rehearsed, known, baseline)
    assert (found.candidate, found.previous) == pair


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return registered(tmp_path_factory.mktemp("registry"))


@pytest.fixture
def home(tmp_path: Path, database: Path) -> Root:
    return home_in(tmp_path / "home", database)


@pytest.mark.requirement("PL-33")
def test_a_drill_s_root_knows_nothing_of_production_s_books_and_keys(
    home: Root, tmp_path: Path
) -> None:
    named = {
        LEDGER_VARIABLE: home.ledger.url,
        LAKE_VARIABLE: home.lake.url,
        TRACKING_VARIABLE: home.registry.uri,
        "PATH": "/bin",
    }
    feature = feature_in(tmp_path / "defs")
    elsewhere = Root.open(home.folder, named)
    drill = prepared(elsewhere, feature, pair_for(elsewhere, feature), "one")
    folder = home.folder / FOLDER / "one"
    assert drill.root.folder == folder
    assert str(folder) in drill.root.ledger.url
    assert (drill.root.lake.url, drill.environment["PATH"]) == (str(folder / "lake"), "/bin")
    assert str(folder) in drill.root.registry.uri
    assert (drill.feature.name, drill.root.clock.mode) == (f"{NAME}_drill", "replay")
    keys = drill.feature.owner_of("inference_management").public_keys
    assert keys and feature.owner_of("inference_management").public_keys != keys
    copied = drill.root.registry.version(drill.feature.name, drill.candidate)
    own = home.registry.version(NAME, "2")
    files = [name for name in own.params if name.startswith("sha256")]
    assert len(files) == 3
    assert [copied.params[name] for name in files] == [own.params[name] for name in files]
    assert copied.folder != own.folder


@pytest.mark.requirement("PL-30")
def test_a_file_that_is_not_what_was_registered_is_missing(home: Root, tmp_path: Path) -> None:
    version = register(home.registry, 0.5)
    folder = home.registry.version(NAME, version).folder
    assert folder is not None
    (folder / "data" / "model.pt2").write_bytes(b"another model")
    pair = Pair("2", version, "a damaged one")
    (words,) = missing_of(home, feature_in(tmp_path / "defs"), pair)
    assert "is not the file that was registered" in words


def test_versions_that_never_differ_tell_nothing_apart(home: Root, tmp_path: Path) -> None:
    feature = feature_in(tmp_path / "defs")
    one, two = home.registry.load(NAME, "1"), home.registry.load(NAME, "2")
    assert telling(feature, one, one) == ()
    asked = telling(feature, one, two)
    assert asked[0].previous == {"probability": 0.25, "late": False}
    assert asked[0].candidate == {"probability": 0.75, "late": True}
    assert made_up(one.encoder, 3) == made_up(one.encoder, 3)


def test_every_feature_of_the_project_can_be_declared_anew_for_a_drill(tmp_path: Path) -> None:
    for file in DEFS.glob("*/defs.yaml"):
        feature = resolve_feature(file.parent.name)
        own = _feature_of(feature, Identities(tmp_path / "keys"), tmp_path / "defs")
        changed = {"name", "owners", "logging", "baseline_version"}
        for field in set(type(feature).model_fields) - changed:
            assert getattr(own, field) == getattr(feature, field)
