"""When the jobs run in production. On a replay's clock the sensor of cadences asks for them."""

from datetime import datetime, timedelta

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.jobs import (
    checklist_job_name,
    daily_job_name,
    jobs,
    monthly_checklist_job_name,
    monthly_job_name,
    versions_job_name,
    weekly_job_name,
)
from ai_ops.orchestration.cadences import is_monitored
from ai_ops.orchestration.partitions import partitions_of
from ai_ops.orchestration.resources import RootResource
from ai_ops.orchestration.signing import at_work
from ai_ops.vocabulary.words import Rhythm

REPLAYED = "the clock of this root is a replay's: the sensor of cadences follows it"


def schedules(feature: AiFeatureSpec) -> list[dg.ScheduleDefinition]:
    """Each day (UTC) the registry at 05:30, the day before at 06:00; on Mondays the costs at 07:00,
    the list at 08:00; on the first of a month its evaluation set at 09:00, its list at 10:00.

    A job that the feature does not have has no schedule."""
    own = {job.name for job in jobs(feature)}
    every = [
        _latest_schedule(feature, versions_job_name(feature), "30 5 * * *"),
        _schedule(feature, "daily", daily_job_name(feature), "0 6 * * *"),
        _schedule(feature, "weekly", weekly_job_name(feature), "0 7 * * 1"),
        _schedule(feature, "weekly", checklist_job_name(feature), "0 8 * * 1"),
        _schedule(feature, "monthly", monthly_job_name(feature), "0 9 1 * *"),
        _schedule(feature, "monthly", monthly_checklist_job_name(feature), "0 10 1 * *"),
    ]
    return [schedule for schedule in every if schedule.job_name in own]


def _latest_schedule(feature: AiFeatureSpec, job_name: str, cron: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{job_name}_schedule",
        job_name=job_name,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Looks at the registry, so that drift is judged against what serves now.",
    )
    def run(
        context: dg.ScheduleEvaluationContext, root: RootResource
    ) -> dg.RunRequest | dg.SkipReason:
        opened = root.open()
        if opened.clock.mode == "replay":
            return dg.SkipReason(REPLAYED)
        now = context.scheduled_execution_time
        with at_work(opened, feature, source_of(feature, job_name)):
            if not is_monitored(feature, now):
                return dg.SkipReason(f"{feature.name} is not monitored on {now.date()}")
            return dg.RunRequest(run_key=now.date().isoformat())

    return run


def _schedule(
    feature: AiFeatureSpec, rhythm: Rhythm, job_name: str, cron: str
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{job_name}_schedule",
        job_name=job_name,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Runs {job_name} for the partition that ended last.",
    )
    def run(
        context: dg.ScheduleEvaluationContext, root: RootResource
    ) -> dg.RunRequest | dg.SkipReason:
        opened = root.open()
        if opened.clock.mode == "replay":
            return dg.SkipReason(REPLAYED)
        with at_work(opened, feature, source_of(feature, job_name)):
            # A daemon that was down ticks late: each tick means its own moment.
            partition = _ended_last(context.scheduled_execution_time, rhythm)
            if not partitions_of(feature, rhythm).has_partition_key(partition):
                return dg.SkipReason(f"{feature.name} is not monitored on {partition}")
            return dg.RunRequest(run_key=partition, partition_key=partition)

    return run


def source_of(feature: AiFeatureSpec, job_name: str) -> str:
    """Under which name a schedule gives its signs of life."""
    return f"schedule:{job_name.removeprefix(feature.name + '__')}"


def _ended_last(moment: datetime, rhythm: Rhythm) -> str:
    """The partition that ended last before a moment.

    >>> [_ended_last(datetime(2021, 3, 1, 9), rhythm) for rhythm in ("daily", "weekly", "monthly")]
    ['2021-02-28', '2021-02-22', '2021-02-01']
    """
    today = moment.date()
    match rhythm:
        case "daily":
            first = today - timedelta(days=1)
        case "weekly":
            first = today - timedelta(days=today.weekday() + 7)
        case "monthly":
            first = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    return first.isoformat()
