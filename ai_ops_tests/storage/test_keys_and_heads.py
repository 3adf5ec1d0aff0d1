"""A key speaks for its own time, and a signature for the ledger that its signer saw."""

import base64
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import DomainOwner, RetiredKey
from ai_ops.storage.decision_tokens import sealed
from ai_ops.storage.decisions import read_token, record, sign_decision, verified_again
from ai_ops.storage.identities import Identities, demo_identities, identities_of
from ai_ops.storage.ledger import Event, NewEvent
from ai_ops.storage.ledger_chain import canonical
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import DecisionRefused, LedgerBroken
from ai_ops_tests.deciding import FEATURE, GATE, NOW, SCIENTIST, root_in, standing, token_of
from ai_ops_tests.retraining_pipeline.moving import edit

ADA = "ada@example.com"
HOUR = timedelta(hours=1)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return root_in(tmp_path)


def with_keys(root: Root, until: datetime | None) -> AiFeatureSpec:
    """The feature as its file says it after Ada's key was (or was not) retired."""
    keys = Identities(demo_identities(root))
    old = keys.public_key(ADA) or keys.create(ADA)
    named: dict[str, Any] = {"accountable": SCIENTIST}
    if until is None:
        named["public_keys"] = {ADA: old}
    else:
        named["retired_keys"] = (RetiredKey(person=ADA, key=old, until=until),)
    owner = DomainOwner.model_validate(named)
    owners = FEATURE.owners.model_copy(update={"drift_monitoring": owner})
    return FEATURE.model_copy(update={"owners": owners})


def frozen(root: Root, feature: AiFeatureSpec) -> Event:
    return record(root, feature, sign_decision(root, feature, "gate_freeze", ADA, GATE))


@pytest.mark.requirement("OW-06", "OW-07")
def test_what_was_signed_and_recorded_before_a_key_was_retired_still_counts(root: Root) -> None:
    event = frozen(root, with_keys(root, None))
    retired = with_keys(root, NOW + HOUR)
    root.begin_replay(NOW + 2 * HOUR)
    assert verified_again(root, retired, event, standing(root)).by == ADA
    with pytest.raises(DecisionRefused, match="was retired on 2021-04-01 10:00"):
        record(root, retired, sign_decision(root, retired, "hold", ADA, {"reason": "wait"}))
    with pytest.raises(DecisionRefused, match="may not decide"):
        verified_again(root, FEATURE, event, standing(root))  # nobody kept the old key


def test_a_key_whose_end_lies_ahead_still_decides(root: Root) -> None:
    assert frozen(root, with_keys(root, NOW + HOUR)).kind == "gate_freeze"


def test_a_retired_key_that_was_stolen_speaks_for_nothing_new_however_it_is_dated(
    root: Root,
) -> None:
    feature = with_keys(root, NOW + HOUR)
    token = sign_decision(root, feature, "gate_freeze", ADA, GATE)
    root.begin_replay(NOW + 2 * HOUR)
    root.ledger.append([NewEvent("drill", FEATURE.name, {})], clock=root.clock)
    planted = NewEvent("gate_freeze", FEATURE.name, read_token(token).payload(), NOW)
    root.ledger.append([planted], clock=root.clock)
    event = root.ledger.events(FEATURE.name, kinds=["gate_freeze"])[-1]
    assert event.as_of == NOW
    with pytest.raises(DecisionRefused, match="was retired on"):
        verified_again(root, feature, event, standing(root))


# The head


def headless(root: Root) -> str:
    """A decision as it was signed before decisions named the ledger's last block."""
    body = token_of(root, "gate_freeze", SCIENTIST, **GATE).split(".")[0]
    said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    del said["head"]
    signed = canonical(said).encode()
    return sealed(signed, identities_of(root).sign(SCIENTIST, signed))


def test_a_decision_names_the_block_that_its_signer_saw_last(root: Root) -> None:
    head = read_token(token_of(root, "gate_freeze", SCIENTIST, **GATE)).head
    assert head is not None
    assert (head.block, head.hash) == (1, root.ledger.verify().head)


def test_what_was_signed_on_a_chain_that_was_made_anew_is_refused(root: Root) -> None:
    token = token_of(root, "gate_freeze", SCIENTIST, **GATE)
    record(root, FEATURE, token)
    later = token_of(root, "hold", SCIENTIST, reason="wait")
    edit(root, "UPDATE blocks SET run_id = 'another' WHERE seq = 2", recompute=True)
    with pytest.raises(DecisionRefused, match=r"signed on block 2 with another hash .*recomputed"):
        record(root, FEATURE, later)
    assert root.ledger.verify().blocks == 3, "nothing that was recorded was signed on block 2"


def test_a_chain_that_was_made_anew_is_found_by_the_decisions_in_it(root: Root) -> None:
    record(root, FEATURE, token_of(root, "gate_freeze", SCIENTIST, **GATE))
    record(root, FEATURE, token_of(root, "hold", SCIENTIST, reason="wait"))
    assert root.ledger.verify().blocks == 3
    edit(root, "UPDATE blocks SET run_id = 'another' WHERE seq = 2", recompute=True)
    with pytest.raises(LedgerBroken, match=r"block 3, event 0: the hold of .* the chain was recom"):
        root.ledger.verify()


def test_an_old_decision_without_a_head_holds_where_it_was_recorded_and_is_not_taken_now(
    root: Root,
) -> None:
    token = headless(root)
    with pytest.raises(DecisionRefused, match="does not say which block of the ledger"):
        record(root, FEATURE, token)
    payload = read_token(token).payload()
    root.ledger.append([NewEvent("gate_freeze", FEATURE.name, payload)], clock=root.clock)
    event = root.ledger.events(FEATURE.name, kinds=["gate_freeze"])[-1]
    assert verified_again(root, FEATURE, event, standing(root)).by == SCIENTIST
    assert root.ledger.verify().blocks == 3


@pytest.mark.parametrize("head", [None, {}, {"block": -1, "hash": "a"}, {"block": "1"}, 7])
def test_a_head_of_another_shape_is_no_decision(root: Root, head: Any) -> None:
    body = token_of(root, "gate_freeze", SCIENTIST, **GATE).split(".")[0]
    said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    signed = canonical(said | {"head": head}).encode()
    with pytest.raises(DecisionRefused, match="not a signed decision"):
        read_token(sealed(signed, identities_of(root).sign(SCIENTIST, signed)))
