"""Weeks that were really logged, and judged day by day into a real ledger."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.component import CHECKS
from ai_ops.orchestration.judging import judge_and_record
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import compute_log_completeness
from ai_ops.prediction_logging.sources import compute_user_actions
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.prediction_logging.logging_world import FEATURE, World, moment

BY_NAME = {check.name: check for check in CHECKS}

LOG_WEEK = Window.of_week("2021-03-01")
SILENT_DAY = "2021-03-03"
LOG_CHECKS = ("log_written", "log_complete", "user_actions_present")


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
    for day in LOG_WEEK.days():
        noon = Window.of_day(day).start + timedelta(hours=12)
        world.clock.time = noon
        ids = [f"{day}-{number}" for number in range(12)]
        with world.open_log("web") as web:
            world.write(web, *ids[:8])
        if day != silent:
            with world.open_log("batch") as batch:
                world.write(batch, *ids[8:])
        world.act(ids, [noon] * len(ids), name=day, call_site=["web"] * 8 + ["batch"] * 4)
    days = [moment(day, Window.of_day(day).end + timedelta(hours=6)) for day in LOG_WEEK.days()]
    for compute in (compute_prediction_log, compute_user_actions, compute_log_completeness):
        compute(world.root, FEATURE, days)
    record(world.root, FEATURE, LOG_CHECKS, [day for day in days if day.partition != unjudged])
    return world.root
