"""What all sensors share: a tick that looks at the root, and asks for at most one run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)
from dagster._core.storage.tags import RUN_KEY_TAG

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.building import description_of
from ai_ops.orchestration.cadences import Due, next_untried
from ai_ops.orchestration.orphans import BEGUN, GONE, is_orphan
from ai_ops.orchestration.partitions import AT_SCHEDULE, JUDGED_TAG, RANGE_END, RANGE_START
from ai_ops.orchestration.resources import RootResource
from ai_ops.orchestration.signing import at_work, look_at_dagster
from ai_ops.storage.root import Root

SECONDS: Final = 5
"""How often a sensor looks."""

GRACE: Final = timedelta(hours=1)
"""How long a live root's sensor leaves a partition to its schedule."""

JUDGING_TAG: Final = "ai_ops/judging"
"""The tag of jobs that judge a feature: ``dagster.yaml`` lets one at a time run per feature."""

REASON_TAG: Final = "ai_ops/reason"

UNFINISHED: Final = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.CANCELING,
    *BEGUN,
)

Job = UnresolvedAssetJobDefinition | dg.JobDefinition
Answer = dg.RunRequest | dg.SkipReason | dg.SensorResult
Tick = Callable[[Root, AiFeatureSpec, dg.SensorEvaluationContext], Answer]


def sensor_of(
    feature: AiFeatureSpec,
    name: str,
    tick: Tick,
    jobs: Sequence[Job] = (),
    *,
    seconds: int = SECONDS,
) -> dg.SensorDefinition:
    """The feature's sensor of that name: on by default, ``tick`` is asked every few seconds.

    The docstring of ``tick`` is what the UI shows. A root in which nothing was done yet is left
    alone: its first command, schedule or decision says whether it is live or a replay.
    """

    # By name where one is meant: Dagster warns of itself when it binds a job that it is handed.
    single = jobs[0].name if len(jobs) == 1 else None

    @dg.sensor(
        name=f"{feature.name}__{name}",
        job_name=single,
        jobs=None if single else jobs or None,
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=description_of(tick),
    )
    def run(context: dg.SensorEvaluationContext, root: RootResource) -> Answer:
        opened = root.open()
        if not _is_begun(opened):
            return dg.SkipReason(f"{opened.folder}: nothing was logged or judged here yet")
        look_at_dagster(lambda: context.instance, opened, feature)
        with at_work(opened, feature, f"sensor:{name}"):
            return tick(opened, feature, context)

    return run


def ask(
    root: Root, context: dg.SensorEvaluationContext, feature: AiFeatureSpec, due: Iterable[Due]
) -> Answer:
    """The first run that is due and not tried yet; none while another one judges the feature."""
    instance = context.instance
    if going := unfinished(instance, tags={JUDGING_TAG: feature.name}):
        return dg.SkipReason(f"run {going} judges {feature.name} and is not finished")
    waiting = list(due)
    run = next_untried(waiting, lambda one: _tried(instance, one))
    if run is not None:
        return request_of(run, at_schedule=root.clock.mode == "replay")
    if waiting:
        keys = ", ".join(one.key for one in waiting)
        return dg.SkipReason(f"tried and failed, to be tried again on the clock's next day: {keys}")
    return dg.SkipReason(f"nothing is due at {root.clock.now():%Y-%m-%d %H:%M}")


def is_settled(instance: dg.DagsterInstance, feature: AiFeatureSpec, due: Iterable[Due]) -> bool:
    """Whether no run judges the feature, and nothing is due that was not tried."""
    if unfinished(instance, tags={JUDGING_TAG: feature.name}):
        return False
    return next_untried(due, lambda one: _tried(instance, one)) is None


def request_of(run: Due, *, at_schedule: bool) -> dg.RunRequest:
    """The request of a run: a single partition, or one run for a range of them.

    On a replay's clock each partition is judged as its schedule would have; in production a run
    that comes late judges by what is known now.
    """
    tags = {REASON_TAG: run.reason}
    if at_schedule and run.partitions:
        tags[JUDGED_TAG] = AT_SCHEDULE
    if len(run.partitions) > 1:
        tags |= {RANGE_START: run.partitions[0], RANGE_END: run.partitions[-1]}
    return dg.RunRequest(
        run_key=run.key,
        job_name=run.job,
        partition_key=run.partitions[0] if len(run.partitions) == 1 else None,
        tags=tags,
    )


def unfinished(
    instance: dg.DagsterInstance, *, job: str | None = None, tags: Mapping[str, str] | None = None
) -> str | None:
    """The id of a run of that job, or with those tags, that waits or goes on; None without one.

    One whose process is gone is marked as failed on the way: nothing else would ever end it.
    """
    going = dg.RunsFilter(job_name=job, tags=tags, statuses=list(UNFINISHED))
    for run in instance.get_runs(going):
        if run.status not in BEGUN or not is_orphan(instance, run):
            return run.run_id
        instance.report_run_failed(run, GONE)
    return None


def _is_begun(root: Root) -> bool:
    """Whether the root is live or a replay already; a sensor is not what settles that."""
    if root.ledger.mode() is not None or root.clock.mode == "replay":
        return True
    if any(root.segments.rglob("*.jsonl")):
        return True
    lake = root.lake
    return any(lake.folders(f"{lake.url}/{name}/landing") for name in lake.folders(lake.url))


def _tried(instance: dg.DagsterInstance, run: Due) -> bool:
    return instance.get_runs_count(dg.RunsFilter(tags={RUN_KEY_TAG: run.key}, job_name=run.job)) > 0
