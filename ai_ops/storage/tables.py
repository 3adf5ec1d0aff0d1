"""Tables that somebody else wrote: Parquet or CSV files below the root, elsewhere, or on S3.

Everything that a feature's YAML names by a glob (sources, labels, reference sets) is found and read
here. A file that cannot be read is an ``UnreadableTable`` whose message names it.
"""

import glob
import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

import duckdb
from fsspec.core import url_to_fs

from ai_ops.storage.csv_tables import RejectedRow, parquet_of_csv
from ai_ops.storage.files import in_bucket, options_for, reached
from ai_ops.storage.lake import Lake
from ai_ops.storage.root import Root
from ai_ops.storage.sql_text import quoted as quoted
from ai_ops.storage.sql_text import text as text
from ai_ops.vocabulary.errors import MissingEvidence

ROW: Final = "file_row_number"
"""The column that a scan adds: which row of its file a row is, from 0 on."""
FILE: Final = "ai_ops_file"
"""The column that a scan adds: the path of the row's file, as DuckDB read it."""

_PARQUET: Final = (".parquet", ".pq")
_CSV: Final = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_MAGIC: Final = b"PAR1"


class UnreadableTable(MissingEvidence):
    """A file that is no table, or not the declared one; ``problem`` leaves its name out."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(f"{file}: {problem}")
        self.file, self.problem = file, problem

    def __reduce__(self) -> tuple[type["UnreadableTable"], tuple[str, str]]:
        """What a process needs that the error is handed to."""
        return type(self), (self.file, self.problem)


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file that a glob found: as a person names it, where it lies, and what tells it changed."""

    name: str
    path: str
    size: int
    state: str

    @property
    def is_local(self) -> bool:
        """Whether it lies in a folder of this machine."""
        return "://" not in self.path


