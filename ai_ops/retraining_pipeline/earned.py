"""Whether a move that the ledger holds was earned: decided by a signature, and past the gate.

A promotion is no person's signature but follows from one: whoever can write to the ledger's
database can append one. It is believed as far as the approval that it names and the gate's verdicts
that stand before it.
"""

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.decisions import verified_again
from ai_ops.storage.gate_verdicts import gate_verdicts
from ai_ops.storage.ledger import Event
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Move, Place, Standing, standing_of
from ai_ops.vocabulary.errors import DecisionRefused
from ai_ops.vocabulary.words import EventKind


def unearned(root: Root, feature: AiFeatureSpec, move: Move) -> str | None:
    """Why a launch, promotion or rollback of the ledger does not hold, or None when it does.

    Of the gate counts what was judged then: checks that came to it later forbid no way back.
    """
    standing = standing_of(root.ledger, feature.name)
    event = event_at(root, feature, move.kind, move.place)
    if move.kind != "promotion":
        return wrong_signature(root, feature, event, standing)
    return _unapproved(root, feature, event, standing) or _not_passed(root, feature, move)


def event_at(root: Root, feature: AiFeatureSpec, kind: EventKind, place: Place) -> Event:
    """The event of the ledger at a place that its standing named."""
    events = root.ledger.events(feature.name, kinds=[kind])
    return next(event for event in events if (event.block_seq, event.idx) == place)


def wrong_signature(
    root: Root, feature: AiFeatureSpec, event: Event, standing: Standing
) -> str | None:
    """What is wrong with the signature that an event of the ledger carries, or None."""
    try:
        verified_again(root, feature, event, standing)
    except DecisionRefused as refused:
        return str(refused)
    return None


def _unapproved(root: Root, feature: AiFeatureSpec, event: Event, standing: Standing) -> str | None:
    """What is wrong with the approval that a promotion of the ledger names and used."""
    version, place = event.payload["version"], (event.block_seq, event.idx)
    for approval in root.ledger.events(feature.name, kinds=["approval"]):
        own = (approval.block_seq, approval.idx)
        if list(own) != event.payload.get("approval") or approval.payload["version"] != version:
            continue
        if any(m.version == version and own < m.place < place for m in standing.moves):
            return f"the approval of version {version} was used before"
        return wrong_signature(root, feature, approval, standing)
    return f"it names no approval of version {version}"


def _not_passed(root: Root, feature: AiFeatureSpec, move: Move) -> str | None:
    """What the gate had against a version, by its last word before the promotion."""
    found = gate_verdicts(root.ledger, feature.name, move.version, before=move.place[0])
    if not found["gate_evidence"]:
        return f"the gate had not judged version {move.version}"
    for item, judged in found.items():
        if judged and judged[-1].verdict.status != "pass":
            return f"{item} was {judged[-1].verdict.status}"
    return None
