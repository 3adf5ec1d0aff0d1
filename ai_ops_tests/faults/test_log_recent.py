"""A log that stops is told apart from traffic that stops, and from a night that is always quiet.

Logged by the real client and compacted; what users did lies where the product's database puts it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.logged import Logging, Witness
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import compute_log_completeness
from ai_ops.prediction_logging.recency_report import judge_log_recent
from ai_ops.prediction_logging.sources import compute_user_actions
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, World, moment

HOUR = timedelta(hours=1)
BUSY = range(8, 20)
"""The hours in which the feature is asked; the night is quiet."""

EACH = 10
START = Window.of_day(DAY).start
WITNESS = Witness(table="sources/tiny/served/*.parquet")
WITNESSED = FEATURE.model_copy(update={"logging": Logging(witness=WITNESS)})
WEEKS_BEFORE = [START - timedelta(weeks=week) for week in (1, 2, 3, 4)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Four weeks before, the same weekday was logged as usual."""
    made = World(tmp_path)
    made.root.begin_replay(START)
    for day in reversed(WEEKS_BEFORE):
        logged(made, day, BUSY)
        compute_prediction_log(made.root, FEATURE, [moment(f"{day:%Y-%m-%d}")])
    return made


def logged(world: World, day: datetime, hours: Sequence[int]) -> None:
    world.clock.time = day
    with world.open_log() as log:
        for hour in hours:
            world.clock.time = day + hour * HOUR
            world.write(log, *ids(day, hour))


def ids(day: datetime, hour: int) -> list[str]:
    return [f"{day:%m-%d}-{hour}-{number}" for number in range(EACH)]


def acted(world: World, hours: Sequence[int]) -> None:
    """Users acted on a prediction of each of these hours."""
    for hour in hours:
        world.act(ids(START, hour), [START + hour * HOUR] * EACH, name=f"{hour}")


def served(world: World, hours: Sequence[int]) -> None:
    """A load balancer counted a request for each prediction of these hours."""
    file = world.root.folder / "sources" / "tiny" / "served" / f"{DAY}.parquet"
    file.parent.mkdir(parents=True)
    times = [START + hour * HOUR for hour in hours]
    pq.write_table(pa.table({"time": times, "served": [EACH] * len(times)}), file)


def judged(world: World, feature: AiFeatureSpec = FEATURE, at: Moment | None = None) -> Verdict:
    chosen = at or moment()
    for compute in (compute_prediction_log, compute_user_actions, compute_log_completeness):
        compute(world.root, feature, [chosen])
    return judge_log_recent(world.root, feature, chosen)


def test_a_usual_day_with_its_quiet_night_is_green(world: World) -> None:
    logged(world, START, BUSY)
    acted(world, BUSY)
    verdict = judged(world)
    assert (verdict.status, verdict.sample_size) == ("pass", EACH * len(BUSY))
    assert "the last at 2021-03-04 19:00" in verdict.reason
    assert verdict.observed["weeks_compared"] == 4


@pytest.mark.fault("log_recent")
@pytest.mark.requirement("WK-09", "WK-10")
def test_logging_that_stopped_is_told_with_its_begin_and_what_was_missed(world: World) -> None:
    logged(world, START, range(8, 14))
    acted(world, BUSY)
    verdict = judged(world)
    assert verdict.status == "fail"
    [finding] = verdict.findings
    assert (finding.kind, finding.size) == ("completeness", EACH * 6)
    assert finding.begin is not None
    assert abs(finding.begin - (START + 13 * HOUR)) < timedelta(seconds=1)
    assert "logging stopped: nothing was logged since 2021-03-04 13:00" in verdict.reason
    assert "60 user actions without a prediction" in verdict.reason


@pytest.mark.fault("log_recent")
@pytest.mark.requirement("WK-10", "FR-3")
def test_traffic_that_stopped_is_another_finding(world: World) -> None:
    logged(world, START, range(8, 14))
    acted(world, range(8, 14))
    verdict = judged(world)
    assert verdict.status == "fail"
    [finding] = verdict.findings
    assert (finding.kind, finding.size) == ("volume", EACH * 6)
    assert finding.begin == START + 14 * HOUR
    assert "where 60 predictions are usual (the median of 4 weeks)" in verdict.reason
    assert "no traffic: what users did tells of none either" in verdict.reason


@pytest.mark.fault("log_recent")
def test_a_day_without_any_record_fails_by_what_was_done_and_by_what_is_usual(
    world: World,
) -> None:
    yesterday = START - timedelta(days=1)
    logged(world, yesterday, [10])
    compute_prediction_log(world.root, FEATURE, [moment("2021-03-03")])
    acted(world, BUSY)
    stopped = judged(world)
    assert (stopped.status, stopped.findings[0].kind) == ("fail", "completeness")
    assert "since 2021-03-03 10:00" in stopped.reason  # the last record that is known
    for file in world.root.folder.glob("sources/**/*.parquet"):
        file.unlink()
    absent = judged(world)
    assert (absent.status, absent.findings[0].kind) == ("fail", "volume")
    assert "nobody counts besides" in absent.reason


@pytest.mark.fault("log_recent")
def test_hours_in_the_middle_of_a_day_are_found_too(world: World) -> None:
    logged(world, START, [8, 9, *range(12, 20)])
    acted(world, BUSY)
    verdict = judged(world)
    assert verdict.findings[0].size == EACH * 2
    assert "since 2021-03-04 09:00 until 12:00" in verdict.reason


def test_a_declared_witness_comes_before_what_users_did(world: World) -> None:
    logged(world, START, range(8, 14))
    acted(world, range(8, 14))  # the users' own database went down, too
    served(world, BUSY)
    verdict = judged(world, WITNESSED)
    assert verdict.status == "fail"
    assert "the witness tells of 60 requests that were served" in verdict.reason
    assert verdict.findings[0].kind == "completeness"


def test_a_witness_that_saw_nothing_all_day_is_none(world: World) -> None:
    logged(world, START, BUSY)
    acted(world, BUSY)
    served(world, [])
    verdict = judged(world, WITNESSED)
    assert verdict.status == "pass"
    assert "what users did tells of nothing in an hour without any" in verdict.reason


def test_what_is_not_over_yet_is_not_expected(world: World) -> None:
    logged(world, START, range(8, 14))
    acted(world, range(8, 14))
    early = Moment(DAY, Window.of_day(DAY), START + 14 * HOUR + HOUR / 2)
    assert judged(world, at=early).status == "pass"
    late = Moment(DAY, Window.of_day(DAY), START + 17 * HOUR)
    assert judged(world, at=late).findings[0].size == EACH * 3


def test_a_missing_share_that_is_declared_is_allowed(world: World) -> None:
    logged(world, START, range(8, 19))
    acted(world, BUSY)
    tolerant = FEATURE.user_actions.model_copy(update={"missing_share": 0.1})
    feature = FEATURE.model_copy(update={"user_actions": tolerant})
    assert judged(world).status == "fail"
    assert judged(world, feature).status == "pass"


def test_nothing_to_compare_with_is_no_evidence(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.root.begin_replay(START)
    with pytest.raises(MissingEvidence):
        judge_log_recent(world.root, FEATURE, moment())
    logged(world, START, [9])
    verdict = judged(world)
    assert (verdict.status, verdict.findings[0].kind) == ("no_evidence", "volume")
    assert "whether more was due is not known" in verdict.reason
    compute_prediction_log(world.root, FEATURE, [moment("2021-03-05")])
    empty = judge_log_recent(world.root, FEATURE, moment("2021-03-05"))
    assert empty.status == "no_evidence"