@dataclass(frozen=True, slots=True)
class ReadableTable:
    """A file whose columns are known: name → DuckDB's type (of a CSV, text each).

    ``parquet`` is what DuckDB reads: the file, or the copy of a CSV. ``rejected`` are the rows of
    a CSV that have too few or too many members; they keep their number, so that none moves up.
    """

    file: TableFile
    columns: Mapping[str, str]
    rows: int
    parquet: str
    rejected: tuple[RejectedRow, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether it is a CSV: every value is text, and what it means is to be found out."""
        return self.parquet != self.file.path


def table_files(root: Root, pattern: str, field: str) -> list[TableFile]:
    """The files that a glob names, sorted; ``MissingEvidence`` naming the YAML's field if none."""
    found = _stored(root, pattern) if "://" in pattern else _local(root, pattern)
    if not found:
        where = "" if "://" in pattern or os.path.isabs(pattern) else f" below {root.folder}"
        raise MissingEvidence(f"{field}: no file matches {pattern}{where}")
    return found


@contextmanager
def tables_engine(
    root: Root, *, threads: int = 2, memory: str = "700MB"
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that reads what ``table_files`` finds: times in UTC, what does not fit spilled."""
    with TemporaryDirectory(prefix="ai_ops_") as spill:
        config: dict[str, Any] = {
            "threads": threads,
            "memory_limit": memory,
            "temp_directory": spill,
        }
        with duckdb.connect(config=config) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection


def open_table(root: Root, connection: duckdb.DuckDBPyConnection, file: TableFile) -> ReadableTable:
    """The columns and the number of rows of a file; ``UnreadableTable`` when it is none."""
    if not file.size:
        raise UnreadableTable(file.name, "the file is empty: it has not even columns")
    if not file.is_local:
        _reach_store(root, connection, file.path)
    if not _is_parquet(root, file):
        return _open_csv(root, connection, file)
    columns, rows = _described(connection, file.path, file.name)
    return ReadableTable(file, columns, rows, file.path)


def scan(tables: Sequence[ReadableTable]) -> str:
    """SQL that reads tables of the same columns, with their ``FILE`` and ``ROW``.

    Of a CSV the row is a column of its copy: rows that were set apart are counted too.
    """
    paths = ", ".join(text(table.parquet) for table in tables)
    number = "" if tables[0].is_text else f", {ROW} = true"
    return f"read_parquet([{paths}], filename = {text(FILE)}{number})"


def digest_of(file: TableFile) -> str:
    """The sha256 of a local file; of an object in a store what the store tells of it."""
    if not file.is_local:
        return f"etag:{file.state}"
    return Lake(posixpath.dirname(file.path)).digest_of(file.path)[1]


def first_line(error: Exception) -> str:
    """What an error says, without the query that DuckDB repeats."""
    return str(error).partition("\n")[0]


def _local(root: Root, pattern: str) -> list[TableFile]:
    whole = os.path.join(root.folder, pattern)  # an absolute pattern stays as it is
    found = []
    for path in sorted(glob.glob(whole, recursive=True)):
        if os.path.isfile(path):
            stat = os.stat(path)
            absolute = os.path.isabs(pattern)
            name = path if absolute else os.path.relpath(path, root.folder)
            found.append(TableFile(name, path, stat.st_size, str(stat.st_mtime_ns)))
    return found


def _stored(root: Root, pattern: str) -> list[TableFile]:
    fs, inner = _file_system(root, pattern)
    fs.invalidate_cache()
    with reached(pattern):
        found = in_bucket(pattern, lambda: fs.glob(inner, detail=True))
    files = []
    for path, info in sorted(found.items()):
        if info["type"] == "file":
            url = fs.unstrip_protocol(path)
            files.append(TableFile(url, url, info["size"], str(info.get("ETag", "")).strip('"')))
    return files


def _file_system(root: Root, url: str) -> tuple[Any, str]:
    lake = root.lake
    scheme = url.partition("://")[0]
    same_store = lake.url.startswith(f"{scheme}://") and lake.storage_options is not None
    options = lake.storage_options if same_store else options_for(url, root.environment)
    fs, inner = url_to_fs(url, **(options or {}))
    return fs, inner


def _reach_store(root: Root, connection: duckdb.DuckDBPyConnection, url: str) -> None:
    fs, _ = _file_system(root, url)
    if not connection.filesystem_is_registered(fs.protocol[0]):
        connection.register_filesystem(fs)


def _is_parquet(root: Root, file: TableFile) -> bool:
    name = file.name.lower()
    if name.endswith(_PARQUET):
        return True
    if name.endswith(_CSV):
        return False
    fs, inner = url_to_fs(file.path) if file.is_local else _file_system(root, file.path)
    with reached(file.path, remote=not file.is_local), fs.open(inner, "rb") as opened:
        return bool(opened.read(len(_MAGIC)) == _MAGIC)


def _open_csv(root: Root, connection: duckdb.DuckDBPyConnection, file: TableFile) -> ReadableTable:
    fs, inner = url_to_fs(file.path) if file.is_local else _file_system(root, file.path)
    compression: Literal["gzip"] | None = "gzip" if file.name.lower().endswith(".gz") else None
    key = (file.path, file.size, file.state)
    try:
        with reached(file.path, remote=not file.is_local):
            copy = parquet_of_csv(
                lambda: fs.open(inner, "rb", compression=compression),
                root.folder / "cache" / "tables",
                key,
            )
    except ValueError as error:  # pyarrow's errors of form are ValueErrors
        raise UnreadableTable(file.name, f"not a readable CSV: {first_line(error)}") from error
    columns, rows = _described(connection, str(copy.parquet), file.name)
    return ReadableTable(file, columns, rows, str(copy.parquet), copy.rejected)


def _described(
    connection: duckdb.DuckDBPyConnection, path: str, name: str
) -> tuple[dict[str, str], int]:
    try:
        told = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
        counted = connection.execute(
            "SELECT num_rows FROM parquet_file_metadata(?)", [path]
        ).fetchall()
    except (duckdb.Error, OSError) as error:
        # A file that is cut off lacks its end, where Parquet says what the file holds.
        problem = f"not a readable Parquet file (cut off, or another format): {first_line(error)}"
        raise UnreadableTable(name, problem) from error
    return {column: kind for column, kind, *_ in told if column != ROW}, int(counted[0][0])
