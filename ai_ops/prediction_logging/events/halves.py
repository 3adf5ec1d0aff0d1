"""Two halves of one event, told apart from each other: the one waits for the other."""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import NamedTemporaryFile
from typing import Any, Final, Literal

WAITING: Final = 50_000
"""So many halves wait in memory; more wait on the disk."""
REMEMBERED: Final = 100_000
"""Of so many pairs it is known that a half which comes again is no new one."""

Part = Literal["request", "response"]


@dataclass(frozen=True, slots=True)
class Half:
    """A request or a response as found: in which file, on which line."""

    part: Part
    id: str
    file: str
    line: int
    raw: bytes


class Halves:
    """Brings requests and responses together by their id, in whatever order they come."""

    def __init__(self, waiting: int = WAITING) -> None:
        self._waiting = waiting
        self._here: OrderedDict[str, Half] = OrderedDict()
        self._paired: OrderedDict[str, None] = OrderedDict()
        self._disk: _Disk | None = None
        self.repeated = 0

    def add(self, half: Half) -> tuple[Half, Half] | Half | None:
        """The pair (request, response) that a half completes; itself where it contradicts another.

        None where it waits, or came before: a delivery at least once may bring it twice.
        """
        other = self._here.get(half.id) or (self._disk.get(half.id) if self._disk else None)
        if other is None:
            if half.id in self._paired:
                self.repeated += 1
                return None
            self._wait(half)
            return None
        if other.part == half.part:
            if other.raw == half.raw:
                self.repeated += 1
                return None
            return half
        if self._here.pop(half.id, None) is None and self._disk:
            self._disk.remove(half.id)
        self._paired[half.id] = None
        if len(self._paired) > REMEMBERED:
            self._paired.popitem(last=False)
        return (other, half) if other.part == "request" else (half, other)

    def rest(self) -> Iterator[Half]:
        """The halves whose other half never came."""
        if self._disk:
            yield from self._disk.rest()
        yield from self._here.values()

    def _wait(self, half: Half) -> None:
        self._here[half.id] = half
        if len(self._here) > self._waiting:
            self._disk = self._disk or _Disk()
            self._disk.put(self._here.values())
            self._here.clear()


class _Disk:
    """Halves that wait in a file of their own, which goes with this object."""

    def __init__(self) -> None:
        self._file = NamedTemporaryFile(prefix="ai_ops_", suffix=".db")  # noqa: SIM115
        self._rows = sqlite3.connect(self._file.name)
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute(
            "CREATE TABLE half (id TEXT PRIMARY KEY, part TEXT, file TEXT, line INT, raw BLOB)"
        )

    def __del__(self) -> None:
        self._rows.close()
        self._file.close()

    def put(self, halves: Any) -> None:
        told = ((one.id, one.part, one.file, one.line, one.raw) for one in halves)
        self._rows.executemany("INSERT INTO half VALUES (?, ?, ?, ?, ?)", told)

    def get(self, id: str) -> Half | None:
        asked = "SELECT part, id, file, line, raw FROM half WHERE id = ?"
        found = self._rows.execute(asked, (id,)).fetchone()
        return Half(*found) if found else None

    def remove(self, id: str) -> None:
        self._rows.execute("DELETE FROM half WHERE id = ?", (id,))

    def rest(self) -> Iterator[Half]:
        asked = "SELECT part, id, file, line, raw FROM half ORDER BY file, line"
        for found in self._rows.execute(asked):
            yield Half(*found)
