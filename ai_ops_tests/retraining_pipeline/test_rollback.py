"""The rollback: nothing forbids the way back to what was live, nothing else goes that way."""

import json
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from ai_ops.cli import production
from ai_ops.cli.main import assemble
from ai_ops.cli.way_back import Compared
from ai_ops.retraining_pipeline.obstacles import of_rollback
from ai_ops.retraining_pipeline.produced import as_data, produced, told
from ai_ops.retraining_pipeline.promotion import promote, rollback
from ai_ops.retraining_pipeline.reconciliation import judge_registry_reconciled
from ai_ops.storage.fingerprints import fingerprint_of
from ai_ops.storage.registry import CHAMPION, ModelVersion, Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import DecisionRefused, LakeUnreachable, PromotionRefused
from ai_ops.vocabulary.words import Status
from ai_ops_tests.inference_management.serving_world import NAME
from ai_ops_tests.retraining_pipeline.moving import back_token, candidate, edit
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    DEVOPS,
    FEATURE,
    METRICS,
    NOW,
    SCIENTIST,
    approved,
    champion,
    decided,
    gate_passed,
    happened,
    incident,
    judged,
    last_refusal,
    launched,
    standing,
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


def test_a_version_that_came_to_production_past_its_gate_is_no_way_back(live: Root) -> None:
    candidate(live)
    promote(live, FEATURE, "2")
    said = {"version": "3", "previous": "2", "metrics": {}, "approved_by": SCIENTIST}
    happened(live, "promotion", **said, approval=[1, 0])
    assert of_rollback(live, FEATURE, "2", standing(live)) == ()
    assert rollback(live, FEATURE, back_token(live, "2")).version == champion(live) == "2"
    with pytest.raises(PromotionRefused, match="promotion of version 3 does not hold: it names no"):
        rollback(live, FEATURE, back_token(live, "3"))
    assert champion(live) == "2"


def test_a_promotion_that_was_written_into_the_ledger_is_red_though_its_alias_says_the_same(
    live: Root,
) -> None:
    assert judge_registry_reconciled(live, FEATURE, live.clock.now()).passed
    put = live.registry.version(NAME, "3")
    said = {"version": "3", "previous": "1", "metrics": put.metrics, "approved_by": SCIENTIST}
    happened(live, "promotion", **said, approval=[1, 0], fingerprint=fingerprint_of(put))
    live.registry.set_alias(NAME, CHAMPION, "3")
    verdict = judge_registry_reconciled(live, FEATURE, live.clock.now())
    assert verdict.status == "fail"
    assert "the promotion of version 3 in the ledger does not hold: it names no" in verdict.reason
    assert rollback(live, FEATURE, back_token(live)).version == champion(live) == "1"
    assert judge_registry_reconciled(live, FEATURE, live.clock.now()).passed


def test_a_version_whose_gate_was_never_judged_is_no_way_back(live: Root) -> None:
    launched(live)
    approved(live, "2")
    place = standing(live).approvals["2"].place
    said = {"version": "2", "previous": "1", "metrics": {}, "approved_by": SCIENTIST}
    happened(live, "promotion", **said, approval=list(place))
    rollback(live, FEATURE, back_token(live))
    with pytest.raises(PromotionRefused, match="the gate had not judged version 2"):
        rollback(live, FEATURE, back_token(live, "2"))


# What a rollback is decided on


def rolled_up(root: Root, day: str, rows: dict[str, int], nano: int | None = 10**6) -> None:
    """The cost of a day's predictions by version, as the daily rollup leaves it."""
    table = pa.table(
        {
            "model_version": list(rows),
            "rows": list(rows.values()),
            "answered": [count - 1 for count in rows.values()],
            "total_nano": pa.array([nano and nano * n for n in rows.values()], pa.int64()),
        }
    )
    root.lake.write_table(root.lake.path(NAME, "cost_rollup", day), table)


