"""One segment: a locked file that whole lines are appended to, and that is never opened again."""

import errno
import fcntl
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from ai_ops.vocabulary.errors import LogWriteFailed

OPENING: Final = ".opening"
"""Ending of a segment that has no first line yet: it has its own name once it holds that."""

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_CHUNK: Final = 1 << 20
_CLOSED: Final = -1


class DiskFull(LogWriteFailed):
    """There was no room for a line; nothing of it was left behind."""


class Segment:
    """An open segment. Not safe for threads by itself: the log that owns it holds a lock.

    Its process holds the file's lock for as long as it is open, so that whoever can take the lock
    knows that the process is gone. ``size`` is what was written, ``limit`` how far predictions
    may take it; ``whole`` turns False when a torn piece at the end could not be cut off, or when
    the disk lost writes: such a segment is neither appended to nor sealed.
    """

    def __init__(self, path: Path, fd: int, number: int, limit: int) -> None:
        self.path, self.fd, self.number, self.limit = path, fd, number, limit
        self.size = 0
        self.whole = True
        self.first = 1
        self.last = self.count = 0
        found = os.fstat(fd)
        self._identity = (found.st_dev, found.st_ino)
        self._synced = 0
        self._entered = False  # whether the folder's entry of the file would survive, too

    @classmethod
    def create(cls, path: Path, number: int, opening: bytes, limit: int) -> "Segment":
        """A new file that holds its first line and is locked, before it has its name.

        Whoever meets a segment can therefore tell at any time whether its process lives.
        """
        unnamed = path.with_suffix(OPENING)
        with suppress(OSError):
            unnamed.unlink()  # an interrupt left it: nobody else has this name
        segment = cls(path, create_locked(unnamed, os.O_APPEND), number, limit)
        try:
            segment.write(opening)
            os.rename(unnamed, path)
        except (LogWriteFailed, OSError) as error:
            unnamed.unlink(missing_ok=True)  # a full disk would gather such files
            segment.let_go()
            raise failed(path, error) from error
        return segment

    def write(self, lines: bytes) -> None:
        """Append whole lines with one write; ``LogWriteFailed`` when none of it is there."""
        try:
            written = os.write(self.fd, lines)
        except OSError as error:
            if error.errno == errno.EBADF:
                self.fd = _CLOSED  # by somebody else: its number may be another file's soon
            raise failed(self.path, error) from error
        if written == len(lines):
            self.size += written
            return
        # A disk that fills up takes the first part and raises nothing.
        self.cut(written)
        raise DiskFull(f"{self.path}: {written} of {len(lines)} bytes were written")

    def tell(self, line: bytes) -> None:
        """Append a heartbeat, for which room is kept where there is a limit."""
        self.write(line)

    def end(self, seal: bytes) -> None:
        """Append the last line, for which room is kept where there is a limit."""
        self.write(seal)

    def cut(self, torn: int) -> None:
        """Cut off the first ``torn`` bytes of a line: behind them no other line would be safe."""
        try:
            os.ftruncate(self.fd, self.size)
        except OSError:
            self.whole = False

    def catch_up(self) -> None:
        """Take note of a write that an interrupt left unnoted."""
        try:
            found = os.fstat(self.fd).st_size
            if found <= self.size:
                return
            if os.pread(self.fd, 1, found - 1) != b"\n":
                self.cut(found - self.size)
                return
        except OSError:
            self.whole = False
            return
        self.size = found

    def has_grown(self, size: int) -> bool:
        """Whether anything was written since it had that size, noted or not."""
        self.catch_up()
        return self.size > size

    def sync(self) -> None:
        """Make what was written survive a loss of power; ``OSError`` when the disk refuses."""
        size = self.size
        if self.fd < 0 or size == self._synced:
            return
        try:
            os.fdatasync(self.fd)
            if not self._entered:
                _sync_folder(self.path.parent)
                _sync_folder(self.path.parent.parent)
                self._entered = True
        except FileNotFoundError:
            pass  # the folder was removed: what stood in it is missing, and will be told as such
        except OSError:
            # The kernel forgets after it told once: what is there now may not be there later.
            self.whole = False
            raise
        self._synced = size

    def lies_there(self) -> bool:
        """Whether its path still leads to it: not removed, moved away or closed by somebody."""
        try:
            own = os.fstat(self.fd)
        except OSError:
            own = None
        if own is None or (own.st_dev, own.st_ino) != self._identity:
            self.fd = _CLOSED  # by somebody else: the number is another file's
            return False
        try:
            there = os.stat(self.path)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == self._identity

    def hash(self) -> str | None:
        """The digest of all that was written, read back; None when it cannot be read any more."""
        if self.fd >= 0:
            self.catch_up()  # an interrupt may have come behind a heartbeat, too
        digest, place = sha256(), 0
        try:
            with open(self.path if self.fd == _CLOSED else os.dup(self.fd), "rb") as file:
                while chunk := os.pread(file.fileno(), min(_CHUNK, self.size - place), place):
                    digest.update(chunk)
                    place += len(chunk)
        except OSError:
            self.whole = False
            return None
        return digest.hexdigest()

    def let_go(self) -> None:
        """Close the file as it is, and give up its lock."""
        if self.fd >= 0:
            fd, self.fd = self.fd, _CLOSED
            with suppress(OSError):  # somebody closed it before
                os.close(fd)


def create_locked(path: Path, flags: int = 0) -> int:
    """A new file for reading and writing, locked by this process."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | flags, 0o640)
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink:
                return fd
            os.close(fd)  # swept away as a dead process's, in the moment before it was locked
    except OSError as error:
        raise failed(path, error, "cannot be created and locked") from error


def failed(path: Path, error: Exception, what: str = "nothing was written") -> LogWriteFailed:
    """The error to raise for one of the system's."""
    if isinstance(error, LogWriteFailed):
        return error
    reason = getattr(error, "strerror", None) or error
    kind = DiskFull if getattr(error, "errno", None) in _FULL else LogWriteFailed
    return kind(f"{path}: {what} ({reason})")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
