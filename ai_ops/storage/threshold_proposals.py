"""The stored proposal that a decision about the thresholds of drift is about."""

from collections.abc import Mapping
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

ASSET: Final = "drift_thresholds"


def proposal_path(root: Root, feature: str, month: str) -> str:
    """Where the proposal of the month that begins on a day lies."""
    return root.lake.path(feature, ASSET, month, "json")


def unseen_proposal(root: Root, feature: AiFeatureSpec, content: Mapping[str, Any]) -> str | None:
    """Why what a decision was signed for is not the proposal that lies there, or None."""
    month = str(content["month"])
    try:
        proposal, evidence = root.lake.read_json(proposal_path(root, feature.name, month))
    except MissingEvidence:
        return f"nothing was proposed for {month[:7]}: materialise {ASSET}"
    if evidence.digest != content["proposal"]:
        return f"the proposal of {month[:7]} was made anew since; look at it again and sign"
    if proposal["reference"]["digest"] != content["reference"]:
        return f"the proposal of {month[:7]} is about another reference"
    return None
