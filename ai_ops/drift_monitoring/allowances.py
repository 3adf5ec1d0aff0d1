"""The factors on thresholds that people signed: by the ledger, and only as they were signed."""

from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.believed import Void, believed
from ai_ops.storage.root import Root
from ai_ops.storage.standing import ThresholdChange
from ai_ops.vocabulary.words import EventKind

CHANGES: Final[tuple[EventKind, ...]] = ("threshold_change",)


def threshold_changes(
    root: Root, feature: AiFeatureSpec
) -> tuple[tuple[ThresholdChange, ...], tuple[Void, ...]]:
    """What people decided about the thresholds, oldest first, and what nobody signed who may."""
    if not root.ledger.events(feature.name, kinds=CHANGES):
        return (), ()  # of most days: nothing else of the ledger has to be read
    standing, void = believed(root, feature, kinds=CHANGES)
    return standing.threshold_changes, void
