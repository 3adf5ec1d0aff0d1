"""Where an access log goes on: the file itself, what it was renamed or copied to, and what follows.

A log is rotated while it is read and while nobody reads it: renamed, copied and truncated, or
compressed. What was read is known again by its first bytes, whatever its name is now.
"""

import gzip
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from zlib import crc32

import msgspec

HEAD_BYTES: Final = 1024
CHUNK_BYTES: Final = 4 * 1024 * 1024
_PACKED: Final = ".gz"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """How far a log was read: the first bytes of that file tell it from every other.

    ``changed_ns`` is when it was last written to, as far as that was seen.
    """

    head: int = 0
    head_bytes: int = 0
    offset: int = 0
    inode: int = 0
    changed_ns: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that follow a place, and the place behind them; ``lost`` says what could not be."""

    content: bytes
    place: Place
    torn: int = 0
    lost: str | None = None


def read_on(path: Path, place: Place, *, settled_ns: int) -> Chunk:
    """The next whole lines behind a place; none when there are none yet.

    When the log was rotated its old file is read to the end first; the next one is begun once it
    holds something and the old one was not written to since ``settled_ns`` (of the wall's clock).
    """
    if place.offset == 0:
        return _lines(path, Place()) if path.exists() else Chunk(b"", place)
    if _is_same(path, place):
        return _lines(path, place)
    old = next((file for file in _renamed(path, place) if _is_same(file, place)), None)
    if old is not None:
        chunk = _lines(old, place)
        if chunk.content:
            return chunk
        if old.stat().st_mtime_ns >= settled_ns:
            return Chunk(b"", place)
    after = _following(path, old, place)
    if after is None:
        return Chunk(b"", place)
    chunk = _lines(after, Place())
    torn = _behind(old, place.offset) if old is not None else 0
    lost = None if old is not None else f"{path}: what was read to byte {place.offset} is gone"
    return Chunk(chunk.content, chunk.place, torn, lost) if chunk.content else Chunk(b"", place)


def _following(path: Path, old: Path | None, place: Place) -> Path | None:
    """The oldest file that was begun after the one that was read."""
    since = old.stat().st_mtime_ns if old is not None else place.changed_ns
    files = [file for file in (*_relatives(path), path) if file.exists() and file != old]
    later = [
        file
        for file in files
        if _holds_something(file)
        and not _is_same(file, place)
        and (file == path or file.stat().st_mtime_ns > since)
    ]
    return min(later, key=lambda file: (file == path, file.stat().st_mtime_ns), default=None)


def _relatives(path: Path) -> list[Path]:
    """The files that a rotation may have made: the log's name, and something behind it."""
    return sorted(file for file in path.parent.glob(f"{path.name}?*") if file.is_file())


def _renamed(path: Path, place: Place) -> list[Path]:
    """Where the file that was read may be now, under whatever name it was moved to."""
    moved = [Path(entry.path) for entry in os.scandir(path.parent) if entry.inode() == place.inode]
    return [file for file in (*moved, *_relatives(path)) if file != path]


def _is_same(file: Path, place: Place) -> bool:
    """Whether a file begins as the one that was read, and reaches as far."""
    try:
        with _opened(file) as content:
            head = content.read(place.head_bytes)
            if crc32(head) != place.head or len(head) < place.head_bytes:
                return False
            return _size(file, content) >= place.offset
    except (OSError, EOFError):
        return False


def _lines(file: Path, place: Place) -> Chunk:
    """The whole lines of a file behind an offset; a line without end that is too long, cut."""
    with _opened(file) as content:
        head = content.read(HEAD_BYTES)
        content.seek(place.offset)
        found = content.read(CHUNK_BYTES)
    whole = found[: found.rfind(b"\n") + 1]
    if not whole and len(found) == CHUNK_BYTES:
        whole = found
    offset = place.offset + len(whole)
    known = head[: min(HEAD_BYTES, offset)]
    stat = file.stat()
    behind = Place(
        head=crc32(known),
        head_bytes=len(known),
        offset=offset,
        inode=stat.st_ino,
        changed_ns=stat.st_mtime_ns,
    )
    return Chunk(whole, behind)


def _behind(file: Path, offset: int) -> int:
    """How many lines without an end lie behind the last whole one: one, or none."""
    with _opened(file) as content:
        content.seek(offset)
        return 1 if content.read(1) else 0


def _holds_something(file: Path) -> bool:
    try:
        with _opened(file) as content:
            return b"\n" in content.read(CHUNK_BYTES)
    except (OSError, EOFError):
        return False


def _size(file: Path, content: IO[bytes]) -> int:
    if file.suffix == _PACKED:
        return content.seek(0, io.SEEK_END)
    return os.fstat(content.fileno()).st_size


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    if file.suffix == _PACKED:
        with gzip.open(file, "rb") as packed:
            yield packed  # type: ignore[misc]  # a GzipFile reads as any other
    else:
        with file.open("rb") as plain:
            yield plain
