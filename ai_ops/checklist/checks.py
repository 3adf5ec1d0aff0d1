"""Every item of a checklist as an asset check."""

import functools
from datetime import datetime

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.items import LIST_OF, Item
from ai_ops.checklist.reading import ITEMS, read_item, window_at
from ai_ops.orchestration.judging import Check
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.words import Cadence, Rhythm

RHYTHMS: dict[Cadence, Rhythm | None] = {
    "pre_launch": None,
    "weekly": "weekly",
    "monthly": "monthly",
}


def _check_of(item: Item) -> Check:
    @functools.wraps(item.judge)
    def judge(root: Root, feature: AiFeatureSpec, moment: Moment | datetime) -> Verdict:
        if isinstance(moment, Moment):
            return read_item(root, feature, item, moment.window, moment.as_of).verdict
        return read_item(root, feature, item, window_at(item.cadence, moment), moment).verdict

    asset, rhythm = LIST_OF[item.cadence], RHYTHMS[item.cadence]
    return Check(item.id, asset, item.domain, "operations", judge, rhythm=rhythm)


CHECKS = tuple(_check_of(item) for items in ITEMS.values() for item in items)
