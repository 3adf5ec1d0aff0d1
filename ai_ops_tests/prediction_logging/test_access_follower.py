"""A witness follows an access log through rotation, truncation and its own death."""

import gzip
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.prediction_logging.access_counts import Tables
from ai_ops.prediction_logging.access_follower import Follower
from ai_ops.vocabulary.errors import BadInput

NOON = datetime(2021, 3, 4, 12, tzinfo=UTC)


class Proxy:
    """Writes an access log, and remembers what it served."""

    def __init__(self, folder: Path) -> None:
        self.log, self.served = folder / "access.log", 0
        self.told: list[str] = []
        self.tables = Tables(folder / "served", "edge")

    def serve(self, count: int, moment: datetime | None = None, status: int = 200) -> None:
        with self.log.open("a") as log:
            for number in range(count):
                at = moment or NOON + timedelta(seconds=self.served + number)
                log.write(line(at, self.served + number, status))
        self.served += count

    def count(self) -> Counter[str]:
        """What a witness that is begun anew has told, by day."""
        follower = Follower(self.log, self.tables, "combined", {"/predict"}, tell=self.told.append)
        with follower.begun() as begun:
            begun.catch_up()
        return tabled(self.tables)


def line(at: datetime, number: int, status: int = 200) -> str:
    told = f'[{at:%d/%b/%Y:%H:%M:%S +0000}] "POST /predict HTTP/1.1" {status} {number}'
    return f"10.0.0.{number % 250} - - {told}\n"


def tabled(tables: Tables) -> Counter[str]:
    counts: Counter[str] = Counter()
    for file in tables.folder.glob("*.parquet"):
        counts[file.name[:10]] = sum(pq.read_table(file)[tables.count_column].to_pylist())
    return counts


@pytest.fixture
def proxy(tmp_path: Path) -> Proxy:
    return Proxy(tmp_path)


def test_requests_are_counted_by_minute_in_a_table_a_day(proxy: Proxy) -> None:
    proxy.serve(90)
    proxy.serve(5, NOON + timedelta(days=1))
    proxy.serve(3, status=502)
    assert proxy.count() == {"2021-03-04": 90, "2021-03-05": 5}
    rows = pq.read_table(proxy.tables.path("2021-03-04")).to_pylist()
    assert rows == [
        {"time": NOON, "served": 60},
        {"time": NOON + timedelta(minutes=1), "served": 30},
    ]


def test_nothing_is_counted_twice_and_what_came_since_is_added(proxy: Proxy) -> None:
    proxy.serve(10)
    assert proxy.count()["2021-03-04"] == 10
    assert proxy.count()["2021-03-04"] == 10
    proxy.serve(7)
    assert proxy.count()["2021-03-04"] == 17


def test_half_a_line_waits_for_its_end(proxy: Proxy) -> None:
    whole = line(NOON, 1)
    proxy.log.write_text(whole + whole[:40])
    assert proxy.count()["2021-03-04"] == 1
    with proxy.log.open("a") as log:
        log.write(whole[40:])
    assert proxy.count()["2021-03-04"] == 2


def test_a_renamed_log_is_read_to_its_end_before_the_new_one(proxy: Proxy) -> None:
    proxy.serve(10)
    proxy.count()
    proxy.serve(5)
    proxy.log.rename(proxy.log.with_name("access.log.1"))
    proxy.serve(3)
    assert proxy.count()["2021-03-04"] == 18


def test_several_rotations_while_nobody_looked_are_caught_up_on(proxy: Proxy) -> None:
    proxy.serve(10)
    proxy.count()
    proxy.serve(5)
    proxy.log.rename(proxy.log.with_name("access.log.2"))
    proxy.serve(4)
    moved = proxy.log.rename(proxy.log.with_name("access.log.1"))
    proxy.serve(3)
    for old in (proxy.log.with_name("access.log.2"), moved):
        with old.open("rb") as plain, gzip.open(f"{old}.gz", "wb") as packed:
            shutil.copyfileobj(plain, packed)
        shutil.copystat(old, f"{old}.gz")
        old.unlink()
    assert proxy.count()["2021-03-04"] == 22
    assert proxy.told == []


