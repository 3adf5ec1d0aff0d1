"""Every item of a checklist as an asset check."""

import functools

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.evidence import gather
from ai_ops.checklist.items import Item
from ai_ops.checklist.reading import read_line
from ai_ops.checklist.weekly import WEEKLY
from ai_ops.orchestration.judging import Check
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict


def _check_of(item: Item) -> Check:
    @functools.wraps(item.judge)
    def judge(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
        evidence = gather(root, feature, moment.window, moment.as_of)
        return read_line(feature, item, evidence).verdict

    return Check(item.id, "weekly_checklist", item.domain, "operations", judge, rhythm="weekly")


CHECKS = tuple(_check_of(item) for item in WEEKLY)
