"""What a witness has counted: kept with the place that it reached, and told as a table a day."""

import os
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.prediction_logging.access_files import Place
from ai_ops.prediction_logging.access_lines import Served
from ai_ops.vocabulary.errors import BadInput

KEPT_DAYS: Final = 2
"""How many days stay in the state; the counts of older ones are read back from their table."""

_TIME: Final = pa.timestamp("us", tz="UTC")

Row = tuple[datetime, str | None, str | None]
"""What is counted apart: the begin of a minute or an hour, the upstream, the writer."""


class State(msgspec.Struct, kw_only=True):
    """Everything that a witness must not forget, written as one file.

    The counts of the last days and the place in the access log are one: after a crash what lies
    behind the place is counted, and nothing before it again.
    """

    place: Place = Place()
    days: dict[str, list[tuple[datetime, str | None, str | None, int]]] = {}
    unreadable: dict[str, int] = {}
    lost: list[str] = []
    lines: int = 0


@dataclass(frozen=True, slots=True)
class Tables:
    """Where a witness's tables lie, and beside them its state."""

    folder: Path
    name: str
    time_column: str = "time"
    count_column: str = "served"

    @property
    def state_file(self) -> Path:
        """What is known, as JSON; no glob of tables matches it."""
        return self.folder / f".{self.name}.state"

    def path(self, day: str) -> Path:
        """The table of a day."""
        return self.folder / f"{day}.{self.name}.parquet"

    def load(self) -> State:
        """The state; ``BadInput`` when it is damaged, or gone while its tables are there."""
        try:
            return msgspec.json.decode(self.state_file.read_bytes(), type=State)
        except FileNotFoundError:
            if tables := sorted(self.folder.glob(f"*.{self.name}.parquet")):
                raise BadInput(
                    f"{self.state_file}: is gone, and {tables[0].name} holds what was counted: "
                    "counting on would count twice; remove the tables or choose another --name"
                ) from None
            return State()
        except msgspec.MsgspecError as error:
            raise BadInput(
                f"{self.state_file}: cannot be read ({error}); move it away together with its "
                "tables and count again"
            ) from error

    def keep(self, state: State, changed: Collection[str]) -> None:
        """Write the state, then the tables of what changed; a crash between is mended by both."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _replace(self.state_file, msgspec.json.encode(state))
        for day in sorted(changed):
            self.write(day, state.days[day])
        # Their tables are written: the next state need not hold them.
        oldest = _days_before(max(state.days, default=""), KEPT_DAYS - 1)
        state.days = {day: rows for day, rows in state.days.items() if day >= oldest}

    def write(self, day: str, rows: Iterable[tuple[datetime, str | None, str | None, int]]) -> None:
        """Write a day's table, whole or not at all."""
        ordered = sorted(rows, key=lambda row: (row[0], row[1] or "", row[2] or ""))
        times, upstreams, writers, counts = zip(*ordered, strict=True)
        columns: dict[str, Any] = {
            self.time_column: pa.array(times, _TIME),
            self.count_column: pa.array(counts, pa.int64()),
            "upstream": pa.array(upstreams, pa.string()),
            "writer": pa.array(writers, pa.string()),
        }
        told = {
            name: column
            for name, column in columns.items()
            if name not in ("upstream", "writer") or column.null_count < len(column)
        }
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(told), sink)
        _replace(self.path(day), sink.getvalue().to_pybytes())

    def read(self, day: str) -> list[tuple[datetime, str | None, str | None, int]]:
        """The rows of a day's table; none when there is no table."""
        if not self.path(day).exists():
            return []
        return [
            (row[self.time_column], row.get("upstream"), row.get("writer"), row[self.count_column])
            for row in pq.read_table(self.path(day)).to_pylist()
        ]


def take_in(
    state: State, served: Iterable[Served], every: timedelta, tables: Tables
) -> frozenset[str]:
    """Count requests in the state; returns the days that changed."""
    gained: dict[str, Counter[Row]] = {}
    for one in served:
        begin = begin_of(one.time, every)
        gained.setdefault(begin.date().isoformat(), Counter())[begin, one.upstream, one.writer] += 1
    for day, counts in gained.items():
        if day not in state.days:
            state.days[day] = tables.read(day)
        for time, upstream, writer, n in state.days[day]:
            counts[time, upstream, writer] += n
        state.days[day] = [(*row, n) for row, n in counts.items()]
    return frozenset(gained)


def begin_of(moment: datetime, every: timedelta) -> datetime:
    """The begin of the minute or hour (or any other part of a day) that a moment lies in.

    >>> noonish = datetime.fromisoformat("2021-03-04T12:34:56+00:00")
    >>> begin_of(noonish, timedelta(minutes=1)).isoformat()
    '2021-03-04T12:34:00+00:00'
    """
    utc = moment.astimezone(UTC)
    midnight = utc.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (utc - midnight) // every * every


def _days_before(day: str, days: int) -> str:
    if not day:
        return ""
    return (datetime.fromisoformat(day) - timedelta(days=days)).date().isoformat()


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}.fresh")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
