"""What the tests of segments share: their records, and whether they form a whole sequence."""

import fcntl
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ai_ops.client.lines import read_line
from ai_ops.client.names import incarnation_of
from ai_ops.client.records import (
    CloseRecord,
    HeartbeatRecord,
    OpenRecord,
    PredictionRecord,
    Record,
    SealRecord,
)


@dataclass(frozen=True)
class Part:
    """One segment as it lies there: its whole lines, and what is torn behind them."""

    path: Path
    records: tuple[Record, ...]
    torn: bytes
    before_seal: str

    @property
    def opened(self) -> OpenRecord:
        assert isinstance(self.records[0], OpenRecord)
        return self.records[0]

    @property
    def predictions(self) -> list[PredictionRecord]:
        return [record for record in self.records if isinstance(record, PredictionRecord)]

    @property
    def heartbeats(self) -> list[HeartbeatRecord]:
        return [record for record in self.records if isinstance(record, HeartbeatRecord)]

    @property
    def sealed(self) -> SealRecord | None:
        last = self.records[-1]
        return last if isinstance(last, SealRecord) else None

    @property
    def closed(self) -> CloseRecord | None:
        found = [record for record in self.records if isinstance(record, CloseRecord)]
        return found[0] if found else None


def parts_of(folder: Path, writer: str = "*") -> list[Part]:
    """Every segment below a log's folder, in the order of its name."""
    return [_part(file) for file in sorted(folder.glob(f"tiny/{writer}/*.jsonl"))]


def ids_of(parts: Iterable[Part]) -> list[str]:
    return [prediction.id for part in parts for prediction in part.predictions]


def assert_whole(parts: Sequence[Part]) -> None:
    """The parts of one incarnation follow each other, each sealed, up to the closing."""
    reached, previous = 0, None
    for number, part in enumerate(parts, start=1):
        sealed = part.sealed
        assert sealed is not None and not part.torn, part.path
        assert incarnation_of(part.path.name) == (part.opened.incarnation, number)
        assert (part.opened.part, sealed.part) == (number, number)
        assert (sealed.sha256, sealed.previous) == (part.before_seal, previous)
        assert (sealed.first, sealed.count) == (part.opened.last + 1, len(part.predictions))
        assert all(sealed.first <= p.seq <= sealed.last for p in part.predictions)
        assert part.opened.last >= reached
        assert not is_held(part.path)
        reached, previous = sealed.last, sealed.sha256
    closed = parts[-1].closed
    assert closed is not None
    assert (closed.last, closed.last - closed.count) == (reached, closed.failures)
    assert closed.count == sum(len(part.predictions) for part in parts)


def is_held(path: Path) -> bool:
    """Whether the process that wrote a segment still holds it."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _part(path: Path) -> Part:
    content = path.read_bytes().rstrip(b"\0")
    *lines, torn = content.split(b"\n")
    raw = [line + b"\n" for line in lines]
    return Part(
        path=path,
        records=tuple(read_line(line) for line in raw),
        torn=torn,
        before_seal=sha256(b"".join(raw[:-1])).hexdigest(),
    )
