"""A fleet of real worker processes that log, and the caller that counts what they answer."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client.policy import Policy
from ai_ops.orchestration.judging import Check
from ai_ops.prediction_logging.checks import CHECKS
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import compute_log_completeness
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.prediction_logging.sources import compute_user_actions
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.prediction_logging.logging_world import FEATURE

HEARTBEAT = 1.0
WORKER = Path(__file__).with_name("log_worker.py")
OF_NO_CONCERN = frozenset({"version_is_champion"})
"""Checks that read the ledger, which a fleet has none of."""


def feature_with(
    writers: Mapping[str, int], *, always: bool = True, **logging: Any
) -> AiFeatureSpec:
    """The tiny feature with this roster (name → processes), and the caller as its witness."""
    declared = {
        "writers": [
            {"name": name, "processes": count, "always": always} for name, count in writers.items()
        ],
        "heartbeat_seconds": HEARTBEAT,
        "witness": {"table": "sources/tiny/served/*.parquet"},
        **logging,
    }
    attributes = {**FEATURE.model_dump(mode="json"), "logging": declared}
    attributes["monitoring"] = FEATURE.monitoring.model_dump()
    return AiFeatureSpec.model_validate(attributes)


@dataclass
class Worker:
    """One worker process; ``answered`` has id and time of each answer that its caller got."""

    writer: str
    process: "subprocess.Popen[str]"
    new_id: Callable[[], str]
    answered: list[tuple[str, datetime]] = field(default_factory=list)

    def tell(self, command: str) -> None:
        """Send a command and wait until it is done."""
        self.say(command)
        assert self.heard() == "done"

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def heard(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, count: int, command: str = "ask") -> None:
        """Ask for so many answers."""
        for _ in range(count):
            id = self.new_id()
            self.tell(f"{command} {id}")
            self.answered.append((id, datetime.now(UTC)))

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.process.pid, number)
        if number == signal.SIGKILL:
            self.process.communicate()

    def end(self) -> None:
        """End in order, when it is still there."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.communicate("end\n")


@dataclass
class Fleet:
    """Workers on one machine, whose segments lie in ``machine`` (the root's own, or to ship)."""

    folder: Path
    feature: AiFeatureSpec
    environment: Mapping[str, str] = field(default_factory=dict)
    ships: bool = False
    workers: list[Worker] = field(default_factory=list)
    day: str = field(default_factory=lambda: _today())
    _asked: int = 0

    @property
    def root(self) -> Root:
        return Root.open(self.folder / "root", dict(self.environment))

    @property
    def machine(self) -> Path:
        return self.folder / "machine" if self.ships else self.root.segments

    def begin(self, *writers: str, policy: Policy | None = None) -> list[Worker]:
        """Start a worker for each name, all at once, and wait until they are ready."""
        told = {
            "folder": str(self.machine),
            "policy": str(self._policy(policy)),
        }
        started = [Worker(name, _started({**told, "writer": name}), self._id) for name in writers]
        for worker in started:
            assert worker.heard() == "loaded"
        for worker in started:
            worker.say("begin")
        for worker in started:
            assert worker.heard() == "ready"
        self.workers += started
        return started

    def answered(self) -> Counter[str]:
        """What the caller got answered, by writer."""
        counts: Counter[str] = Counter()
        for worker in self.workers:
            counts[worker.writer] += len(worker.answered)
        return counts

    def pass_heartbeats(self, count: float) -> None:
        """Let so many heartbeats go by."""
        time.sleep(count * HEARTBEAT)

    def judged(self, as_of: datetime | None = None) -> dict[str, Verdict]:
        """Compact the day and judge it, as of now unless told otherwise."""
        self._bear_witness()
        moment = Moment(self.day, Window.of_day(self.day), as_of or datetime.now(UTC))
        root = self.root
        for compute in (compute_prediction_log, compute_user_actions, compute_log_completeness):
            compute(root, self.feature, [moment])
        return {
            check.name: _verdict(check, root, self.feature, moment)
            for check in CHECKS
            if check.rhythm == "daily" and check.name not in OF_NO_CONCERN
        }

    def judged_tomorrow(self) -> dict[str, Verdict]:
        """Judged as the daily schedule would: when the day is over."""
        return self.judged(Window.of_day(self.day).end + timedelta(minutes=20))

    def ship(self, *options: str) -> "subprocess.CompletedProcess[str]":
        """One round of shipping, in a process of its own."""
        command = [sys.executable, "-m", "ai_ops.cli", "ship", self.feature.name]
        places = ["--from", str(self.machine), "--to", self.root.lake.url]
        return subprocess.run(
            [*command, *places, "--once", "--json", *options],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def segments(self, writer: str) -> list[Path]:
        return sorted((self.machine / self.feature.name / writer).glob("*.jsonl"))

    def end(self) -> None:
        for worker in self.workers:
            worker.end()

    def _policy(self, policy: Policy | None) -> Path:
        chosen = policy or policy_of(self.feature)
        file = self.folder / f"{chosen.digest}.policy.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(chosen.dump())
        return file

    def _id(self) -> str:
        self._asked += 1
        return f"p{self._asked}"

    def _bear_witness(self) -> None:
        """What the caller got answered, as counts of an hour, and as actions of its users."""
        told = [(id, at, worker.writer) for worker in self.workers for id, at in worker.answered]
        ids, times, writers = [list(column) for column in zip(*told, strict=True)]
        self._write("served", {"time": times, "served": [1] * len(ids), "writer": writers})
        self._write("actions", {"id": ids, "time": times, "call_site": writers})

    def _write(self, name: str, columns: Mapping[str, Any]) -> None:
        file = self.root.folder / "sources" / "tiny" / name / f"{self.day}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(dict(columns)), file)


def found(verdict: Verdict, writer: str) -> list[str]:
    """What a verdict says of one writer."""
    return [finding.reason for finding in verdict.findings if f"writer {writer}" in finding.reason]


def _verdict(check: Check, root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    try:
        return check.judge(root, feature, moment)  # type: ignore[arg-type]
    except MissingEvidence as error:
        return Verdict.lacking(str(error), check.missing, window=moment.window)


def _today() -> str:
    """The day, with two minutes of it left at least: no test is judged across midnight."""
    now = datetime.now(UTC)
    tomorrow = Window.of_day(now.date().isoformat()).end
    if (left := (tomorrow - now).total_seconds()) < 120:
        time.sleep(left)
    return datetime.now(UTC).date().isoformat()


def _started(told: Mapping[str, Any]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(WORKER), json.dumps(told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
