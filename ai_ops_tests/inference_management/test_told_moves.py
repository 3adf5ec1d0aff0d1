"""A move that is told is seen without waiting for the next poll, and a disk without room for the
mark forbids no move."""

import time
from itertools import pairwise
from pathlib import Path

import pytest

from ai_ops.inference_management.predictor import Champion
from ai_ops.storage.root import Root
from ai_ops.storage.told_moves import FOLDER, tell, told
from ai_ops_tests.inference_management.rollback_world import home_in, registered
from ai_ops_tests.inference_management.serving_world import NAME

WITHIN = 30.0
"""Seconds, of a poll that comes once an hour: a busy machine may take some."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return registered(tmp_path_factory.mktemp("registry"))


@pytest.fixture
def home(tmp_path: Path, database: Path) -> Root:
    return home_in(tmp_path / "home", database)


@pytest.mark.requirement("PL-34")
def test_a_server_looks_at_once_when_a_move_is_told(home: Root) -> None:
    glance = told(home, NAME)
    followed = Champion(home.registry, NAME, 3600, home.clock, told=glance)
    followed.start()
    try:
        assert followed.serving.version == "2"
        home.registry.set_alias(NAME, "champion", "1")
        tell(home, NAME)
        deadline = time.monotonic() + WITHIN
        while followed.serving.version != "1" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert followed.serving.version == "1"
    finally:
        followed.stop()


def test_each_move_leaves_another_mark(home: Root) -> None:
    glance = told(home, NAME)
    marks = [glance()]
    for _ in range(3):
        tell(home, NAME)
        marks.append(glance())
    assert marks[0] is None
    assert all(one != after for one, after in pairwise(marks))


def test_where_no_mark_can_be_left_the_move_is_done_all_the_same(home: Root) -> None:
    (home.folder / FOLDER).write_text("in the way")
    tell(home, NAME)
    assert told(home, NAME)() is None
