"""The work that no caller waits for: syncing what was written, sealing the parts that ended."""

import threading
from datetime import datetime

from ai_ops.client.segment import DiskFull, Segment
from ai_ops.client.telling import Teller
from ai_ops.vocabulary.errors import LogWriteFailed


class Sealing:
    """The parts of an incarnation that ended, until each has its seal. Safe for threads.

    Digests are chained in the order of the parts, also over one that could not be sealed: the seal
    of the part behind it then vouches for it.
    """

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._lock = threading.RLock()
        self._ended: list[Segment] = []
        self._waiting: list[tuple[Segment, bytes]] = []
        self._previous: str | None = None

    def add(self, segment: Segment) -> None:
        """Take over a part to which nothing but its seal will be written."""
        self._ended.append(segment)

    def settle(self, now: datetime, current: Segment | None = None) -> None:
        """Sync the part that is written now, and seal those that ended.

        ``OSError`` when the disk refuses to sync; what it may have lost gets no seal.
        """
        with self._lock:
            errors = [_synced(current)] if current else []
            while self._ended:
                segment = self._ended[0]
                self._waiting.append((segment, self._seal_of(segment, now)))
                del self._ended[0]
            for waiting in list(self._waiting):
                segment, seal = waiting
                errors.append(_sealed(segment, seal))
                if segment.fd < 0:
                    self._waiting.remove(waiting)
        for error in errors:
            if error:
                raise error

    def finish(self, now: datetime) -> None:
        """Seal what can be sealed at the end, and let go of the rest; ``OSError`` as above."""
        try:
            self.settle(now)
            if self._waiting:  # the last part has given back what it had reserved
                self.settle(now)
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Close every file as it is; in a forked child they stay its parent's."""
        for segment in (*self._ended, *(segment for segment, _ in self._waiting)):
            segment.let_go()

    def _seal_of(self, segment: Segment, now: datetime) -> bytes:
        digest, previous = segment.hash(), self._previous
        self._previous = digest
        return self._teller.seal(segment, digest or "", previous, now)


def _sealed(segment: Segment, seal: bytes) -> OSError | None:
    """Seal, sync and close a part, or leave it open until the disk has room for the seal."""
    try:
        if segment.whole:
            segment.end(seal)
    except DiskFull:
        return _synced(segment)
    except LogWriteFailed:
        pass  # its handle is of no use any more: it stays without a seal, which is found
    error = _synced(segment)
    segment.let_go()
    return error


def _synced(segment: Segment) -> OSError | None:
    try:
        segment.sync()
    except OSError as error:
        return error
    return None
