"""The machinery: all of it is listed, silence has a limit, and a dead source blinds its items."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.ai_features.parts import Monitoring
from ai_ops.checklist.evidence import gather
from ai_ops.checklist.logged import LOG_CHECKS
from ai_ops.checklist.machinery import Sign, judge_machinery, machinery_of, state_of
from ai_ops.checklist.machinery_sources import MACHINERY, PATIENCE, Source, sources_of
from ai_ops.checklist.reading import ITEMS, read_line, window_at
from ai_ops.checklist.watched import blind
from ai_ops.component import definitions_of
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.signs_of_life import LastSign, sign
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.checklist.books import ALL, FEATURE, line, rehearsed, verdict_on
from ai_ops_tests.deciding import NOW as THEN
from ai_ops_tests.sourced_world import Labels, sourced

NOW = datetime(2021, 3, 4, 12, tzinfo=UTC)
BEGAN = NOW - timedelta(days=90)
BY_PERSONS = {"load_tested", "rollback_rehearsed"}
PROCESSES = tuple(source for source in sources_of(FEATURE) if source.check is None)
LIVE = FEATURE.model_copy(update={"monitoring": Monitoring(start=date(2026, 1, 1))})


def at_work(*, but: Mapping[str, datetime | None] | None = None) -> dict[str, LastSign]:
    """Signs of every process a moment ago, but of some at another time, or never."""
    last = {**{source.name: NOW - timedelta(seconds=3) for source in PROCESSES}, **(but or {})}
    return {name: LastSign(BEGAN, at, "") for name, at in last.items() if at is not None}


def judged(signs: Mapping[str, LastSign]) -> dict[str, Sign]:
    found = judge_machinery(FEATURE, sources_of(FEATURE), signs, [], NOW)
    return {one.source: one for one in found}


def names_in(made: dg.Definitions, feature: str) -> set[str]:
    repository = made.get_repository_def()
    sensors = {f"sensor:{one.name}" for one in repository.sensor_defs}
    schedules = {
        f"schedule:{one.name.removesuffix('_schedule')}" for one in repository.schedule_defs
    }
    return {name.replace(f"{feature}__", "") for name in sensors | schedules}


@pytest.mark.requirement("ST-09")
@pytest.mark.parametrize("kind", ["trained here", "labels in source", "no labels"])
def test_every_sensor_and_schedule_of_a_feature_is_part_of_its_machinery(
    tmp_path: Path, kind: str
) -> None:
    feature = FEATURE
    if kind != "trained here":
        labels: Labels = "in_source" if kind == "labels in source" else "none"
        feature = sourced(tmp_path, days=1, rows_a_day=1, labels=labels).feature
    listed = {source.name for source in sources_of(feature)}
    ticking = {name for name in listed if name.startswith(("sensor:", "schedule:"))}
    assert ticking == names_in(definitions_of(feature), feature.name)


def test_a_sensor_may_miss_its_ticks_for_no_longer_than_its_own_interval_says() -> None:
    repository = definitions_of(FEATURE).get_repository_def()
    for sensor in repository.sensor_defs:
        name = f"sensor:{sensor.name.removeprefix(FEATURE.name + '__')}"
        [own] = [source for source in sources_of(FEATURE) if source.name == name]
        seconds = sensor.minimum_interval_seconds or 30
        assert own.limit == max(10 * timedelta(seconds=seconds), PATIENCE)


@pytest.mark.requirement("WK-09", "ST-09")
def test_every_item_but_those_that_a_person_runs_depends_on_some_of_it() -> None:
    needed = {item for source in MACHINERY for item in source.items}
    assert needed == ALL.keys() - BY_PERSONS, "there is no fifteenth item"


def test_while_all_are_at_work_all_are_alive() -> None:
    found = judged(at_work())
    assert {found[source.name].state for source in PROCESSES} == {"alive"}


@given(st.sampled_from(PROCESSES), st.floats(0.01, 3), st.booleans())
def test_silence_beyond_its_limit_is_death_and_no_other_source_suffers(
    source: Source, share: float, never: bool
) -> None:
    name = source.name
    last = None if never else NOW - source.limit * share
    found = judged(at_work(but={name: last}))
    expected = "dead" if never or share > 1 else "alive"
    assert found[name].state == expected, found[name]
    others = {found[one.name].state for one in PROCESSES if one.name != name}
    assert others <= {"alive"}
    if expected == "dead":
        assert ("never gave a sign" if never else "no sign for") in found[name].words
        assert "limit" in found[name].words


def test_what_has_not_had_its_time_yet_is_awaited() -> None:
    young = {
        name: LastSign(NOW - timedelta(hours=1), one.at, "") for name, one in at_work().items()
    }
    del young["schedule:monthly"]
    found = judged(young)["schedule:monthly"]
    assert (found.state, found.last_at) == ("never", None)
    assert "due by 2021-04-04 13:00" in found.words
    known = LastSign(NOW - timedelta(minutes=5), NOW, "")
    late = at_work(but={"schedule:monthly": None}) | {"known:schedule:monthly": known}
    assert judged(late)["schedule:monthly"].state == "never", "it came with a release of today"


def test_one_that_failed_is_dead_until_it_works_again() -> None:
    failed = {"failed:sensor:cadences": LastSign(BEGAN, NOW - timedelta(seconds=2), "KeyError")}
    found = judged(at_work() | failed)["sensor:cadences"]
    assert found.state == "dead" and "(KeyError)" in found.words
    again = at_work(but={"sensor:cadences": NOW - timedelta(seconds=1)})
    assert judged(again | failed)["sensor:cadences"].state == "alive"


def test_one_that_is_stopped_is_dead_as_long_as_it_is_seen_to_be() -> None:
    for ago, state in ((timedelta(seconds=1), "dead"), (timedelta(minutes=4), "alive")):
        stopped = {"stopped:schedule:monthly": LastSign(BEGAN, NOW - ago, "")}
        signs = at_work(but={"schedule:monthly": NOW - timedelta(days=9)}) | stopped
        assert judged(signs)["schedule:monthly"].state == state
    stopped = {"stopped:schedule:monthly": LastSign(BEGAN, NOW - timedelta(seconds=31), "")}
    started = {"known:schedule:monthly": LastSign(BEGAN, NOW - timedelta(seconds=1), "")}
    signs = at_work(but={"schedule:monthly": NOW - timedelta(days=9)}) | stopped | started
    assert judged(signs)["schedule:monthly"].state == "alive", "it was started again"


def test_after_a_silence_of_all_each_is_awaited_for_a_moment() -> None:
    back = {"awake": LastSign(BEGAN, NOW - timedelta(minutes=1), "")}
    silent = at_work(but={"daemon:scheduler": NOW - timedelta(hours=9)})
    assert judged(silent)["daemon:scheduler"].state == "dead"
    awaited = judged(silent | back)["daemon:scheduler"]
    assert awaited.state == "never" and "the machinery came back" in awaited.words
    later = {"awake": LastSign(BEGAN, NOW - timedelta(minutes=4), "")}
    assert judged(silent | later)["daemon:scheduler"].state == "dead"


def live_root(folder: Path) -> Root:
    root = Root.open(folder, environment={})
    root.ledger.append([NewEvent("drill", LIVE.name, {})], clock=root.clock)
    return root


def test_a_replay_is_exempt_and_says_so(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    [only] = machinery_of(root, FEATURE, root.clock.now())
    assert only.state == "exempt" and "replay" in only.words
    assert state_of([only]) == "exempt"
    assert line(root, "drift_ready").verdict.status == "pass"


def test_a_live_root_without_any_process_is_unknown_and_judged_by_its_evidence(
    tmp_path: Path,
) -> None:
    root = live_root(tmp_path)
    found = machinery_of(root, LIVE, root.clock.now())
    assert state_of(found) == "never"
    assert blind(ALL["drift_reviewed"], found) == [], "a log that was judged by hand"
    assert blind(ALL["drift_ready"], found), "monitoring that nobody started is not live"


@pytest.mark.fault("drift_ready", "logs_written", "drift_reviewed", "accuracy_on_held_out")
def test_a_daemon_that_fell_silent_turns_the_items_that_need_it(tmp_path: Path) -> None:
    root = live_root(tmp_path)
    now = root.clock.now()
    for name in [source.name for source in PROCESSES]:
        sign(root, LIVE.name, name, at=now - timedelta(minutes=20))
    assert state_of(machinery_of(root, LIVE, now - timedelta(minutes=10))) == "alive"
    found = machinery_of(root, LIVE, now)
    assert state_of(found) == "dead"
    for item in ALL.values():
        named = {one.source for one in blind(item, found)}
        assert ("daemon:sensor" in named) == (item.id not in BY_PERSONS)


def test_a_clock_that_was_set_back_is_named(tmp_path: Path) -> None:
    root = live_root(tmp_path)
    now = root.clock.now()
    sign(root, LIVE.name, "sensor:cadences", at=now + timedelta(hours=5))
    [clock] = [one for one in machinery_of(root, LIVE, now) if one.source == "wall_clock"]
    assert clock.state == "dead"
    assert "the clock was moved" in clock.words and "--clock-mended" in clock.words
    assert set(clock.items) == ALL.keys() - BY_PERSONS


def test_the_channel_to_people_counts_once_it_was_used(tmp_path: Path) -> None:
    root = live_root(tmp_path)
    now = root.clock.now()

    def channel() -> list[Sign]:
        found = machinery_of(root, LIVE, root.clock.now())
        return [one for one in found if one.source == "notification_channel"]

    assert channel() == []
    sign(root, LIVE.name, "notification_channel", at=now - timedelta(days=9))
    assert [one.state for one in channel()] == ["alive"], "no news needs no sign"
    sign(root, LIVE.name, "failed:notification_channel", "ConnectionError")
    [broken] = channel()
    assert broken.state == "dead" and "ConnectionError" in broken.words


@pytest.mark.fault("cost_tracked", "logging_ready")
@pytest.mark.requirement("FR-3")
def test_on_a_live_root_a_green_item_is_believed_while_its_machinery_is_at_work(
    tmp_path: Path,
) -> None:
    root = live_root(tmp_path)
    now = root.clock.now()
    days = Window.trailing(now.date() - timedelta(days=1), days=7).days()
    book = [
        verdict_on(item, on=day, at=now) for day in days for item in (*LOG_CHECKS, "cost_known")
    ]
    root.ledger.record_verdicts(book, clock=root.clock)
    for name in (source.name for source in PROCESSES):
        sign(root, LIVE.name, name, at=now - timedelta(minutes=1))
    for item in ("cost_tracked", "logging_ready"):
        assert line(root, item, root.clock.now(), LIVE).verdict.status == "pass"
        silent = line(root, item, now + timedelta(minutes=20), LIVE).verdict
        assert silent.status == "no_evidence"
        assert silent.reason.startswith("daemon:sensor is dead: no sign for 21 min")
        assert silent.observed["dead_sources"] == len(silent.findings) > 3
        assert "more: ai-ops watchdog" in silent.reason
    assert line(root, "load_tested", now + timedelta(minutes=20), LIVE).verdict.observed == {}


def test_a_pass_becomes_no_evidence_and_what_fails_goes_on_failing(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, without=("load_test",))
    gone = Sign("daemon:sensor", THEN, 900.0, "dead", "no sign for 2.0 h", ("drift_ready",))
    evidence = gather(root, FEATURE, window_at("pre_launch", THEN), THEN)
    items = {item.id: item for item in ITEMS["pre_launch"]}
    seen = replace(evidence, machinery=(gone,))
    before, after = (read_line(FEATURE, items["drift_ready"], one) for one in (evidence, seen))
    assert (before.verdict.status, after.verdict.status) == ("pass", "no_evidence")
    assert after.verdict.reason.startswith("daemon:sensor is dead: no sign for 2.0 h")
    assert after.verdict.findings[0].begin == THEN
    other = read_line(FEATURE, items["cost_tracked"], seen).verdict
    assert other.status == "pass", "it does not need that one"
