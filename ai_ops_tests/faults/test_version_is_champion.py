"""Records of a version that was not live at their time turn the check red, with how many and when.

Written by the real client; what was live is read from a real ledger.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.version_report import REPLAY_GRACE, judge_version_is_champion
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.words import EventKind
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, NOON, World, moment

HOUR = timedelta(hours=1)
LAUNCHED = NOON - timedelta(days=3)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A replay in which version 1 was launched three days ago."""
    made = World(tmp_path)
    made.root.begin_replay(LAUNCHED)
    move(made.root, "launch", "1", None)
    return made


def move(root: Root, kind: EventKind, version: str, previous: str | None) -> None:
    said: dict[str, Any] = {
        "version": version,
        "previous": previous,
        "metrics": {},
        "by": "someone@example.com",
    }
    root.ledger.append([NewEvent(kind, FEATURE.name, said)], clock=root.clock)


def answered(world: World, *by_version: tuple[str | None, timedelta]) -> None:
    """Ten answers of a version each, from a moment after noon."""
    with world.open_log() as log:
        for place, (version, after) in enumerate(by_version):
            world.clock.time = NOON + after
            world.write(log, *(f"{place}-{n}" for n in range(10)), model_version=version)


def judged(world: World) -> Verdict:
    compute_prediction_log(world.root, FEATURE, [moment()])
    return judge_version_is_champion(world.root, FEATURE, moment())


def test_a_day_of_the_live_version_is_green(world: World) -> None:
    answered(world, ("1", -HOUR), ("1", HOUR))
    verdict = judged(world)
    assert (verdict.status, verdict.sample_size) == ("pass", 20)
    assert verdict.observed["version_1"] == 20


@pytest.mark.requirement("PL-07")
def test_a_day_with_a_promotion_is_green_for_both_versions_in_their_time(world: World) -> None:
    world.root.begin_replay(NOON)
    move(world.root, "promotion", "2", "1")
    answered(world, ("1", -HOUR), ("2", HOUR), ("1", REPLAY_GRACE - HOUR))  # one server was late
    verdict = judged(world)
    assert verdict.status == "pass"
    assert "version 1 answered 20 times, version 2 answered 10 times" in verdict.reason
    assert "version 2 is live since 12:00" in verdict.reason


@pytest.mark.fault("version_is_champion")
@pytest.mark.requirement("PL-07")
def test_a_server_that_stays_with_the_version_before_is_found(world: World) -> None:
    world.root.begin_replay(NOON)
    move(world.root, "promotion", "2", "1")
    stuck = REPLAY_GRACE + HOUR
    answered(world, ("1", -HOUR), ("2", HOUR), ("1", stuck))
    verdict = judged(world)
    assert verdict.status == "fail"
    [finding] = verdict.findings
    assert (finding.kind, finding.size) == ("version", 10)
    assert finding.begin is not None
    assert abs(finding.begin - (NOON + stuck)) < timedelta(seconds=1)
    assert "version 1 answered 10 times" in verdict.reason
    assert "while version 2 was live since 2021-03-04 12:00" in verdict.reason


@pytest.mark.fault("version_is_champion")
def test_a_version_that_nobody_promoted_is_found(world: World) -> None:
    answered(world, ("1", -HOUR), ("9", HOUR))
    verdict = judged(world)
    assert verdict.status == "fail"
    assert "version 9 answered 10 times from 2021-03-04 13:00" in verdict.reason
    assert verdict.observed["version_9"] == 10


@pytest.mark.fault("version_is_champion")
def test_a_version_that_answers_before_its_promotion_is_found(world: World) -> None:
    world.root.begin_replay(NOON)
    move(world.root, "promotion", "2", "1")
    answered(world, ("2", -HOUR), ("2", HOUR))
    assert judged(world).findings[0].size == 10


@pytest.mark.fault("version_is_champion")
def test_answers_that_name_no_version_are_counted(world: World) -> None:
    answered(world, ("1", -HOUR), (None, HOUR))
    verdict = judged(world)
    assert verdict.status == "fail"
    assert verdict.observed["without_version"] == 10


def test_a_version_that_came_back_is_green_for_its_second_time(world: World) -> None:
    for kind, version, previous in (("promotion", "2", "1"), ("rollback", "1", "2")):
        world.root.begin_replay(world.root.clock.now() + HOUR)
        move(world.root, kind, version, previous)  # type: ignore[arg-type]
    answered(world, ("1", -HOUR))
    assert judged(world).status == "pass"


def test_without_any_book_there_is_no_evidence(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.root.begin_replay(NOON)
    answered(world, ("1", HOUR))
    verdict = judged(world)
    assert (verdict.status, verdict.findings[0].kind) == ("no_evidence", "version")
    assert "no book tells which version" in verdict.reason


def test_before_the_launch_another_version_is_no_evidence_and_not_wrong(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.root.begin_replay(NOON)
    move(world.root, "launch", "1", None)
    answered(world, ("2", -HOUR), ("1", HOUR))
    verdict = judged(world)
    assert verdict.status == "no_evidence"
    assert "before the launch version 2 answered 10 times" in verdict.reason


def test_a_log_that_was_not_compacted_is_missing(world: World) -> None:
    with pytest.raises(MissingEvidence, match=DAY):
        judge_version_is_champion(world.root, FEATURE, moment())
