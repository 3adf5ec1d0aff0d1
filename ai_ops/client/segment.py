"""One segment: the file of one writer's incarnation, appended to and never opened again."""

import os
import secrets
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from ai_ops.client.lines import encode, seal
from ai_ops.client.names import segment_name
from ai_ops.client.records import SCHEMA_VERSION, CloseRecord, OpenRecord
from ai_ops.vocabulary.errors import LogWriteFailed


class Segment:
    """An open segment. Not safe for threads by itself: the log that owns it holds a lock.

    ``whole`` turns False once a write came back short: a torn piece lies at the end, and nothing
    may be appended behind it.
    """

    def __init__(self, directory: Path, feature: str, writer: str, now: datetime) -> None:
        pid = os.getpid()
        self.incarnation = f"{now:%Y%m%dT%H%M%S}-{pid}-{secrets.token_hex(4)}"
        self.path = directory / segment_name(self.incarnation, 1)
        self.last = 0
        self.count = 0
        self.whole = True
        self._writer = writer
        self._synced = threading.Lock()
        self._entered = False  # whether the folder's entry of the file would survive, too
        self._fd = _create(self.path)
        self._stamp = _members(feature=feature, writer=writer, incarnation=self.incarnation)
        opening = OpenRecord(
            schema=SCHEMA_VERSION,
            feature=feature,
            writer=writer,
            incarnation=self.incarnation,
            pid=pid,
            time=now,
        )
        try:
            self._write(seal(encode(opening)))
        except LogWriteFailed:
            os.close(self._fd)
            self.path.unlink()  # it holds no prediction, and a full disk would gather such files
            raise

    def append(self, bodies: Sequence[bytes], now: datetime) -> None:
        """Write predictions, encoded and not yet sealed, as one write.

        Each takes the next sequence number, also when the write fails: the gap stays as a trace.
        """
        first = self.last + 1
        self.last += len(bodies)
        stamp = b',"time":"%b",%b,"seq":' % (now.isoformat().encode(), self._stamp)
        lines = [
            seal(b"%b%b%d}" % (body[:-1], stamp, seq))
            for seq, body in enumerate(bodies, start=first)
        ]
        self._write(lines[0] if len(lines) == 1 else b"".join(lines))
        self.count += len(bodies)

    def sync(self) -> None:
        """Make what was written survive a loss of power; ``OSError`` when the disk refuses."""
        with self._synced:
            if self._fd >= 0:
                os.fdatasync(self._fd)
                if not self._entered:
                    _sync_folder(self.path.parent)
                    _sync_folder(self.path.parent.parent)
                    self._entered = True

    def close(self, now: datetime) -> None:
        """Write the closing record, sync, and let go of the file."""
        try:
            if self.whole:
                self._write(seal(encode(self._closing(now))))
                self.sync()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the file as it is, after a short write."""
        with self._synced:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def let_go_after_fork(self) -> None:
        """Close a forked child's handle; the lock may have been held by a thread that is gone."""
        self._synced = threading.Lock()
        self.abandon()

    def _closing(self, now: datetime) -> CloseRecord:
        return CloseRecord(
            last=self.last,
            count=self.count,
            writer=self._writer,
            incarnation=self.incarnation,
            time=now,
        )

    def _write(self, line: bytes) -> None:
        try:
            written = os.write(self._fd, line)
        except OSError as error:
            raise LogWriteFailed(f"{self.path}: nothing was written ({error.strerror})") from error
        if written != len(line):
            # A disk that fills up takes the first part and raises nothing.
            self.whole = False
            raise LogWriteFailed(
                f"{self.path}: {written} of {len(line)} bytes were written; is the disk full?"
            )


def _create(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640
        )
    except OSError as error:
        raise LogWriteFailed(f"{path}: cannot be created ({error.strerror})") from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _members(**values: str) -> bytes:
    return msgspec.json.encode(values)[1:-1]
