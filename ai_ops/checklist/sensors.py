"""The sensor that turns a feature's cadences into runs: what is due by the books, by any clock."""

from collections.abc import Iterable, Sequence

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist import jobs as names
from ai_ops.orchestration.cadences import (
    CHANGED,
    Cadence,
    Due,
    due_latest,
    due_partitions,
    is_monitored,
)
from ai_ops.orchestration.judging import Check
from ai_ops.orchestration.sensing import GRACE, Answer, Job, ask, sensor_of
from ai_ops.storage.marks import marks_of, newest_block
from ai_ops.storage.root import Root
from ai_ops.vocabulary.words import EventKind

MOVES: tuple[EventKind, ...] = ("launch", "promotion", "rollback")
PREPARED: tuple[EventKind, ...] = ("gate_freeze", "gate_amendment", "approval", "waiver")
"""What people decide before a launch: the list is judged again with it."""


def sensors(
    feature: AiFeatureSpec, checks: Sequence[Check], jobs: Sequence[Job]
) -> list[dg.SensorDefinition]:
    """The feature's sensor of cadences; ``checks`` are all checks, ``jobs`` those it asks for."""

    def cadences(root: Root, feature: AiFeatureSpec, context: dg.SensorEvaluationContext) -> Answer:
        """What is due by the ledger and the root's clock: days, weeks, months, the registry, and
        before a launch what must be in place for it.

        Nothing is forgotten while the daemon is down: days that wait are judged as one run. In
        production the schedules come first, by an hour; on a replay's clock only this sensor turns
        cadences into runs.
        """
        return ask(root, context, feature, due(root, feature, checks))

    return [sensor_of(feature, "cadences", cadences, jobs)]


def due(root: Root, feature: AiFeatureSpec, checks: Sequence[Check]) -> list[Due]:
    """Every run that is due, in the order in which they may run.

    The reference of a version that went live is profiled after the days before it were judged.
    """
    now = root.clock.now()
    own = [check for check in checks if check.applies(feature)]
    grace = GRACE if root.clock.mode == "live" else GRACE * 0
    marks = marks_of(root.ledger, feature.name)
    moved = newest_block(root.ledger, feature.name, MOVES)

    def latest(job: str, assets: Sequence[str], changed: int) -> list[Due]:
        items = items_of(own, assets)
        found = due_latest(job, items, marks, now, changed=changed, grace=grace)
        return [found] if found and is_monitored(feature, now) else []

    versions = latest(names.versions_job_name(feature), names.VERSIONS, moved)
    first = [run for run in versions if run.reason != CHANGED]
    prepared = newest_block(root.ledger, feature.name, PREPARED)
    launching = latest(names.pre_launch_job_name(feature), names.PRE_LAUNCH, prepared)
    return [
        *first,
        *due_partitions(feature, cadences_of(feature, checks), marks, now, grace),
        *([] if first else versions),
        *([] if moved else launching),
    ]


def cadences_of(feature: AiFeatureSpec, checks: Sequence[Check]) -> tuple[Cadence, ...]:
    """The feature's jobs with partitions as what they judge and read, first what others read.

    A job without a check of this feature has nothing to be due.
    """
    own = [check for check in checks if check.applies(feature)]
    daily = Cadence(names.daily_job_name(feature), "daily", items_of(own, names.DAILY))
    weekly = Cadence(
        names.weekly_job_name(feature), "weekly", items_of(own, names.WEEKLY), (daily,)
    )
    weekly_list = Cadence(
        names.checklist_job_name(feature),
        "weekly",
        items_of(own, names.CHECKLIST),
        (daily, weekly),
    )
    monthly = Cadence(
        names.monthly_job_name(feature), "monthly", items_of(own, names.MONTHLY), (daily,)
    )
    monthly_list = Cadence(
        names.monthly_checklist_job_name(feature),
        "monthly",
        items_of(own, names.MONTHLY_CHECKLIST),
        (daily, monthly),
    )
    every = (daily, weekly, weekly_list, monthly, monthly_list)
    return tuple(cadence for cadence in every if cadence.items)


def items_of(checks: Iterable[Check], assets: Iterable[str]) -> frozenset[str]:
    """The names of the checks on these assets that a job judges."""
    wanted = frozenset(assets)
    return frozenset(
        check.name for check in checks if check.asset in wanted and check.name not in names.LIVE
    )
