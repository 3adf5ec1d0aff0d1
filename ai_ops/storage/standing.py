"""How a feature stands: what was frozen, launched, approved, held and answered, as of a moment.

A pure fold over the events of the ledger. Whoever acts (promotes, retrains) reads it again at
that moment.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from ai_ops.storage.decided_records import (
    Approval,
    CallSiteMode,
    EnvironmentLock,
    Hold,
    Place,
    Review,
    SignedOff,
    ThresholdChange,
    Waiver,
)
from ai_ops.storage.incident_records import Incident, Joined, Question, Taken
from ai_ops.storage.ledger import Ledger
from ai_ops.storage.ledger_chain import Event
from ai_ops.storage.standing_incidents import incidents_after
from ai_ops.storage.standing_parts import (
    approval_of,
    call_site_mode_of,
    move_of,
    placement_of,
    refusal_of,
    retrainings_after,
    signed_off_of,
    threshold_change_of,
)
from ai_ops.storage.standing_records import (
    FrozenGate,
    Move,
    Placement,
    Refusal,
    Retraining,
    Standing,
)
from ai_ops.vocabulary.errors import LedgerBroken
from ai_ops.vocabulary.words import EventKind

__all__ = [
    "Approval",
    "CallSiteMode",
    "EnvironmentLock",
    "FrozenGate",
    "Hold",
    "Incident",
    "Joined",
    "Move",
    "Place",
    "Placement",
    "Question",
    "Refusal",
    "Retraining",
    "Review",
    "SignedOff",
    "Standing",
    "Taken",
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
    "incident_joined",
    "incident_reopened",
    "incident_asked",
    "incident_answered",
    "call_site_mode",
    "environment_lock",
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
            return replace(now, moves=(*now.moves, move_of(event)))
        case "approval" | "rejection":
            approval = approval_of(event)
            return replace(now, approvals={**now.approvals, approval.version: approval})
        case "waiver":
            until = date.fromisoformat(said["until"])
            waiver = Waiver(
                said["item"], said["domain"], said["by"], said["reason"], event.as_of, until
            )
            return replace(now, waivers=(*now.waivers, waiver))
        case "sign_off":
            return replace(now, sign_offs=(*now.sign_offs, signed_off_of(event)))
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
            change = threshold_change_of(event)
            return replace(now, threshold_changes=(*now.threshold_changes, change))
        case "hold":
            return replace(now, holds=(*now.holds, Hold(said["by"], said["reason"], event.as_of)))
        case "release":
            return replace(now, holds=())
        case "retraining":
            return replace(now, retrainings=retrainings_after(now.retrainings, event))
        case "refusal":
            return replace(now, refusals=(*now.refusals, refusal_of(event)))
        case "placement":
            return replace(now, placements=(*now.placements, placement_of(event)))
        case "call_site_mode":
            return replace(now, call_site_modes=(*now.call_site_modes, call_site_mode_of(event)))
        case "environment_lock":
            lock = EnvironmentLock(said["digest"], said["by"], said["reason"], event.as_of)
            return replace(now, environment_locks=(*now.environment_locks, lock))
        case _:
            return replace(now, incidents=incidents_after(now.incidents, event))
