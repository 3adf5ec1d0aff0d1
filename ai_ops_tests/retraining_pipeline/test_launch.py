"""The launch: what it takes, and what is refused and recorded."""

import sqlite3
from collections.abc import Callable

import pytest

from ai_ops.retraining_pipeline.promotion import launch
from ai_ops.storage.registry import REHEARSAL
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import (
    DecisionRefused,
    PromotionRefused,
)
from ai_ops.vocabulary.words import PRE_LAUNCH_ITEMS
from ai_ops_tests.retraining_pipeline.moving import (
    back_token,
    launch_token,
)
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    BACKEND,
    DEVOPS,
    FEATURE,
    GATE,
    METRICS,
    NAME,
    SCIENTIST,
    STRANGER,
    approved,
    champion,
    decided,
    happened,
    judged,
    last_refusal,
    later,
    launched,
    list_passed,
    ready_to_launch,
    standing,
)

Plant = Callable[[Root], object]


@pytest.mark.requirement("PL-12", "PL-14", "PL-15", "PL-16", "PL-17")
def test_a_launch_records_who_when_which_metrics_and_moves_the_alias(root: Root) -> None:
    ready_to_launch(root)
    move = launch(root, FEATURE, launch_token(root))
    assert champion(root) == "1"
    assert (move.kind, move.version, move.previous, move.by) == ("launch", "1", None, DEVOPS)
    assert move.metrics == METRICS["1"] and move.gate_hash == GATE["hash"]
    assert move.at == root.clock.now()
    assert standing(root).launched == standing(root).moves[-1] == move


@pytest.mark.requirement("PL-01", "PL-02")
@pytest.mark.parametrize("item", PRE_LAUNCH_ITEMS)
def test_any_item_that_is_absent_blocks_the_launch(root: Root, item: str) -> None:
    ready_to_launch(root)
    judged(root, item, "pre_launch_checklist", "no_evidence")
    with pytest.raises(PromotionRefused, match=f"{item}: no_evidence: it is so") as refusal:
        launch(root, FEATURE, launch_token(root))
    assert len(refusal.value.reasons) == 1
    assert last_refusal(root) == ("launch", refusal.value.reasons)
    assert champion(root) is None and standing(root).launched is None


@pytest.mark.requirement("PL-02")
def test_a_list_that_was_never_judged_or_yesterday_blocks_the_launch(root: Root) -> None:
    root.registry.set_alias(NAME, REHEARSAL, "1")
    decided(root, "gate_freeze", SCIENTIST, **GATE)
    approved(root, "1")
    with pytest.raises(PromotionRefused) as never:
        launch(root, FEATURE, launch_token(root))
    assert len([one for one in never.value.reasons if "never judged" in one]) == 6
    list_passed(root)
    later(root, hours=24.5)
    with pytest.raises(PromotionRefused) as stale:
        launch(root, FEATURE, launch_token(root))
    assert len([one for one in stale.value.reasons if "more than a day ago" in one]) == 6
    list_passed(root)
    assert launch(root, FEATURE, launch_token(root)).version == "1"


def test_a_waived_item_takes_a_waiver_that_a_person_signed(root: Root) -> None:
    ready_to_launch(root)
    judged(root, "load_tested", "pre_launch_checklist", "waived")
    waiver = {
        "item": "load_tested",
        "domain": "inference_management",
        "reason": "no load test yet",
        "until": "2021-03-20",
    }
    with pytest.raises(PromotionRefused, match="no waiver of it holds today"):
        launch(root, FEATURE, launch_token(root))
    happened(root, "waiver", **waiver, by=DEVOPS, nonce="0", token="forged")
    with pytest.raises(PromotionRefused, match="its waiver does not hold: not a signed decision"):
        launch(root, FEATURE, launch_token(root))
    decided(root, "waiver", DEVOPS, **waiver)
    assert launch(root, FEATURE, launch_token(root)).version == "1"


LAUNCH_REFUSED: dict[str, tuple[Plant, str]] = {
    "the role of another": (
        lambda root: launch_token(root, by=BACKEND),
        "may not decide on launch",
    ),
    "a stranger": (lambda root: launch_token(root, by=STRANGER), "may not decide on launch"),
    "another kind": (back_token, "a rollback was signed, not a launch"),
    "no token": (lambda root: "abc.def", "not a signed decision"),
}


@pytest.mark.parametrize("case", LAUNCH_REFUSED)
def test_a_launch_without_the_right_signature_is_refused_and_recorded(
    root: Root, case: str
) -> None:
    ready_to_launch(root)
    token_in, words = LAUNCH_REFUSED[case]
    with pytest.raises(DecisionRefused, match=words):
        launch(root, FEATURE, str(token_in(root)))
    what, reasons = last_refusal(root)
    assert what == "launch" and words in reasons[0]
    assert champion(root) is None


@pytest.mark.requirement("OW-06", "PL-12")
def test_a_launch_takes_frozen_criteria_an_approval_and_a_whole_version(root: Root) -> None:
    list_passed(root)
    with pytest.raises(PromotionRefused) as refusal:
        launch(root, FEATURE, launch_token(root, "9"))
    reasons = "; ".join(refusal.value.reasons)
    assert "no criteria are frozen" in reasons
    assert "nobody approved version 9" in reasons
    assert "no version '9' in the registry" in reasons


@pytest.mark.requirement("PB-35")
def test_criteria_that_changed_since_they_were_frozen_refuse_the_launch(root: Root) -> None:
    ready_to_launch(root)
    looser = FEATURE.gate.model_copy(update={"auc_drop": 0.2})
    changed = FEATURE.model_copy(update={"gate": looser})
    with pytest.raises(PromotionRefused, match="not those that"):
        launch(root, changed, launch_token(root))


def test_a_version_that_was_not_rehearsed_is_not_launched_on_the_list_of_another(
    root: Root,
) -> None:
    root.registry.set_alias(NAME, REHEARSAL, "1")
    ready_to_launch(root, "2")
    with pytest.raises(PromotionRefused, match="version 2 was not rehearsed: in rehearsal is ver"):
        launch(root, FEATURE, launch_token(root, "2"))
    assert champion(root) is None
    approved(root, "1")
    assert launch(root, FEATURE, launch_token(root, "1")).version == "1"


def test_a_version_whose_rehearsal_nobody_can_tell_any_more_is_not_launched(root: Root) -> None:
    ready_to_launch(root)
    database = root.folder / "mlflow" / "mlflow.db"
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM registered_model_aliases WHERE alias = ?", (REHEARSAL,))
    connection.close()
    with pytest.raises(PromotionRefused) as refusal:
        launch(root, FEATURE, launch_token(root))
    (reason,) = refusal.value.reasons
    assert "version 1 was not rehearsed: no version has the alias rehearsal; set it" in reason
    assert f"ai-ops serve {NAME} --rehearsal" in reason
    assert champion(root) is None
    root.registry.set_alias(NAME, REHEARSAL, "1")
    assert launch(root, FEATURE, launch_token(root)).version == "1"


def test_a_feature_is_launched_once(root: Root) -> None:
    launched(root)
    approved(root, "2")
    with pytest.raises(PromotionRefused, match="was launched on 2021-03-10 with 1"):
        launch(root, FEATURE, launch_token(root, "2"))
