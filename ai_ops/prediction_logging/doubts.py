"""What could hold a prediction that was not found: the quarantines beside the logs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from ai_ops.prediction_logging.day_files import DayFiles
from ai_ops.prediction_logging.finding import Query


@dataclass(frozen=True, slots=True)
class Doubt:
    """A place that could hold what was asked for; ``day`` is None for rows that tell no day."""

    day: str | None
    reason: str

    def as_data(self) -> dict[str, Any]:
        """The doubt as JSON-ready data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A line of that id that could not enter the log: why, and where it lies."""

    day: str | None
    id: str
    reason: str
    detail: str | None
    segment: str | None
    offset: int | None

    def as_data(self) -> dict[str, Any]:
        """The line as JSON-ready data."""
        return asdict(self)


def quarantined(files: DayFiles, query: Query) -> tuple[list[Quarantine], list[Doubt]]:
    """The quarantined lines that have the id which is asked for, and what else may be meant.

    A line whose id is known to be another one is none of it; every other line may be.
    """
    ids = query.members.get("id")
    found: list[Quarantine] = []
    doubts: list[Doubt] = []
    for day, path in _places(files):
        table, _ = files.lake.read_table(path)
        unknown: Counter[str] = Counter()
        for row in table.select(["reason", "detail", "segment", "offset", "id"]).to_pylist():
            if ids is None or row["id"] is None:
                unknown[row["reason"]] += 1
            elif row["id"] in ids:
                found.append(Quarantine(day=day, **row))
        if unknown:
            why = ", ".join(f"{n} × {reason}" for reason, n in unknown.most_common())
            doubts.append(Doubt(day, f"in quarantine: {why}"))
    return found, doubts


def _places(files: DayFiles) -> Iterator[tuple[str | None, str]]:
    for day, one in sorted(files.quarantines.items()):
        if one.rows:
            yield day, files.quarantine_path(day)
    if files.undated is not None and files.undated.rows:
        yield None, files.undated_path


def told(doubts: Sequence[Doubt]) -> list[str]:
    """The doubts in words, days that follow each other and have one reason as one span.

    >>> told([Doubt("2021-03-01", "no log"), Doubt("2021-03-02", "no log"), Doubt(None, "x")])
    ['2021-03-01 … 2021-03-02 (2 days): no log', 'rows without a day: x']
    """
    lines = [f"rows without a day: {one.reason}" for one in doubts if one.day is None]
    dated = sorted((one.reason, date.fromisoformat(one.day)) for one in doubts if one.day)
    numbered = [(reason, day, day - timedelta(days=n)) for n, (reason, day) in enumerate(dated)]
    spans = []
    for (reason, _), group in groupby(numbered, key=lambda one: (one[0], one[2])):
        days = [day for _, day, _ in group]
        first, last = days[0], days[-1]
        named = str(first) if first == last else f"{first} … {last} ({len(days)} days)"
        spans.append((first, f"{named}: {reason}"))
    return [line for _, line in sorted(spans)] + lines
