"""Space reserved for the time when the disk is full: a file that becomes an incarnation's part."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from ai_ops.client.names import EMERGENCY
from ai_ops.client.segment import OPENING, DiskFull, Segment, create_locked, failed
from ai_ops.vocabulary.errors import LogWriteFailed

_LEAST: Final = 16 * 1024
_ENDING: Final = 2 * 1024
"""Kept for the closing and the seal; both together are well below, with the longest names."""


class EmergencySegment(Segment):
    """A part in reserved space: what lies behind ``size`` are NUL bytes, until it is sealed.

    A quarter of it is kept for heartbeats: they tell exactly how many predictions failed once the
    rest is used up.
    """

    def __init__(self, path: Path, fd: int, number: int, capacity: int) -> None:
        super().__init__(path, fd, number, capacity - capacity // 4 - _ENDING)
        self._capacity = capacity

    def write(self, lines: bytes) -> None:
        """Write whole lines into the reserved space; ``DiskFull`` when they exceed it."""
        if self.size + len(lines) > self._capacity:
            raise DiskFull(f"{self.path}: the reserved space is used up")
        try:
            written = os.pwrite(self.fd, lines, self.size)
        except OSError as error:
            raise failed(self.path, error) from error
        if written != len(lines):
            self.cut(written)
            raise DiskFull(f"{self.path}: {written} of {len(lines)} bytes were written")
        self.size += written

    def tell(self, line: bytes) -> None:
        """Write a heartbeat, unless only the room for the end is left."""
        if self.size + len(line) > self._capacity - _ENDING:
            raise DiskFull(f"{self.path}: the space reserved for heartbeats is used up")
        self.write(line)
        self.limit += len(line)  # it took nothing of what predictions may take

    def end(self, seal: bytes) -> None:
        """Write the last line, and give back the space that was not used."""
        self.write(seal)
        with suppress(OSError):  # sealed it is in any case; NUL bytes behind it are known as space
            os.ftruncate(self.fd, self.size)

    def catch_up(self) -> None:
        """Take note of a write that an interrupt left unnoted."""
        try:
            behind = os.pread(self.fd, self._capacity - self.size, self.size)
        except OSError:
            self.whole = False
            return
        written = behind[: behind.find(b"\0")] if b"\0" in behind else behind
        if not written:
            return
        if not written.endswith(b"\n"):
            self.cut(len(written))
            return
        self.size += len(written)

    def cut(self, torn: int) -> None:
        """Make a torn piece reserved space again."""
        try:
            self.whole = os.pwrite(self.fd, bytes(torn), self.size) == torn
        except OSError:
            self.whole = False


class Reserve:
    """The reserved file of an incarnation, until it is needed."""

    def __init__(self, directory: Path, incarnation: str, size: int) -> None:
        self._path = directory / f"{incarnation}{EMERGENCY}"
        self._capacity = max(size, _LEAST)
        self._fd = create_locked(self._path)
        try:
            os.posix_fallocate(self._fd, 0, self._capacity)
        except OSError as error:
            self.give_back()
            raise failed(self._path, error, "cannot be reserved") from error

    def become(self, path: Path, number: int, opening: bytes) -> EmergencySegment:
        """The reserved file as a part with its first line, under the part's name."""
        segment = EmergencySegment(path, self._fd, number, self._capacity)
        try:
            segment.write(opening)
            os.rename(self._path, path)
        except (LogWriteFailed, OSError) as error:
            self.give_back()
            raise failed(path, error) from error
        self._fd = -1
        return segment

    def give_back(self) -> None:
        """Free the space: the incarnation ended without having needed it."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        self.let_go()

    def let_go(self) -> None:
        """Close a forked child's handle; the space stays its parent's."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def has_room(directory: Path, size: int) -> bool:
    """Whether the disk has room for the reserve, and as much again to go on with."""
    try:
        disk = os.statvfs(directory)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize >= 2 * max(size, _LEAST)


def sweep(directory: Path) -> None:
    """Remove what processes reserved or had not yet named when they died: no record is in it."""
    for ending in (EMERGENCY, OPENING):
        for path in directory.glob(f"*{ending}"):
            with suppress(OSError):  # locked by a living process, or swept away by another
                _remove_unless_locked(path)


def _remove_unless_locked(path: Path) -> None:
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(fd)
