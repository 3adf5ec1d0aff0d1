"""What one writer's incarnation is known to have done on a day: the evidence, side by side."""

from datetime import datetime
from typing import Literal

import msgspec

from ai_ops.client.records import OpenRecord
from ai_ops.prediction_logging.day_part import Told
from ai_ops.vocabulary.words import RootMode

Owner = Literal["holds", "gone", "unknown"]
"""Whether the process that writes a segment still holds its lock."""

End = Literal["open", "closed", "crashed", "cut short"]
"""How it ended: in order; killed; or with a seal and neither a closing nor a part behind it."""


class Missing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sequence numbers, or whole parts, that are not there: from ``first`` to ``last`` of each.

    They were given away between ``after`` and ``before``; ``told_by`` names what tells of them.
    Parts that held no prediction have no numbers (``last`` = ``first`` - 1).
    """

    first: int
    last: int
    told_by: str
    after: datetime | None = None
    before: datetime | None = None
    first_part: int | None = None
    last_part: int | None = None

    @property
    def size(self) -> int:
        """How many numbers they are.

        >>> Missing(first=4, last=6, told_by="the next line").size
        3
        """
        return self.last - self.first + 1

    @property
    def numbers(self) -> str:
        """The numbers in words.

        >>> Missing(first=4, last=6, told_by="the next line").numbers
        '4–6'
        """
        return str(self.first) if self.first == self.last else f"{self.first}–{self.last}"


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What it told of between two of its statements, and what stands in its segments of that.

    ``served`` is None when it does not count what it served; ``turned_away`` are requests that it
    had no room for, which are no predictions.
    """

    since: datetime | None = None
    until: datetime | None = None
    last: int = 0
    written: int = 0
    failures: int = 0
    unsampled: int = 0
    withheld: int = 0
    served: int | None = None
    turned_away: int = 0
    records: int = 0
    requests: int = 0

    @property
    def lost(self) -> int:
        """Predictions that it wrote and that do not stand in its segments (below zero: too many).

        >>> Change(written=40, records=37).lost
        3
        """
        return self.written - self.records


class Incarnation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One writer's incarnation on one day.

    ``alive`` are the spans between its signs of life, the last one before the day included;
    ``beats`` says whether it gives any without a prediction. ``change`` is None when it told
    nothing of itself. ``unlike_seal`` holds what was found in segments that are not as they were
    sealed, ``unsealed`` the parts that others follow without their having a seal. ``jumps`` are
    its clock's, ``skew`` is how far its clock is behind the clock of its machine's disk.
    """

    writer: str
    incarnation: str
    host: str | None = None
    pid: int | None = None
    clock: RootMode = "live"
    beats: bool = False
    heartbeat_seconds: float | None = None
    begun: datetime | None = None
    ended: End = "open"
    segments: int = 0
    first: int | None = None
    last: int | None = None
    n: int = 0
    repeated: int = 0
    sampling: float = 1.0
    alive: tuple[tuple[datetime, datetime], ...] = ()
    missing: tuple[Missing, ...] = ()
    unlike_seal: tuple[str, ...] = ()
    unsealed: tuple[int, ...] = ()
    copies: tuple[str, ...] = ()
    told: Told | None = None
    change: Change | None = None
    jumps: tuple[tuple[datetime, float], ...] = ()
    skew: float | None = None
    policies: dict[str, datetime] = {}

    @property
    def closed(self) -> bool:
        """Whether it ended in order on the day."""
        return self.ended == "closed"

    @property
    def last_alive(self) -> datetime | None:
        """Its last sign of life."""
        return max((end for _, end in self.alive), default=None)

    @property
    def missing_numbers(self) -> int:
        """How many sequence numbers are missing."""
        return sum(missing.size for missing in self.missing)

    @property
    def name(self) -> str:
        """How a finding calls it.

        >>> Incarnation(writer="web", incarnation="i", pid=7, host="a").name
        'incarnation i, process 7 on a'
        """
        where = f" on {self.host}" if self.host else ""
        return f"incarnation {self.incarnation}" + (f", process {self.pid}{where}" * bool(self.pid))


def described(opening: OpenRecord | None) -> dict[str, object]:
    """What an opening says of who writes."""
    if opening is None:
        return {}
    return {
        "host": opening.host,
        "pid": opening.pid,
        "clock": opening.clock,
        "beats": opening.heartbeat_seconds is not None,
        "heartbeat_seconds": opening.heartbeat_seconds,
    }
