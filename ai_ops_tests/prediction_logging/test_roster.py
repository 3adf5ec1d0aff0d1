"""Who was there is judged alike at any moment: on the day behind, and now."""

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.ai_features.logged import Writer
from ai_ops.prediction_logging.incarnation import End, Incarnation
from ai_ops.prediction_logging.live_writers import LiveWriters, look_at_writers
from ai_ops.prediction_logging.presence import shortages
from ai_ops.prediction_logging.roster import Roster, judge_writers
from ai_ops_tests.faults.log_fleet import feature_with
from ai_ops_tests.prediction_logging.logging_world import NOON, World, moment

ROSTER = Roster((Writer(name="web", processes=1),), heartbeat_seconds=10)
WINDOW = moment().window


def second(number: float) -> datetime:
    return NOON + timedelta(seconds=number)


def one(begin: float, end: float, ended: End = "open", name: str = "i") -> Incarnation:
    return Incarnation(
        writer="web",
        incarnation=name,
        beats=True,
        heartbeat_seconds=10,
        begun=second(begin),
        ended=ended,
        segments=1,
        alive=((second(begin), second(end)),),
    )


@settings(deadline=None, max_examples=200)
@given(
    spans=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted), max_size=6),
    wanted=st.integers(1, 3),
    limit=st.integers(0, 10),
)
def test_a_shortage_is_where_too_few_were_there(
    spans: list[list[int]], wanted: int, limit: int
) -> None:
    lives = [(second(a), second(b)) for a, b in spans]
    found = shortages(lives, wanted, NOON, second(60), timedelta(seconds=limit))
    short = [sum(a <= s < b for a, b in spans) < wanted for s in range(60)]
    covered = [any(f.begin <= second(s) < f.end for f in found) for s in range(60)]
    assert all(is_short for is_short, told in zip(short, covered, strict=True) if told)
    run = 0
    for place, is_short in enumerate([*short, False]):
        run, ended = (run + 1, 0) if is_short else (0, run)
        if ended > limit:
            assert any(covered[place - ended : place])
    assert all(f.length > timedelta(seconds=limit) for f in found)


@pytest.mark.requirement("WK-09")
def test_a_process_fault_is_found_within_three_heartbeats() -> None:
    for ended, words in (("crashed", "crashed after"), ("open", "no sign of life")):
        alive = one(0, 100, ended)  # type: ignore[arg-type]
        verdict = judge_writers([alive], ROSTER, WINDOW, second(131), NOON)
        assert verdict.status == "fail" and words in verdict.reason
        assert verdict.findings[0].begin == second(100)
    assert judge_writers([one(0, 100)], ROSTER, WINDOW, second(130), NOON).status == "pass"


def test_an_orderly_restart_is_no_fault_and_a_long_pause_is_one() -> None:
    for pause, status in ((30, "pass"), (31, "fail")):
        lives = [one(0, 100, "closed"), one(100 + pause, 200, name="j")]
        verdict = judge_writers(lives, ROSTER, WINDOW, second(200), NOON)
        assert verdict.status == status
    assert "writer web was not there" in verdict.reason
    assert "for 31 s" in verdict.reason


def test_who_has_just_been_declared_is_awaited_before_it_is_missed() -> None:
    both = Roster((Writer(name="web"), Writer(name="app")), heartbeat_seconds=10)
    early = judge_writers([one(0, 20)], both, WINDOW, second(20), NOON)
    assert early.status == "no_evidence" and "app has not begun" in early.reason
    assert judge_writers([one(0, 40)], both, WINDOW, second(40), NOON).status == "fail"


def test_who_comes_once_a_day_is_missed_when_the_day_is_over() -> None:
    nightly = Roster((Writer(name="web"), Writer(name="night", always=False)), 10)
    whole = (WINDOW.end - NOON).total_seconds()
    running = judge_writers([one(0, 40)], nightly, WINDOW, second(40), NOON)
    assert running.status == "pass"
    over = judge_writers([one(0, whole)], nightly, WINDOW, second(whole + 1), NOON)
    assert "writer night came with 0 of its 1 processes" in over.reason


def test_a_clock_that_is_wrong_from_the_first_is_found_beside_its_files() -> None:
    late = msgspec.structs.replace(one(0, 40), skew=3600.0)
    verdict = judge_writers([late], ROSTER, WINDOW, second(40), NOON)
    assert "is 60 min behind the one that dates its files" in verdict.reason


@pytest.mark.requirement("WK-09")
@pytest.mark.parametrize("minutes", [2, 26 * 60])
def test_who_went_is_not_told_as_never_started(tmp_path: Path, minutes: int) -> None:
    world, feature = World(tmp_path), feature_with({"web": 2, "app": 1})
    for ids in ("a", "b"):
        with world.open_log("web") as log:
            world.write(log, ids)
    now = world.clock.time + timedelta(minutes=minutes)
    seen = look_at_writers(world.root, feature, now)
    told, absent = (finding.reason for finding in seen.verdict.findings)
    assert told.startswith(f"writer web is not there: incarnation {log_name(seen, 'web')}")
    assert "ended in order at 2021-03-04 12:00:00, none began after it" in told
    assert "writer app never started" in absent
    assert {one.writer: one.state for one in seen.states} == {
        "web": "closed",
        "app": "never started",
    }
    world.clock.time = now
    with world.open_log("web") as log:
        world.write(log, "c")
        seen = look_at_writers(world.root, feature, world.clock.time)
        assert "none of the 2 processes of writer web were there" in seen.verdict.reason
        assert "the last that went: incarnation" in seen.verdict.reason


def log_name(seen: LiveWriters, writer: str) -> str:
    """The incarnation of a writer that went last."""
    return str([one.incarnation for one in seen.states if one.writer == writer][-1])
