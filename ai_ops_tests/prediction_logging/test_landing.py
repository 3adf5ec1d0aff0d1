"""What landed is read once it is verified; what does not verify is named and never read as good."""

from collections.abc import Callable
from pathlib import Path
from shutil import copyfile

import pytest

from ai_ops.client.lines import seal
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.late_lines import Seen, late_lines, state_of
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import LakeUnreachable
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, World, moment
from ai_ops_tests.prediction_logging.shipping_world import NAME, Shipping, name_of

NEXT = "2021-03-05"


@pytest.fixture
def world(tmp_path: Path) -> Shipping:
    return Shipping(tmp_path)


def manifest_of(world: Shipping, file: Path) -> Path:
    return Path(world.landing.manifest_path(DAY, name_of(file)))


def cut(world: Shipping, file: Path) -> None:
    landed = Path(world.path_of(file))
    landed.write_bytes(landed.read_bytes()[:500])


def flip(world: Shipping, file: Path) -> None:
    landed = Path(world.path_of(file))
    content = bytearray(landed.read_bytes())
    content[400] ^= 1
    landed.write_bytes(content)


def lose_the_manifest(world: Shipping, file: Path) -> None:
    manifest_of(world, file).unlink()


def lose_the_data(world: Shipping, file: Path) -> None:
    Path(world.path_of(file)).unlink()


def garble_the_manifest(world: Shipping, file: Path) -> None:
    manifest_of(world, file).write_bytes(b"{}")


FAULTS: list[tuple[Callable[[Shipping, Path], None], str]] = [
    (cut, "partial upload (500 of "),
    (flip, "digest differs from its manifest"),
    (lose_the_manifest, "landed without a manifest"),
    (lose_the_data, "named by a manifest, not there"),
    (garble_the_manifest, "its manifest cannot be read"),
]


def test_a_table_made_from_what_landed_is_the_one_made_from_local_segments(
    world: Shipping, tmp_path: Path
) -> None:
    files = [*world.write_on("a", "b"), *world.write_on("c", writer="batch")]
    other = World(tmp_path / "other")
    for file in files:
        copy = other.root.segments / NAME / name_of(file)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copyfile(file, copy)
    compute_prediction_log(other.root, FEATURE, [moment()])
    world.ship()
    world.compact()
    assert world.root.lake.read_bytes(world.path()) == other.root.lake.read_bytes(other.path())
    assert not world.root.segments.exists() and not world.root.landed.exists(), "nothing is copied"


@pytest.mark.parametrize(("plant", "reason"), FAULTS)
@pytest.mark.requirement("MO-06")
def test_what_does_not_verify_is_named_and_none_of_its_lines_is_read(
    world: Shipping, plant: Callable[[Shipping, Path], None], reason: str
) -> None:
    [bad] = world.write_on("a", "b")
    world.write_on("c", writer="batch")
    world.ship()
    plant(world, bad)
    assert world.compact()["rows"] == 1
    assert world.ids() == ["c"]
    verdict = world.judged()
    assert verdict.status == "fail" and reason in verdict.reason
    assert name_of(bad) in verdict.reason


@pytest.mark.parametrize(("plant", "reason"), FAULTS)
def test_a_table_that_stands_is_not_made_emptier(
    world: Shipping, plant: Callable[[Shipping, Path], None], reason: str
) -> None:
    [bad] = world.write_on("a", "b")
    world.write_on("c", writer="batch")
    world.ship()
    world.compact()
    plant(world, bad)
    assert world.compact()["earlier_table_kept"]
    assert world.ids() == ["a", "b", "c"]
    assert reason in world.judged().reason


@pytest.mark.parametrize(("plant", "reason"), FAULTS)
def test_it_is_read_once_it_was_sent_again(
    world: Shipping, plant: Callable[[Shipping, Path], None], reason: str
) -> None:
    [bad] = world.write_on("a", "b")
    world.ship()
    whole = {
        path: path.read_bytes() for path in (Path(world.path_of(bad)), manifest_of(world, bad))
    }
    plant(world, bad)
    world.compact()
    for path, content in whole.items():
        path.write_bytes(content)
    world.compact()
    assert world.ids() == ["a", "b"] and world.judged().status == "pass", reason


def test_a_segment_that_lies_here_and_landed_is_counted_once(world: Shipping) -> None:
    [file] = world.write_on("a", "b")
    world.ship()
    copy = world.root.segments / NAME / name_of(file)
    copy.parent.mkdir(parents=True)
    copyfile(file, copy)
    numbers = world.compact()
    assert (numbers["rows"], numbers["duplicates"], numbers["segments"]) == (2, 0, 1)
    assert world.judged().status == "pass"
    copy.unlink()
    assert world.compact()["rows"] == 2 and world.judged().status == "pass"


def test_a_segment_that_is_being_shipped_from_here_is_read_here(world: Shipping) -> None:
    [file] = world.write_on("a", "b")
    copy = world.root.segments / NAME / name_of(file)
    copy.parent.mkdir(parents=True)
    copyfile(file, copy)
    world.root.lake.write_bytes(world.path_of(file), file.read_bytes()[:100])
    assert world.compact()["rows"] == 2 and world.judged().status == "pass"


