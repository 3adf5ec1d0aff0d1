"""How a feature stands: what was frozen, launched, approved, held and answered, as of a moment.

A pure fold over the events of the ledger. Whoever acts (promotes, retrains) reads it again at
that moment.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from ai_ops.storage.ledger import Ledger
from ai_ops.storage.ledger_chain import Event
from ai_ops.storage.standing_incidents import incidents_after
from ai_ops.storage.standing_records import (
    Approval,
    FrozenGate,
    Hold,
    Incident,
    Move,
    Place,
    Placement,
    Refusal,
    Retraining,
    Review,
    SignedOff,
    Standing,
    ThresholdChange,
    Waiver,
)
from ai_ops.vocabulary.errors import LedgerBroken
from ai_ops.vocabulary.words import EventKind

__all__ = [
    "Approval",
    "FrozenGate",
    "Hold",
    "Incident",
    "Move",
    "Place",
    "Placement",
    "Refusal",
    "Retraining",
    "Review",
    "SignedOff",
    "Standing",
    "ThresholdChange",
    "Waiver",
    "fold",
    "further",
    "standing_of",
]

FOLDED: tuple[EventKind, ...] = (
    "gate_freeze",
    "gate_amendment",
    "launch",
    "promotion",
    "rollback",
    "approval",
    "rejection",
    "waiver",
    "sign_off",
    "review",
    "threshold_change",
    "hold",
    "release",
    "incident_opened",
    "incident_step",
    "incident_acknowledged",
    "incident_concluded",
    "incident_resolved",
    "retraining",
    "refusal",
    "placement",
)


def standing_of(ledger: Ledger, feature: str, as_of: datetime | None = None) -> Standing:
    """How a feature stands, by what the ledger knew at a moment (by default all of it)."""
    return fold(ledger.events(feature=feature, kinds=FOLDED, as_of=as_of))


def fold(events: Iterable[Event]) -> Standing:
    """The standing that the events of one feature add up to, in the order of the ledger.

    Raises ``LedgerBroken`` for an event that does not say what its kind must: nobody appended it
    through this project, and nothing is decided on a book that holds it.

    >>> fold([]).live is None
    True
    """
    standing = Standing()
    for event in events:
        standing = further(standing, event)
    return standing


def further(standing: Standing, event: Event) -> Standing:
    """The standing after one more event; raises as ``fold`` does."""
    try:
        return _folded(standing, event)
    except (KeyError, TypeError, ValueError) as error:
        raise LedgerBroken(
            f"block {event.block_seq}, event {event.idx}: no {event.kind} says this "
            f"({type(error).__name__}: {error}); find out who appended it"
        ) from error


def _folded(now: Standing, event: Event) -> Standing:
    said = event.payload
    nonce = said.get("nonce")
    if nonce is not None:
        now = replace(now, nonces=now.nonces | {str(nonce)})
    match event.kind:
        case "gate_freeze" | "gate_amendment":
            gate = FrozenGate(
                said["hash"], said["gate"], said["by"], event.as_of, said.get("reason", "")
            )
            return replace(now, gate=gate)
        case "launch" | "promotion" | "rollback":
            return replace(now, moves=(*now.moves, _move(event)))
        case "approval" | "rejection":
            approval = _approval(event)
            return replace(now, approvals={**now.approvals, approval.version: approval})
        case "waiver":
            until = date.fromisoformat(said["until"])
            waiver = Waiver(
                said["item"], said["domain"], said["by"], said["reason"], event.as_of, until
            )
            return replace(now, waivers=(*now.waivers, waiver))
        case "sign_off":
            return replace(now, sign_offs=(*now.sign_offs, _signed_off(event)))
        case "review":
            review = Review(
                said["item"],
                said["domain"],
                said["begin"],
                said["by"],
                said.get("note", ""),
                event.as_of,
            )
            return replace(now, reviews=(*now.reviews, review))
        case "threshold_change":
            change = _threshold_change(event)
            return replace(now, threshold_changes=(*now.threshold_changes, change))
        case "hold":
            return replace(now, holds=(*now.holds, Hold(said["by"], said["reason"], event.as_of)))
        case "release":
            return replace(now, holds=())
        case "retraining":
            return replace(now, retrainings=_retrainings(now.retrainings, event))
        case "refusal":
            return replace(now, refusals=(*now.refusals, _refusal(event)))
        case "placement":
            return replace(now, placements=(*now.placements, _placement(event)))
        case _:
            return replace(now, incidents=incidents_after(now.incidents, event))


def _move(event: Event) -> Move:
    said = event.payload
    return Move(
        kind=event.kind,  # type: ignore[arg-type]  # one of the three, as the match says
        version=said["version"],
        previous=said["previous"],
        at=event.as_of,
        by=said.get("by") or said.get("approved_by", ""),
        metrics=said.get("metrics", {}),
        gate_hash=said.get("gate_hash"),
        reason=said.get("reason", ""),
        place=(event.block_seq, event.idx),
    )


def _approval(event: Event) -> Approval:
    said = event.payload
    return Approval(
        version=said["version"],
        approved=event.kind == "approval",
        by=said["by"],
        gate_hash=said["gate_hash"],
        reason=said.get("reason", ""),
        at=event.as_of,
        place=(event.block_seq, event.idx),
    )


def _signed_off(event: Event) -> SignedOff:
    said = event.payload
    return SignedOff(
        said["item"],
        said["domain"],
        said["cadence"],
        said.get("partition"),
        said["by"],
        said.get("note", ""),
        event.as_of,
    )


def _threshold_change(event: Event) -> ThresholdChange:
    said = event.payload
    return ThresholdChange(
        said["decision"],
        said["month"],
        said["proposal"],
        said["reference"],
        said["version"],
        {name: float(value) for name, value in said["before"].items()},
        {name: float(value) for name, value in said["after"].items()},
        said["by"],
        said.get("back_test", ""),
        said.get("reason", ""),
        event.as_of,
    )


def _refusal(event: Event) -> Refusal:
    said = event.payload
    return Refusal(
        said["what"],
        said.get("version"),
        said.get("by"),
        tuple(said["reasons"]),
        event.as_of,
        (event.block_seq, event.idx),
    )


def _placement(event: Event) -> Placement:
    said = event.payload
    return Placement(
        said["environment"],
        said["version"],
        said.get("previous"),
        event.as_of,
        said.get("by", ""),
        said.get("reason", ""),
    )


def _retrainings(known: tuple[Retraining, ...], event: Event) -> tuple[Retraining, ...]:
    said = event.payload
    stage = {said["stage"]: {**said, "at": event.as_of.isoformat()}}
    for index, one in enumerate(known):
        if one.id == said["retraining"]:
            # One that goes on after its failure has not failed, and is not paused any more.
            over = {"failed", "paused"} if said["stage"] == "resumed" else set()
            past = {name: told for name, told in one.stages.items() if name not in over}
            reached = replace(one, stages={**past, **stage})
            return (*known[:index], reached, *known[index + 1 :])
    first = Retraining(
        said["retraining"],
        said.get("cause", ""),
        said.get("incident"),
        said.get("requested_by", ""),
        event.as_of,
        stage,
    )
    return (*known, first)
