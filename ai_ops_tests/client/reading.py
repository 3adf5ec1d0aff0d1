"""What the tests of the client's surfaces share: a log, and what stands in it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai_ops.client import Keys, PredictionLog
from ai_ops.client.lines import read_line
from ai_ops.client.policy import Policy
from ai_ops.client.records import PredictionRecord
from ai_ops.vocabulary.words import OnLogFailure


@dataclass(frozen=True)
class Written:
    """A record with its payload as plain values."""

    record: PredictionRecord
    input: Any
    output: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.record, name)


def open_log(
    folder: Path,
    on_log_failure: OnLogFailure = "refuse",
    keys: Keys | None = None,
    **policy: Any,
) -> PredictionLog:
    chosen = Policy(feature="tiny", on_log_failure=on_log_failure, **policy)
    return PredictionLog(folder, "tiny", "web-1", policy=chosen, keys=keys)


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes().rstrip(b"\0") for file in _files(folder))


def written(folder: Path) -> list[Written]:
    """Every prediction below a log's folder, in the order in which it was written."""
    records = [
        read_line(line)
        for file in _files(folder)
        for line in file.read_bytes().rstrip(b"\0").splitlines(keepends=True)
        if line.endswith(b"\n")  # a kill may leave a torn one, which nobody was told of
    ]
    return [
        Written(record, json.loads(bytes(record.input)), json.loads(bytes(record.output)))
        for record in records
        if isinstance(record, PredictionRecord)
    ]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("tiny/*/*.jsonl"))


def failing_log(folder: Path, on_log_failure: OnLogFailure = "refuse") -> PredictionLog:
    """A log that cannot write any more, for it is closed."""
    log = open_log(folder, on_log_failure)
    log.close()
    return log