def test_a_log_that_was_copied_and_truncated_goes_on(proxy: Proxy) -> None:
    proxy.serve(10)
    proxy.count()
    proxy.serve(5)
    shutil.copyfile(proxy.log, proxy.log.with_name("access.log.1"))
    proxy.log.write_bytes(b"")
    proxy.serve(40)
    assert proxy.count()["2021-03-04"] == 55


def test_a_file_that_is_gone_is_told(proxy: Proxy) -> None:
    proxy.serve(10)
    proxy.count()
    proxy.serve(5)
    proxy.log.unlink()
    proxy.serve(3)
    assert proxy.count()["2021-03-04"] == 13
    assert "what was read to byte" in proxy.told[0]
    assert proxy.tables.load().lost


def test_lines_that_cannot_be_read_are_counted_and_named(proxy: Proxy) -> None:
    proxy.serve(2)
    with proxy.log.open("a") as log:
        log.write("garbage\n" * 3 + "\n")
    proxy.serve(2)
    assert proxy.count()["2021-03-04"] == 4
    assert proxy.tables.load().unreadable == {"not the combined format": 3}
    assert "3 × not the combined format" in proxy.told[0]


def test_a_crash_between_state_and_table_is_mended(proxy: Proxy) -> None:
    proxy.serve(10)
    proxy.count()
    table = proxy.tables.path("2021-03-04")
    before = table.read_bytes()
    proxy.serve(5)
    proxy.count()
    table.write_bytes(before)  # the state was written, the table was not
    assert proxy.count()["2021-03-04"] == 15


def test_a_late_line_of_an_old_day_is_added_to_its_table(proxy: Proxy) -> None:
    proxy.serve(4)
    for day in range(1, 6):
        proxy.serve(2, NOON + timedelta(days=day))
        proxy.count()
    assert "2021-03-04" not in proxy.tables.load().days
    proxy.serve(1, NOON)
    assert proxy.count()["2021-03-04"] == 5


def test_two_witnesses_of_one_name_refuse_each_other(proxy: Proxy) -> None:
    proxy.serve(1)
    one = Follower(proxy.log, proxy.tables, "combined", {"/predict"})
    with one.begun(), pytest.raises(BadInput, match="another process counts as edge"):
        proxy.count()


def test_tables_without_their_state_are_not_counted_upon(proxy: Proxy) -> None:
    proxy.serve(1)
    proxy.count()
    proxy.tables.state_file.unlink()
    with pytest.raises(BadInput, match="would count twice"):
        proxy.count()
    proxy.tables.state_file.write_text("{")
    with pytest.raises(BadInput, match="cannot be read"):
        proxy.count()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["serve", "count", "rename", "copy", "tear"]), max_size=14))
def test_whatever_happens_to_the_log_every_request_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    proxy = Proxy(tmp_path_factory.mktemp("log"))
    proxy.serve(1)
    proxy.count()
    copies = 0
    for step in steps:
        match step:
            case "serve":
                proxy.serve(3)
            case "count":
                proxy.count()
            case "tear":
                half = line(NOON, proxy.served)
                with proxy.log.open("a") as log:
                    log.write(half[:30])
                proxy.count()
                with proxy.log.open("a") as log:
                    log.write(half[30:])
                proxy.served += 1
            case "rename":
                copies += 1
                proxy.log.rename(proxy.log.with_name(f"access.log.{copies}"))
                proxy.serve(1)
                proxy.count()  # every rotation is looked at: the order of two is told by times
            case "copy":
                copies += 1
                proxy.count()
                shutil.copyfile(proxy.log, proxy.log.with_name(f"access.log.{copies}"))
                proxy.log.write_bytes(b"")
    assert proxy.count()["2021-03-04"] == proxy.served
    assert proxy.told == []
