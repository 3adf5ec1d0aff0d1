"""What a backfill that begins in the middle looks back on: the days before it, read and not judged.

A window of a week or a month reaches back, and so do labels that come late. Without the rows of
those days the first judged ones would have strangers among their labels and no whole week.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from math import ceil

from ai_ops.accuracy_evaluation.evaluator import MONTH_DAYS
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.reports import compute_prediction_profile
from ai_ops.orchestration.partitions import judged_at
from ai_ops.prediction_logging.compaction import LOG, compute_prediction_log
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window


def read_before(root: Root, feature: AiFeatureSpec, first: date) -> list[str]:
    """Read the monitored days that the windows from ``first`` on look back on; returns those read.

    Only of a log of others, and only days of which nothing was read before.
    """
    moments = [_moment(day) for day in _unread(root, feature, first)]
    if moments:
        compute_prediction_log(root, feature, moments)
        if feature.labelled:
            compute_ground_truth(root, feature, moments)
        with suppress(MissingEvidence):  # of what is normal: drift says so on every judged day
            compute_prediction_profile(root, feature, moments)
    return [moment.partition for moment in moments]


def _unread(root: Root, feature: AiFeatureSpec, first: date) -> Sequence[str]:
    if feature.source is None:
        return ()
    late = ceil(feature.ground_truth.mature_after_hours / 24) if feature.labelled else 0
    days = Window.trailing(first - timedelta(days=1), days=MONTH_DAYS + late).days()
    read = {path.rsplit("/", 1)[-1] for path in root.lake.glob(f"{feature.name}/{LOG}/*.parquet")}
    return [d for d in days if feature.monitoring.holds(d) and f"{d}.parquet" not in read]


def _moment(day: str) -> Moment:
    window = Window.of_day(day)
    return Moment(day, window, judged_at(window, "daily"))
