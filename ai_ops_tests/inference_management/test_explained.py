"""A server answers with what the registry and the ledger both name, and says when they differ."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ai_ops.inference_management.explained import explained_by
from ai_ops.inference_management.predictor import Champion
from ai_ops.storage.ledger import Ledger, NewEvent
from ai_ops.storage.loaded_model import LoadedModel
from ai_ops.storage.registry import REHEARSAL, Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import LedgerBroken
from ai_ops_tests.inference_management.serving_world import NAME, registered, root_with

pytestmark = pytest.mark.requirement("PL-13", "PL-18")


@pytest.fixture
def make(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str | None], Root]:
    database = registered(tmp_path_factory.getbasetemp())

    def loaded(_: Registry, name: str, version: str) -> LoadedModel:
        return LoadedModel(name, version, None, None)  # type: ignore[arg-type]

    monkeypatch.setattr(Registry, "load", loaded)
    return lambda champion: root_with(database, tmp_path / "root", champion)


def following(root: Root, *, rehearses: bool = False) -> Champion:
    explains = explained_by(root, NAME)
    server = Champion(root.registry, NAME, 1, root.clock, rehearses=rehearses, explains=explains)
    server.poll()
    return server


def moved(root: Root, version: str, previous: str) -> None:
    """A move of the ledger whose alias is left behind."""
    said = {"version": version, "previous": previous, "by": "a@example.com"}
    root.ledger.append([NewEvent("promotion", NAME, said)], clock=root.clock)


def test_an_alias_without_a_launch_is_served_to_nobody(make: Callable[..., Root]) -> None:
    root = make(None)
    root.registry.set_alias(NAME, "champion", "1")
    server = following(root)
    assert server.serving.model is None
    assert "the ledger knows no launch of it" in (server.serving.problem or "")


def test_a_rehearsal_needs_no_launch(make: Callable[..., Root]) -> None:
    root = make(None)
    root.registry.set_alias(NAME, REHEARSAL, "2")
    assert following(root, rehearses=True).serving.version == "2"


def test_a_server_that_has_followed_a_move_does_not_follow_the_alias_back(
    make: Callable[..., Root],
) -> None:
    root = make("1")
    moved(root, "2", previous="1")
    server = following(root)
    assert (server.serving.version, server.serving.problem) == ("1", None), "left behind so far"
    root.registry.set_alias(NAME, "champion", "2")
    server.poll()
    assert (server.serving.version, server.serving.problem) == ("2", None)
    root.registry.set_alias(NAME, "champion", "1")
    server.poll()
    assert server.serving.version == "2"
    assert "somebody moved the alias by hand" in (server.serving.problem or "")


def test_a_ledger_that_does_not_answer_keeps_the_last_good_model(
    make: Callable[..., Root], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make("1")
    server = following(root)

    def broken(*_: object, **__: object) -> None:
        raise LedgerBroken("the disk is gone")

    monkeypatch.setattr(Ledger, "events", broken)
    root.registry.set_alias(NAME, "champion", "2")
    server.poll()
    assert server.serving.version == "1" and server.serving.registry_reachable
    assert "the disk is gone" in (server.serving.problem or "")
