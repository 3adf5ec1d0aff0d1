"""Where an access log goes on: the file itself, what it was renamed or copied to, and what follows.

A log is rotated while it is read and while nobody reads it: renamed, copied and truncated, or
compressed. What was read is known again by its first bytes, whatever its name is now.
"""

import io
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from gzip import GzipFile
from pathlib import Path
from typing import IO, Any, Final
from zlib import crc32

import msgspec

HEAD_BYTES: Final = 1024
CHUNK_BYTES: Final = 4 * 1024 * 1024
_PACKED: Final = ".gz"
_TRIES: Final = 20


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
    for _ in range(_TRIES):
        try:
            return _read_on(path, place, settled_ns)
        except (_Renamed, FileNotFoundError):
            continue  # rotated between two looks: what stood under a name is now under another
    return Chunk(b"", place)


class _Renamed(Exception):
    """A file that was looked at is not the one that was opened by its name."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file that is held open: a rename does not put another in its place."""

    path: Path
    content: IO[bytes]
    inode: int
    changed_ns: int

    def is_same(self, place: Place) -> bool:
        """Whether it begins as the one that was read, and reaches as far."""
        try:
            self.content.seek(0)
            head = self.content.read(place.head_bytes)
            if len(head) < place.head_bytes or crc32(head) != place.head:
                return False
            return self.content.seek(0, io.SEEK_END) >= place.offset
        except (OSError, EOFError):
            return False  # a compressed file that is not whole yet

    def lines(self, place: Place) -> Chunk:
        """The whole lines behind a place; a line without end that is too long, cut."""
        self.content.seek(0)
        head = self.content.read(HEAD_BYTES)
        self.content.seek(place.offset)
        found = self.content.read(CHUNK_BYTES)
        whole = found[: found.rfind(b"\n") + 1]
        if not whole and len(found) == CHUNK_BYTES:
            whole = found
        if not whole:
            return Chunk(b"", place)
        offset = place.offset + len(whole)
        known = head[: min(HEAD_BYTES, offset)]
        behind = Place(
            head=crc32(known),
            head_bytes=len(known),
            offset=offset,
            inode=self.inode,
            changed_ns=self.changed_ns,
        )
        return Chunk(whole, behind)

    def torn(self, offset: int) -> int:
        """How many lines without an end lie behind the last whole one: one, or none."""
        self.content.seek(offset)
        return 1 if self.content.read(1) else 0


def _read_on(path: Path, place: Place, settled_ns: int) -> Chunk:
    with ExitStack() as opened:
        # The log itself is held first: whatever is renamed from now on is found among the others.
        log = _held(opened, path) if path.exists() else None
        if place.offset == 0:
            return log.lines(Place()) if log else Chunk(b"", place)
        if log is not None and log.is_same(place):
            return log.lines(place)
        others = [_held(opened, file, inode) for file, inode in _others(path, place)]
        old = next((file for file in others if file.is_same(place)), None)
        if old is not None:
            chunk = old.lines(place)
            if chunk.content or old.changed_ns >= settled_ns:
                return chunk
        return _begun(path, place, log, others, old)


def _begun(
    path: Path, place: Place, log: _File | None, others: Sequence[_File], old: _File | None
) -> Chunk:
    """The first lines of the oldest file that was begun after the one that was read."""
    since = old.changed_ns if old is not None else place.changed_ns
    later = [
        file
        for file in sorted(others, key=lambda file: file.changed_ns)
        if file.path.name.startswith(path.name)
        and file.changed_ns > since
        and (log is None or file.inode != log.inode)
        and not file.is_same(place)
    ]
    for file in (*later, *([log] if log is not None else [])):
        chunk = file.lines(Place())
        if chunk.content:
            torn = old.torn(place.offset) if old is not None else 0
            gone = f"{path}: what was read to byte {place.offset} is gone"
            return Chunk(chunk.content, chunk.place, torn, None if old is not None else gone)
    return Chunk(b"", place)


def _others(path: Path, place: Place) -> list[tuple[Path, int]]:
    """What a rotation may have made of the log, with the inode of each: the log's name and
    something behind it, or whatever the file that was read is called now."""
    return [
        (Path(entry.path), entry.inode())
        for entry in sorted(os.scandir(path.parent), key=lambda entry: entry.name)
        if entry.name != path.name
        and (entry.name.startswith(path.name) or entry.inode() == place.inode)
        and entry.is_file()
    ]


def _held(opened: ExitStack, path: Path, inode: int | None = None) -> _File:
    plain = opened.enter_context(path.open("rb"))
    stat = os.fstat(plain.fileno())
    if inode is not None and stat.st_ino != inode:
        raise _Renamed(path)
    packed = GzipFile(fileobj=plain) if path.suffix == _PACKED else None
    content: Any = plain if packed is None else opened.enter_context(packed)
    return _File(path, content, stat.st_ino, stat.st_mtime_ns)
