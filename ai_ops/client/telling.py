"""What an incarnation tells of itself: its openings, heartbeats, closing and seals."""

import os
import secrets
import sys
import time
from dataclasses import dataclass
from datetime import datetime

import msgspec

from ai_ops.client.lines import encode, seal
from ai_ops.client.policy import Policy
from ai_ops.client.records import (
    SCHEMA_VERSION,
    CloseRecord,
    HeartbeatRecord,
    OpenRecord,
    SealRecord,
)
from ai_ops.client.segment import Segment
from ai_ops.vocabulary.words import RootMode


@dataclass(slots=True)
class Counts:
    """What an incarnation did so far.

    ``last`` is the sequence number reached: each prediction that is to be written takes one, and
    keeps it when that fails.
    """

    last: int = 0
    failures: int = 0
    unsampled: int = 0
    withheld: int = 0
    served: int | None = None
    turned_away: int = 0

    def fail(self, count: int) -> None:
        """Count predictions that could not be written; the gap in the sequence is their trace."""
        self.last += count
        self.failures += count


class Teller:
    """Writes the lines in which an incarnation tells of itself, each sealed."""

    def __init__(self, policy: Policy, writer: str, mode: RootMode, now: datetime) -> None:
        pid = os.getpid()
        self.incarnation = f"{now:%Y%m%dT%H%M%S}-{pid}-{secrets.token_hex(4)}"
        self._policy, self._digest = policy, policy.digest
        self._writer, self._mode, self._pid = writer, mode, pid
        names = {"feature": policy.feature, "writer": writer, "incarnation": self.incarnation}
        # What stands between the time and the number of each prediction.
        self.stamp = b',%b,"seq":' % msgspec.json.encode(names)[1:-1]

    def opening(self, part: int, reached: int, now: datetime) -> bytes:
        """The first line of a part, with the sequence number reached before it."""
        record = OpenRecord(
            schema=SCHEMA_VERSION,
            feature=self._policy.feature,
            writer=self._writer,
            incarnation=self.incarnation,
            pid=self._pid,
            time=now,
            part=part,
            last=reached,
            host=os.uname().nodename,
            clock=self._mode,
            monotonic=_machine_seconds(),
            heartbeat_seconds=self._policy.heartbeat_seconds,
            policy=self._digest,
            sampling=self._policy.sampling,
        )
        return seal(encode(record))

    def heartbeat(self, counts: Counts, reached: int, now: datetime) -> bytes:
        """A sign of life, after the sequence number ``reached``."""
        record = HeartbeatRecord(
            last=reached,
            written=reached - counts.failures,
            failures=counts.failures,
            unsampled=counts.unsampled,
            withheld=counts.withheld,
            served=counts.served,
            turned_away=counts.turned_away,
            policy=self._digest,
            monotonic=_machine_seconds(),
            writer=self._writer,
            incarnation=self.incarnation,
            time=now,
        )
        return seal(encode(record))

    def closing(self, counts: Counts, now: datetime) -> bytes:
        """The line that ends the incarnation in order."""
        record = CloseRecord(
            last=counts.last,
            count=counts.last - counts.failures,
            writer=self._writer,
            incarnation=self.incarnation,
            time=now,
            failures=counts.failures,
            unsampled=counts.unsampled,
            withheld=counts.withheld,
            served=counts.served,
            turned_away=counts.turned_away,
        )
        return seal(encode(record))

    def seal(self, segment: Segment, digest: str, previous: str | None, now: datetime) -> bytes:
        """The last line of a part."""
        record = SealRecord(
            part=segment.number,
            first=segment.first,
            last=segment.last,
            count=segment.count,
            sha256=digest,
            previous=previous,
            writer=self._writer,
            incarnation=self.incarnation,
            time=now,
        )
        return seal(encode(record))


def _machine_seconds() -> float:
    """A clock that nobody sets, and that goes on while the machine sleeps where there is one."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
