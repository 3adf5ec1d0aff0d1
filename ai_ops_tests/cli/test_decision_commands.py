"""The commands of decisions: signed here or elsewhere, with what follows filled in."""

from datetime import timedelta
from pathlib import Path

import pytest

from ai_ops.storage.decisions import read_token
from ai_ops.storage.identities import Identities
from ai_ops_tests.cli.deciding_world import (
    BACKEND,
    BAD,
    DEVOPS,
    FEATURE,
    FINE,
    NOW,
    SCIENTIST,
    World,
    replay,
)

NAME = FEATURE.name
HOLD = ("hold", NAME, "--reason", "the feed is wrong")


@pytest.fixture
def ai_ops(tmp_path: Path) -> World:
    """A replay with the keys of its roles, and no version."""
    world = replay(tmp_path, versions=0)
    keys = Identities(tmp_path / "identities")
    for person in (BACKEND, SCIENTIST, DEVOPS):
        keys.create(person)
    world.happened("drill")
    return world


def test_who_decides_is_named_or_set_for_good(
    ai_ops: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = ai_ops(*HOLD)
    assert nobody.code == 2
    assert "--by: name who decides, or set AI_OPS_IDENTITY" in nobody.err
    done = ai_ops(*HOLD, "--by", BACKEND)
    assert done.code == 0 and f"hold of {NAME} by {BACKEND} is recorded" in done.out
    assert ai_ops.standing.holds[0].reason == "the feed is wrong"
    keyless = ai_ops(*HOLD, "--by", "nobody@example.com")
    assert keyless.code == 2 and "ai-ops identity init nobody@example.com" in keyless.err


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("hold", NAME), "--reason: missing; the hold takes it"),
        (("release", NAME), "--reason: missing"),
        (("waive", NAME, "load_tested", "--reason", "x"), "--until: missing"),
        (("reject", NAME, "--reason", "x"), "--version: missing"),
        (("rollback", NAME, "--to", "1"), "--reason: missing"),
        (("waive", NAME, "load_test", "--reason", "x", "--until", "2099-01-01"), "no such item"),
        (("waive", NAME, "load_tested", "--reason", "x", "--until", "2099-01-01"), "366 days"),
        (("sign-off", NAME, "lunch"), "lunch: no such item of a checklist; there are: logging_"),
        (("sign-off", NAME, "load_tested", "--cadence", "daily"), "cadence: one of pre_launch"),
        (("sign-off", NAME, "load_tested", "--cadence", "weekly"), "item of the pre_launch list"),
        (("sign-off", NAME, "logs_written", "--partition", "2021-03-30"), "begins on a Monday"),
        (("sign-off", NAME, "log_audited", "--partition", "2021-03-30"), "on its first day"),
        (("sign-off", NAME, "load_tested", "--partition", "2021-03-29"), "has none; leave it out"),
        (("incidents", "conclude", NAME, "drift-1"), "drift-1: no such incident of flight_delay"),
        (("approve", NAME, "--version", "9", "--reason", "x"), "no version '9' in the registry"),
        (("reject", NAME, "--version", "9", "--reason", "x"), "no version '9' in the registry"),
        (("hold", "parcels", "--reason", "x"), "parcels: no such AI feature"),
        (("sign", NAME, "promotion"), "KIND: one of gate_freeze"),
        (("sign", NAME, "hold", "--set", "reason"), "--set: write key=value"),
        (("sign", NAME, "hold", "--set", "reason=a", "--set", "reason=b"), "named twice"),
        (("sign", NAME, "hold"), "hold: reason: say it in a text"),
        (("sign", NAME, "hold", "--set", "reason=a", "--set", "why=b"), "hold: why: no such field"),
    ],
)
def test_what_is_left_out_or_misspelt_is_named_with_its_option(
    ai_ops: World, arguments: tuple[str, ...], option: str
) -> None:
    done = ai_ops(*arguments, "--by", BACKEND)
    assert (done.code, done.out) == (2, "") and option in done.err
    assert "Traceback" not in done.err


def test_a_decision_that_was_signed_elsewhere_is_handed_in(ai_ops: World) -> None:
    signed = ai_ops("sign", NAME, "hold", "--set", "reason=a=b, 'quoted'", "--by", DEVOPS)
    token = signed.out.strip()
    assert signed.code == 0 and "\n" not in token and ai_ops.standing.holds == ()
    other = ai_ops("approve", NAME, "--token", token)
    assert other.code == 2 and "it is a hold, which ai-ops hold takes" in other.err
    differs = ai_ops(*HOLD, "--token", token)
    assert differs.code == 2 and "it was signed for reason \"a=b, 'quoted'\"" in differs.err
    assert ai_ops("hold", NAME, "--token", token).code == 0
    assert ai_ops.standing.holds[0].reason == "a=b, 'quoted'"
    again = ai_ops("hold", NAME, "--token", token)
    assert again.code == 1 and "handed in before" in again.err
    assert [one.by for one in ai_ops.standing.refusals] == [DEVOPS]


def test_what_is_no_token_is_refused_and_recorded(ai_ops: World) -> None:
    for text in ("yes", "AAAA.BBBB"):
        done = ai_ops("hold", NAME, "--token", text)
        assert done.code == 1 and "not a signed decision" in done.err
    assert len(ai_ops.standing.refusals) == 2


