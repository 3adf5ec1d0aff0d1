"""The log of what the challenger answered: compacted as production's, in a lake of its own."""

from collections.abc import Sequence

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.storage.environments import beside
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment, Summary


def compute_challenger_log(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """What the challenger answered in shadow to the day's requests, by their ids; nobody got these
    answers, and no judgement of production reads them."""
    return compute_prediction_log(beside(root, "challenger"), feature, moments)
