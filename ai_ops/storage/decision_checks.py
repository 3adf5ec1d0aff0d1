"""Whether a decision carries the signature of whoever might take it, by the keys of its time."""

from datetime import datetime, timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.authority import Key, domains_for, keys_of
from ai_ops.storage.decision_tokens import Decision, opened
from ai_ops.storage.ledger import Event
from ai_ops.storage.ledger_chain import GENESIS
from ai_ops.storage.marks import reached
from ai_ops.storage.root import Root
from ai_ops.storage.signatures import is_signature
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.errors import DecisionRefused

LIFE: Final = timedelta(days=7)
"""How long after it was signed a decision may be handed in."""


def verified_again(
    root: Root, feature: AiFeatureSpec, event: Event, standing: Standing
) -> Decision:
    """The signed decision that an event of the ledger is; ``DecisionRefused`` when it is none.

    The chain shows that nothing was changed, the signature who said it: an event that somebody
    appended without a person's key is no decision. A key counts for its own time: a retired one
    speaks for what stood in the ledger before.
    """
    decision, signed, signature = opened(str(event.payload.get("token")))
    said = {name: event.payload.get(name) for name in decision.payload()}
    if (event.kind, said) != (decision.kind, decision.payload()):
        raise DecisionRefused(f"the {event.kind} says something else than what was signed")
    at = max(event.as_of, decision.at)
    must_be_signed(root, feature, decision, signed, signature, standing, at, event.block_seq)
    # What opened the ledger was signed while there was none.
    if decision.ledger != (GENESIS if event.block_seq == 1 else root.ledger.birth()):
        raise DecisionRefused("it was signed for another ledger")
    return decision


def must_be_signed(
    root: Root,
    feature: AiFeatureSpec,
    decision: Decision,
    signed: bytes,
    signature: bytes,
    standing: Standing,
    at: datetime,
    block: int | None = None,
) -> None:
    """Raise ``DecisionRefused`` unless whoever might decide it at a moment has signed it; ``block``
    is that of the ledger in which it stands."""
    if decision.feature != feature.name:
        raise DecisionRefused(f"it is about {decision.feature}, not about {feature.name}")
    domains = domains_for(decision.kind, decision.content, standing)
    known = keys_of(root, feature, domains)
    if decision.by not in known:
        allowed = ", ".join(sorted(known)) or "nobody: no public key stands in the feature's file"
        raise DecisionRefused(
            f"{decision.by} may not decide on {decision.kind}; it takes the key of "
            f"{' or '.join(domains)}, which is that of {allowed}"
        )
    own = [key for key in known[decision.by] if is_signature(key.public, signature, signed)]
    if not own:
        raise DecisionRefused(
            f"the signature is not that of {decision.by} (a key of before stands in retired_keys)"
        )
    if all(_retired(root, key, at, block) for key in own):
        raise DecisionRefused(
            f"the key that {decision.by} signed with was retired on {own[0].until:%Y-%m-%d %H:%M}: "
            "it speaks for nothing that was signed or recorded since"
        )


def another_head(root: Root, decision: Decision) -> str | None:
    """Why the ledger is not the one that the signer saw, or None."""
    head = decision.head
    if head is None:
        return "it does not say which block of the ledger was the last; sign again"
    if (root.ledger.hash_of(head.block) or GENESIS) == head.hash:
        return None
    return (
        f"{decision.by} signed on block {head.block} with another hash ({head.hash[:12]}…): the "
        "ledger's chain was recomputed"
    )


def _retired(root: Root, key: Key, at: datetime, block: int | None) -> bool:
    """Whether a key spoke no more at a moment; in the ledger also what stands before tells when."""
    if key.until is None:
        return False
    return at >= key.until or (block is not None and reached(root.ledger, key.until, block))
