"""What lies at the landing place besides the segments: manifests, statuses, receipts."""

import re
from typing import Final

import msgspec

from ai_ops.client.records import HeartbeatRecord

LANDING: Final = "landing"
SPANNING: Final = "spanning"
"""The folder of segments that hold more than one day, or none that can be told."""
MANIFEST: Final = ".manifest.json"

PARTIAL: Final = "partial upload"
ALTERED: Final = "digest differs from its manifest"
UNANNOUNCED: Final = "landed without a manifest"
NOT_THERE: Final = "named by a manifest, not there"
BAD_MANIFEST: Final = "its manifest cannot be read"
NO_SEGMENT: Final = "a name that names no segment"
UNREACHABLE: Final = "landing place unreachable"
OTHER_CONTENT: Final = "same name, other content"

_DAY: Final = re.compile(r"^\d{4}-\d{2}-\d{2}$")


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a landed segment must be; written after its data was read back and verified.

    ``segment`` is ``<writer>/<file>``. ``sealed`` says that its own seal was there and held;
    ``first``, ``last`` and ``count`` are its predictions' sequence numbers and their number.
    """

    segment: str
    size: int
    sha256: str
    sealed: bool
    first: int | None
    last: int | None
    count: int
    days: list[str]
    host: str
    landed: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """That every line of a segment's day stands in that day's table or quarantine."""

    size: int
    sha256: str


class UnsealedPart(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that is being written, or whose writer is gone: what its last heartbeat told."""

    segment: str
    size: int
    alive: bool
    heartbeat: HeartbeatRecord | None


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """How far an incarnation was seen to have come on its own machine.

    What landed must reach as far: a segment at the end that got lost shows here and nowhere else.
    ``at`` is the time of its latest line, ``seen`` when the machine saw it, by the wall.
    """

    part: int
    last: int
    at: str
    seen: str


class Spool(msgspec.Struct, frozen=True, kw_only=True):
    """The segments that wait on a machine, and when its disk is full if nothing changes.

    ``to_ship`` of the ``waiting`` segments have not landed; the others wait for their receipts.
    """

    waiting: int
    waiting_bytes: int
    to_ship: int
    free_bytes: int
    growth_bytes_per_second: float
    seconds_to_full: float | None


class MachineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a shipping process tells each round: a sign of life of its machine.

    ``reached`` goes by ``<writer>/<incarnation>``; ``at`` is the machine's wall clock.
    """

    machine: str
    host: str
    feature: str
    at: str
    unsealed: list[UnsealedPart]
    reached: dict[str, Reached]
    spool: Spool
    warnings: list[str]


def place_of(days: list[str]) -> str:
    """The folder below the landing place where a segment of those days lies.

    >>> place_of(["2021-03-04"]), place_of(["2021-03-04", "2021-03-05"]), place_of([""])
    ('2021-03-04', 'spanning', 'spanning')
    """
    return days[0] if len(days) == 1 and is_day(days[0]) else SPANNING


def is_segment(name: str) -> bool:
    """Whether a name is ``<writer>/<file>``: whoever may write to a bucket chooses names at will,
    and one that climbs would be copied to another place of this machine.

    >>> [is_segment(name) for name in ("web/a.jsonl", "../a.jsonl", "web/../a.jsonl", "a.jsonl")]
    [True, False, False, False]
    """
    parts = name.split("/")
    return len(parts) == 2 and not any(part in ("", ".", "..") or "\0" in part for part in parts)


def is_day(text: str) -> bool:
    """Whether a text names a day, as folders of the landing place do.

    >>> is_day("2021-03-04"), is_day("machines")
    (True, False)
    """
    return _DAY.match(text) is not None
