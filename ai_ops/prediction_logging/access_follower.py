"""The witness of a log: follows an access log, and counts what was served.

It shares no code and no process with the logger. What it counted and how far it read are one file,
so that a witness that is killed counts nothing twice and leaves nothing out.
"""

import fcntl
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from ai_ops.prediction_logging.access_counts import State, Tables, take_in
from ai_ops.prediction_logging.access_files import read_on
from ai_ops.prediction_logging.access_lines import Form, Served, UnreadableLine, read_access
from ai_ops.vocabulary.errors import BadInput

SETTLED: Final = timedelta(seconds=2)
"""How long a rotated file is still written to by processes that hold it open."""

_NANO: Final = 10**9


@dataclass
class Follower:
    """Counts the answered requests of some paths in one access log, from where it stood.

    ``tell`` is given a sentence for whatever could not be counted.
    """

    log: Path
    tables: Tables
    form: Form
    paths: Collection[str]
    every: timedelta = timedelta(minutes=1)
    tell: Callable[[str], None] = lambda _: None
    state: State = field(default_factory=State)

    @contextmanager
    def begun(self) -> Iterator["Follower"]:
        """Take up the state, alone: ``BadInput`` when another process counts under this name."""
        self.tables.folder.mkdir(parents=True, exist_ok=True)
        with (self.tables.folder / f".{self.tables.name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise BadInput(
                    f"{self.tables.folder}: another process counts as {self.tables.name}; end it, "
                    "or choose another --name"
                ) from None
            self.state = self.tables.load()
            self.tables.keep(self.state, list(self.state.days))  # a crash may have left them out
            yield self

    def step(self, *, wait: bool = True) -> int:
        """Count what the log gained, up to a few megabytes; returns how many lines that were.

        Without ``wait`` a rotated file is left as soon as it is read to its end.
        """
        settled = time.time_ns() - int(SETTLED.total_seconds() * _NANO) if wait else time.time_ns()
        chunk = read_on(self.log, self.state.place, settled_ns=settled)
        if not chunk.content:
            return 0
        if chunk.lost:
            self.state.lost = [*self.state.lost, chunk.lost][-20:]
            self.tell(f"{chunk.lost}: what it held behind that is not counted")
        lines = chunk.content.removesuffix(b"\n").split(b"\n")
        problems: Counter[str] = Counter({"torn": chunk.torn} if chunk.torn else {})
        changed = take_in(self.state, self._served(lines, problems), self.every, self.tables)
        begin, self.state.place = self.state.place, chunk.place
        self.state.lines += len(lines)
        for problem, count in sorted(problems.items()):
            self.state.unreadable[problem] = self.state.unreadable.get(problem, 0) + count
            self.tell(f"{self.log}: {count} × {problem}, after byte {begin.offset}: not counted")
        self.tables.keep(self.state, changed)
        return len(lines)

    def catch_up(self) -> int:
        """Count everything that there is now; returns how many lines that were."""
        total = 0
        while count := self.step(wait=False):
            total += count
        return total

    def follow(self, pause: float = 1.0) -> None:
        """Count until the process is ended."""
        while True:
            if not self.step():
                time.sleep(pause)

    def _served(self, lines: Collection[bytes], problems: Counter[str]) -> Iterator[Served]:
        for line in lines:
            if not line.strip():
                continue
            try:
                found = read_access(line.decode(errors="replace"), self.form, self.paths)
            except UnreadableLine as error:
                problems[error.problem] += 1
                continue
            if found is not None:
                yield found
