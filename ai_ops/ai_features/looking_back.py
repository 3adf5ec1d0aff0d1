"""How many days a verdict looks back on: what is known of one of them is in it as long."""

import math

from ai_ops.ai_features.schema import AiFeatureSpec

WEEK_DAYS = 7
DAY_BY_DAY = ("volume_steady", "feed_alive")
"""What is judged of each day by itself, and confirmed by the last n."""


def looks_back(item: str, feature: AiFeatureSpec) -> int:
    """The days that a day's verdict on ``item`` may rest on: its window, at each of the last n
    days that confirm it, and for accuracy the time that labels take."""
    if item == "accuracy":
        late = math.ceil(feature.ground_truth.mature_after_hours / 24)
        return WEEK_DAYS + feature.gate.n - 1 + late
    if item in DAY_BY_DAY:
        return feature.drift.n
    return feature.drift.window_days + feature.drift.n - 1