def test_of_two_segments_of_one_name_the_sealed_one_is_read_and_the_other_named(
    world: Shipping,
) -> None:
    [file] = world.write_on("a", "b")
    world.ship()
    copy = world.root.segments / NAME / name_of(file)
    copy.parent.mkdir(parents=True)
    lines = file.read_bytes().splitlines(keepends=True)
    copy.write_bytes(b"".join([*lines[:2], seal(b'{"kind":"rumour"}')]))
    world.compact()
    assert world.ids() == ["a", "b"]
    verdict = world.judged()
    assert verdict.status == "fail"
    assert "same name, other content (the landed one is read" in verdict.reason


def test_of_two_sealed_segments_of_one_name_this_machine_s_is_read_and_the_other_named(
    world: Shipping,
) -> None:
    [file] = world.write_on("a", "b")
    [other] = world.write_on("c")
    world.ship()
    copy = world.root.segments / NAME / name_of(file)
    copy.parent.mkdir(parents=True)
    copyfile(other, copy)
    world.compact()
    assert "same name, other content (the one on this machine is read)" in world.judged().reason


def test_a_landing_place_that_cannot_be_read_is_no_empty_one(world: Shipping) -> None:
    world.write_on("a", "b")
    world.ship()
    world.compact()
    landing = Path(world.root.lake.url) / NAME / "landing"
    landing.rename(landing.with_name("away"))
    landing.write_bytes(b"a mount that broke")
    numbers = world.compact()
    assert numbers["earlier_table_kept"] and world.ids() == ["a", "b"]
    verdict = world.judged()
    assert verdict.status == "fail" and "landing place unreachable" in verdict.reason
    with pytest.raises(LakeUnreachable):
        state_of(world.root, FEATURE)
    landing.unlink()
    landing.with_name("away").rename(landing)
    assert world.compact()["rows"] == 2 and world.judged().status == "pass"


def test_a_landed_segment_that_vanished_is_named_and_its_rows_stay(world: Shipping) -> None:
    [file] = world.write_on("a", "b")
    world.write_on("c", writer="batch")
    world.ship()
    world.compact()
    lose_the_data(world, file)
    lose_the_manifest(world, file)
    assert world.compact()["earlier_table_kept"]
    assert "the file is gone" in world.judged().reason and world.ids() == ["a", "b", "c"]


def test_a_manifest_of_another_segment_vouches_for_nothing(world: Shipping) -> None:
    [file] = world.write_on("a")
    [other] = world.write_on("b")
    world.ship()
    manifest_of(world, file).write_bytes(manifest_of(world, other).read_bytes())
    world.compact()
    assert world.ids() == ["b"]
    assert f"it is that of {name_of(other)}" in world.judged().reason


def test_lines_that_land_after_their_day_was_made_are_late_until_it_is_made_again(
    world: Shipping,
) -> None:
    world.write_on("a")
    world.write_on("x", day=NEXT)
    world.ship()
    world.compact(DAY, NEXT)

    def late(seen: Seen) -> tuple[set[str], Seen]:
        found = late_lines(world.root, FEATURE, [DAY, NEXT], seen, state_of(world.root, FEATURE))
        return set(found.days), found.seen

    days, seen = late(Seen())
    assert days == set() and seen.state == state_of(world.root, FEATURE)
    world.write_on("b", writer="batch")
    assert seen.state == state_of(world.root, FEATURE), "it has not landed yet"
    world.ship()
    assert seen.state != state_of(world.root, FEATURE)
    assert late(seen)[0] == {DAY}
    assert late(seen)[0] == {DAY}, "until it is made again"
    world.compact()
    assert late(seen)[0] == set() and world.ids() == ["a", "b"]


def test_a_run_reads_the_index_of_its_days_and_lists_no_other(
    world: Shipping, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [f"2021-03-{day:02}" for day in range(1, 9)]
    for day in days:
        world.write_on(day, day=day)
    world.ship()
    world.compact(*days)
    asked: list[str] = []
    for method in ("read_bytes", "listing", "digest_of"):
        genuine = getattr(Lake, method)

        def watched(lake: Lake, path: str, genuine: Callable[..., object] = genuine) -> object:
            asked.append(path)
            return genuine(lake, path)

        monkeypatch.setattr(Lake, method, watched)
    assert len(world.opened(DAY).indexes) == 1
    assert not [path for path in asked if any(day in path for day in days if day != DAY)]
    assert not [path for path in asked if path.endswith(".jsonl")], "what was verified stays so"


def test_a_local_segment_that_is_removed_while_it_is_read_is_read_where_it_landed(
    world: Shipping,
) -> None:
    [file] = world.write_on("a", "b")
    world.ship()
    copy = world.root.segments / NAME / name_of(file)
    copy.parent.mkdir(parents=True)
    copyfile(file, copy)
    segments = world.opened()
    copy.unlink()
    assert len(list(segments.lines(moment()))) > 2


def test_what_was_verified_stays_known_while_the_landing_place_cannot_be_asked(
    world: Shipping,
) -> None:
    file = world.crash("a", "b")
    world.ship()
    copy = world.root.segments / NAME / name_of(file)
    copy.parent.mkdir(parents=True)
    copyfile(file, copy)
    before = world.opened().digest(DAY)
    landing = Path(world.root.lake.url) / NAME / "landing"
    landing.rename(landing.with_name("away"))
    landing.write_bytes(b"")
    during = world.opened()
    assert during.digest(DAY) == before and during.landed == {}
    landing.unlink()
    landing.with_name("away").rename(landing)
    assert world.opened().digest(DAY) == before
