"""Lines that landed after their day was judged are found, and have the day judged again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ai_ops.orchestration.sensing import JUDGING_TAG
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import (
    compute_log_completeness,
    judge_log_complete,
    judge_log_written,
)
from ai_ops.prediction_logging.sensors import sensors
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops_tests.orchestration.ticking import Ticking
from ai_ops_tests.prediction_logging.authors import Author
from ai_ops_tests.prediction_logging.logging_world import (
    DAY,
    FEATURE,
    NOON,
    SetClock,
    World,
    moment,
)

NEXT = "2021-03-05"
DAILY = dg.define_asset_job("tiny__daily", tags={JUDGING_TAG: FEATURE.name})


class Judging(World):
    """A world whose days are compacted and judged as a daily run does it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.replay = self.root.begin_replay(datetime(2021, 3, 8, tzinfo=UTC))

    def judge(self, *days: str) -> None:
        moments = [moment(day) for day in days]
        compute_prediction_log(self.root, FEATURE, moments)
        verdicts = [
            RecordedVerdict(
                FEATURE.name,
                "log_written",
                "prediction_log",
                one.partition,
                one.window,
                self.replay.now(),
                judge_log_written(self.root, FEATURE, one),
            )
            for one in moments
        ]
        self.root.ledger.record_verdicts(verdicts, clock=self.replay)

    def write_on(self, day: int, writer: str, *ids: str) -> None:
        self.clock = SetClock(NOON + timedelta(days=day - NOON.day))
        with self.open_log(writer) as log:
            self.write(log, *ids)


@pytest.fixture
def world(tmp_path: Path) -> Judging:
    return Judging(tmp_path / "root")


@pytest.fixture
def daemon(world: Judging) -> Iterator[Ticking]:
    sensor, _ = sensors(FEATURE, DAILY)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ticking(sensor, world.root, instance)


def late(daemon: Ticking) -> tuple[str | None, ...]:
    """The days that the sensor asks for."""
    asked = daemon.tick()
    if asked is None:
        return ()
    tags = asked.tags
    start = tags.get("dagster/asset_partition_range_start", asked.partition_key)
    return start, tags.get("dagster/asset_partition_range_end", asked.partition_key)


def test_a_segment_that_lands_after_its_day_was_judged_has_the_day_judged_again(
    world: Judging, daemon: Ticking
) -> None:
    world.write_on(4, "web", "a")
    world.judge(DAY)
    assert late(daemon) == ()
    world.write_on(4, "batch", "b")
    assert late(daemon) == (DAY, DAY)
    world.judge(DAY)
    assert late(daemon) == ()
    assert sorted(world.log_of()["id"].to_pylist()) == ["a", "b"]
    assert late(daemon) == ()
    assert daemon.skipped == "no segment has changed"


def test_a_day_that_was_judged_without_any_log_is_judged_again_with_it(
    world: Judging, daemon: Ticking
) -> None:
    world.judge(DAY, NEXT)
    assert late(daemon) == ()
    world.write_on(4, "web", "a")
    world.write_on(5, "web", "b")
    assert late(daemon) == (DAY, NEXT), "neighbouring days are one run"


def test_a_day_that_nobody_judged_yet_is_left_to_the_cadences(
    world: Judging, daemon: Ticking
) -> None:
    world.write_on(4, "web", "a")
    assert late(daemon) == ()
    world.judge(DAY)
    assert late(daemon) == ()
    world.write_on(5, "web", "b")
    assert late(daemon) == ()


def test_other_lines_that_land_again_are_another_attempt(world: Judging, daemon: Ticking) -> None:
    world.write_on(4, "web", "a")
    world.judge(DAY)
    world.write_on(4, "batch", "b")
    first = daemon.tick()
    assert first is not None
    run = daemon.launch(first, DAILY)
    assert daemon.tick() is None, "it waits"
    daemon.end(run)
    assert daemon.tick() is None
    assert "tried and failed" in daemon.skipped
    world.write_on(4, "batch", "c")
    again = daemon.tick()
    assert again is not None and again.run_key != first.run_key


def test_a_segment_that_cannot_be_read_asks_for_nothing(world: Judging, daemon: Ticking) -> None:
    world.write_on(4, "web", "a")
    world.judge(DAY)
    [segment] = world.segments()
    segment.unlink()
    assert late(daemon) == ()
    assert world.log_of()["id"].to_pylist() == ["a"], "its table is all that is left of it"


def test_a_day_that_misses_what_came_late_on_the_day_beside_is_judged_again_with_it(
    world: Judging, daemon: Ticking
) -> None:
    midnight = moment(NEXT).window.start
    author = Author(time=midnight - timedelta(hours=1))
    author.roll()
    author.predict(2)
    author.wait(3600)
    author.roll()
    author.predict(1)
    author.close()
    author.lay(world.root.segments, without=(2,))
    world.judge(DAY, NEXT)
    compute_log_completeness(world.root, FEATURE, [moment(DAY), moment(NEXT)])
    assert "part 2 is missing" in judge_log_complete(world.root, FEATURE, moment(NEXT)).reason
    assert late(daemon) == ()
    author.lay(world.root.segments)
    assert late(daemon) == (DAY, NEXT)
    world.judge(DAY, NEXT)
    compute_log_completeness(world.root, FEATURE, [moment(DAY), moment(NEXT)])
    assert "missing" not in judge_log_complete(world.root, FEATURE, moment(NEXT)).reason
    assert late(daemon) == ()
    world.write_on(4, "batch", "b")
    assert late(daemon) == (DAY, DAY), "the other day misses nothing"


def test_a_torn_line_that_is_made_whole_is_late(world: Judging, daemon: Ticking) -> None:
    world.write_on(4, "web", "a", "b")
    [segment] = world.segments()
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-20])
    world.judge(DAY)
    assert late(daemon) == ()
    segment.write_bytes(whole)
    assert late(daemon) == (DAY, DAY)


def test_a_table_that_does_not_say_what_it_was_made_from_is_left_as_it_is(
    world: Judging, daemon: Ticking
) -> None:
    world.write_on(4, "web", "a")
    world.judge(DAY)
    table = world.log_of().replace_schema_metadata({})
    world.root.lake.write_table(world.path(), table)
    assert late(daemon) == ()


def test_a_cursor_of_nobody_s_is_no_cursor(world: Judging, daemon: Ticking) -> None:
    daemon.cursor = utc(f"{DAY}T00:00:00Z").isoformat()
    world.write_on(4, "web", "a")
    world.judge(DAY)
    assert late(daemon) == ()
