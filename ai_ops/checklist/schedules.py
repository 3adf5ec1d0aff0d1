"""When the daily and the weekly job run: by the root's clock, the wall in production."""

from datetime import timedelta

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.jobs import (
    checklist_job_name,
    daily_job_name,
    versions_job_name,
    weekly_job_name,
)
from ai_ops.checklist.reading import last_whole_week
from ai_ops.orchestration.partitions import partitions_of
from ai_ops.orchestration.resources import RootResource
from ai_ops.vocabulary.words import Rhythm


def schedules(feature: AiFeatureSpec) -> list[dg.ScheduleDefinition]:
    """Each day (UTC) the registry at 05:30, the day before at 06:00; on Mondays the costs at 07:00,
    the list at 08:00."""
    return [
        dg.ScheduleDefinition(
            job_name=versions_job_name(feature),
            cron_schedule="30 5 * * *",
            execution_timezone="UTC",
            description="Looks at the registry, so that drift is judged against what serves now.",
        ),
        _schedule(feature, "daily", daily_job_name(feature), "0 6 * * *"),
        _schedule(feature, "weekly", weekly_job_name(feature), "0 7 * * 1"),
        _schedule(feature, "weekly", checklist_job_name(feature), "0 8 * * 1"),
    ]


def _schedule(
    feature: AiFeatureSpec, rhythm: Rhythm, job_name: str, cron: str
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{job_name}_schedule",
        job_name=job_name,
        cron_schedule=cron,
        execution_timezone="UTC",
        description=f"Runs {job_name} for the partition that ended last.",
    )
    def run(
        context: dg.ScheduleEvaluationContext, root: RootResource
    ) -> dg.RunRequest | dg.SkipReason:
        clock = root.open().clock
        # A daemon that was down ticks late: in production each tick means its own moment.
        now = context.scheduled_execution_time if clock.mode == "live" else clock.now()
        if rhythm == "daily":
            partition = (now.date() - timedelta(days=1)).isoformat()
        else:
            partition = last_whole_week(now).start.date().isoformat()
        if not partitions_of(feature, rhythm).has_partition_key(partition):
            return dg.SkipReason(f"{feature.name} is not monitored on {partition}")
        return dg.RunRequest(run_key=partition, partition_key=partition)

    return run
