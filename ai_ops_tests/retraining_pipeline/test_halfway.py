"""What a process leaves that ends between ledger and alias, and two that act at once."""

from collections.abc import Callable

import pytest

from ai_ops.retraining_pipeline import promotion
from ai_ops.retraining_pipeline.promotion import launch, obstacles, promote, rollback
from ai_ops.storage.registry import CHAMPION, Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import (
    DecisionRefused,
    LedgerMoved,
    PromotionRefused,
    RegistryUnavailable,
)
from ai_ops_tests.retraining_pipeline.moving import (
    back_token,
    candidate,
    launch_token,
    refused_promotion,
)
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    BACKEND,
    DEVOPS,
    FEATURE,
    GATE,
    NAME,
    SCIENTIST,
    champion,
    decided,
    happened,
    last_refusal,
    ready_to_launch,
    standing,
)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Callable[[Root, Callable[[], object]], None]:
    """Do something whose process ends before the alias is moved."""

    def stop(root: Root, act: Callable[[], object]) -> None:
        def gone(*_: object) -> None:
            raise RegistryUnavailable("the process ended here")

        with monkeypatch.context() as patch:
            patch.setattr(Registry, "set_alias", gone)
            with pytest.raises(RegistryUnavailable):
                act()

    return stop


def test_a_promotion_that_was_stopped_halfway_is_completed(
    live: Root, stopped: Callable[[Root, Callable[[], object]], None]
) -> None:
    candidate(live)
    stopped(live, lambda: promote(live, FEATURE, "2"))
    assert (standing(live).live, champion(live)) == ("2", "1")
    moves = standing(live).moves
    assert promote(live, FEATURE, "2") == moves[-1]
    assert champion(live) == "2" and standing(live).moves == moves


def test_launch_and_rollback_are_completed_by_the_same_token_or_by_promote(
    root: Root, stopped: Callable[[Root, Callable[[], object]], None]
) -> None:
    ready_to_launch(root)
    token = launch_token(root)
    stopped(root, lambda: launch(root, FEATURE, token))
    assert champion(root) is None
    assert launch(root, FEATURE, token).version == champion(root) == "1"
    with pytest.raises(DecisionRefused, match="handed in before"):
        launch(root, FEATURE, token)
    candidate(root)
    promote(root, FEATURE, "2")
    stopped(root, lambda: rollback(root, FEATURE, back_token(root)))
    assert (standing(root).live, champion(root)) == ("1", "2")
    assert promote(root, FEATURE, "1").kind == "rollback"
    assert champion(root) == "1"


def test_a_move_that_nobody_signed_is_not_completed(live: Root) -> None:
    candidate(live)
    promote(live, FEATURE, "2")
    happened(live, "rollback", version="1", previous="2", by=DEVOPS, reason="", token="forged")
    with pytest.raises(PromotionRefused, match="the rollback does not hold"):
        promote(live, FEATURE, "1")
    assert champion(live) == "2" and last_refusal(live)[0] == "promotion"


@pytest.mark.parametrize("case", ["none", "of another version", "used before", "unsigned"])
def test_a_promotion_that_nobody_approved_is_not_completed(live: Root, case: str) -> None:
    candidate(live)
    approval, version = standing(live).approvals["2"].place, "2"
    if case in ("none", "of another version"):
        approval, version = (1, 0) if case == "none" else approval, "3"
    elif case == "used before":
        promote(live, FEATURE, "2")
        rollback(live, FEATURE, back_token(live))
    else:
        said = {"version": "2", "gate_hash": GATE["hash"], "reason": "", "by": SCIENTIST}
        happened(live, "approval", **said, nonce="0", token="forged")
        approval = standing(live).approvals["2"].place
    said = {"version": version, "previous": "1", "metrics": {}, "approved_by": SCIENTIST}
    happened(live, "promotion", **said, approval=list(approval))
    with pytest.raises(PromotionRefused, match="the promotion does not hold"):
        promote(live, FEATURE, version)
    assert champion(live) == "1" and last_refusal(live)[0] == "promotion"


def test_a_hold_that_comes_between_looking_and_acting_refuses(
    live: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate(live)
    really, looked = promotion.obstacles, []

    def meanwhile(*asked: object) -> tuple[str, ...]:
        found = really(*asked)  # type: ignore[arg-type]
        if not looked:
            decided(live, "hold", BACKEND, reason="wait")
        looked.append(found)
        return found

    monkeypatch.setattr(promotion, "obstacles", meanwhile)
    assert refused_promotion(live)[0].startswith("held by backend@example.com")
    assert looked[0] == () and len(looked) == 2


def test_the_alias_follows_the_ledger_when_a_rollback_comes_meanwhile(
    live: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate(live)
    slow, set_alias = [], Registry.set_alias

    def meanwhile(registry: Registry, name: str, alias: str, version: str) -> None:
        if not slow:
            slow.append(version)
            rollback(live, FEATURE, back_token(live))
        set_alias(registry, name, alias, version)

    monkeypatch.setattr(Registry, "set_alias", meanwhile)
    promote(live, FEATURE, "2")
    assert (standing(live).live, champion(live)) == ("1", "1")


def test_a_ledger_that_cannot_be_written_moves_nothing(
    live: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate(live)

    def never(*_: object, **__: object) -> None:
        raise LedgerMoved("…") if len(tried) < 3 else OSError("the disk is full")

    tried: list[int] = []

    def append(*asked: object, **named: object) -> None:
        tried.append(1)
        never()

    monkeypatch.setattr(type(live.ledger), "append", append)
    with pytest.raises(OSError, match="disk is full"):
        promote(live, FEATURE, "2")
    assert len(tried) == 3 and champion(live) == "1"


def test_a_champion_that_was_moved_by_hand_is_not_what_is_live(live: Root) -> None:
    candidate(live)
    live.registry.set_alias(NAME, CHAMPION, "3")
    assert obstacles(live, FEATURE, "2", standing(live)) == ()
    promote(live, FEATURE, "2")
    assert champion(live) == "2"
