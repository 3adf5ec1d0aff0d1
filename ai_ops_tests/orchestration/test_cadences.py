"""What is due, told from ledger and clock alone: nothing twice, nothing forgotten."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.ai_features.parts import Monitoring
from ai_ops.orchestration.cadences import (
    MOST,
    Cadence,
    Due,
    due_latest,
    due_partitions,
    next_untried,
)
from ai_ops.orchestration.partitions import judged_at, partitions_of, window_of
from ai_ops.storage.marks import Mark, Place
from ai_ops.vocabulary.words import Rhythm
from ai_ops_tests.deciding import FEATURE as DECLARED

START = date(2021, 3, 1)
FEATURE = DECLARED.model_copy(update={"monitoring": Monitoring(start=START)})
DAILY = Cadence("daily", "daily", frozenset({"log_written", "accuracy"}))
WEEKLY = Cadence("weekly", "weekly", frozenset({"cost_trend"}), (DAILY,))
LIST = Cadence("weekly_list", "weekly", frozenset({"logs_written"}), (DAILY, WEEKLY))
MONTHLY = Cadence("monthly_list", "monthly", frozenset({"log_audited"}), (DAILY,))
ALL = (DAILY, WEEKLY, LIST, MONTHLY)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

Fails = Callable[[Due], bool]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Daemon:
    """The books of a feature, and a daemon that asks for one run after the other."""

    books: dict[Place, Mark] = field(default_factory=dict)
    block: int = 0
    tried: set[str] = field(default_factory=set)
    runs: list[Due] = field(default_factory=list)
    judged: Counter[tuple[str, str]] = field(default_factory=Counter)

    def wake(self, now: datetime, fails: Fails = lambda run: False) -> None:
        """Ask at one moment until nothing is left that was not tried."""
        while run := next_untried(self.due(now), lambda one: one.key in self.tried):
            assert run.key not in self.tried
            self.tried.add(run.key)
            self.runs.append(run)
            if not fails(run):
                cadence = next(one for one in ALL if one.job == run.job)
                self.judge(cadence, run.partitions, now)

    def due(self, now: datetime) -> list[Due]:
        return due_partitions(FEATURE, ALL, self.books, now)

    def judge(self, cadence: Cadence, partitions: tuple[str, ...], now: datetime) -> None:
        for partition in partitions:
            assert judged_at(window_of(partition, cadence.rhythm), cadence.rhythm) <= now
            self.judged[cadence.job, partition] += 1
        for item in sorted(cadence.items):
            self.block += 1
            for partition in partitions:
                self.books[item, partition] = Mark(self.block, now)


def over(rhythm: Rhythm, now: datetime) -> list[str]:
    keys = partitions_of(FEATURE, rhythm).get_partition_keys(current_time=now)
    return [key for key in keys if judged_at(window_of(key, rhythm), rhythm) <= now]


@pytest.mark.requirement("ST-09")
def test_a_day_is_due_from_its_moment_of_judging_on_and_not_before() -> None:
    daemon = Daemon()
    assert daemon.due(at("2021-03-02T05:59")) == []
    [run] = daemon.due(at("2021-03-02T06:00"))
    assert (run.job, run.partitions) == ("daily", ("2021-03-01",))


def test_a_schedule_is_left_its_hour() -> None:
    assert due_partitions(FEATURE, ALL, {}, at("2021-03-02T06:59"), HOUR) == []
    assert due_partitions(FEATURE, ALL, {}, at("2021-03-02T07:00"), HOUR)


def test_a_week_waits_for_its_days_and_its_list_for_the_week() -> None:
    daemon, monday = Daemon(), at("2021-03-08T08:00")
    assert [run.job for run in daemon.due(monday)] == ["daily"]
    daemon.wake(monday)
    assert [run.job for run in daemon.runs] == ["daily", "weekly", "weekly_list"]


def test_half_a_year_of_downtime_is_a_few_runs() -> None:
    daemon = Daemon()
    daemon.wake(at("2021-08-01T12:00"))
    assert Counter(run.job for run in daemon.runs) == {
        "daily": 5,  # 153 days
        "weekly": 1,
        "weekly_list": 1,
        "monthly_list": 1,
    }
    assert max(len(run.partitions) for run in daemon.runs) <= MOST
    assert set(daemon.judged.values()) == {1}


def test_one_day_that_cannot_be_judged_keeps_none_of_the_others() -> None:
    daemon, poisoned = Daemon(), "2021-03-10"
    daemon.wake(at("2021-03-25T12:00"), lambda run: poisoned in run.partitions)
    days = {partition for job, partition in daemon.judged if job == "daily"}
    assert days == set(over("daily", at("2021-03-25T12:00"))) - {poisoned}
    assert daemon.judged["weekly_list", "2021-03-08"] == 1, "the list says what is missing"
    tries = len(daemon.runs)
    daemon.wake(at("2021-03-25T23:00"))
    assert len(daemon.runs) == tries, "what failed is not tried again on the same day"
    daemon.wake(at("2021-03-26T05:00"))
    assert daemon.judged["daily", poisoned] == 1
    assert daemon.judged["weekly_list", "2021-03-08"] == 2, "judged again with the missing day"


def test_a_day_that_is_judged_again_has_its_week_and_list_judged_again() -> None:
    daemon, now = Daemon(), at("2021-03-10T12:00")
    daemon.wake(now)
    assert daemon.due(now) == []
    daemon.judge(DAILY, ("2021-03-07",), now)
    daemon.wake(now)
    assert daemon.judged["weekly", "2021-03-01"] == 2
    assert daemon.judged["weekly_list", "2021-03-01"] == 2
    assert daemon.due(now) == []


def test_a_day_judged_in_part_is_tried_again_for_three_days_only() -> None:
    books = {("log_written", "2021-03-01"): Mark(1, at("2021-03-02T06:00"))}
    for moment, jobs in (("2021-03-04T06:00", ["daily"]), ("2021-03-05T06:00", [])):
        judged = {("log_written", day): Mark(2, at(moment)) for day in over("daily", at(moment))}
        full = {("accuracy", day): mark for (_, day), mark in judged.items() if day != "2021-03-01"}
        runs = due_partitions(FEATURE, (DAILY,), books | judged | full, at(moment))
        assert [run.job for run in runs] == jobs


def test_what_is_older_than_a_year_was_never_meant_to_be_judged_here() -> None:
    [first, *_] = due_partitions(FEATURE, (DAILY,), {}, at("2023-03-01T12:00"))
    assert first.partitions[0] == "2022-02-28"


@pytest.mark.parametrize(
    ("mark", "changed", "reason"),
    [
        (None, 0, "was never judged"),
        (Mark(5, at("2021-03-01T05:00")), 0, "is older than a day"),
        (Mark(5, at("2021-03-02T05:00")), 6, "what it reads has changed"),
        (Mark(5, at("2021-03-02T05:00")), 4, None),
    ],
)
def test_an_asset_without_partitions_is_due_when_old_or_overtaken(
    mark: Mark | None, changed: int, reason: str | None
) -> None:
    books: dict[Place, Mark] = {("version_registered", None): mark} if mark else {}
    items, now = frozenset({"version_registered"}), at("2021-03-02T12:00")
    run = due_latest("versions", items, books, now, changed=changed)
    assert (run.reason if run else None) == reason


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 24 * 9), max_size=9), st.data())
def test_whenever_a_daemon_is_awake_nothing_is_judged_twice_and_nothing_is_forgotten(
    pauses: list[int], data: st.DataObject
) -> None:
    daemon, now, broke = Daemon(), at("2021-03-01T00:00"), False
    for pause in pauses:
        now += pause * HOUR
        broken = data.draw(st.sampled_from(["", "", "daily", "weekly", "monthly_list"]))
        daemon.wake(now, lambda run, broken=broken: run.job == broken)
        broke = broke or bool(broken)
    now += DAY
    daemon.wake(now)
    assert daemon.due(now) == []
    for cadence in ALL:
        for partition in over(cadence.rhythm, now):
            times = daemon.judged[cadence.job, partition]
            # A week that was judged without a day is judged again when the day was.
            assert times == 1 or (times > 1 and broke and cadence.reads), (cadence.job, partition)
