"""What was in force at a moment: by the ledger's moves and freezes, else by alias and YAML."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ai_ops.ai_features import load_feature
from ai_ops.cli.common import DEFS
from ai_ops.storage.in_force import LiveVersion, gate_in_force, live_in, live_version
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import EventKind

FEATURE = load_feature(DEFS / "flight_delay" / "defs.yaml")
BEGIN = datetime(2021, 4, 1, tzinfo=UTC)
LATER = BEGIN + timedelta(days=30)


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2021, 4, day, hour, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A replay in which version 4 rehearses by its alias, and nothing was launched."""
    root = Root.open(tmp_path, environment={})
    root.begin_replay(LATER)
    vars(root)["registry"] = SimpleNamespace(serving_version=lambda name: "4")
    return root


def happened(root: Root, kind: EventKind, moment: datetime, **payload: Any) -> None:
    root.ledger.append([NewEvent(kind, FEATURE.name, payload, moment)], clock=root.clock)


def moved(root: Root, kind: EventKind, moment: datetime, version: str) -> None:
    happened(root, kind, moment, version=version, previous=None, by="a person")


def test_before_any_launch_the_alias_says_who_answers(root: Root) -> None:
    assert live_version(root, FEATURE.name, at(2)) == LiveVersion("4")
    vars(root)["registry"] = SimpleNamespace(serving_version=lambda name: None)
    assert live_version(root, FEATURE.name, at(2)) is None


def test_a_past_moment_has_the_version_of_then_whatever_the_alias_says_now(root: Root) -> None:
    moved(root, "launch", at(5), "1")
    moved(root, "promotion", at(10), "2")
    moved(root, "rollback", at(12), "1")
    known = {day: live_version(root, FEATURE.name, at(day)) for day in (4, 5, 9, 10, 11, 12, 20)}
    assert known == {
        4: LiveVersion("1"),
        5: LiveVersion("1", at(5)),
        9: LiveVersion("1", at(5)),
        10: LiveVersion("2", at(10)),
        11: LiveVersion("2", at(10)),
        12: LiveVersion("1", at(12)),
        20: LiveVersion("1", at(12)),
    }
    assert live_version(root, FEATURE.name, at(20), as_of=at(11)) == LiveVersion("2", at(10))


def test_a_day_belongs_to_the_version_that_answered_at_its_end(root: Root) -> None:
    moved(root, "launch", at(1, 0), "1")
    moved(root, "promotion", at(10, 23), "2")
    moved(root, "promotion", at(12, 0), "3")

    def of(day: int) -> LiveVersion | None:
        window = Window.of_day(f"2021-04-{day:02}")
        moment = Moment(str(day), window, window.end + timedelta(hours=6))
        return live_in(root, FEATURE.name, moment)

    assert of(9) == LiveVersion("1", at(1, 0))
    assert of(10) == LiveVersion("2", at(10, 23))
    assert of(11) == LiveVersion("2", at(10, 23))  # at its end, not at the next day's first moment
    assert of(12) == LiveVersion("3", at(12, 0))


@pytest.mark.requirement("PB-35")
def test_the_frozen_gate_holds_and_a_loosened_yaml_changes_nothing(root: Root) -> None:
    declared = gate_in_force(root, FEATURE, at(2))
    assert (declared.gate, declared.frozen) == (FEATURE.gate, False)
    strict = FEATURE.gate.model_copy(update={"auc_drop": 0.01})
    criteria = strict.model_dump(mode="json")
    happened(root, "gate_freeze", at(3), gate=criteria, hash=strict.digest, by="a person")
    assert gate_in_force(root, FEATURE, at(2)).frozen is False
    held = gate_in_force(root, FEATURE, at(4))
    assert (held.gate, held.hash, held.frozen) == (strict, strict.digest, True)


def test_a_frozen_gate_that_cannot_be_read_is_not_replaced_by_another(root: Root) -> None:
    happened(root, "gate_freeze", at(3), gate={"auc_drop": "much"}, hash="x", by="a person")
    with pytest.raises(MissingEvidence, match="amend it"):
        gate_in_force(root, FEATURE, at(4))