@pytest.fixture
def two_lived(live: Root) -> Root:
    """Version 1 was live for five days, version 2 has been for three; both were judged daily."""
    for day in range(8):
        if day == 5:
            candidate(live)
            promote(live, FEATURE, "2")
        date, own = live.clock.now().date(), standing(live).live or ""
        rolled_up(live, date.isoformat(), {own: 101, "9": 50})
        live.begin_replay(live.clock.now() + timedelta(days=1))
        words: Status = "fail" if day >= 6 else "pass"
        judged(live, "accuracy", "evaluation_run", words, partition=str(date), version=own, auc=0.6)
    incident(live, "accuracy-7", "accuracy_drop")
    return live


@pytest.mark.requirement("PL-19", "FQ-02")
def test_both_versions_are_shown_with_what_they_produced_while_live(two_lived: Root) -> None:
    now, root = standing(two_lived), two_lived
    live = produced(root, FEATURE, now, "2", root.clock.now())
    before = produced(root, FEATURE, now, "1", root.clock.now())
    assert live is not None and before is not None
    assert (live.predictions, live.answered, live.days, live.until) == (303, 300, 3, None)
    assert (before.predictions, before.days) == (505, 5), "by its own rows, not the others'"
    assert live.cost == pytest.approx(0.303) and live.per_1000 == 1.01
    shown = as_data(live)
    assert [one["status"] for one in shown["accuracy"]] == ["pass", "fail", "fail"]
    assert shown["accuracy"][-1]["observed"]["auc"] == 0.6 and shown["input_drift"] == []
    words = "\n".join(told(live))
    assert "303 of 3 days, 300 answered; 1.0100 USD per 1,000" in words
    assert "(2 of 3 days failed)" in words and "input_drift: never judged" in words


def test_what_is_not_known_is_said_to_be_unknown(two_lived: Root) -> None:
    day = (two_lived.clock.now().date() - timedelta(days=1)).isoformat()
    rolled_up(two_lived, day, {"2": 10}, nano=None)
    shown = produced(two_lived, FEATURE, standing(two_lived), "2", two_lived.clock.now())
    assert shown is not None and shown.predictions == 212
    assert shown.cost is None and "cost unknown per 1,000" in "\n".join(told(shown))
    assert produced(two_lived, FEATURE, standing(two_lived), "3", NOW) is None


def test_the_command_shows_first_and_acts_on_a_signature(
    two_lived: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(production, "resolve_feature", lambda _: FEATURE)
    app = assemble()

    def call(*arguments: str) -> tuple[int, str, str]:
        command = ["rollback", NAME, "--root", str(two_lived.folder), *arguments]
        done = CliRunner().invoke(app, command, env={"AI_OPS_IDENTITY": ""})
        return done.exit_code, done.stdout, done.stderr

    before = two_lived.ledger.head()
    code, out, _ = call("--dry-run")
    assert code == 0 and out.index("version 2, promotion of") < out.index("going back to")
    assert "version 1, launch of" in out and "open incident accuracy-7" in out
    code, out, _ = call("--dry-run", "--to", "3", "--json")
    assert code == 1 and json.loads(out)["in_the_way"][0].startswith("version 3 was never live")
    assert two_lived.ledger.head() == before, "looking decides nothing"
    code, out, _ = call("--reason", "worse", "--by", DEVOPS, "--json")
    said = json.loads(out)
    assert code == 0 and (said["move"]["version"], said["target"]["version"]) == ("1", "1")
    assert said["live"]["predictions"] == 303 and champion(two_lived) == "1"


def test_a_lake_that_cannot_be_read_forbids_no_way_back(
    two_lived: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> None:
        raise LakeUnreachable("the store does not answer")

    monkeypatch.setattr("ai_ops.cli.way_back.produced", unreachable)
    shown = Compared.of(two_lived, FEATURE, "1")
    assert "the store does not answer" in next(shown.lines()) and shown.in_the_way == ()
