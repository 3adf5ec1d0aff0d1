"""Days, Monday weeks and months as Dagster partitions, and when each one is judged."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.vocabulary.clock import Clock
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Rhythm

JUDGED_TAG = "ai_ops/judged"
AT_SCHEDULE = "at_schedule"
"""The value of the tag that lets a run judge each partition as of the moment at which the schedule
would have: a replay or a backfill of a week then gives the verdicts that seven daily runs give."""

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"

DELAYS: Mapping[Rhythm, timedelta] = {
    "daily": timedelta(hours=6),
    "weekly": timedelta(hours=7),
    "monthly": timedelta(hours=9),
}
"""How long after the end of its window a partition is judged."""


def partitions_of(feature: AiFeatureSpec, rhythm: Rhythm) -> dg.TimeWindowPartitionsDefinition:
    """The feature's partitions: its monitored days, or the weeks or months that touch them."""
    start, end = feature.monitoring.start, feature.monitoring.end
    if rhythm == "daily":
        until = end.isoformat() if end else None
        return dg.DailyPartitionsDefinition(start.isoformat(), end_date=until)
    if rhythm == "monthly":
        # The month in which it ends is whole, as are all others.
        last = (end - timedelta(days=1)).replace(day=1) + timedelta(days=32) if end else None
        until = last.replace(day=1).isoformat() if last else None
        return dg.MonthlyPartitionsDefinition(start.replace(day=1).isoformat(), end_date=until)
    monday = start - timedelta(days=start.weekday())
    until = (end + timedelta(days=-end.weekday() % 7)).isoformat() if end else None
    return dg.WeeklyPartitionsDefinition(monday.isoformat(), day_offset=1, end_date=until)


def window_of(partition: str, rhythm: Rhythm) -> Window:
    """The window that a partition key names."""
    match rhythm:
        case "daily":
            return Window.of_day(partition)
        case "weekly":
            return Window.of_week(partition)
        case "monthly":
            return Window.of_month(partition)


def judged_at(window: Window, rhythm: Rhythm) -> datetime:
    """The moment at which the schedule judges a window."""
    return window.end + DELAYS[rhythm]


def moments_of(
    partitions: list[str], rhythm: Rhythm, *, tags: Mapping[str, str], clock: Clock
) -> list[Moment]:
    """The partitions of a run as moments, judged now or, where the run's tag says so, as the
    schedule would have.

    Raises ``BadInput`` for a partition that is not over yet: half a day is not a day.
    """
    now = clock.now()
    moments = []
    for partition in partitions:
        window = window_of(partition, rhythm)
        as_of = judged_at(window, rhythm) if tags.get(JUDGED_TAG) == AT_SCHEDULE else now
        if as_of > now or window.end > now:
            raise BadInput(
                f"partition {partition} cannot be judged before {max(as_of, window.end)}: "
                f"the clock of this root says {now}"
            )
        moments.append(Moment(partition, window, as_of))
    return moments


def trailing_days(days: int) -> dg.TimeWindowPartitionMapping:
    """The mapping of a day that reads itself and the ``days - 1`` before it."""
    return dg.TimeWindowPartitionMapping(
        start_offset=1 - days, end_offset=0, allow_nonexistent_upstream_partitions=True
    )
