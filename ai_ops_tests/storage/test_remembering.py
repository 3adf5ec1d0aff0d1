"""A root with a memory says what the root says, and asks once."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pytest

from ai_ops.storage.clocks import WallClock
from ai_ops.storage.ledger import Ledger, NewEvent
from ai_ops.storage.remembering import Files, remembering
from ai_ops.storage.root import Root
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.storage.test_ledger import DAY, replay_at, verdict_on

FEATURE = "parcels"


def booked(folder: Path, mode: Literal["live", "replay"]) -> Root:
    """A root in which days were judged, some again, some as of long ago."""
    root = Root.open(folder, environment={})
    clock = WallClock() if mode == "live" else replay_at(folder / "lake", DAY + timedelta(days=30))
    for hours in (30, 24, 40):
        judged = [verdict_on(item, day, hours) for item in ("rows", "drift") for day in range(3)]
        root.ledger.record_verdicts(judged, clock=clock)
    root.ledger.append([NewEvent("hold", FEATURE, {"by": "a"})], clock=clock)
    return root


def asked(ledger: Ledger, moment: datetime | None, *, afterwards: bool) -> list[object]:
    """Everything that is asked of a ledger as of a moment."""
    day = Window.of_day("2021-03-02")
    return [
        ledger.mode(),
        ledger.events(FEATURE, kinds=["hold"], as_of=moment),
        ledger.verdicts(FEATURE, as_of=moment, afterwards=afterwards),
        ledger.verdicts(FEATURE, as_of=moment, items=["rows"], afterwards=afterwards),
        ledger.verdicts(FEATURE, as_of=moment, window=day, afterwards=afterwards),
        ledger.verdicts(FEATURE, as_of=moment, assets=["elsewhere"], afterwards=afterwards),
    ]


@pytest.mark.parametrize("mode", ["live", "replay"])
def test_a_remembered_ledger_answers_as_the_ledger_does(
    tmp_path: Path, mode: Literal["live", "replay"]
) -> None:
    root = booked(tmp_path, mode)
    seen = remembering(root).ledger
    now = WallClock().now()
    for moment in (None, DAY + timedelta(hours=26), DAY + timedelta(days=2, hours=35), now):
        for afterwards in (False, True):
            told = asked(root.ledger, moment, afterwards=afterwards)
            assert asked(seen, moment, afterwards=afterwards) == told
    if mode == "live":
        then = DAY + timedelta(days=20)
        assert root.ledger.verdicts(FEATURE, as_of=then) == []
        assert len(root.ledger.verdicts(FEATURE, as_of=then, afterwards=True)) == 6


def test_what_was_known_at_its_time_stands_before_what_was_judged_afterwards(
    tmp_path: Path,
) -> None:
    root = Root.open(tmp_path, environment={})
    [known] = root.ledger.record_verdicts([verdict_on("rows", hours=24)], clock=WallClock())
    assert known.recorded_at is not None
    [later] = root.ledger.record_verdicts([verdict_on("rows", hours=48)], clock=WallClock())
    for ledger in (root.ledger, remembering(root).ledger):
        then = known.recorded_at
        assert ledger.verdicts(FEATURE, as_of=then, afterwards=True) == [known]
        assert ledger.verdicts(FEATURE, afterwards=True) == [later]


def test_a_file_is_read_once_and_again_when_another_took_its_place(tmp_path: Path) -> None:
    root, files = Root.open(tmp_path, environment={}), Files()
    path = root.lake.path(FEATURE, "log", "2021-03-01")
    root.lake.write_table(path, pa.table({"a": [1], "b": [2]}))
    lake = remembering(root, files).lake
    first, evidence = lake.read_table(path, ["b"])
    assert (first.to_pylist(), evidence) == ([{"b": 2}], root.lake.read_table(path)[1])
    assert remembering(root, files).lake.read_table(path, ["b"])[0] is first
    root.lake.write_table(path, pa.table({"a": [3], "b": [4]}))
    assert lake.read_table(path, ["b"])[0].to_pylist() == [{"b": 4}]
    written = lake.write_json(root.lake.path(FEATURE, "log", None, "json"), {"n": 1})
    assert lake.read_json(root.lake.path(FEATURE, "log", None, "json")) == ({"n": 1}, written)
    os.remove(path)
    assert root.lake.glob(f"{FEATURE}/log/*.parquet") == []


def test_what_is_remembered_is_bounded() -> None:
    files = Files(most=100)
    for number in range(50):
        files.put((number,), number, 20)
    assert files.size <= 100
    assert files.get((0,)) is None and files.get((49,)) == 49
    files.put(("large",), "large", 60)
    assert files.get(("large",)) is None
