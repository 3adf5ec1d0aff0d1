"""The sensor of cadences and the schedules, each on a live root and on a replay's."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ai_ops.ai_features.parts import Monitoring
from ai_ops.checklist import jobs as names
from ai_ops.checklist.jobs import jobs
from ai_ops.checklist.schedules import schedules
from ai_ops.checklist.sensors import due, sensors
from ai_ops.component import CHECKS
from ai_ops.orchestration.judging import Check
from ai_ops.orchestration.partitions import (
    AT_SCHEDULE,
    JUDGED_TAG,
    RANGE_END,
    RANGE_START,
    judged_at,
    window_of,
)
from ai_ops.orchestration.resources import RootResource
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import Clock, utc
from ai_ops.vocabulary.verdicts import RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.deciding import FEATURE as DECLARED
from ai_ops_tests.orchestration.ticking import Ticking

FEATURE = DECLARED.model_copy(update={"monitoring": Monitoring(start=date(2021, 3, 1))})
MONDAY = utc("2021-03-08T10:00:00Z")
JOBS = {job.name: job for job in jobs(FEATURE)}
FINE = Verdict.passing("fine", sample_size=1)


@pytest.fixture
def replay(tmp_path: Path) -> Root:
    root = Root.open(tmp_path / "root", environment={})
    root.begin_replay(MONDAY)
    return root


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def ticking(root: Root, instance: dg.DagsterInstance) -> Ticking:
    [sensor] = sensors(FEATURE, CHECKS, jobs(FEATURE))
    return Ticking(sensor, root, instance)


def judge(root: Root, assets: tuple[str, ...], *partitions: str | None) -> None:
    """What the job over those assets leaves in the ledger."""
    now = root.clock.now()
    for name in assets:
        own = [check for check in CHECKS if check.asset == name]
        verdicts = [_verdict(check, partition, now) for partition in partitions for check in own]
        root.ledger.record_verdicts(verdicts, clock=root.clock)


def _verdict(check: Check, partition: str | None, now: datetime) -> RecordedVerdict:
    if partition is None or check.rhythm is None:
        window, as_of = Window.of_day(now.date()), now
    else:
        window = window_of(partition, check.rhythm)
        as_of = judged_at(window, check.rhythm)
    return RecordedVerdict(FEATURE.name, check.name, check.asset, partition, window, as_of, FINE)


def test_a_replay_s_clock_turns_cadences_into_runs_first_what_others_read(
    replay: Root, instance: dg.DagsterInstance
) -> None:
    daemon = ticking(replay, instance)
    asked = daemon.tick()
    assert asked is not None and asked.job_name == "flight_delay__versions"
    judge(replay, names.VERSIONS, None)

    asked = daemon.tick()
    assert asked is not None and asked.job_name == "flight_delay__daily"
    assert asked.partition_key is None, "a week of days is one run over their range"
    assert asked.tags[RANGE_START] == "2021-03-01"
    assert asked.tags[RANGE_END] == "2021-03-07"
    assert asked.tags[JUDGED_TAG] == AT_SCHEDULE
    judge(replay, names.DAILY, *Window.of_week("2021-03-01").days())

    for job, assets in (("weekly", names.WEEKLY), ("weekly_list", names.CHECKLIST)):
        asked = daemon.tick()
        assert asked is not None and asked.job_name == f"flight_delay__{job}"
        assert asked.partition_key == "2021-03-01"
        judge(replay, assets, "2021-03-01")

    asked = daemon.tick()
    assert asked is not None and asked.job_name == "flight_delay__pre_launch"
    judge(replay, names.PRE_LAUNCH, None)
    assert daemon.tick() is None
    assert daemon.skipped == "nothing is due at 2021-03-08 10:00"


def test_one_run_at_a_time_judges_a_feature(replay: Root, instance: dg.DagsterInstance) -> None:
    daemon = ticking(replay, instance)
    asked = daemon.tick()
    assert asked is not None
    run = daemon.launch(asked, JOBS[asked.job_name or ""])
    assert daemon.tick() is None
    assert run in daemon.skipped


def test_what_failed_waits_for_the_clock_s_next_day_and_others_go_on(
    replay: Root, instance: dg.DagsterInstance
) -> None:
    daemon = ticking(replay, instance)
    versions = daemon.tick()
    assert versions is not None
    daemon.end(daemon.launch(versions, JOBS[versions.job_name or ""]))
    daily = daemon.tick()
    assert daily is not None and daily.job_name == "flight_delay__daily"
    replay.begin_replay(MONDAY + timedelta(days=1))
    again = daemon.tick()
    assert again is not None and again.job_name == versions.job_name
    assert again.run_key != versions.run_key


def test_before_the_launch_its_list_follows_what_people_decide(replay: Root) -> None:
    judge(replay, names.VERSIONS, None)
    judge(replay, names.DAILY, *Window.of_week("2021-03-01").days())
    judge(replay, names.WEEKLY, "2021-03-01")
    judge(replay, names.CHECKLIST, "2021-03-01")
    assert [run.job for run in due(replay, FEATURE, CHECKS)] == ["flight_delay__pre_launch"]
    judge(replay, names.PRE_LAUNCH, None)
    assert due(replay, FEATURE, CHECKS) == []
    happened(replay, "gate_freeze")
    assert [run.job for run in due(replay, FEATURE, CHECKS)] == ["flight_delay__pre_launch"]
    happened(replay, "launch")
    assert [run.job for run in due(replay, FEATURE, CHECKS)] == ["flight_delay__versions"]
    judge(replay, names.VERSIONS, None)
    assert due(replay, FEATURE, CHECKS) == [], "a launch is not prepared twice"


def test_a_version_that_went_live_is_profiled_after_the_days_before_it(replay: Root) -> None:
    judge(replay, names.VERSIONS, None)
    happened(replay, "promotion")
    jobs_due = [run.job for run in due(replay, FEATURE, CHECKS)]
    assert jobs_due.index("flight_delay__daily") < jobs_due.index("flight_delay__versions")


def test_a_root_that_is_neither_live_nor_a_replay_yet_is_left_alone(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    daemon = ticking(Root.open(tmp_path / "fresh", environment={}), instance)
    assert daemon.tick() is None
    assert "nothing was logged or judged here yet" in daemon.skipped


def happened(root: Root, kind: str) -> None:
    event = NewEvent(kind, FEATURE.name, {})  # type: ignore[arg-type]
    root.ledger.append([event], clock=root.clock)


class Afternoon:
    """A live root's clock that a test sets."""

    mode = "live"

    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time


