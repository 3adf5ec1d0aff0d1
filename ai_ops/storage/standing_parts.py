"""What single events of the ledger become in a feature's standing."""

from dataclasses import replace

from ai_ops.storage.decided_records import Approval, CallSiteMode, SignedOff, ThresholdChange
from ai_ops.storage.ledger_chain import Event
from ai_ops.storage.standing_records import Move, Placement, Refusal, Retraining


def move_of(event: Event) -> Move:
    """The move that an event is."""
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


def approval_of(event: Event) -> Approval:
    """The decision on a version that an event is."""
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


def signed_off_of(event: Event) -> SignedOff:
    """The sign-off that an event is."""
    said = event.payload
    return SignedOff(
        said["item"],
        said["domain"],
        said["cadence"],
        said.get("partition"),
        said["by"],
        said.get("note", ""),
        event.as_of,
        said.get("shown"),
    )


def threshold_change_of(event: Event) -> ThresholdChange:
    """The review of thresholds that an event is."""
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


def refusal_of(event: Event) -> Refusal:
    """The refusal that an event is."""
    said = event.payload
    return Refusal(
        said["what"],
        said.get("version"),
        said.get("by"),
        tuple(said["reasons"]),
        event.as_of,
        (event.block_seq, event.idx),
    )


def placement_of(event: Event) -> Placement:
    """The placement that an event is."""
    said = event.payload
    return Placement(
        said["environment"],
        said["version"],
        said.get("previous"),
        event.as_of,
        said.get("by", ""),
        said.get("reason", ""),
    )


def call_site_mode_of(event: Event) -> CallSiteMode:
    """What was decided about a call site by an event."""
    said = event.payload
    return CallSiteMode(said["call_site"], said["mode"], said["by"], said["reason"], event.as_of)


def retrainings_after(known: tuple[Retraining, ...], event: Event) -> tuple[Retraining, ...]:
    """The retrainings after one more event about them; in the order in which they began."""
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
