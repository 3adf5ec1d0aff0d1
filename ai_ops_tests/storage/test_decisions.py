"""Signed decisions: what is taken, what is refused and why, and that refusals are kept."""

import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.storage.clocks import ReplayClock
from ai_ops.storage.decision_contents import check_content
from ai_ops.storage.decision_tokens import opened, sealed
from ai_ops.storage.decisions import (
    appended,
    read_token,
    record,
    sign_decision,
    verified,
    verified_again,
)
from ai_ops.storage.identities import FOLDER_VARIABLE, Identities
from ai_ops.storage.ledger import Event, NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.errors import BadInput, DecisionRefused
from ai_ops.vocabulary.words import EventKind
from ai_ops_tests.deciding import (
    BACKEND,
    DEVOPS,
    FEATURE,
    GATE,
    NOW,
    SCIENTIST,
    STRANGER,
    decided,
    happened,
    incident,
    root_in,
    standing,
    token_of,
)

WRITER = Path(__file__).with_name("decision_writer.py")
APPROVED = {"version": "2", "gate_hash": GATE["hash"], "reason": "auc .02 better"}
WAIVED = {
    "item": "load_tested",
    "domain": "inference_management",
    "reason": "no load test yet",
    "until": "2021-06-01",
}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A replay in which the criteria are frozen."""
    made = root_in(tmp_path)
    decided(made, "gate_freeze", SCIENTIST, **GATE)
    return made


def refused(root: Root, token: str, words: str) -> None:
    """The token is refused with these words, and the refusal stands in the ledger."""
    before = standing(root)
    with pytest.raises(DecisionRefused, match=words) as error:
        record(root, FEATURE, token)
    after = standing(root)
    assert [one.reasons for one in after.refusals[len(before.refusals) :]] == [(str(error.value),)]
    assert after.refusals[-1].what == "decision"
    assert (after.approvals, after.holds, after.gate) == (
        before.approvals,
        before.holds,
        before.gate,
    )


def changed(token: str, **fields: Any) -> str:
    """The token with other words under the same signature."""
    body, mark = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | fields
    return f"{base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip('=')}.{mark}"


@pytest.mark.requirement("OW-06", "OW-07")
def test_the_approving_role_s_signature_is_taken_and_stays_verifiable(root: Root) -> None:
    event = decided(root, "approval", SCIENTIST, **APPROVED)
    approval = standing(root).approvals["2"]
    assert (approval.approved, approval.by, approval.at) == (True, SCIENTIST, event.as_of)
    (kept,) = root.ledger.events(FEATURE.name, kinds=["approval"])
    assert kept == event, "what was returned is what the ledger holds"
    again = verified_again(root, FEATURE, kept, standing(root))
    assert (again.by, again.content) == (SCIENTIST, APPROVED)
    assert root.ledger.verify().blocks == 3


@pytest.mark.requirement("OW-07")
@pytest.mark.parametrize("by", [BACKEND, DEVOPS, STRANGER])
def test_whoever_does_not_own_the_decision_is_refused_by_name(root: Root, by: str) -> None:
    token = token_of(root, "approval", by, **APPROVED)
    refused(root, token, rf"{by} may not decide on approval.*which is that of {SCIENTIST}")
    assert standing(root).refusals[-1].by == by


@pytest.mark.parametrize(
    ("kind", "by", "content"),
    [
        ("gate_amendment", BACKEND, {**GATE, "reason": "too strict"}),
        ("waiver", SCIENTIST, WAIVED),
        ("release", DEVOPS, {"reason": "it is late"}),
        ("sign_off", BACKEND, {**WAIVED, "cadence": "monthly", "partition": None, "note": ""}),
        ("hold", STRANGER, {"reason": "I do not like it"}),
    ],
)
def test_each_kind_of_decision_has_its_role(
    root: Root, kind: EventKind, by: str, content: dict[str, Any]
) -> None:
    if kind == "sign_off":
        content = {name: content[name] for name in content if name not in ("reason", "until")}
    refused(root, token_of(root, kind, by, **content), f"{by} may not decide on {kind}")


def test_everybody_who_owns_a_domain_may_stop_and_only_the_two_may_go_on(root: Root) -> None:
    for person in (BACKEND, SCIENTIST, DEVOPS):
        decided(root, "hold", person, reason="the feed is wrong")
    assert len(standing(root).holds) == 3
    decided(root, "release", BACKEND, reason="mended")
    assert standing(root).holds == ()
    refused(root, token_of(root, "release", BACKEND, reason="again"), "no hold to release")


def test_a_changed_word_and_a_stranger_s_signature_are_refused(root: Root) -> None:
    token = token_of(root, "approval", SCIENTIST, **APPROVED)
    refused(root, changed(token, content={**APPROVED, "version": "3"}), "signature is not that of")
    refused(root, changed(token, kind="rejection"), "signature is not that of")
    _, signed, _ = opened(token)
    forged = sealed(signed, Identities(root.folder / "identities").sign(STRANGER, signed))
    refused(root, forged, f"signature is not that of {SCIENTIST}")
    refused(root, changed(token, by=STRANGER), f"{STRANGER} may not decide")
    assert record(root, FEATURE, token).kind == "approval", "the true one is still good"


@settings(max_examples=40, deadline=None)
@given(st.one_of(st.text(max_size=60), st.binary(max_size=60).map(lambda b: b.hex() + ".AAAA")))
def test_what_is_no_token_is_refused_as_none(text: str) -> None:
    with pytest.raises(DecisionRefused, match="not a signed decision; print one with ai-ops sign"):
        read_token(text)


def as_token(said: Any) -> str:
    return sealed(json.dumps(said).encode(), b"0" * 64)


def test_a_token_of_another_shape_is_refused_and_recorded(root: Root) -> None:
    good = {"kind": "hold", "feature": FEATURE.name, "by": BACKEND, "content": {"reason": "x"}}
    good |= {"at": NOW.isoformat(), "ledger": root.ledger.birth(), "nonce": "n"}
    shapes: list[Any] = [[], "hold", None, {}, good | {"kind": "verdict_"}, good | {"content": []}]
    shapes += [good | {"at": "2021-04-01T09:00:00"}, {k: good[k] for k in good if k != "nonce"}]
    for shape in shapes:
        refused(root, as_token(shape), "not a signed decision")
    for moment in ("0001-01-01T00:00:00+10:00", "9999-12-31T23:00:00-10:00"):
        refused(root, as_token(good | {"at": moment}), "not a signed decision")
    refused(root, sealed(b"[" * 100_000, b"0" * 64), "not a signed decision")
    for content in ({}, {"reason": 1}, {"reason": "x", "more": "y"}):
        refused(root, as_token(good | {"content": content}), "hold: ")
    for domain in ("model_dump", 7, None):
        words = as_token(good | {"kind": "waiver", "content": {**WAIVED, "domain": domain}})
        refused(root, words, "waiver: domain: ")
    refused(root, as_token(good | {"kind": "promotion"}), "no person decides that")
    refused(root, as_token(good), "the signature is not that of")


@pytest.mark.parametrize("field", ["by", "feature", "content"])
def test_what_could_never_be_printed_does_not_come_into_the_book(root: Root, field: str) -> None:
    said: dict[str, Any] = {
        "kind": "hold",
        "feature": FEATURE.name,
        "by": BACKEND,
        "content": {"reason": "x"},
        "at": NOW.isoformat(),
        "ledger": root.ledger.birth(),
        "nonce": "n",
    }
    said[field] = {"reason": "\ud800"} if field == "content" else "\ud800"
    refused(root, as_token(said), "not a signed decision")
    with pytest.raises(BadInput, match="reason: not a text in UTF-8"):
        token_of(root, "hold", BACKEND, reason="\udcff")
    with pytest.raises(BadInput, match="its payload is not JSON: 'utf-8' codec"):
        happened(root, "retraining", retraining="r", stage="started", cause="\udcff")


def signed_earlier(root: Root, kind: EventKind, by: str, **content: Any) -> str:
    """A token that lies about for a minute before anybody hands it in."""
    token = token_of(root, kind, by, **content)
    root.begin_replay(root.clock.now() + timedelta(minutes=1))
    return token


def test_what_was_signed_before_the_last_word_does_not_undo_it(root: Root) -> None:
    approval = signed_earlier(root, "approval", SCIENTIST, **APPROVED)
    decided(root, "rejection", SCIENTIST, **APPROVED)
    refused(root, approval, f"{SCIENTIST} decided about version 2 on .*, after this was signed")

    decided(root, "hold", DEVOPS, reason="the feed is wrong")
    release = signed_earlier(root, "release", BACKEND, reason="it is mended")
    decided(root, "hold", SCIENTIST, reason="the labels are wrong")
    refused(root, release, f"{SCIENTIST} opened a hold on .*, after this was signed")

    said = {"incident": incident(root), "note": ""}
    harmless = signed_earlier(
        root, "incident_concluded", SCIENTIST, conclusion="false_alarm", **said
    )
    decided(root, "incident_concluded", SCIENTIST, conclusion="bad_data", **said)
    refused(root, harmless, "concluded incident drift-2021-03-30 on .*, after this was signed")

    def criteria(auc_drop: float) -> dict[str, Any]:
        gate = FEATURE.gate.model_copy(update={"auc_drop": auc_drop})
        return {"gate": gate.model_dump(mode="json"), "hash": gate.digest, "reason": "measured"}

    loose = signed_earlier(root, "gate_amendment", SCIENTIST, **criteria(0.2))
    decided(root, "gate_amendment", SCIENTIST, **criteria(0.01))
    refused(root, loose, f"{SCIENTIST} put other criteria in force on .*, after this was signed")


def test_a_token_can_be_handed_in_once(root: Root) -> None:
    token = token_of(root, "approval", SCIENTIST, **APPROVED)
    record(root, FEATURE, token)
    decided(root, "rejection", SCIENTIST, **APPROVED)
    refused(root, token, "handed in before")
    assert not standing(root).approvals["2"].approved


def test_a_token_of_another_feature_or_ledger_is_refused(root: Root, tmp_path: Path) -> None:
    other = FEATURE.model_copy(update={"name": "parcels"})
    refused(root, token_of(root, "hold", BACKEND, of=other, reason="x"), "is about parcels, not")
    elsewhere = root_in(tmp_path / "elsewhere")
    keys = {FOLDER_VARIABLE: str(root.folder / "identities")}
    lent = Root.open(elsewhere.folder, environment=keys)
    refused(root, token_of(lent, "hold", BACKEND, reason="x"), "signed for another ledger")


@pytest.mark.parametrize(
    ("waits", "words"),
    [
        (timedelta(days=7), None),
        (timedelta(days=7, seconds=1), "a signature holds for 7 days"),
        (timedelta(seconds=-1), "it was signed at 2021-04-01 09:00, now it is 2021-04-01 08:59"),
    ],
)
def test_a_token_ages_and_none_comes_from_the_future(
    root: Root, waits: timedelta, words: str | None
) -> None:
    token = token_of(root, "hold", BACKEND, reason="x")
    (root.folder / "lake" / "clock.json").unlink()
    ReplayClock(root.folder / "lake" / "clock.json").advance(NOW + waits)
    if words:
        refused(root, token, words)
    else:
        assert record(root, FEATURE, token).as_of == NOW + waits


def test_of_two_processes_that_hand_in_the_same_token_one_wins(root: Root) -> None:
    token = token_of(root, "hold", BACKEND, reason="the feed is wrong")
    command = [sys.executable, str(WRITER), str(root.folder), token]
    writers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    answers = sorted(writer.communicate(timeout=60)[0] for writer in writers)
    assert answers[0].startswith("refused it was handed in before")
    assert answers[1].startswith("taken")
    assert len(standing(root).holds) == 1 == len(standing(root).refusals)
    root.ledger.verify()


def test_what_is_decided_on_a_standing_that_moved_is_decided_again(root: Root) -> None:
    seen: list[int] = []

    def decide(now: Standing) -> NewEvent:
        seen.append(len(now.refusals))
        if len(seen) == 1:  # another process appends between reading and appending
            happened(root, "refusal", what="promotion", reasons=["x"], by=None, version="2")
        return NewEvent("retraining", FEATURE.name, {"retraining": "r", "stage": "started"})

    appended(root, FEATURE, decide)
    assert seen == [0, 1]
    assert len(standing(root).retrainings) == 1


def test_an_event_that_nobody_signed_is_no_decision(root: Root) -> None:
    signed = decided(root, "approval", SCIENTIST, **APPROVED)
    payload = dict(signed.payload)
    unsigned = {name: payload[name] for name in payload if name not in ("token", "nonce")}
    for forged in (unsigned, payload | {"version": "3"}, payload | {"by": BACKEND}):
        happened(root, "approval", **forged)
    happened(root, "rejection", **payload)
    events = root.ledger.events(FEATURE.name, kinds=["approval", "rejection"])
    assert events[0] == signed
    for event in events[1:]:
        with pytest.raises(DecisionRefused, match=r"not a signed|something else than"):
            verified_again(root, FEATURE, event, standing(root))
    other = root_in(root.folder / "other")
    elsewhere = Root.open(
        other.folder, environment={FOLDER_VARIABLE: str(root.folder / "identities")}
    )
    copied = read_token(token_of(elsewhere, "hold", BACKEND, reason="x")).payload()
    happened(root, "hold", **copied)
    (event,) = root.ledger.events(FEATURE.name, kinds=["hold"])
    with pytest.raises(DecisionRefused, match="another ledger"):
        verified_again(root, FEATURE, event, standing(root))


def test_the_decision_that_opens_a_ledger_is_verifiable_too(tmp_path: Path) -> None:
    root = Root.open(tmp_path, environment={})
    root.begin_replay(NOW)
    Identities(tmp_path / "identities").create(SCIENTIST)
    event = decided(root, "gate_freeze", SCIENTIST, **GATE)
    assert event.block_seq == 1
    assert verified_again(root, FEATURE, event, standing(root)).by == SCIENTIST


@pytest.mark.requirement("OW-06")
def test_criteria_are_frozen_once_and_then_amended_with_a_reason(root: Root) -> None:
    refused(root, token_of(root, "gate_freeze", SCIENTIST, **GATE), "in force already")
    looser = FEATURE.gate.model_copy(update={"auc_drop": 0.2})
    other = {"gate": looser.model_dump(mode="json"), "hash": looser.digest}
    refused(root, token_of(root, "gate_freeze", SCIENTIST, **other), "amend them, with a reason")
    with pytest.raises(BadInput, match="gate_amendment: reason: say it in a text"):
        token_of(root, "gate_amendment", SCIENTIST, **other, reason=" ")
    decided(root, "gate_amendment", SCIENTIST, **other, reason="two seasons")
    gate = standing(root).gate
    assert gate is not None
    assert (gate.hash, gate.by, gate.reason) == (looser.digest, SCIENTIST, "two seasons")
    refused(
        root, token_of(root, "approval", SCIENTIST, **APPROVED), "it goes by the criteria .* in for"
    )


def test_without_frozen_criteria_nothing_is_approved_or_amended(tmp_path: Path) -> None:
    root = root_in(tmp_path)
    refused(root, token_of(root, "approval", SCIENTIST, **APPROVED), "no criteria are frozen")
    amended = token_of(root, "gate_amendment", SCIENTIST, **GATE, reason="x")
    refused(root, amended, "no criteria are frozen yet")


def test_a_launch_and_a_rollback_are_acted_on_and_never_only_noted(root: Root) -> None:
    for kind in ("launch", "rollback"):
        token = token_of(root, kind, DEVOPS, version="1", reason="go")
        assert verified(root, FEATURE, token, standing(root)).content["version"] == "1"
        refused(root, token, f"a {kind} is handed to ai-ops {kind}")
    assert standing(root).moves == ()


@pytest.mark.parametrize(
    ("alert", "by"),
    [
        ("drift", SCIENTIST),
        ("accuracy_drop", SCIENTIST),
        ("cost_spike", DEVOPS),
        ("pipeline_failure", BACKEND),
    ],
)
def test_an_incident_is_answered_by_the_owner_of_its_domain_and_stays_resolved(
    root: Root, alert: str, by: str
) -> None:
    id = incident(root, alert, f"{alert}-2021-03-30")
    other = next(person for person in (BACKEND, SCIENTIST, DEVOPS) if person != by)
    told = {"incident": id, "conclusion": "bad_data", "note": "the feed"}
    refused(root, token_of(root, "incident_concluded", other, **told), f"{other} may not")
    gone = {"incident": id, "note": "mended"}
    refused(root, token_of(root, "incident_resolved", by, **gone), "concluded by nobody")
    decided(root, "incident_acknowledged", by, incident=id)
    decided(root, "incident_concluded", by, **told)
    assert standing(root).forbidding == (
        f"incident {id} was concluded as bad_data and is not resolved",
    )
    decided(root, "incident_resolved", by, **gone)
    answered = standing(root).incident(id)
    assert answered is not None and answered.acknowledged_by == by == answered.resolved_by
    assert standing(root).forbidding == ()
    refused(root, token_of(root, "incident_concluded", by, **told), "is resolved already")
    stranger = {**told, "incident": "drift-1999-01-01"}
    refused(root, token_of(root, "incident_concluded", by, **stranger), f"there are: {id}")


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("waiver", {"until": "tomorrow"}, "waiver: until: a day as YYYY-MM-DD"),
        ("waiver", {"until": "2021-03-31"}, "waiver: until: a day from 2021-04-01 on"),
        ("waiver", {"until": "2022-04-03"}, "at most 366 days ahead"),
        ("waiver", {"reason": ""}, "waiver: reason: say it in a text"),
        ("waiver", {"domain": "marketing"}, "waiver: domain: one of prediction_logging"),
        ("waiver", {"item": None}, "waiver: item: say it in a text"),
        ("waiver", {"for": "ever"}, "waiver: for: no such field"),
        ("gate_freeze", {"hash": "0" * 64}, "hash: not that of the criteria"),
        ("gate_freeze", {"gate": {"auc_drop": -1}}, "gate: not the criteria of a gate"),
        ("gate_freeze", {"gate": None}, "gate: not the criteria of a gate"),
        ("incident_concluded", {"conclusion": "nothing"}, "conclusion: one of bad_data"),
        ("sign_off", {"cadence": "yearly"}, "cadence: one of pre_launch"),
        ("review", {"begin": "soon"}, "begin: a day as YYYY-MM-DD"),
        ("promotion", {}, "promotion: no person decides that"),
    ],
)
def test_a_content_that_does_not_say_what_it_must_is_not_even_signed(
    kind: EventKind, change: Mapping[str, Any], words: str
) -> None:
    item = {"item": "x", "domain": "drift_monitoring", "note": ""}
    good: dict[str, dict[str, Any]] = {
        "waiver": WAIVED,
        "gate_freeze": GATE,
        "incident_concluded": {"incident": "i", "conclusion": "other", "note": ""},
        "sign_off": {**item, "cadence": "weekly", "partition": None},
        "review": {**item, "begin": "2021-03-30"},
        "promotion": {},
    }
    if kind in good and kind != "promotion":
        check_content(kind, good[kind], FEATURE, NOW)
    with pytest.raises(BadInput, match=words):
        check_content(kind, {**good[kind], **change}, FEATURE, NOW)


def test_in_a_live_root_the_keys_of_the_feature_s_file_decide(tmp_path: Path) -> None:
    keys = {FOLDER_VARIABLE: str(tmp_path / "keys")}
    root = Root.open(tmp_path / "live", environment=keys)
    mine = Identities(tmp_path / "keys").create(BACKEND)
    token = sign_decision(root, FEATURE, "hold", BACKEND, {"reason": "x"})
    with pytest.raises(DecisionRefused, match="nobody: no public key stands in the feature's file"):
        verified(root, FEATURE, token, Standing())
    owner = FEATURE.owners.retraining_pipeline.model_copy(update={"public_keys": {BACKEND: mine}})
    owners = FEATURE.owners.model_copy(update={"retraining_pipeline": owner})
    feature = FEATURE.model_copy(update={"owners": owners})
    event: Event = record(root, feature, token)
    assert (event.payload["by"], root.ledger.mode()) == (BACKEND, "live")
    assert datetime.now(UTC) - event.as_of < timedelta(minutes=5)
