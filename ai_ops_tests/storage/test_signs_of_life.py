"""Signs of life on both databases: what was known at a moment, by many processes, in no replay."""

import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.storage.ledger import Ledger, NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.signs_of_life import (
    KEPT,
    SIGNS,
    forget_after,
    newest_sign,
    sign,
    signs_of,
)

NOON = datetime(2021, 3, 1, 12, tzinfo=UTC)


def root_on(folder: Path, url: str) -> Root:
    return Root.open(folder, environment={"AI_OPS_LEDGER_URL": url})


def rows(url: str) -> int:
    engine = Ledger(url)._engine
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(SIGNS)).scalar_one())


def test_a_source_is_known_by_its_last_sign_and_what_it_said(
    ledger_url: str, tmp_path: Path
) -> None:
    root = root_on(tmp_path, ledger_url)
    for seconds, words in ((0, "first"), (40, "second"), (7200, "third")):
        assert sign(root, "tiny", "sensor:a", words, at=NOON + timedelta(seconds=seconds))
    assert sign(root, "tiny", "sensor:b", at=NOON)
    found = signs_of(root.ledger, "tiny")
    assert found.keys() == {"sensor:a", "sensor:b"}
    assert (found["sensor:a"].at, found["sensor:a"].words) == (NOON + timedelta(hours=2), "third")
    assert found["sensor:a"].first_at == NOON
    assert signs_of(root.ledger, "another") == {}
    assert rows(ledger_url) == 3, "one row of a source and hour"


def test_a_sign_right_after_the_same_one_is_spared(ledger_url: str, tmp_path: Path) -> None:
    root = root_on(tmp_path, ledger_url)
    assert sign(root, "tiny", "sensor:a", at=NOON)
    assert not sign(root, "tiny", "sensor:a", at=NOON + timedelta(seconds=29))
    assert sign(root, "tiny", "sensor:a", "something else", at=NOON + timedelta(seconds=29))
    assert sign(root, "tiny", "sensor:a", "something else", at=NOON + timedelta(seconds=60))


moments = st.lists(
    st.integers(0, 6 * 3600).map(lambda second: NOON + timedelta(seconds=second)), max_size=12
)


@given(given=moments, asked=st.integers(-3600, 8 * 3600))
@settings(max_examples=40, deadline=None)
def test_what_was_known_at_a_moment_is_told_to_the_minute(
    given: list[datetime], asked: int
) -> None:
    as_of = NOON + timedelta(seconds=asked)
    with TemporaryDirectory() as folder:
        root = Root.open(folder, environment={})
        for n, moment in enumerate(given):
            sign(root, "tiny", "sensor:a", str(n), at=moment)
        found = signs_of(root.ledger, "tiny", as_of).get("sensor:a")
    known = [moment for moment in given if moment <= as_of]
    if not known:
        assert found is None or as_of - found.at < timedelta(minutes=1)
        return
    assert found is not None and found.at <= as_of
    assert max(known) - found.at < timedelta(minutes=1)
    assert any(abs(found.at - moment) < timedelta(minutes=1) for moment in given)


def test_a_replay_gives_no_signs_and_a_reader_makes_no_table(tmp_path: Path) -> None:
    root = Root.open(tmp_path / "replay", environment={})
    root.begin_replay(NOON)
    assert not sign(root, "tiny", "sensor:a", at=NOON)
    assert signs_of(root.ledger, "tiny") == {} and newest_sign(root.ledger, "tiny") is None
    assert not (root.folder / "ledger.db").exists()
    live = Root.open(tmp_path / "live", environment={})
    live.ledger.append([NewEvent("drill", "tiny", {})], clock=live.clock)
    assert signs_of(live.ledger, "tiny") == {} and forget_after(live, NOON) == 0
    assert not sa.inspect(live.ledger._engine).has_table("signs")


def test_signs_are_no_part_of_the_chain(ledger_url: str, tmp_path: Path) -> None:
    root = root_on(tmp_path, ledger_url)
    sign(root, "tiny", "sensor:a")
    assert root.ledger.mode() is None and root.ledger.head() == 0
    block = root.ledger.append([NewEvent("drill", "tiny", {})], clock=root.clock)
    sign(root, "tiny", "sensor:b")
    assert root.ledger.verify().head == block.hash


def test_what_a_clock_gave_that_ran_ahead_can_be_forgotten(ledger_url: str, tmp_path: Path) -> None:
    root = root_on(tmp_path, ledger_url)
    sign(root, "tiny", "sensor:a", at=NOON)
    sign(root, "tiny", "sensor:a", at=NOON + timedelta(days=30))
    assert newest_sign(root.ledger, "tiny") == NOON + timedelta(days=30)
    assert signs_of(root.ledger, "tiny", NOON)["sensor:a"].at == NOON
    assert forget_after(root, NOON) == 1
    assert newest_sign(root.ledger, "tiny") == NOON


def test_signs_are_kept_for_months_and_not_for_ever(ledger_url: str, tmp_path: Path) -> None:
    root = root_on(tmp_path, ledger_url)
    sign(root, "tiny", "sensor:a", at=NOON)
    sign(root, "tiny", "sensor:b", at=NOON)
    sign(root, "tiny", "sensor:a", at=NOON + KEPT + timedelta(hours=1))
    assert rows(ledger_url) == 2
    assert signs_of(root.ledger, "tiny")["sensor:b"].at == NOON, "another's are its own matter"


def _sign_often(url: str, folder: str, number: int) -> None:
    root = root_on(Path(folder), url)
    for minute in range(60):
        sign(root, "tiny", "sensor:a", str(number), at=NOON + timedelta(minutes=minute))


@pytest.mark.requirement("ST-09")
def test_processes_that_sign_at_once_make_one_table_and_lose_nothing(
    ledger_url: str, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    arguments = [(ledger_url, str(tmp_path), number) for number in range(4)]
    processes = [context.Process(target=_sign_often, args=each) for each in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    ledger = Ledger(ledger_url)
    assert rows(ledger_url) == 1
    for minute in (0, 17, 59):
        moment = NOON + timedelta(minutes=minute)
        assert signs_of(ledger, "tiny", moment + timedelta(seconds=1))["sensor:a"].at == moment
