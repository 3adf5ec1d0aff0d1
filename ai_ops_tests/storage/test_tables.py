"""Tables of somebody else: found, opened, described, and what is wrong with them named."""

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.storage.root import Root
from ai_ops.storage.sql_values import Wanted, missing, moment, value
from ai_ops.storage.tables import (
    ReadableTable,
    UnreadableTable,
    digest_of,
    open_table,
    scan,
    table_files,
    tables_engine,
)
from ai_ops.vocabulary.errors import MissingEvidence

Ask = Callable[[str, Any], Any]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """The answer of a query about one value ``$x``."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield lambda query, x: connection.execute(query, {"x": x}).fetchall()[0]


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "t").mkdir()
    return Root.open(tmp_path, environment={})


@pytest.fixture
def engine(root: Root) -> Iterator[duckdb.DuckDBPyConnection]:
    with tables_engine(root, threads=1) as connection:
        yield connection


def opened(root: Root, engine: duckdb.DuckDBPyConnection, name: str, data: bytes) -> ReadableTable:
    (root.folder / "t" / name).write_bytes(data)
    [file] = table_files(root, f"t/{name}", "source.files")
    return open_table(root, engine, file)


def read(engine: duckdb.DuckDBPyConnection, *tables: ReadableTable) -> list[tuple[Any, ...]]:
    return engine.execute(f"SELECT * EXCLUDE (ai_ops_file) FROM {scan(tables)}").fetchall()


@pytest.mark.requirement("PL-08")
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bom.csv", b"\xef\xbb\xbfid;time\n1;2\n3;4\n"),
        ("windows.csv", b"id,time\r\n1,2\r\n3,4\r\n"),
        ("tabs.tsv", b"id\ttime\n1\t2\n3\t4\n"),
        ("wide.csv", "id;time\n1;2\n3;4\n".encode("utf-16")),
        ("zipped.csv.gz", gzip.compress(b"id|time\n1|2\n3|4", mtime=0)),
        ("quoted.txt", b'"id","time"\n"1","2"\n"3","4"\n'),
    ],
)
def test_csv_of_every_dialect_is_the_same_table(
    root: Root, engine: duckdb.DuckDBPyConnection, name: str, data: bytes
) -> None:
    table = opened(root, engine, name, data)
    assert table.columns == {"id": "VARCHAR", "time": "VARCHAR"}
    assert (table.rows, table.is_text, table.rejected) == (2, True, ())
    assert read(engine, table) == [("1", "2", 0), ("3", "4", 1)]


def test_rows_keep_their_numbers_when_others_are_set_apart(
    root: Root, engine: duckdb.DuckDBPyConnection
) -> None:
    data = b'id,time\n1,2\n3\n5,"6\nx"\n7,8,9\n10,caf\xe9\n'
    table = opened(root, engine, "a.csv", data)
    assert [(row.row, row.raw) for row in table.rejected] == [(2, "3"), (4, "7,8,9")]
    assert read(engine, table) == [("1", "2", 0), ("5", "6\nx", 2), ("10", "caf\ufffde9", 4)]


def test_a_parquet_file_and_what_tells_that_it_changed(
    root: Root, engine: duckdb.DuckDBPyConnection
) -> None:
    path = root.folder / "t" / "a.parquet"
    pq.write_table(pa.table({"x": [1, 2], "day": [datetime(2021, 3, 1, tzinfo=UTC)] * 2}), path)
    [file] = table_files(root, str(root.folder / "*" / "*.parquet"), "source.files")
    table = open_table(root, engine, file)
    assert table.columns == {"x": "BIGINT", "day": "TIMESTAMP WITH TIME ZONE"}
    assert (table.rows, file.name, len(digest_of(file))) == (2, str(path), 64)
    assert [row[0] for row in read(engine, table)] == [1, 2]
    before = file.state, digest_of(file)
    pq.write_table(pa.table({"x": [1, 3]}), path)
    [file] = table_files(root, "t/*.parquet", "source.files")
    assert file.name == "t/a.parquet"
    assert (file.state, digest_of(file)) != before


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.parquet", b"", "the file is empty: it has not even columns"),
        ("a.parquet", b"PAR1 and no more", "not a readable Parquet file (cut off"),
        ("a.csv", b"\nid,time\n", "it has no header"),
        ("a.csv", b"id,time,id\n1,2,3\n", "column id stands twice in the header"),
    ],
)
def test_what_is_no_table_is_named(
    root: Root, engine: duckdb.DuckDBPyConnection, name: str, data: bytes, problem: str
) -> None:
    with pytest.raises(UnreadableTable, match=f"^t/{name}: ") as error:
        opened(root, engine, name, data)
    assert problem in str(error.value)


def test_no_file_names_the_field_and_the_glob(root: Root) -> None:
    with pytest.raises(MissingEvidence, match=r"ground_truth.labels: no file matches t/\*.csv"):
        table_files(root, "t/*.csv", "ground_truth.labels")


def typed(ask: Ask, found: Any, kind: str, wanted: Wanted) -> Any:
    return ask(f"SELECT {value('x', kind, wanted)} FROM (SELECT CAST($x AS {kind}) AS x)", found)[0]


@pytest.mark.parametrize(
    ("found", "kind", "wanted", "meant"),
    [
        ("1.5", "VARCHAR", "number", 1.5),
        ("1,5", "VARCHAR", "number", None),
        ("inf", "DOUBLE", "number", None),
        (True, "BOOLEAN", "number", None),
        (7, "INTEGER", "number", 7.0),
        (2.0, "DOUBLE", "category", "2"),
        (0.5, "DOUBLE", "category", "0.5"),
        ("  ", "VARCHAR", "category", None),
        ("True", "VARCHAR", "boolean", True),
        (1.0, "FLOAT", "boolean", True),
        (-1, "INTEGER", "boolean", None),
        ([1], "INTEGER[]", "category", None),
    ],
)
def test_values_are_what_they_mean_or_null(
    ask: Ask, found: Any, kind: str, wanted: Wanted, meant: Any
) -> None:
    assert typed(ask, found, kind, wanted) == meant


NOON = datetime(2021, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("found", "kind", "zone"),
    [
        ("2021-03-04T12:00:00Z", "VARCHAR", None),
        ("2021-03-04 13:00:00+01", "VARCHAR", None),
        ("2021-03-04 13:00", "VARCHAR", "Europe/Berlin"),
        ("2021-03-04 12:00:00", "TIMESTAMP", "UTC"),
        (1614859200, "INTEGER", None),
        (1614859200000, "BIGINT", None),
        (1614859200000000, "BIGINT", None),
        (1614859200000000000, "BIGINT", None),
        (1614859200.0, "DOUBLE", None),
        ("1614859200", "VARCHAR", None),
    ],
)
def test_moments_are_read_from_what_files_hold(
    ask: Ask, found: Any, kind: str, zone: str | None
) -> None:
    query = f"SELECT {moment('x', kind, zone)} FROM (SELECT CAST($x AS {kind}) AS x)"
    assert ask(query, found) == (NOON,)


def test_a_time_without_a_zone_tells_no_moment(ask: Ask) -> None:
    assert moment("x", "TIMESTAMP", None) is None
    query = f"SELECT {moment('x', 'VARCHAR', None)} FROM (SELECT $x AS x)"
    for text in ("2021-03-04 12:00:00", "2021-03-04", "soon", "infinity"):
        assert ask(query, text) == (None,)


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8))
def test_no_text_is_an_error(text: str) -> None:
    wanted: tuple[Wanted, ...] = ("number", "category", "boolean")
    sql = [value("x", "VARCHAR", one) for one in wanted]
    sql += [str(moment("x", "VARCHAR", None)), missing("x", "VARCHAR")]
    query = f"SELECT {', '.join(sql)} FROM (SELECT $x AS x)"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        [(*_, when, absent)] = connection.execute(query, {"x": text}).fetchall()
    assert not (absent and when)
