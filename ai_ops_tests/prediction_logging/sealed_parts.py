"""Sealed segments with the lines that a test wants in them, crafted ones too."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from ai_ops.client.lines import encode, seal
from ai_ops.client.names import segment_name
from ai_ops.client.records import (
    SCHEMA_VERSION,
    CloseRecord,
    HeartbeatRecord,
    OpenRecord,
    Prediction,
    SealRecord,
)

NOON = datetime(2021, 3, 4, 12, tzinfo=UTC)


def write_part(
    folder: Path,
    predictions: Sequence[Prediction | bytes],
    *,
    feature: str = "tiny",
    writer: str = "web",
    incarnation: str = "20210304T120000-1-ab",
    start: datetime = NOON,
    step: timedelta = timedelta(milliseconds=1),
    heartbeat_every: int = 50,
    heartbeat_seconds: float | None = None,
    sealed: bool = True,
) -> Path:
    """A writer's only part: predictions as the client encodes them, bytes as they are."""
    own: dict[str, Any] = {"writer": writer, "incarnation": incarnation}
    stamp = {"feature": feature, **own}
    opening = OpenRecord(
        schema=SCHEMA_VERSION, pid=1, time=start, heartbeat_seconds=heartbeat_seconds, **stamp
    )
    lines = [seal(encode(opening))]
    now, seq = start, 0
    for number, prediction in enumerate(predictions, start=1):
        now += step
        if isinstance(prediction, bytes):
            lines.append(prediction)
            continue
        seq += 1
        body = encode(prediction)
        tail = b',"time":%b,%b,"seq":%d}' % (
            msgspec.json.encode(now),
            msgspec.json.encode(stamp)[1:-1],
            seq,
        )
        lines.append(seal(body[:-1] + tail))
        if number % heartbeat_every == 0:
            lines.append(seal(encode(_heartbeat(now, seq, own))))
    lines.append(seal(encode(CloseRecord(last=seq, count=seq, time=now, **own))))
    content = b"".join(lines)
    if sealed:
        ending = SealRecord(
            part=1,
            first=1,
            last=seq,
            count=seq,
            sha256=sha256(content).hexdigest(),
            previous=None,
            time=now,
            **own,
        )
        content += seal(encode(ending))
    file = folder / feature / writer / segment_name(incarnation, 1)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def _heartbeat(now: datetime, seq: int, own: dict[str, Any]) -> HeartbeatRecord:
    return HeartbeatRecord(
        last=seq,
        written=seq,
        failures=0,
        unsampled=0,
        withheld=0,
        served=None,
        policy="0" * 16,
        monotonic=float(seq),
        time=now,
        **own,
    )