@pytest.mark.parametrize(("clock", "jobs_due"), [("06:59", []), ("07:00", ["daily"])])
def test_a_live_root_leaves_a_day_to_its_schedule_for_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: str, jobs_due: list[str]
) -> None:
    root = Root.open(tmp_path / "live", environment={})
    now: Clock = Afternoon(utc(f"2021-03-02T{clock}:00Z"))  # type: ignore[assignment]
    monkeypatch.setattr(Root, "clock", now)
    judge(root, (*names.VERSIONS, *names.PRE_LAUNCH), None)
    judged = [run.job for run in due(root, FEATURE, CHECKS) if "list" not in run.job]
    assert judged == [f"flight_delay__{job}" for job in jobs_due]


@pytest.mark.requirement("ST-09")
def test_schedules_tick_by_the_wall_and_leave_a_replay_to_the_sensor(
    tmp_path: Path, replay: Root
) -> None:
    live = tmp_path / "live"
    asked = {schedule.job_name: _ticked(schedule, live) for schedule in schedules(FEATURE)}
    assert {job: request.partition_key for job, [request] in asked.items()} == {
        "flight_delay__versions": None,
        "flight_delay__daily": "2021-03-31",
        "flight_delay__weekly": "2021-03-22",
        "flight_delay__weekly_list": "2021-03-22",
        "flight_delay__monthly": "2021-03-01",
        "flight_delay__monthly_list": "2021-03-01",
    }
    assert all(_ticked(schedule, replay.folder) == [] for schedule in schedules(FEATURE))


def _ticked(schedule: dg.ScheduleDefinition, folder: Path) -> list[dg.RunRequest]:
    with dg.build_schedule_context(
        scheduled_execution_time=datetime(2021, 4, 1, 10, tzinfo=UTC),
        resources={"root": RootResource(folder=str(folder))},
    ) as context:
        answer = schedule(context)
    return [answer] if isinstance(answer, dg.RunRequest) else []
