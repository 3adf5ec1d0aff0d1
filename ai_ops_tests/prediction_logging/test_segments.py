"""Segments are read line by line, and read again only where they grew."""

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.client.lines import encode, seal
from ai_ops.client.records import Prediction, PredictionRecord
from ai_ops.prediction_logging.day_part import DayPart
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.prediction_logging.segments import open_segments
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, LATER, NOON, World, moment


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def ids_and_damage(world: World, day: str = DAY) -> tuple[list[str], list[str]]:
    lines = list(open_segments(world.root, FEATURE.name).lines(moment(day)))
    ids = [line.record.id for line in lines if isinstance(line.record, PredictionRecord)]
    return ids, [line.damage for line in lines if line.damage]


def test_a_feature_that_never_logged_has_no_segments(world: World) -> None:
    with pytest.raises(MissingEvidence, match="no writer has begun"):
        open_segments(world.root, FEATURE.name)


WHOLE = [f"id-{number}" for number in range(4)]


def whole_segment() -> tuple[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        log = world.open_log()
        world.write(log, *WHOLE)
        log.close()
        file = world.segments()[0]
        return file.name, file.read_bytes()


NAME, CONTENT = whole_segment()
ENDS = [place + 1 for place, byte in enumerate(CONTENT) if byte == ord("\n")]


@settings(deadline=None, max_examples=60)
@given(cut=st.integers(1, len(CONTENT) - 1))
@pytest.mark.requirement("MO-06", "MO-08")
def test_torn_at_any_byte_the_lines_before_stand_and_one_piece_is_damaged(cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        file = world.root.segments / FEATURE.name / "web" / NAME
        file.parent.mkdir(parents=True)
        file.write_bytes(CONTENT[:cut])
        ids, damage = ids_and_damage(world)
        whole = sum(end <= cut for end in ENDS)
        assert ids == WHOLE[: max(0, whole - 1)]  # the first line is the opening record
        assert damage == ([] if cut in ENDS else ["torn"])


@settings(deadline=None, max_examples=40)
@given(cuts=st.lists(st.integers(0, len(CONTENT)), max_size=5).map(sorted))
def test_an_index_that_grew_is_the_index_built_at_once(cuts: list[int]) -> None:
    grown = SegmentIndex.of("web", NAME.removesuffix(".jsonl"))
    for cut in [*cuts, len(CONTENT)]:
        part = CONTENT[grown.offset : cut]
        grown.grow(part.splitlines(keepends=True))
    at_once = SegmentIndex.of("web", NAME.removesuffix(".jsonl"))
    at_once.grow(CONTENT.splitlines(keepends=True))
    assert grown == at_once
    assert grown.describes(CONTENT[:128], len(CONTENT))
    assert not grown.describes(b"another file" + CONTENT[:116], len(CONTENT))


def as_one_file(world: World) -> None:
    """An incarnation in one file, as it was written once: many days in it."""
    files = world.segments()
    lines = [line for file in files for line in file.read_bytes().splitlines(keepends=True)]
    for file in files:
        file.unlink()
    whole = files[0].with_name(files[0].name.replace(".000001", ""))
    whole.write_bytes(b"".join(line for line in lines if b'"kind":"seal"' not in line))


def test_only_the_bytes_of_the_asked_day_are_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = world.open_log()
    for day in range(3):
        world.clock.time = NOON + timedelta(days=day)
        world.write(log, *(f"{day}-{number}" for number in range(50)))
    log.close()
    as_one_file(world)
    segments = open_segments(world.root, FEATURE.name)
    parts = segments.indexes[0].days
    size = world.segments()[0].stat().st_size
    assert [sum(end - start for start, end in parts[day].ranges) < size / 2 for day in parts] == [
        True
    ] * 3
    lines = list(segments.lines(moment("2021-03-05")))
    assert [line.record.id for line in lines if isinstance(line.record, PredictionRecord)] == [
        f"1-{number}" for number in range(50)
    ]


def test_a_torn_line_belongs_to_the_day_of_the_line_before_it(world: World) -> None:
    log = world.open_log()
    world.write(log, "a")
    world.clock.time = NOON + timedelta(days=1)
    world.write(log, "b")
    log.close()
    as_one_file(world)
    with world.segments()[0].open("ab") as file:
        file.write(b'{"kind":"predic')
    assert ids_and_damage(world, DAY) == (["a"], [])
    assert ids_and_damage(world, "2021-03-05") == (["b"], ["torn"])


def test_a_day_of_which_only_a_part_is_known_is_read_up_to_then(world: World) -> None:
    log = world.open_log()
    world.write(log, "a")
    world.clock.time = NOON + timedelta(hours=2)
    world.write(log, "b", "c")
    log.close()
    segments = open_segments(world.root, FEATURE.name)
    early = moment(as_of=NOON + timedelta(hours=1))
    lines = [line.record for line in segments.lines(early)]
    assert [record.id for record in lines if isinstance(record, PredictionRecord)] == ["a"]
    [(_, part)] = segments.spans(early)
    assert (part.first, part.last, part.n, part.closed) == (1, 1, 1, False)
    [(_, part)] = segments.spans(moment(as_of=LATER))
    assert (part.first, part.last, part.n, part.closed) == (1, 3, 3, True)


def test_a_gap_shows_on_the_day_of_the_line_after_it() -> None:
    index = SegmentIndex.of("web", "20210304T120000-1-ab")
    body = encode(Prediction(id="x", model_version="1", input={}, output={}))
    for seq, day in ((1, 4), (2, 4), (5, 5)):
        stamp = (
            f',"time":"2021-03-0{day}T12:00:00Z","feature":"tiny","writer":"web",'
            f'"incarnation":"i","seq":{seq}}}'
        )
        index.grow([seal(body[:-1] + stamp.encode())])
    assert index.days["2021-03-04"].gaps == []
    [gap] = index.days["2021-03-05"].gaps
    assert (gap.first, gap.last, gap.size) == (3, 4, 2)


def test_a_closing_record_tells_of_lost_lines_before_it(world: World) -> None:
    log = world.open_log()
    world.write(log, "a", "b", "c")
    log.close()
    file = world.segments()[0]
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:2], *lines[-2:]]))
    [index] = open_segments(world.root, FEATURE.name).indexes
    part: DayPart = index.days[DAY]
    [gap] = part.gaps
    assert (gap.first, gap.last, part.closed) == (2, 3, True)