def test_what_follows_from_file_and_ledger_is_filled_in(ai_ops: World) -> None:
    def content(*arguments: str) -> dict[str, object]:
        done = ai_ops("sign", NAME, *arguments, "--by", SCIENTIST)
        assert done.code == 0, done.err
        return dict(read_token(done.out).content)

    assert content("gate_freeze")["hash"] == FEATURE.gate.digest
    waived = content("waiver", "--set", "item=load_tested", "--set", "reason=x", "--set", day())
    assert waived["domain"] == "inference_management"
    signed = content("sign_off", "--set", "item=drift_ready")
    assert len(str(signed.pop("shown"))) == 64
    assert signed == {
        "item": "drift_ready",
        "domain": "drift_monitoring",
        "cadence": "pre_launch",
        "partition": None,
        "note": "",
    }
    week = (NOW - timedelta(days=NOW.weekday() + 7)).date().isoformat()
    weekly = content("sign_off", "--set", "item=drift_reviewed")
    assert (weekly["cadence"], weekly["partition"]) == ("weekly", week)
    monthly = content("sign_off", "--set", "item=thresholds_reviewed", "--set", "note=fine")
    assert monthly["cadence"] == "monthly" and str(monthly["partition"]).endswith("-01")
    without = ai_ops("sign", NAME, "approval", "--set", "version=1", "--set", "reason=x")
    assert without.code == 2
    ai_ops("freeze-gate", NAME, "--by", SCIENTIST)
    approval = content("approval", "--set", "version=1", "--set", "reason=x")
    assert approval["gate_hash"] == FEATURE.gate.digest


def day() -> str:
    return f"until={(NOW + timedelta(days=30)).date()}"


@pytest.mark.requirement("WK-01")
def test_an_alert_is_reviewed_by_its_own_first_day(ai_ops: World) -> None:
    days = [(NOW + timedelta(days=n)).date().isoformat() for n in range(4)]
    ai_ops.advance(NOW + timedelta(days=5))
    for one, verdict in zip(days, (FINE, BAD, BAD, FINE), strict=True):
        ai_ops.judged("input_drift", one, verdict)
    review = ("review", NAME, "input_drift", "--by", SCIENTIST, "--note", "a storm")
    wrong = ai_ops(*review, "--begin", days[2])
    assert wrong.code == 2
    assert f"no alert of input_drift began on {days[2]}; there are: {days[1]}" in wrong.err
    assert ai_ops(*review, "--begin", days[1]).code == 0
    (seen,) = ai_ops.standing.reviews
    assert (seen.item, seen.begin, seen.domain) == ("input_drift", days[1], "drift_monitoring")
    other = ("review", NAME, "cost_trend", "--begin", days[1], "--by", DEVOPS)
    assert "there are: none" in ai_ops(*other).err


def test_a_line_is_signed_off_by_its_owner(ai_ops: World) -> None:
    assert ai_ops("sign-off", NAME, "cost_tracked", "--by", SCIENTIST).code == 1
    assert ai_ops("sign-off", NAME, "cost_tracked", "--by", DEVOPS, "--note", "ok").code == 0
    (line,) = ai_ops.standing.sign_offs
    assert (line.item, line.cadence, line.partition, line.note) == (
        "cost_tracked",
        "pre_launch",
        None,
        "ok",
    )


@pytest.mark.requirement("OW-10")
def test_backend_signs_the_savings_for_its_own_domain_and_nobody_else_can(ai_ops: World) -> None:
    sign = ("sign-off", NAME, "cost_opportunities_reviewed", "--domain", "prediction_logging")
    assert ai_ops(*sign, "--by", DEVOPS).code == 1
    assert ai_ops(*sign, "--by", BACKEND, "--note", "calls stay as they are").code == 0
    (line,) = ai_ops.standing.sign_offs
    assert (line.domain, line.cadence, line.by) == ("prediction_logging", "monthly", BACKEND)


@pytest.mark.requirement("OW-06")
def test_criteria_that_differ_from_those_frozen_are_amended_with_a_reason(
    ai_ops: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_early = ai_ops("freeze-gate", NAME, "--reason", "x", "--by", SCIENTIST)
    assert too_early.code == 2 and "nothing is frozen yet" in too_early.err
    assert ai_ops("freeze-gate", NAME, "--by", SCIENTIST).code == 0
    looser = FEATURE.model_copy(update={"gate": FEATURE.gate.model_copy(update={"auc_drop": 0.2})})
    monkeypatch.setattr("ai_ops.cli.decisions.resolve_feature", lambda name: looser)
    silent = ai_ops("freeze-gate", NAME, "--by", SCIENTIST)
    assert silent.code == 2 and f"--reason: {SCIENTIST} froze other criteria" in silent.err
    assert ai_ops("freeze-gate", NAME, "--reason", "two seasons", "--by", BACKEND).code == 1
    assert ai_ops("freeze-gate", NAME, "--reason", "two seasons", "--by", SCIENTIST).code == 0
    gate = ai_ops.standing.gate
    assert gate is not None
    assert (gate.hash, gate.reason) == (looser.gate.digest, "two seasons")


def test_there_is_no_way_back_before_there_was_a_way_forward(ai_ops: World) -> None:
    done = ai_ops("rollback", NAME, "--reason", "x", "--by", DEVOPS)
    assert done.code == 2 and "there is no way back" in done.err
    ai_ops.happened("launch", version="1", previous=None, by=DEVOPS)
    done = ai_ops("rollback", NAME, "--reason", "x", "--by", DEVOPS)
    assert done.code == 2 and "there is no way back" in done.err


def test_reading_and_deciding_need_a_root_that_is_there(tmp_path: Path) -> None:
    nowhere = World(tmp_path / "nowhere")
    for command in (("history", NAME), ("incidents", "list", NAME), (*HOLD, "--by", BACKEND)):
        assert nowhere(*command).code == 2
    assert not (tmp_path / "nowhere").exists()
