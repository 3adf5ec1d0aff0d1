"""What is known of segments is filed by day; it can be lost, and two processes may write it."""

from itertools import pairwise
from pathlib import Path
from shutil import rmtree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.prediction_logging.segment_store import INDEX, Store, _with
from ai_ops_tests.prediction_logging.logging_world import DAY
from ai_ops_tests.prediction_logging.shipping_world import NAME, Shipping

NEXT = "2021-03-05"


@given(st.lists(st.integers(0, 30)))
def test_ranges_hold_the_numbers_that_were_put_in_and_no_others(numbers: list[int]) -> None:
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        ranges = _with(ranges, number)
    held = [number for first, last in ranges for number in range(first, last + 1)]
    assert held == sorted(set(numbers))
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(ranges))


@pytest.fixture
def world(tmp_path: Path) -> Shipping:
    made = Shipping(tmp_path)
    made.write_on("a")
    made.write_on("b", writer="batch")
    made.write_on("x", day=NEXT)
    made.ship()
    return made


def index_of(world: Shipping) -> Path:
    return Path(world.root.lake.url) / NAME / INDEX


def test_a_lost_index_is_made_again_as_it_was(world: Shipping) -> None:
    before = world.opened(DAY, NEXT).digest(DAY)
    files = {file.name: file.read_bytes() for file in index_of(world).iterdir()}
    assert set(files) >= {f"{DAY}.json", f"{NEXT}.json", "catalogue.json"}
    rmtree(index_of(world))
    assert world.opened(DAY, NEXT).digest(DAY) == before
    assert {file.name: file.read_bytes() for file in index_of(world).iterdir()} == files


@pytest.mark.parametrize("lost", ["catalogue.json", f"{DAY}.json"])
def test_any_of_its_files_may_be_lost_or_garbled(world: Shipping, lost: str) -> None:
    before = world.opened(DAY, NEXT)
    (index_of(world) / lost).write_bytes(b"{garbage")
    after = world.opened(DAY, NEXT)
    assert after.digest(DAY) == before.digest(DAY) and after.indexes == before.indexes


def test_a_catalogue_that_another_process_wrote_is_mended(world: Shipping) -> None:
    early = Store(world.root.lake, NAME)
    before = world.opened(DAY, NEXT)
    early.catalogue.sums = {DAY: "0"}
    early.save()
    after = world.opened(DAY, NEXT)
    assert (after.digest(DAY), after.digest(NEXT)) == (before.digest(DAY), before.digest(NEXT))
    assert after.catalogue.filed == before.catalogue.filed


def test_the_digest_of_a_day_needs_no_day_to_be_read(world: Shipping) -> None:
    asked = world.opened(DAY, NEXT)
    unasked = world.opened("2021-06-01")
    assert unasked.days() == asked.days() == {DAY, NEXT}
    assert unasked.digest(DAY) == asked.digest(DAY) != asked.digest(NEXT)
    assert unasked.digest("2021-06-01") == ""
