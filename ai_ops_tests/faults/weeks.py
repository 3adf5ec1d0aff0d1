"""Weeks that were really logged, and judged day by day into a real ledger."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.logged import Logging, Witness, Writer
from ai_ops.checklist.logged import LOG_CHECKS
from ai_ops.cli.served_counts import ServedCounts
from ai_ops.client import PredictionLog
from ai_ops.component import CHECKS
from ai_ops.orchestration.judging import judge_and_record
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import compute_log_completeness
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.prediction_logging.sources import compute_user_actions
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.prediction_logging.logging_world import FEATURE, World, moment

BY_NAME = {check.name: check for check in CHECKS}

LOG_WEEK = Window.of_week("2021-03-01")
SILENT_DAY = "2021-03-03"
LOGGED = FEATURE.model_copy(
    update={
        "logging": Logging(
            writers=(Writer(name="web", always=False), Writer(name="batch", always=False)),
            witness=Witness(table="sources/tiny/served/*.parquet"),
        )
    }
)
"""The tiny feature with its two writers, each of which logs once a day, and a witness."""


def record(
    root: Root, feature: AiFeatureSpec, names: Sequence[str], moments: Sequence[Moment]
) -> None:
    """Judge each moment when it is due, and write the verdicts to the root's ledger."""
    for one in moments:
        root.begin_replay(one.as_of)
        judge_and_record(root, feature, [BY_NAME[name] for name in names], [one], run_id=None)


def logged_week(folder: Path, *, silent: str | None = None, unjudged: str | None = None) -> Root:
    """A week of twelve predictions a day by two writers; on a silent day, one of them is off."""
    world = World(folder)
    world.root.begin_replay(LOG_WEEK.start)
    launch = {"version": "1", "previous": None, "metrics": {}, "by": "someone@example.com"}
    world.root.ledger.append([NewEvent("launch", FEATURE.name, launch)], clock=world.root.clock)
    for day in LOG_WEEK.days():
        noon = Window.of_day(day).start + timedelta(hours=12)
        world.clock.time = noon
        ids = [f"{day}-{number}" for number in range(12)]
        with opened(world, "web") as web:
            world.write(web, *ids[:8])
        if day != silent:
            with opened(world, "batch") as batch:
                world.write(batch, *ids[8:])
        world.act(ids, [noon] * len(ids), name=day, call_site=["web"] * 8 + ["batch"] * 4)
        ServedCounts(world.root.folder / "sources" / "tiny" / "served").count(noon, len(ids))
    days = [moment(day, Window.of_day(day).end + timedelta(hours=6)) for day in LOG_WEEK.days()]
    for compute in (compute_prediction_log, compute_user_actions, compute_log_completeness):
        compute(world.root, LOGGED, days)
    record(world.root, LOGGED, LOG_CHECKS, [day for day in days if day.partition != unjudged])
    return world.root


def opened(world: World, writer: str) -> PredictionLog:
    """A writer's log, by the policy that the feature declares."""
    policy = policy_of(LOGGED, "replay")
    return PredictionLog(world.root.segments, FEATURE.name, writer, world.clock, policy=policy)
