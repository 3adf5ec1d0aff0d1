"""Segments are shipped once and whole, and leave their machine only when they were confirmed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ai_ops.client import PredictionLog
from ai_ops.client.policy import Policy
from ai_ops.prediction_logging.landing_records import UNREACHABLE, Receipt
from ai_ops.prediction_logging.shipping_state import STATE, alone
from ai_ops.vocabulary.errors import BadInput
from ai_ops_tests.prediction_logging.logging_world import (
    DAY,
    FEATURE,
    INPUT,
    NOON,
    OUTPUT,
    SetClock,
)
from ai_ops_tests.prediction_logging.shipping_world import (
    NAME,
    Shipping,
    back_date,
    name_of,
)

NEXT = "2021-03-05"
FOREVER = """
import sys, time
from pathlib import Path
from ai_ops.prediction_logging.shipping import Shipper
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.clock import WallClock
print("begun", flush=True)
while True:
    Shipper(Path(sys.argv[1]), "tiny", Lake(sys.argv[2]), WallClock()).round()
"""


@pytest.fixture
def world(tmp_path: Path) -> Shipping:
    return Shipping(tmp_path)


def test_a_sealed_segment_lands_as_it_is_with_a_manifest_that_holds(world: Shipping) -> None:
    [file] = world.write_on("a", "b")
    done = world.ship()
    assert done.landed == [name_of(file)] and not done.warnings
    assert world.root.lake.read_bytes(world.path_of(file)) == file.read_bytes()
    manifest = world.landing.manifest(DAY, name_of(file))
    assert (manifest.sealed, manifest.first, manifest.last, manifest.count) == (True, 1, 2, 2)
    assert (manifest.size, manifest.days) == (file.stat().st_size, [DAY])
    assert world.ship().landed == [], "once"


def test_a_segment_that_is_being_written_stays(world: Shipping) -> None:
    with PredictionLog(world.machine, NAME, "web", SetClock()) as log:
        log.record(id="a", model_version="1", input=INPUT, output=OUTPUT)
        back_date(world.here()[0])
        assert world.ship().landed == []
    assert len(world.ship().landed) == 1


def test_a_segment_whose_process_was_killed_is_shipped_as_it_is(world: Shipping) -> None:
    file = world.crash("a", "b", "c")
    assert world.ship().landed == [name_of(file)]
    manifest = world.landing.manifest(DAY, name_of(file))
    assert (manifest.sealed, manifest.count) == (False, 3)
    world.compact()
    assert world.ids() == ["a", "b", "c"]


def test_a_killed_process_is_given_a_moment_before_its_segment_is_taken(world: Shipping) -> None:
    file = world.crash("a")
    os.utime(file)
    assert world.ship().landed == []


def test_parts_land_by_day(world: Shipping) -> None:
    clock = SetClock(NOON)
    with PredictionLog(world.machine, NAME, "web", clock) as log:
        for day in range(3):
            clock.time = NOON + timedelta(days=day)
            log.record(id=f"{day}", model_version="1", input=INPUT, output=OUTPUT)
    assert len(world.ship().landed) == 3
    assert [len(world.landed(day)) for day in (DAY, NEXT, "2021-03-06")] == [2, 2, 2]
    assert world.landed("spanning") == []


@pytest.mark.requirement("PL-03")
def test_a_local_segment_goes_when_compaction_has_confirmed_it_and_not_before(
    world: Shipping,
) -> None:
    [file] = world.write_on("a", "b")
    world.ship()
    assert world.ship().removed == [] and file.exists()
    world.compact()
    done = world.ship()
    assert done.removed == [name_of(file)] and not file.exists()
    before = world.root.lake.read_bytes(world.path())
    numbers = world.compact()
    assert (numbers["rows"], numbers["quarantined"]) == (2, 0), "it is read where it landed"
    assert world.root.lake.read_bytes(world.path()) == before
    assert world.judged().status == "pass"
    assert world.ship().landed == []


def test_a_receipt_for_other_bytes_confirms_nothing(world: Shipping) -> None:
    [file] = world.write_on("a")
    world.ship()
    world.landing.confirm(DAY, {name_of(file): Receipt(size=file.stat().st_size, sha256="0" * 64)})
    assert world.ship().removed == [] and file.exists()


def test_a_confirmed_segment_that_is_gone_where_it_landed_is_kept_here(world: Shipping) -> None:
    [file] = world.write_on("a")
    world.ship()
    world.compact()
    Path(world.path_of(file)).unlink()
    done = world.ship()
    assert done.removed == [] and file.exists()
    assert "not as it lies here or there" in done.warnings[0]


def test_a_day_that_is_not_over_confirms_nothing(world: Shipping) -> None:
    from ai_ops.prediction_logging.compaction import compute_prediction_log
    from ai_ops_tests.prediction_logging.logging_world import moment

    world.write_on("a")
    world.ship()
    compute_prediction_log(world.root, FEATURE, [moment(as_of=NOON + timedelta(hours=3))])
    assert world.landing.receipts(DAY) == {}


def test_a_segment_of_the_same_name_is_never_overwritten(world: Shipping) -> None:
    [file] = world.write_on("a")
    world.ship()
    landed = world.root.lake.read_bytes(world.path_of(file))
    file.write_bytes(file.read_bytes() + b"more\n")
    (world.machine / STATE / f"{NAME}.json").unlink()
    done = world.ship()
    assert "another segment of this name has landed" in done.warnings[0]
    assert world.root.lake.read_bytes(world.path_of(file)) == landed
    assert file.exists()


def test_what_a_killed_upload_left_is_replaced(world: Shipping) -> None:
    [file] = world.write_on("a", "b")
    world.root.lake.write_bytes(world.path_of(file), file.read_bytes()[:100])
    assert world.ship().landed == [name_of(file)]
    assert world.root.lake.read_bytes(world.path_of(file)) == file.read_bytes()


def test_a_lost_state_is_found_again_at_the_landing_place(world: Shipping) -> None:
    [file] = world.write_on("a")
    world.ship()
    state = Path(world.path_of(file)).stat()
    (world.machine / STATE / f"{NAME}.json").write_bytes(b"{garbage")
    world.ship()
    assert Path(world.path_of(file)).stat().st_mtime_ns == state.st_mtime_ns, "not sent again"
    world.compact()
    assert world.ship().removed == [name_of(file)]


def hurt(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [hurt, Path.unlink])
@pytest.mark.parametrize("part", ["data", "manifest"])
def test_what_was_damaged_there_before_it_was_confirmed_is_sent_again(
    world: Shipping, damage: Callable[[Path], None], part: str
) -> None:
    [file] = world.write_on("a", "b")
    world.write_on("c", writer="batch")
    world.ship()
    manifest = world.landing.manifest_path(DAY, name_of(file))
    damage(Path(world.path_of(file) if part == "data" else manifest))
    world.compact()
    assert world.judged().status == "fail" and world.ids() == ["c"]
    for _ in range(2):
        world.ship()
    assert file.exists()
    world.compact()
    assert world.judged().status == "pass" and world.ids() == ["a", "b", "c"]
    assert name_of(file) in world.ship().removed


@pytest.mark.requirement("PL-03")
def test_killed_at_any_moment_nothing_is_lost_and_nothing_lands_twice(world: Shipping) -> None:
    policy = Policy(feature=NAME, segment_bytes=4096)
    with PredictionLog(world.machine, NAME, "web", SetClock(), policy=policy) as log:
        ids = [f"p{number:04}" for number in range(1500)]
        for id in ids:
            log.record(id=id, model_version="1", input=INPUT, output=OUTPUT)
    files = {name_of(file): file.read_bytes() for file in world.here()}
    assert len(files) > 100
    chance, kills = random.Random(7), 0
    while len(world.landed()) < 2 * len(files) and kills < 8:
        told = [sys.executable, "-c", FOREVER, str(world.machine), world.root.lake.url]
        process = subprocess.Popen(told, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0, 0.12))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        kills += 1
    world.ship()
    assert kills
    assert len(world.landed()) == 2 * len(files)
    for name, content in files.items():
        assert world.root.lake.read_bytes(world.landing.path_of(DAY, name)) == content
    assert world.compact()["duplicates"] == 0
    assert world.ids() == ids and world.judged().status == "pass"
    assert len(world.ship().removed) == len(files)
    assert world.compact()["rows"] == len(ids)


def test_an_outage_grows_the_spool_and_says_when_the_disk_is_full(
    world: Shipping, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, away = Path(world.root.lake.url), Path(world.root.lake.url + "-away")
    lake.rename(away)
    world.write_on("a")
    shipper = world.shipper(warn_seconds=1e12)
    first = shipper.round()
    assert UNREACHABLE in first.warnings[0] and "1 segments wait" in first.warnings[0]
    world.write_on("b", "c")
    second = shipper.round()
    assert second.status is not None
    spool = second.status.spool
    assert (spool.waiting, spool.to_ship) == (2, 2)
    assert spool.growth_bytes_per_second > 0 and spool.seconds_to_full is not None
    assert spool.seconds_to_full == spool.free_bytes / spool.growth_bytes_per_second
    assert any("the disk is full in" in warning for warning in second.warnings)
    assert not lake.exists(), "nothing is written where the lake is not"
    away.rename(lake)
    third = shipper.round()
    assert len(third.landed) == 2 and not third.unreachable
    world.compact()
    assert world.ids() == ["a", "b", "c"]


def test_a_status_tells_the_last_heartbeat_and_how_far_a_process_had_come(world: Shipping) -> None:
    policy = Policy(feature=NAME, heartbeat_seconds=0.05)
    clock = SetClock()
    with PredictionLog(world.machine, NAME, "web", clock, policy=policy) as log:
        for number in range(120):
            clock.time += timedelta(milliseconds=10)
            log.record(id=f"{number}", model_version="1", input=INPUT, output=OUTPUT)
        world.ship()
        [status] = world.opened().statuses
        [part] = status.unsealed
        assert part.alive and part.heartbeat is not None and part.heartbeat.last > 50
        [(key, told)] = status.reached.items()
        assert key == f"web/{log.incarnation}" and told.last == 120
    world.ship()
    for file in world.here():
        file.unlink()  # lost with its machine's disk
    world.ship()
    [status] = world.opened().statuses
    assert status.reached[key].last == 120, "it is not forgotten with the file"


def test_one_process_ships_a_folder(world: Shipping) -> None:
    world.write_on("a")
    with (
        alone(world.machine, NAME),
        pytest.raises(BadInput, match="another process"),
        alone(world.machine, NAME),
    ):
        pass


def test_the_manifest_is_json_that_anybody_reads(world: Shipping) -> None:
    [file] = world.write_on("a")
    world.ship()
    path = world.landing.manifest_path(DAY, name_of(file))
    data = json.loads(world.root.lake.read_bytes(path))
    assert set(data) == {
        *("segment", "size", "sha256", "sealed", "first", "last", "count", "days", "host"),
        "landed",
    }
