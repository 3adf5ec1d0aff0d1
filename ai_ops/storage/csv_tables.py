"""CSV made readable: one Parquet copy of a file, all values text, no row lost on the way.

A byte order mark, other delimiters and UTF-16 are found out. What is not UTF-8 in a file is marked,
so that the rows it concerns can be named; rows with too few or too many members are set apart.
"""

import codecs
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from ai_ops.storage.files import replacing

NOT_UTF8: Final = "\ufffd"
"""What marks, in a value, a byte that is not UTF-8; the byte follows in hexadecimal digits."""

_VERSION: Final = "1"
"""Of the copies' form: another one makes them anew."""
_BLOCK: Final = 8 * 1024 * 1024
_DELIMITERS: Final = ",;\t|"
_SURROGATE: Final = re.compile("[\udc80-\udcff]")
_QUOTED: Final = re.compile(r'"[^"]*"')


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row (from 1 on, the header not counted) that has not as many members as the header."""

    row: int
    problem: str
    raw: str


@dataclass(frozen=True, slots=True)
class CsvCopy:
    """The Parquet copy of a CSV and the rows that are not in it."""

    parquet: Path
    rejected: tuple[RejectedRow, ...]


def parquet_of_csv(opened: Callable[[], IO[bytes]], folder: Path, key: Sequence[object]) -> CsvCopy:
    """The copy of a CSV with these bytes; made once for each ``key`` (place, size, state).

    ``ValueError`` when it has no header, two columns of one name, or no form of CSV at all.
    """
    name = sha256(json.dumps([_VERSION, *key]).encode()).hexdigest()[:32]
    parquet, told = folder / f"{name}.parquet", folder / f"{name}.json"
    if not (parquet.exists() and told.exists()):
        with replacing(str(parquet)) as fresh:
            rejected = _copy(opened, fresh)
        with replacing(str(told)) as fresh:
            Path(fresh).write_text(json.dumps([asdict(row) for row in rejected]))
    rows = json.loads(told.read_text())
    return CsvCopy(parquet, tuple(RejectedRow(**row) for row in rows))


def delimiter_of(header: str) -> str:
    r"""What separates the members of a header.

    >>> delimiter_of('id;"a,b,c";time'), delimiter_of("id\ttime"), delimiter_of("only")
    (';', '\t', ',')
    """
    bare = _QUOTED.sub("", header)
    return max(_DELIMITERS, key=lambda sign: (bare.count(sign), -_DELIMITERS.index(sign)))


def marked(line: bytes) -> str:
    """A line as text, what is not UTF-8 in it marked.

    >>> marked(b"caf\\xe9") == "caf" + NOT_UTF8 + "e9"
    True
    """
    found = line.decode("utf-8", "surrogateescape")
    return _SURROGATE.sub(lambda one: f"{NOT_UTF8}{ord(one[0]) - 0xDC00:02x}", found)


def _copy(opened: Callable[[], IO[bytes]], target: str) -> list[RejectedRow]:
    rejected: dict[int, RejectedRow] = {}

    def set_apart(row: csv.InvalidRow) -> str:
        number = row.number - 1  # the header is its first
        problem = f"{row.actual_columns} members where the header has {row.expected_columns}"
        rejected[number] = RejectedRow(number, problem, row.text)
        return "skip"

    with _as_utf8(opened) as file:
        header = _header(file)
        names = _names(header)
        file.seek(0)
        reader = csv.open_csv(
            file,
            # In one thread: only then a row that is set apart has its number.
            read_options=csv.ReadOptions(use_threads=False, block_size=_BLOCK),
            parse_options=csv.ParseOptions(
                delimiter=delimiter_of(header),
                newlines_in_values=True,
                invalid_row_handler=set_apart,
            ),
            convert_options=csv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                strings_can_be_null=True,
                null_values=[""],
                check_utf8=False,
            ),
        )
        schema = reader.schema.append(pa.field("file_row_number", pa.int64()))
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            following = 1
            for batch in reader:
                numbers = _numbers(following, batch.num_rows, rejected)
                if len(numbers):
                    following = int(numbers[-1]) + 1
                    column = pa.array(numbers - 1)
                    whole = pa.record_batch([*batch.columns, column], schema=schema)
                    writer.write_batch(whole)
    return [rejected[number] for number in sorted(rejected)]


def _numbers(first: int, count: int, rejected: dict[int, RejectedRow]) -> Any:
    """The numbers of the next ``count`` rows that were not set apart."""
    apart = np.array(sorted(number for number in rejected if number >= first), np.int64)
    candidates = np.arange(first, first + count + len(apart), dtype=np.int64)
    return candidates[~np.isin(candidates, apart)][:count]


def _header(file: IO[bytes]) -> str:
    line = file.readline().decode().removeprefix("\ufeff").rstrip("\r\n")
    if not line.strip():
        raise ValueError("it has no header: its first line is empty")
    return line


def _names(header: str) -> list[str]:
    sign = delimiter_of(header)
    parsed = csv.read_csv(
        pa.BufferReader(header.encode() + b"\n"),
        parse_options=csv.ParseOptions(delimiter=sign),
    )
    names: list[str] = parsed.column_names
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"column {twice[0]} stands twice in the header")
    return names


@contextmanager
def _as_utf8(opened: Callable[[], IO[bytes]]) -> Iterator[IO[bytes]]:
    """The file as UTF-8: itself where it is that, else a copy for as long as it is read."""
    with opened() as file:
        begin = file.read(4)
        wide = begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        file.seek(0)
        if not wide and _is_utf8(file):
            file.seek(0)
            yield file
            return
        file.seek(0)
        with TemporaryFile() as copy:
            if wide:
                _decode_wide(file, copy)
            else:
                for line in file:
                    copy.write(marked(line).encode())
            copy.seek(0, os.SEEK_SET)
            yield copy


def _is_utf8(file: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := file.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _decode_wide(file: IO[bytes], copy: IO[bytes]) -> None:
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        while block := file.read(_BLOCK):
            copy.write(decoder.decode(block).encode())
        copy.write(decoder.decode(b"", final=True).encode())
    except UnicodeDecodeError as error:
        raise ValueError(f"it begins as UTF-16 and is not: {error}") from error
