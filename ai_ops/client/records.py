"""What the lines of a segment hold, kind by kind.

A writer's incarnation (a process lifetime) writes segments one after the other, its parts: each
opens, holds predictions and heartbeats, and ends with a seal that counts and digests it; the last
one holds the closing before its seal. Sequence numbers run on from part to part.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from ai_ops.vocabulary.words import Mode, PredictionStatus, RootMode

SCHEMA_VERSION: Final = 2

Zoned = Annotated[datetime, msgspec.Meta(tz=True)]

_NULL: Final = msgspec.Raw(b"null")


class Prediction(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="kind",
    tag="prediction",
):
    """One prediction as the application tells it.

    ``input`` and ``output`` are anything that JSON can hold, as received and as answered; a
    number that JSON has no word for (NaN, an infinity) is kept as the string of its name.
    ``cost`` holds cost drivers by name: tokens, milliseconds of compute. ``withheld`` says what is
    not written as it was, and why: input and output, when the privacy policy could not be applied
    to them, or a field that could not be read from the call.
    """

    id: str
    model_version: str | None
    input: Any
    output: Any = None
    status: PredictionStatus = "ok"
    error: str | None = None
    latency_ms: float | None = None
    call_site: str | None = None
    mode: Mode = "sync"
    tenant: str | None = None
    subject: str | None = None
    cost: Mapping[str, Any] | None = None
    request_id: str | None = None
    withheld: str | None = None


class OpenRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="open"):
    """The first line of a segment: who writes, in which process, from when on, by what policy.

    ``part`` counts an incarnation's segments from 1, ``last`` is the sequence number reached
    before it. ``clock`` says whether ``time`` is the wall's; ``monotonic`` (seconds) is the
    machine's and cannot be set, so that a wall clock that jumped shows. ``policy`` is the
    policy's digest.
    """

    schema: int
    feature: str
    writer: str
    incarnation: str
    pid: int
    time: Zoned
    part: int = 1
    last: int = 0
    host: str | None = None
    clock: RootMode = "live"
    monotonic: float | None = None
    heartbeat_seconds: float | None = None
    policy: str | None = None
    sampling: float = 1.0


class PredictionRecord(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="prediction"
):
    """A prediction as it stands in a segment; what the application sent is kept as raw JSON.

    What was left out in writing has the default that is given here.
    """

    id: str
    time: Zoned
    feature: str
    model_version: str | None
    input: msgspec.Raw
    output: msgspec.Raw = _NULL
    status: PredictionStatus = "ok"
    error: str | None = None
    latency_ms: float | None = None
    call_site: str | None = None
    mode: Mode = "sync"
    tenant: str | None = None
    subject: str | None = None
    cost: msgspec.Raw = _NULL
    request_id: str | None = None
    withheld: str | None = None
    writer: str
    incarnation: str
    seq: int


class HeartbeatRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="heartbeat"):
    """A sign of life, with what the incarnation has done so far.

    ``last`` is the sequence number reached, ``written`` how many predictions stand in its
    segments, ``failures`` how many could not be written, ``unsampled`` how many the policy's
    sampling left out, ``withheld`` how many say that something of them was not written.
    ``served`` counts the requests that the application says it answered (None where nothing counts
    them), ``turned_away`` those that it says it had no room for.
    """

    last: int
    written: int
    failures: int
    unsampled: int
    withheld: int
    served: int | None
    policy: str
    monotonic: float
    writer: str
    incarnation: str
    time: Zoned
    turned_away: int = 0


class CloseRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="close"):
    """A writer ended in order: its last sequence number, and what it wrote in all its parts."""

    last: int
    count: int
    writer: str
    incarnation: str
    time: Zoned
    failures: int = 0
    unsampled: int = 0
    withheld: int = 0
    served: int | None = None
    turned_away: int = 0


class SealRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="seal"):
    """The last line of a whole segment; nothing is written behind it.

    ``first`` and ``last`` are the sequence numbers it spans (``last`` = ``first`` - 1 when it
    holds none), ``count`` its predictions, ``sha256`` the digest of all bytes before this line,
    ``previous`` the digest in the seal of the part before.
    """

    part: int
    first: int
    last: int
    count: int
    sha256: str
    previous: str | None
    writer: str
    incarnation: str
    time: Zoned


Record = OpenRecord | PredictionRecord | HeartbeatRecord | CloseRecord | SealRecord
