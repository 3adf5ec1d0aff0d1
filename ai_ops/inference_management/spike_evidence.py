"""What lies behind a week whose cost rose: its opportunities, for whoever answers the incident."""

from typing import Final

import msgspec

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.opportunity_report import find_opportunities
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment

ASSET: Final = "cost_spike_evidence"


def write_spike_evidence(root: Root, feature: AiFeatureSpec, moment: Moment) -> None:
    """Look for the week's opportunities as every month does, and keep them beside its trend: an
    incident of its cost begins with them."""
    found = find_opportunities(root, feature, moment)
    path = root.lake.path(feature.name, ASSET, moment.partition, "json")
    root.lake.write_json(path, msgspec.to_builtins(found))
