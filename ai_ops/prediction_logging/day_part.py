"""What one segment holds of one UTC day: which numbers, how many, and the signs of life."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from ai_ops.client.records import (
    CloseRecord,
    HeartbeatRecord,
    OpenRecord,
    PredictionRecord,
    Record,
    SealRecord,
)

SILENT_AFTER: Final = 3
"""A writer that gave no sign of life for more heartbeats than this is silent."""

CLOCK_TOLERANCE_SECONDS: Final = 2.0
"""How far a wall clock may move against the monotonic one between two signs of life."""

EDGE_SECONDS: Final = 30
"""What is logged this near to an hour's end or begin may be counted in the hour beside it."""

_RECENT: Final = 64


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """Sequence numbers that are missing, both ends included, and between which lines."""

    first: int
    last: int
    after: datetime | None = None
    before: datetime | None = None

    @property
    def size(self) -> int:
        """How many numbers they are.

        >>> Gap(4, 6).size
        3
        """
        return self.last - self.first + 1


class Hour(msgspec.Struct, array_like=True):
    """Predictions and requests of an hour.

    Among the requests are those that were ``refused``, and those of its first and last seconds.
    """

    records: int = 0
    requests: int = 0
    refused: int = 0
    early: int = 0
    late: int = 0

    def plus(self, other: "Hour") -> "Hour":
        """Both together."""
        return Hour(
            self.records + other.records,
            self.requests + other.requests,
            self.refused + other.refused,
            self.early + other.early,
            self.late + other.late,
        )


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an incarnation said of all it did, and what stood in this part when it said so."""

    time: datetime
    last: int
    written: int
    failures: int = 0
    unsampled: int = 0
    withheld: int = 0
    served: int | None = None
    turned_away: int = 0
    closing: bool = False
    records: int = 0
    requests: int = 0


class DayPart(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a segment holds of one day.

    ``ranges`` are half-open spans of bytes. ``before`` is the last sequence number before them
    (None when nothing tells it), ``reached`` the one reached with them, ``gaps`` what is missing
    before a line of this day, ``repeated`` how many numbers came again. ``begin`` and ``end`` are
    the times of its lines, ``silences`` the spans without any that are longer than the
    ``limit`` in seconds. ``jumps`` are moments at which the wall's clock moved against the
    monotonic one, and by how many seconds; ``pulse`` holds both clocks' last times.
    """

    ranges: list[tuple[int, int]] = []
    before: int | None = 0
    reached: int | None = 0
    first: int | None = None
    last: int | None = None
    n: int = 0
    repeated: int = 0
    gaps: list[Gap] = []
    closed: bool = False
    begin: datetime | None = None
    end: datetime | None = None
    beats: int = 0
    first_told: Told | None = None
    told: Told | None = None
    limit: float | None = None
    silences: list[tuple[datetime, datetime]] = []
    live: bool = False
    pulse: tuple[datetime, float] | None = None
    pulse_before: tuple[datetime, float] | None = None
    jumps: list[tuple[datetime, float]] = []
    policies: dict[str, datetime] = {}
    hours: dict[str, Hour] = {}
    recent: list[str] = []

    def follow(self, before: "DayPart") -> None:
        """Go on where the lines of another day ended in the same segment."""
        if self.begin is None:
            self.before, self.pulse_before = before.reached, before.pulse
        self.reached, self.pulse = before.reached, before.pulse
        self.limit, self.live = before.limit, before.live

    def again(self) -> "DayPart":
        """An empty part that begins where this one began."""
        return DayPart(
            before=self.before,
            reached=self.before,
            limit=self.limit,
            live=self.live,
            pulse=self.pulse_before,
            pulse_before=self.pulse_before,
        )

    def take(self, record: Record) -> None:
        """Take in one record, after all that stand before it."""
        match record:
            case PredictionRecord(seq=seq):
                self._number(seq, record.time)
                self._hour(record)
            case HeartbeatRecord():
                self._told(record, record.written, record.time)
                self.beats += 1
                self.policies.setdefault(record.policy, record.time)
                self._pulse(record.time, record.monotonic)
            case CloseRecord():
                self._told(record, record.count, record.time)
                self.closed = True
            case SealRecord():
                self._reach(record.last, record.time)
                return  # written once there was time for it: no sign of life at its time
            case OpenRecord():
                self._open(record)
        self._live(record.time)

    def _open(self, record: OpenRecord) -> None:
        self._reach(record.last, record.time)
        if record.heartbeat_seconds is not None:
            self.limit = SILENT_AFTER * record.heartbeat_seconds
        if record.policy is not None:
            self.policies.setdefault(record.policy, record.time)
        self.live = record.clock == "live"
        if record.monotonic is not None:
            self._pulse(record.time, record.monotonic)

    def _number(self, seq: int, time: datetime) -> None:
        if self.reached is not None and seq <= self.reached:
            self.repeated += 1
        self._reach(seq - 1, time)
        self.reached = max(seq, self.reached or 0)
        self.first = seq if self.first is None else min(self.first, seq)
        self.last = seq if self.last is None else max(self.last, seq)
        self.n += 1

    def _reach(self, last: int, time: datetime) -> None:
        """The numbers up to ``last`` were given away by now: those not seen are missing."""
        if self.reached is None:  # its opening is damaged: where it began is not known here
            self.before = self.reached = last
        elif last > self.reached:
            self.gaps.append(Gap(self.reached + 1, last, self.end, time))
            self.reached = last

    def _told(self, record: HeartbeatRecord | CloseRecord, written: int, time: datetime) -> None:
        self._reach(record.last, time)
        self.told = Told(
            time=time,
            last=record.last,
            written=written,
            failures=record.failures,
            unsampled=record.unsampled,
            withheld=record.withheld,
            served=record.served,
            turned_away=record.turned_away,
            closing=isinstance(record, CloseRecord),
            records=self.n,
            requests=sum(hour.requests for hour in self.hours.values()),
        )
        self.first_told = self.first_told or self.told

    def _hour(self, record: PredictionRecord) -> None:
        time = record.time.astimezone(UTC)
        hour = self.hours.setdefault(f"{time.hour:02}", Hour())
        hour.records += 1
        if record.mode == "batch":
            request = record.request_id or time.isoformat()  # a batch is written at one time
            if request in self.recent:
                return
            self.recent = [*self.recent[1 - _RECENT :], request]
        hour.requests += 1
        hour.refused += record.status == "refused"
        hour.early += time.minute == 0 and time.second < EDGE_SECONDS
        hour.late += time.minute == 59 and time.second >= 60 - EDGE_SECONDS

    def _pulse(self, time: datetime, monotonic: float) -> None:
        if self.live and self.pulse is not None:
            moved = jump(self.pulse, (time, monotonic))
            if abs(moved) > CLOCK_TOLERANCE_SECONDS:
                self.jumps.append((time, moved))
        self.pulse = time, monotonic

    def _live(self, time: datetime) -> None:
        silent = (time - self.end).total_seconds() if self.end else 0
        if self.end is not None and self.limit is not None and silent > self.limit:
            self.silences.append((self.end, time))
        self.begin = time if self.begin is None else min(self.begin, time)
        self.end = time if self.end is None else max(self.end, time)


def jump(before: tuple[datetime, float], after: tuple[datetime, float]) -> float:
    """By how many seconds the wall's clock moved more than the monotonic one.

    >>> noon = datetime(2021, 3, 4, 12, tzinfo=UTC)
    >>> jump((noon, 100.0), (noon.replace(hour=13), 110.0))
    3590.0
    """
    return (after[0] - before[0]).total_seconds() - (after[1] - before[1])
