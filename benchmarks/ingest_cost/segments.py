"""Sealed segments of several writers, with records as an application tells them."""

import random
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from ai_ops.client.lines import encode, seal
from ai_ops.client.names import segment_name
from ai_ops.client.records import SCHEMA_VERSION, OpenRecord, Prediction, SealRecord

DAY = "2021-03-04"
CATEGORIES = [f"category_{number}" for number in range(6)]
NUMBERS = [f"measure_{number:02}" for number in range(12)]
BOOLEANS = ["weekend", "returning"]
PART_ROWS = 50_000
REPEATED = 0.02


def write_segments(folder: Path, rows: int) -> int:
    """Sealed segments of four writers; returns how many bytes the lines take."""
    draw, size = random.Random(7), 0
    start = datetime.fromisoformat(f"{DAY}T00:00:00+00:00")
    step = timedelta(hours=23) / (rows / 4)
    for writer in range(4):
        incarnation = f"20210304T000000-{writer}-ab"
        home = folder / "segments" / "tiny" / f"web-{writer}"
        home.mkdir(parents=True)
        now, seq, part, left, previous = start, 0, 0, rows // 4, None
        body = _body(draw)
        while left:
            part += 1
            count = min(left, PART_ROWS)
            left -= count
            stamp = {"feature": "tiny", "writer": f"web-{writer}", "incarnation": incarnation}
            own = {"writer": f"web-{writer}", "incarnation": incarnation}
            opening = OpenRecord(
                schema=SCHEMA_VERSION, pid=1, time=now, part=part, last=seq, **stamp
            )
            lines = [seal(encode(opening))]
            tail = msgspec.json.encode(stamp)[1:-1]
            for _ in range(count):
                seq, now = seq + 1, now + step
                if draw.random() >= REPEATED:
                    body = _body(draw)
                told = b'%b,"time":%b,%b,"seq":%d}' % (
                    body[:-1],
                    msgspec.json.encode(now),
                    tail,
                    seq,
                )
                lines.append(seal(told))
            content = b"".join(lines)
            size += len(content)
            digest = sha256(content).hexdigest()
            ending = SealRecord(
                part=part, first=seq - count + 1, last=seq, count=count, sha256=digest,
                previous=previous, time=now, **own,
            )  # fmt: skip
            previous = digest
            (home / segment_name(incarnation, part)).write_bytes(content + seal(encode(ending)))
    return size


def _body(draw: random.Random) -> bytes:
    values: dict[str, Any] = {name: draw.choice("ABCDEFGHIJKL") * 4 for name in CATEGORIES}
    values |= {name: round(draw.gauss(50, 20), draw.choice((1, 2, 4))) for name in NUMBERS}
    values |= {name: draw.random() < 0.3 for name in BOOLEANS}
    score = draw.random()
    return encode(
        Prediction(
            id=f"{draw.getrandbits(128):032x}",
            model_version="3",
            input=values,
            output={"probability": score, "late": score > 0.5},
            latency_ms=round(9 * draw.random(), 3),
            call_site="search",
            tenant="acme",
        )
    )
