"""The decisions that a checklist believes: those that carry the signature of whoever may decide."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.decisions import verified_again
from ai_ops.storage.root import Root
from ai_ops.storage.standing import FOLDED, Standing, fold
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
    kept, void = [], []
    for event in events:
        if event.kind in SIGNED:
            try:
                verified_again(root, feature, event, everything)
            except DecisionRefused as refused:
                said = event.payload
                by, item = str(said.get("by")), str(said.get("item"))
                void.append(Void(event.kind, item, by, str(refused)))
                continue
        kept.append(event)
    return fold(kept), tuple(void)
