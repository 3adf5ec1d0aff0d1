"""The two clocks, and the root that allows one of them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ai_ops.storage.clocks import ReplayClock, WallClock
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, ClockRefused

MOMENT = datetime(2021, 3, 1, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """An empty installation."""
    return Root.open(tmp_path / "root", environment={})


def test_the_wall_clock_is_live_and_in_utc() -> None:
    clock = WallClock()
    assert clock.mode == "live" and clock.now().tzinfo is UTC


def test_a_replay_clock_shows_what_its_file_says_to_every_reader(tmp_path: Path) -> None:
    clock = ReplayClock(tmp_path / "lake" / "clock.json")
    clock.advance(MOMENT)
    assert ReplayClock(clock.file).now() == MOMENT
    clock.advance(MOMENT + timedelta(days=1))
    clock.advance(MOMENT + timedelta(days=1))
    assert ReplayClock(clock.file).now() == MOMENT + timedelta(days=1)
    assert [file.name for file in clock.file.parent.iterdir()] == ["clock.json"]


def test_a_clock_does_not_run_backwards(tmp_path: Path) -> None:
    clock = ReplayClock(tmp_path / "clock.json")
    clock.advance(MOMENT)
    with pytest.raises(ClockRefused, match="backwards"):
        clock.advance(MOMENT - timedelta(microseconds=1))
    assert clock.now() == MOMENT


@pytest.mark.parametrize(
    "content", ["", "{}", '{"now": 3}', '{"now": "2021-03-01T00:00:00"}', "[]"]
)
def test_a_damaged_clock_file_never_falls_back_to_the_wall(tmp_path: Path, content: str) -> None:
    clock = ReplayClock(tmp_path / "clock.json")
    with pytest.raises(ClockRefused, match="cannot be read"):
        clock.now()
    clock.file.write_text(content)
    with pytest.raises(ClockRefused, match=r"clock\.json: .*cannot be read"):
        clock.now()
    with pytest.raises(ClockRefused):
        clock.advance(MOMENT)


def test_a_fresh_root_has_the_wall_clock_until_a_replay_begins(root: Root) -> None:
    assert isinstance(root.clock, WallClock)
    root.begin_replay(MOMENT)
    begun = root.clock
    assert isinstance(begun, ReplayClock) and begun.now() == MOMENT


def test_a_live_root_refuses_a_replay_and_its_clock_file(root: Root) -> None:
    root.ledger.append([NewEvent("review", "parcels", {})], clock=root.clock)
    with pytest.raises(ClockRefused, match="live root"):
        root.begin_replay(MOMENT)
    planted = root.folder / "lake" / "clock.json"
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(json.dumps({"now": MOMENT.isoformat()}))
    with pytest.raises(ClockRefused, match="this root is live; remove the file"):
        _ = root.clock


def test_a_root_in_which_the_wall_has_logged_does_not_become_a_replay(root: Root) -> None:
    segment = root.segments / "parcels" / "writer" / "1.jsonl"
    segment.parent.mkdir(parents=True)
    segment.touch()
    with pytest.raises(ClockRefused, match="begin the replay in a new folder"):
        root.begin_replay(MOMENT)
    assert isinstance(root.clock, WallClock)


@pytest.mark.parametrize("address", ["s3://bucket/x", Path("s3://bucket/x"), "file:///tmp/x"])
def test_an_address_is_no_folder_of_a_root(address: str | Path) -> None:
    with pytest.raises(BadInput, match="a local folder"):
        Root.open(address)
    with pytest.raises(BadInput, match="a local folder"):
        Root.open(environment={"AI_OPS_ROOT": str(address)})


def test_a_replay_root_is_marked_and_never_falls_back_to_the_wall(root: Root) -> None:
    clock = root.begin_replay(MOMENT)
    block = root.ledger.append([NewEvent("review", "parcels", {})], clock=clock)
    assert block.mode == "replay" and root.ledger.mode() == "replay"
    clock.file.unlink()
    with pytest.raises(ClockRefused, match="cannot be read"):
        root.clock.now()
    with pytest.raises(ClockRefused, match="this root is replay"):
        root.ledger.append([NewEvent("review", "parcels", {})], clock=WallClock())
