"""What a person decides: signed with that person's key, verified, and recorded in the ledger.

A token is one line, ``base64url(what was decided).base64url(signature)``. It can be signed on one
machine and handed over on another: to a command, to a job in the UI.
"""

import base64
import binascii
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast, get_args

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.authority import domains_for, signers
from ai_ops.storage.decision_contents import check_content
from ai_ops.storage.identities import identities_of, is_signature
from ai_ops.storage.ledger import Event, NewEvent
from ai_ops.storage.ledger_chain import canonical
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing, standing_of
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.errors import BadInput, DecisionRefused, LedgerMoved
from ai_ops.vocabulary.words import EventKind

LIFE: Final = timedelta(days=7)
"""How long after it was signed a decision may be handed in."""

ACTED_ON: Final = ("launch", "rollback")
"""Decisions that are not only recorded: they have a function of their own."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a feature, as it was signed."""

    kind: EventKind
    feature: str
    by: str
    content: Mapping[str, Any]
    at: datetime
    ledger: str
    nonce: str
    token: str

    def payload(self) -> dict[str, Any]:
        """What the ledger keeps of it: enough to verify the signature again."""
        return {**self.content, "by": self.by, "nonce": self.nonce, "token": self.token}


def sign_decision(
    root: Root, feature: AiFeatureSpec, kind: EventKind, by: str, content: Mapping[str, Any]
) -> str:
    """The token of a decision, signed with the key of ``by`` that lies on this machine.

    It is bound to this feature, to this ledger and to this moment, and can be used once. Raises
    ``BadInput`` for a content that does not say what its kind must, and without a key.
    """
    clock = root.clock
    check_content(kind, content, feature, clock.now())
    signed = canonical(
        {
            "kind": kind,
            "feature": feature.name,
            "by": by,
            "content": dict(content),
            "at": clock.now().isoformat(),
            "ledger": root.ledger.birth(),
            "nonce": secrets.token_hex(16),
        }
    ).encode()
    return f"{_text(signed)}.{_text(identities_of(root).sign(by, signed))}"


def verified(root: Root, feature: AiFeatureSpec, token: str, standing: Standing) -> Decision:
    """The decision of a token; ``DecisionRefused`` says what is wrong with it.

    Checked: who signed, whether that person may decide it, that it is about this feature and this
    ledger, that it was not handed in before, and its age.
    """
    decision, signed, signature = _opened(token)
    if decision.feature != feature.name:
        raise DecisionRefused(f"it is about {decision.feature}, not about {feature.name}")
    domains = domains_for(decision.kind, decision.content, standing)
    known = signers(root, feature, domains)
    if decision.by not in known:
        allowed = ", ".join(sorted(known)) or "nobody: no public key stands in the feature's file"
        raise DecisionRefused(
            f"{decision.by} may not decide on {decision.kind}; it takes the key of "
            f"{' or '.join(domains)}, which is that of {allowed}"
        )
    if not is_signature(known[decision.by], signature, signed):
        raise DecisionRefused(f"the signature is not that of {decision.by}")
    if decision.ledger != root.ledger.birth():
        raise DecisionRefused("it was signed for another ledger")
    if decision.nonce in standing.nonces:
        raise DecisionRefused("it was handed in before; sign again")
    now = root.clock.now()
    if not now - LIFE <= decision.at <= now:
        raise DecisionRefused(
            f"it was signed at {decision.at:%Y-%m-%d %H:%M}, now it is {now:%Y-%m-%d %H:%M}; "
            f"a signature holds for {LIFE.days} days"
        )
    try:
        check_content(decision.kind, decision.content, feature, now)
    except BadInput as error:
        raise DecisionRefused(str(error)) from None
    return decision


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
    """Append what ``decide`` makes of the standing, on that very standing.

    When another process appends between reading and appending, the standing is read again: what
    was decided on it may no longer hold.
    """
    while True:
        head = root.ledger.head()
        event = decide(standing_of(root.ledger, feature.name))
        try:
            block = root.ledger.append([event], clock=root.clock, run_id=run_id, only_after=head)
        except LedgerMoved:
            continue
        as_of = event.as_of or root.clock.now()
        return Event(
            block.seq, 0, event.kind, event.feature, as_of, event.payload, block.recorded_at, run_id
        )


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


def _opened(token: str) -> tuple[Decision, bytes, bytes]:
    try:
        body, _, mark = token.strip().partition(".")
        signed, signature = _bytes(body), _bytes(mark)
        said = json.loads(signed)
        if said["kind"] not in get_args(EventKind) or not isinstance(said["content"], dict):
            raise ValueError("no decision")
        decision = Decision(
            cast(EventKind, said["kind"]),
            str(said["feature"]),
            str(said["by"]),
            said["content"],
            utc(said["at"]),
            str(said["ledger"]),
            str(said["nonce"]),
            token.strip(),
        )
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise DecisionRefused("not a signed decision; print one with ai-ops sign") from None
    return decision, signed, signature


def _claimed(token: str) -> str | None:
    """Who a refused token says it is from: not verified, and worth keeping for that reason."""
    try:
        return _opened(token)[0].by
    except DecisionRefused:
        return None


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
