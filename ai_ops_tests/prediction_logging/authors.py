"""Segments as the protocol has them, made line by line: any process, any loss, any clock."""

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from ai_ops.client.lines import encode, seal
from ai_ops.client.names import segment_name
from ai_ops.client.records import (
    CloseRecord,
    HeartbeatRecord,
    OpenRecord,
    Prediction,
    PredictionRecord,
    SealRecord,
)
from ai_ops.vocabulary.words import Mode, RootMode
from ai_ops_tests.prediction_logging.logging_world import NOON

HEARTBEAT = 10.0


def prediction(id: str, **fields: object) -> bytes:
    told: dict[str, object] = {"model_version": "1", "input": {"city": "A"}, "output": {}, **fields}
    return encode(Prediction(id=id, **told))  # type: ignore[arg-type]


@dataclass
class Author:
    """One incarnation that writes its parts by hand; ``time`` is its clock."""

    writer: str = "web"
    time: datetime = NOON
    pid: int = 7
    policy: str = "0123456789abcdef"
    sampling: float = 1.0
    clock: RootMode = "live"
    feature: str = "tiny"
    monotonic: float = 1000.0
    last: int = 0
    written: int = 0
    failures: int = 0
    unsampled: int = 0
    served: int | None = None
    parts: list[list[bytes]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    name: str = ""
    _first: int = 1
    _count: int = 0
    _previous: str | None = None

    def __post_init__(self) -> None:
        self.name = self.name or f"{self.time:%Y%m%dT%H%M%S}-{self.pid}-{self.writer}"
        self.open()

    def open(self) -> None:
        """Begin the next part."""
        self._first, self._count = self.last + 1, 0
        opening = OpenRecord(
            schema=2,
            feature=self.feature,
            writer=self.writer,
            incarnation=self.name,
            pid=self.pid,
            time=self.time,
            part=len(self.parts) + 1,
            last=self.last,
            host="box",
            clock=self.clock,
            monotonic=self.monotonic,
            heartbeat_seconds=HEARTBEAT,
            policy=self.policy,
            sampling=self.sampling,
        )
        self.parts.append([seal(encode(opening))])

    def wait(self, seconds: float, wall: float | None = None) -> None:
        """Let time pass; ``wall`` where the wall's clock shows another span than has passed."""
        self.monotonic += seconds
        self.time += timedelta(seconds=seconds if wall is None else wall)

    def predict(self, count: int = 1, mode: Mode = "sync", request: str | None = None) -> None:
        """Write predictions; a batch's are those of one request."""
        for _ in range(count):
            self.last += 1
            id = f"{self.name}:{self.last}"
            self.ids.append(id)
            stamp = (
                f',"time":"{self.time.isoformat()}","feature":"{self.feature}",'
                f'"writer":"{self.writer}","incarnation":"{self.name}","seq":{self.last}}}'
            )
            body = prediction(id, mode=mode, request_id=request)
            self.parts[-1].append(seal(body[:-1] + stamp.encode()))
            self.written += 1
            self._count += 1

    def fail(self, count: int = 1) -> None:
        """Predictions that could not be written: each keeps its number."""
        self.last += count
        self.failures += count

    def beat(self) -> None:
        """A sign of life."""
        record = HeartbeatRecord(
            last=self.last,
            written=self.written,
            failures=self.failures,
            unsampled=self.unsampled,
            withheld=0,
            served=self.served,
            policy=self.policy,
            monotonic=self.monotonic,
            writer=self.writer,
            incarnation=self.name,
            time=self.time,
        )
        self.parts[-1].append(seal(encode(record)))

    def live(self, seconds: float) -> None:
        """Let time pass, with a sign of life whenever one is due."""
        end = self.time + timedelta(seconds=seconds)
        while self.time + timedelta(seconds=HEARTBEAT) <= end:
            self.wait(HEARTBEAT)
            self.beat()
        self.wait((end - self.time).total_seconds())

    def roll(self) -> None:
        """End this part with its seal and go on in the next one."""
        self.seal()
        self.open()
        self.beat()

    def seal(self) -> None:
        """The last line of a part."""
        digest = sha256(b"".join(self.parts[-1])).hexdigest()
        record = SealRecord(
            part=len(self.parts),
            first=self._first,
            last=self.last,
            count=self._count,
            sha256=digest,
            previous=self._previous,
            writer=self.writer,
            incarnation=self.name,
            time=self.time,
        )
        self.parts[-1].append(seal(encode(record)))
        self._previous = digest

    def close(self) -> None:
        """End in order."""
        record = CloseRecord(
            last=self.last,
            count=self.written,
            writer=self.writer,
            incarnation=self.name,
            time=self.time,
            failures=self.failures,
            unsampled=self.unsampled,
            served=self.served,
        )
        self.parts[-1].append(seal(encode(record)))
        self.seal()

    def lay(self, segments: Path, without: Sequence[int] = ()) -> list[Path]:
        """Write the parts where segments lie, but for those numbers."""
        folder = segments / self.feature / self.writer
        folder.mkdir(parents=True, exist_ok=True)
        laid = []
        for number, lines in enumerate(self.parts, start=1):
            if number not in without:
                file = folder / segment_name(self.name, number)
                file.write_bytes(b"".join(lines))
                laid.append(file)
        return laid


def number_of(line: bytes) -> int | None:
    """The sequence number of a line, if it is a prediction's."""
    from ai_ops.client.lines import read_line

    record = read_line(line)
    return record.seq if isinstance(record, PredictionRecord) else None


class Held:
    """The lock of a segment, held as the process that writes it does."""

    def __init__(self, file: Path) -> None:
        self._handle = os.open(file, os.O_RDONLY)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def release(self) -> None:
        os.close(self._handle)
