"""A zip archive in which no byte is free: the same files give the same bytes, and no others.

Archives have room for what nobody sees: comments, extra fields, two entries of one name, bytes
between or behind them. Here the files lie one behind the other, stored as they are, with one time
for all and no attributes, so that the one archive of some files is known to the byte. Whatever
differs from it is told. ``unzip`` and every file manager open it.

The layout is that of PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
"""

import re
import struct
from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import sha256
from typing import BinaryIO, Final
from zlib import crc32

from ai_ops.vocabulary.errors import BadInput

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_ENTRY: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_LOCAL_MARK, _ENTRY_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_VERSION: Final = 20
_UTF8: Final = 0x0800
_EPOCH: Final = (0, 0x21)  # midnight, 1980-01-01: the format knows no earlier day
_MOST_BYTES: Final = 0xFFFF_FFFF
_MOST_FILES: Final = 0xFFFF
_CHUNK: Final = 1 << 20

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=+-]*(/[A-Za-z0-9_][A-Za-z0-9_.=+-]*)*")


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive as it was found; ``content`` where it was asked for."""

    name: str
    size: int
    sha256: str
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What an archive holds, up to where it is none any more, and what is wrong with it."""

    members: list[Member]
    problems: list[str]


@dataclass
class ZipWriter:
    """Writes an archive, file by file; ``close`` writes its directory."""

    file: BinaryIO
    _entries: list[bytes] = field(default_factory=list)
    _at: int = 0

    def add(self, name: str, content: bytes) -> None:
        """Add a file; ``BadInput`` for a name that leads elsewhere, and for more than 4 GiB."""
        if not is_name(name):
            raise BadInput(f"{name}: no name of a file in a bundle")
        local, entry = _headers(name, len(content), crc32(content), self._at)
        self._write(local)
        self._write(content)
        self._entries.append(entry)

    def close(self) -> None:
        """Write the directory; nothing is added behind it."""
        entries, start = b"".join(self._entries), self._at
        self._write(entries)
        self._write(_end(len(self._entries), len(entries), start))

    def _write(self, content: bytes) -> None:
        self._at += len(content)
        if self._at > _MOST_BYTES or len(self._entries) >= _MOST_FILES:
            raise BadInput("the bundle is larger than 4 GiB or 65,535 files: take a shorter span")
        self.file.write(content)


def is_name(name: str) -> bool:
    """Whether a file may have this name: a plain path that stays below where it is unpacked.

    >>> is_name("log/2021-03-04.parquet"), is_name("../keys"), is_name("/etc/passwd"), is_name("a/")
    (True, False, False, False)
    """
    return _NAME.fullmatch(name) is not None


def read_zip(file: BinaryIO, keep: Collection[str] = ()) -> Found:
    """What an archive holds: every byte of it is read and compared with what it must be.

    The contents of those files that ``keep`` names are kept.
    """
    found, directory, at = Found([], []), b"", 0
    head = file.read(_LOCAL.size)
    while head.startswith(_LOCAL_MARK) and len(head) == _LOCAL.size:
        crc, size, length = (_LOCAL.unpack(head)[place] for place in (6, 7, 9))
        raw = file.read(length)
        name = raw.decode("ascii", "replace")
        local, entry = _headers(name, size, crc, at) if len(raw) == length else (b"", b"")
        if head + raw != local or not is_name(name):
            found.problems.append(f"byte {at:,}: the header of {name!r} is none of a bundle's")
            return found
        member, counted = _member(file, name, size, name in keep)
        if member.size < size:
            found.problems.append(f"{name}: it ends after {member.size:,} of {size:,} bytes")
            return found
        if counted != crc:
            found.problems.append(f"{name}: its bytes are not those that were archived")
        found.members.append(member)
        directory += entry
        at += len(local) + size
        head = file.read(_LOCAL.size)
    expected = directory + _end(len(found.members), len(directory), at)
    rest = head + file.read(max(len(expected) + 1 - len(head), 0))
    if rest != expected:
        place = _first_difference(rest, expected)
        after = f" (behind {found.members[-1].name})" if found.members and not place else ""
        found.problems.append(
            f"byte {at + place:,}: what stands there is no part of a bundle{after}"
        )
    return found


def _member(file: BinaryIO, name: str, size: int, kept: bool) -> tuple[Member, int]:
    digest, crc, left, chunks = sha256(), 0, size, []
    while left and (chunk := file.read(min(left, _CHUNK))):
        digest.update(chunk)
        crc = crc32(chunk, crc)
        left -= len(chunk)
        if kept:
            chunks.append(chunk)
    content = b"".join(chunks) if kept else None
    return Member(name, size - left, digest.hexdigest(), content), crc


def _headers(name: str, size: int, crc: int, at: int) -> tuple[bytes, bytes]:
    raw = name.encode("ascii", "replace")
    shared = (_VERSION, _UTF8, 0, *_EPOCH, crc, size, size, len(raw), 0)
    local = _LOCAL.pack(_LOCAL_MARK, *shared) + raw
    entry = _ENTRY.pack(_ENTRY_MARK, _VERSION, *shared, 0, 0, 0, 0, min(at, _MOST_BYTES)) + raw
    return local, entry


def _end(count: int, size: int, start: int) -> bytes:
    count = min(count, _MOST_FILES)
    return _END.pack(
        _END_MARK, 0, 0, count, count, min(size, _MOST_BYTES), min(start, _MOST_BYTES), 0
    )


def _first_difference(found: bytes, expected: bytes) -> int:
    pairs = enumerate(zip(found, expected, strict=False))
    differing = (place for place, (here, there) in pairs if here != there)
    return next(differing, min(len(found), len(expected)))
