"""The verdicts on the feed as checks ask for them."""

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.feed.alive import Feed, judge_alive
from ai_ops.drift_monitoring.feed.steady import judge_steady
from ai_ops.drift_monitoring.feed.stored import StoredFeed, read_normal
from ai_ops.drift_monitoring.references import live_reference
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict


def judge_volume_steady(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """As many predictions are answered as is usual on such a day of the week, and no call site or
    tenant went silent while the others go on.

    One low day is a holiday; an alert takes several of the last days and the latest one.
    """
    days = StoredFeed(root, feature.name)
    start, day = feature.monitoring.start, moment.partition
    verdict = judge_steady(day, days, _busy(root, feature, moment), feature.drift, start)
    return verdict.with_evidence(*days.evidence(day))


def judge_feed_alive(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The day is no copy of an earlier one, and no column is stuck at a value, stale or coarser
    than on any day of the reference.

    What stands still moves no distribution: neither drift nor accuracy would tell.
    """
    days = StoredFeed(root, feature.name)
    normal = read_normal(root, feature, live_reference(root, feature, moment))
    inputs = [column.name for column in feature.inputs]
    feed = Feed(days, normal, inputs, feature.monitoring.start)
    verdict = judge_alive(moment.partition, feed, feature.drift)
    return verdict.with_evidence(*days.evidence(moment.partition))


def _busy(root: Root, feature: AiFeatureSpec, moment: Moment) -> tuple[float, ...]:
    """The reference's weekly pattern; without a reference the log has to tell it alone."""
    try:
        return read_normal(root, feature, live_reference(root, feature, moment)).busy
    except MissingEvidence:
        return ()
