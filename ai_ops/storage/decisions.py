"""What a person decides: signed with that person's key, verified, and recorded in the ledger."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.believed import OPENING, believed
from ai_ops.storage.decision_checks import LIFE, another_head, must_be_signed, verified_again
from ai_ops.storage.decision_contents import check_content
from ai_ops.storage.decision_fits import misfit, overtaken
from ai_ops.storage.decision_tokens import Decision, opened, sealed
from ai_ops.storage.identities import identities_of
from ai_ops.storage.ledger import Event, NewEvent
from ai_ops.storage.ledger_chain import GENESIS, canonical
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing, standing_of
from ai_ops.storage.threshold_proposals import unseen_proposal
from ai_ops.vocabulary.errors import BadInput, DecisionRefused, LedgerMoved
from ai_ops.vocabulary.words import EventKind

__all__ = [
    "Decision",
    "appended",
    "appended_all",
    "read_token",
    "record",
    "refuse",
    "sign_decision",
    "verified",
    "verified_again",
]

BELIEVED: Final[frozenset[EventKind]] = frozenset((*OPENING, "threshold_change"))
"""The decisions that others go on from: those of them that do not hold are none."""

ACTED_ON: Final = ("launch", "rollback")
"""Decisions that are not only recorded: they have a function of their own."""


def sign_decision(
    root: Root, feature: AiFeatureSpec, kind: EventKind, by: str, content: Mapping[str, Any]
) -> str:
    """The token of a decision, signed with the key of ``by`` that lies on this machine.

    It is bound to this feature, to this ledger as it is at this moment (its last block's hash), and
    can be used once. Raises ``BadInput`` for a content that does not say what its kind must, and
    without a key.
    """
    clock = root.clock
    check_content(kind, content, feature, clock.now())
    seen = root.ledger.head()
    signed = canonical(
        {
            "kind": kind,
            "feature": feature.name,
            "by": by,
            "content": dict(content),
            "at": clock.now().isoformat(),
            "ledger": root.ledger.birth(),
            "head": {"block": seen, "hash": root.ledger.hash_of(seen) or GENESIS},
            "nonce": secrets.token_hex(16),
        }
    ).encode()
    return sealed(signed, identities_of(root).sign(by, signed))


def verified(root: Root, feature: AiFeatureSpec, token: str, standing: Standing) -> Decision:
    """The decision of a token; ``DecisionRefused`` says what is wrong with it.

    Checked: who signed, whether that person may decide it, that it is about this feature and this
    ledger as it still is, that it was not handed in before, and its age.
    """
    decision, signed, signature = opened(token)
    now = root.clock.now()
    try:
        check_content(decision.kind, decision.content, feature, now)
    except BadInput as error:
        raise DecisionRefused(str(error)) from None
    must_be_signed(root, feature, decision, signed, signature, standing, now)
    if decision.ledger != root.ledger.birth():
        raise DecisionRefused("it was signed for another ledger")
    if wrong := another_head(root, decision):
        raise DecisionRefused(wrong)
    if decision.nonce in standing.nonces:
        raise DecisionRefused("it was handed in before; sign again")
    if not now - LIFE <= decision.at <= now:
        raise DecisionRefused(
            f"it was signed at {decision.at:%Y-%m-%d %H:%M}, now it is {now:%Y-%m-%d %H:%M}; "
            f"a signature holds for {LIFE.days} days"
        )
    kind, content = decision.kind, decision.content
    # What nobody signed must not stand in the way of whoever mends it, either.
    real, _ = believed(root, feature, kinds=BELIEVED)
    wrong = misfit(kind, content, real)
    if kind == "threshold_change" and not wrong:
        wrong = unseen_proposal(root, feature, content)
    if kind == "gate_amendment" and wrong and not misfit(kind, content, standing):
        wrong = None  # the criteria in force, signed anew over a row that nobody signed
    if reason := wrong or overtaken(kind, content, decision.at, real):
        raise DecisionRefused(reason)
    return decision


def read_token(token: str) -> Decision:
    """What a token says, signed or not: to be shown and compared, never to be acted on."""
    return opened(token)[0]


def record(root: Root, feature: AiFeatureSpec, token: str, *, run_id: str | None = None) -> Event:
    """Verify a decision and append it to the ledger; what is refused is recorded as a refusal.

    Raises ``DecisionRefused``, also for a launch and a rollback: those are acted on, not noted.
    """

    def decide(standing: Standing) -> NewEvent:
        decision = verified(root, feature, token, standing)
        if decision.kind in ACTED_ON:
            raise DecisionRefused(f"a {decision.kind} is handed to ai-ops {decision.kind}")
        return NewEvent(decision.kind, feature.name, decision.payload())

    try:
        return appended(root, feature, decide, run_id=run_id)
    except DecisionRefused as error:
        refuse(root, feature, "decision", [str(error)], by=_claimed(token), run_id=run_id)
        raise


def appended(
    root: Root,
    feature: AiFeatureSpec,
    decide: Callable[[Standing], NewEvent],
    *,
    run_id: str | None = None,
) -> Event:
    """Append what ``decide`` makes of the standing, on that very standing."""
    (event,) = appended_all(root, feature, lambda standing: [decide(standing)], run_id=run_id)
    return event


def appended_all(
    root: Root,
    feature: AiFeatureSpec,
    decide: Callable[[Standing], Sequence[NewEvent]],
    *,
    run_id: str | None = None,
) -> list[Event]:
    """Append what ``decide`` makes of the standing as one block; nothing when that is nothing.

    When another process appends between reading and appending, the standing is read again: what
    was decided on it may no longer hold.
    """
    while True:
        head = root.ledger.head()
        decided = decide(standing_of(root.ledger, feature.name))
        now = root.clock.now()
        events = [replace(event, as_of=event.as_of or now) for event in decided]
        if not events:
            return []
        try:
            block = root.ledger.append(events, clock=root.clock, run_id=run_id, only_after=head)
        except LedgerMoved:
            continue
        return [
            Event(
                block.seq,
                idx,
                event.kind,
                event.feature,
                event.as_of or now,
                event.payload,
                block.recorded_at,
                run_id,
            )
            for idx, event in enumerate(events)
        ]


def refuse(
    root: Root,
    feature: AiFeatureSpec,
    what: str,
    reasons: list[str],
    *,
    by: str | None = None,
    version: str | None = None,
    run_id: str | None = None,
) -> None:
    """Record that something was asked for and refused, with every reason."""
    payload = {"what": what, "by": by, "version": version, "reasons": reasons}
    event = NewEvent("refusal", feature.name, payload)
    root.ledger.append([event], clock=root.clock, run_id=run_id)


def _claimed(token: str) -> str | None:
    """Who a refused token says it is from: not verified, and worth keeping for that reason."""
    try:
        return opened(token)[0].by
    except DecisionRefused:
        return None
