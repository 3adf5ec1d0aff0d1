"""What one process lifetime of a writer does: number its predictions, and write them in parts."""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Final

from ai_ops.client.emergency import EmergencySegment, Reserve, has_room, sweep
from ai_ops.client.lines import numbered
from ai_ops.client.names import segment_name
from ai_ops.client.policy import Policy
from ai_ops.client.sealing import Sealing
from ai_ops.client.segment import DiskFull, Segment
from ai_ops.client.telling import Counts, Teller
from ai_ops.vocabulary.errors import LogWriteFailed

_NOWHERE: Final = -1
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Incarnation:
    """The sequence and the parts of one process lifetime; the log that owns it holds a lock.

    A prediction that could not be written keeps its number: the gap stays as a trace.
    """

    def __init__(self, directory: Path, policy: Policy, teller: Teller, counts: Counts) -> None:
        self.counts, self.name = counts, teller.incarnation
        self.segment: Segment | None = None
        self.sealing = Sealing(teller)
        self._directory, self._policy, self._teller = directory, policy, teller
        self._stamp = teller.stamp
        self._reserve: Reserve | None = None
        self._parts = 0
        self._before = 0  # predictions that stand in the parts before
        self._begun = 0.0  # when the part that is written now began, by the machine's clock
        self._day = _NEVER.date()
        # Within this span of the log's clock neither a heartbeat is due nor the day another.
        self._since = self._until = _NEVER

    def append(self, bodies: Sequence[bytes], now: datetime) -> None:
        """Write predictions, encoded and not yet sealed, as one write and with one time.

        Each takes the next sequence number, also when ``LogWriteFailed`` tells that none of them
        is written.
        """
        counts, count = self.counts, len(bodies)
        reached, begun = counts.last, _NOWHERE
        counts.last = reached + count
        try:
            segment = self.segment
            if segment is None or not self._since <= now < self._until:
                segment = self._attend(now, reached)
            if count == 1:
                lines = numbered(bodies[0], now, self._stamp, reached + 1)
            else:
                lines = self._lines(bodies, now, reached)
            if segment.size + len(lines) > segment.limit:
                segment = self._next(segment, now, reached)
            begun = segment.size
            try:
                segment.write(lines)
            except LogWriteFailed as error:
                segment = self._after(error, segment, now, reached)
                begun = segment.size
                segment.write(lines)
        except LogWriteFailed:
            counts.failures += count
            raise
        except BaseException:
            # A handler of a signal raised in the middle: was it behind the write, or before it?
            if begun == _NOWHERE or not segment or not segment.has_grown(begun):
                counts.failures += count
            raise

    def keep(self, now: datetime) -> None:
        """What is due without a prediction: a part, a heartbeat, the way back from a full disk."""
        reached, segment = self.counts.last, self.segment
        if segment is not None and not segment.lies_there():
            self._end_part(reached)  # removed or moved away: what comes now must not follow it
        elif isinstance(segment, EmergencySegment):
            if has_room(self._directory, self._policy.emergency_bytes):
                self._open(now, reached)
        elif time.monotonic() - self._begun > self._policy.segment_seconds:
            self._open(now, reached)
        if self.segment is None or not self._since <= now < self._until:
            self._attend(now, reached)
        self._reserve_space()

    def close(self, now: datetime) -> None:
        """Write the closing record; the seals are left to ``sealing``."""
        reached = self.counts.last
        try:
            segment = self.segment
            if segment is None or not self._since <= now < self._until:
                segment = self._attend(now, reached)
            line = self._teller.closing(self.counts, now)
            try:
                segment.write(line)
            except LogWriteFailed as error:
                self._after(error, segment, now, reached).write(line)
        finally:
            self._end_part(reached)
            if self._reserve:
                self._reserve.give_back()
                self._reserve = None

    def leave_part(self) -> None:
        """Write nothing more to the present part."""
        self._end_part(self.counts.last)

    def let_go(self) -> None:
        """Close a forked child's handles: files and locks stay its parent's."""
        for held in (self.segment, self._reserve, self.sealing):
            if held is not None:
                held.let_go()

    def _lines(self, bodies: Sequence[bytes], now: datetime, reached: int) -> bytes:
        placed = enumerate(bodies, start=reached + 1)
        return b"".join(numbered(body, now, self._stamp, seq) for seq, body in placed)

    def _attend(self, now: datetime, reached: int) -> Segment:
        """The part to write to, after what the clock made due: a part of its day, a heartbeat."""
        segment = self.segment
        if segment is None:
            return self._open(now, reached)
        if now.date() != self._day:
            with suppress(DiskFull):  # then this part holds two days, rather than none of the new
                return self._open(now, reached)
        self._beat(segment, now, reached)
        return segment if segment.whole else self._open(now, reached)

    def _next(self, segment: Segment, now: datetime, reached: int) -> Segment:
        """The part to go on in when this one has no room for the lines."""
        if isinstance(segment, EmergencySegment):
            raise DiskFull(f"{segment.path}: the disk is full, and the reserved space used up")
        # Lines that no part has room for get one of their own.
        return self._open(now, reached) if reached >= segment.first else segment

    def _after(
        self, error: LogWriteFailed, segment: Segment, now: datetime, reached: int
    ) -> Segment:
        """The part to go on in after a write that failed; raises ``error`` when there is none."""
        if isinstance(segment, EmergencySegment):
            raise error
        if not isinstance(error, DiskFull):
            segment.whole = False  # the disk is broken under it, or somebody closed the handle
            return self._open(now, reached)
        if not segment.whole:
            self._end_part(reached)
        if self._reserve is None:
            raise error  # the next prediction tries again
        return self._open(now, reached, full=True)

    def _open(self, now: datetime, reached: int, full: bool = False) -> Segment:
        """Go on in a new part: a file of its own, or the reserved one when the disk is full."""
        number = self._parts + 1
        path = self._directory / segment_name(self.name, number)
        opening = self._teller.opening(number, reached, now)
        if number == 1:
            sweep(self._directory)
        try:
            if full:
                raise DiskFull(f"{path}: the disk is full")
            segment = Segment.create(path, number, opening, self._policy.segment_bytes)
        except DiskFull:
            if self._reserve is None:
                raise
            reserve, self._reserve = self._reserve, None
            segment = reserve.become(path, number, opening)
        self._end_part(reached)
        segment.first = reached + 1
        self.segment, self._parts = segment, number
        self._begun, self._day = time.monotonic(), now.date()
        self._calm(now)
        if number > 1:
            # Its counts are those of the part, and of the day, before.
            self._beat(segment, now, reached)
        self._reserve_space()
        return segment

    def _end_part(self, reached: int) -> None:
        if self.segment is not None:
            segment, self.segment = self.segment, None
            segment.last = reached
            segment.count = reached - self.counts.failures - self._before
            self._before += segment.count
            self.sealing.add(segment)

    def _reserve_space(self) -> None:
        wanted = self._policy.emergency_bytes
        if not wanted or self._reserve or isinstance(self.segment, EmergencySegment):
            return
        if has_room(self._directory, wanted):
            # Without it the log goes on; it is tried again as long as there is none.
            with suppress(LogWriteFailed):
                self._reserve = Reserve(self._directory, self.name, wanted)

    def _beat(self, segment: Segment, now: datetime, reached: int) -> None:
        # A prediction behind it meets the same disk and tells; the next heartbeat has the counts.
        with suppress(LogWriteFailed):
            segment.tell(self._teller.heartbeat(self.counts, reached, now))
        self._calm(now)

    def _calm(self, now: datetime) -> None:
        tomorrow = datetime.combine(now.date() + timedelta(days=1), time_of_day(), UTC)
        self._since = now
        self._until = min(tomorrow, now + timedelta(seconds=self._policy.heartbeat_seconds))
