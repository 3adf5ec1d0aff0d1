"""The traffic of flight_delay's replay: what is asked when, what is known when.

Three streams that a real application would have: hourly requests for predictions, the schedule of
flights (what users did, known without the log), and labels as they become known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.defs.flight_delay.flights import INPUTS

REHEARSAL = date(2013, 3, 25)
"""The Monday from which the version to be launched answers, a week before anybody relies on it."""

LAUNCH = date(2013, 4, 1)
END = date(2013, 9, 2)
"""The day after the last one that the demo replays; all three are Mondays."""

AWAY = date(2013, 8, 5)
"""From this day on nobody answers: what that leads to is what the checklists then say."""

WAIVED_UNTIL = date(2013, 12, 31)

SINGLES_WEEKDAY = 2
"""On Wednesdays every flight is a request of its own, as from a booking page."""

BOOKING_PAGE, HOURLY_BATCH = "booking_page", "hourly_batch"


@dataclass(frozen=True, slots=True)
class Requests:
    """What one hour asks: flights as bodies of `/predict`, or of one `/predict/batch`."""

    hour: datetime
    predictions: list[dict[str, Any]]
    single: bool


def hourly_requests(flights: pd.DataFrame, begin: datetime, end: datetime) -> Iterator[Requests]:
    """The requests of every hour in [begin, end) that has a flight, in order of time."""
    inside = flights[(flights["time"] >= begin) & (flights["time"] < end)]
    bodies = _bodies(inside)
    for hour, places in sorted(inside.groupby("time").indices.items()):
        moment = pd.Timestamp(str(hour)).to_pydatetime().astimezone(UTC)
        single = moment.weekday() == SINGLES_WEEKDAY
        call_site = BOOKING_PAGE if single else HOURLY_BATCH
        asked = [{**bodies[place], "call_site": call_site} for place in places]
        yield Requests(moment, asked, single)


def write_schedule(flights: pd.DataFrame, day: date, folder: Path) -> Path:
    """The day's scheduled flights, ``id`` and ``time``, as a file that the log has no part in."""
    rows = flights[_on(flights["time"], day)]
    return _write(rows[["id", "time"]], folder / "schedule" / f"{day}.parquet")


def write_labels(flights: pd.DataFrame, day: date, folder: Path) -> Path:
    """The labels that became known on a day: ``id``, ``label``, ``available_at``."""
    rows = flights[_on(flights["available_at"], day)].rename(columns={"late": "label"})
    rows = rows.astype({"label": bool})
    return _write(rows[["id", "label", "available_at"]], folder / "labels" / f"{day}.parquet")


def _bodies(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """What is asked of each row; what is not known is None."""
    inputs = rows[list(INPUTS)]
    columns = inputs.astype(object).where(inputs.notna(), None)
    values = zip(*(columns[name] for name in INPUTS), strict=True)
    return [
        {"id": flight_id, "inputs": dict(zip(INPUTS, row, strict=True)), "tenant": tenant}
        for flight_id, tenant, row in zip(rows["id"], rows["tenant"], values, strict=True)
    ]


def _on(times: "pd.Series[pd.Timestamp]", day: date) -> "pd.Series[bool]":
    start = pd.Timestamp(day, tz=UTC)
    return (times >= start) & (times < start + timedelta(days=1))


def _write(rows: pd.DataFrame, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".fresh")
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), fresh)
    fresh.replace(path)
    return path
