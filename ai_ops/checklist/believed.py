"""The decisions that a checklist believes: those that carry the signature of whoever may decide."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.believed import may_join
from ai_ops.storage.decisions import verified_again
from ai_ops.storage.ledger import Event
from ai_ops.storage.root import Root
from ai_ops.storage.standing import FOLDED, Standing, fold, further
from ai_ops.vocabulary.errors import DecisionRefused
from ai_ops.vocabulary.words import EventKind

SIGNED: Final = frozenset[EventKind](
    {
        "waiver",
        "sign_off",
        "review",
        "threshold_change",
        "incident_acknowledged",
        "incident_concluded",
        "call_site_mode",
        "environment_lock",
    }
)
"""What excuses an item, answers an alert or decides how it is done: no more than a line in a
database without its key."""

MACHINE: Final = "ai_ops"
"""Who resolves an incident that a person concluded, where no person does."""


@dataclass(frozen=True, slots=True)
class Void:
    """A decision in the ledger that nobody who may take it has signed, and why not."""

    kind: EventKind
    item: str
    by: str
    reason: str


def believed_standing(
    root: Root, feature: AiFeatureSpec, as_of: datetime
) -> tuple[Standing, tuple[Void, ...]]:
    """How the feature stands by what was signed, and the decisions that are left out of it."""
    events = root.ledger.events(feature=feature.name, kinds=FOLDED, as_of=as_of)
    everything = fold(events)
    standing, void = Standing(), []
    for event in events:
        if event.kind in SIGNED or _is_resolved_by_a_person(event):
            try:
                verified_again(root, feature, event, everything)
            except DecisionRefused as refused:
                said = event.payload
                by, item = str(said.get("by")), str(said.get("item"))
                void.append(Void(event.kind, item, by, str(refused)))
                continue
        if _is_possible(event, standing):
            standing = further(standing, event)
    return standing, tuple(void)


def _is_resolved_by_a_person(event: Event) -> bool:
    return event.kind == "incident_resolved" and event.payload.get("by") != MACHINE


def _is_possible(event: Event, standing: Standing) -> bool:
    """Whether a row that nobody signs says what could be: an alert joins an incident that waits,
    and what a person concluded is resolved."""
    if event.kind == "incident_joined":
        return may_join(event, standing)
    if event.kind != "incident_resolved":
        return True
    incident = standing.incident(str(event.payload.get("incident")))
    return incident is not None and incident.concluded_at is not None
