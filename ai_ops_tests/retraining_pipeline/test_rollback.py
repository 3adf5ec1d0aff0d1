"""The rollback: nothing forbids the way back to what was live, nothing else goes that way."""

from dataclasses import replace

import pytest

from ai_ops.retraining_pipeline.promotion import promote, rollback
from ai_ops.retraining_pipeline.reconciliation import judge_registry_reconciled
from ai_ops.storage.registry import ModelVersion, Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import (
    DecisionRefused,
    PromotionRefused,
)
from ai_ops_tests.retraining_pipeline.moving import back_token, candidate, edit
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    DEVOPS,
    FEATURE,
    METRICS,
    SCIENTIST,
    approved,
    champion,
    decided,
    gate_passed,
    incident,
    last_refusal,
)


@pytest.mark.requirement("PL-19", "PL-31")
def test_a_rollback_brings_back_what_was_live_whatever_is_held_or_open(live: Root) -> None:
    candidate(live)
    promote(live, FEATURE, "2")
    decided(live, "hold", DEVOPS, reason="the labels look odd")
    incident(live)
    move = rollback(live, FEATURE, back_token(live))
    assert champion(live) == "1"
    assert (move.kind, move.version, move.previous, move.by) == ("rollback", "1", "2", DEVOPS)
    assert move.metrics == METRICS["1"] and move.reason == "it got worse"


def test_a_rollback_repeats_the_metrics_that_were_passed_not_what_the_registry_says_now(
    live: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate(live)
    promote(live, FEATURE, "2")
    really = Registry.versions

    def praised(registry: Registry, name: str) -> list[ModelVersion]:
        found = really(registry, name)
        return [replace(one, metrics={"auc": 0.99}) for one in found]

    monkeypatch.setattr(Registry, "versions", praised)
    assert rollback(live, FEATURE, back_token(live)).metrics == METRICS["1"]
    verdict = judge_registry_reconciled(live, FEATURE, live.clock.now())
    assert verdict.status == "fail"
    assert "metrics of version 1 are not those that it came to production with" in verdict.reason


BACK_REFUSED = {
    "never live": ("3", DEVOPS, PromotionRefused, "version 3 was never live"),
    "live already": ("2", DEVOPS, PromotionRefused, "version 2 is live already"),
    "unknown": ("9", DEVOPS, PromotionRefused, "no version '9' in the registry"),
    "no role": ("1", SCIENTIST, DecisionRefused, "may not decide on rollback"),
}


@pytest.mark.parametrize("case", BACK_REFUSED)
def test_a_rollback_elsewhere_is_refused_and_recorded(live: Root, case: str) -> None:
    version, by, error, words = BACK_REFUSED[case]
    candidate(live)
    promote(live, FEATURE, "2")
    with pytest.raises(error, match=words):
        rollback(live, FEATURE, back_token(live, version, by))
    what, reasons = last_refusal(live)
    assert what == "rollback" and any(words in reason for reason in reasons)
    assert champion(live) == "2"


def test_a_rollback_is_handed_in_once(live: Root) -> None:
    candidate(live)
    promote(live, FEATURE, "2")
    token = back_token(live)
    rollback(live, FEATURE, token)
    gate_passed(live, "3", "1")
    approved(live, "3")
    promote(live, FEATURE, "3")
    with pytest.raises(DecisionRefused, match="handed in before"):
        rollback(live, FEATURE, token)


def test_a_broken_ledger_forbids_no_way_back(live: Root) -> None:
    candidate(live)
    promote(live, FEATURE, "2")
    edit(live, "UPDATE events SET payload = replace(payload, 'it is so', 'so it is')")
    assert rollback(live, FEATURE, back_token(live)).version == champion(live) == "1"
