"""The replay's witness: the caller counts the answers that it got, hour by hour.

It is another process than the server, and shares nothing with the log: what a load balancer is to
a production.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

_SCHEMA: Final = pa.schema([("time", pa.timestamp("us", tz="UTC")), ("served", pa.int64())])


@dataclass
class ServedCounts:
    """The tables of a folder, ``<day>.parquet``: each hour of a day, and how much it answered."""

    folder: Path
    _day: str = ""
    _hours: dict[datetime, int] = field(default_factory=dict)

    def count(self, hour: datetime, served: int) -> None:
        """Set what an hour answered; one that is done again replaces what it told before."""
        day = hour.date().isoformat()
        path = self.folder / f"{day}.parquet"
        if day != self._day:
            self._day, self._hours = day, _read(path)
        self._hours[hour] = served
        hours = sorted(self._hours.items())
        times, counts = [time for time, _ in hours], [count for _, count in hours]
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".fresh")
        pq.write_table(pa.table([times, counts], schema=_SCHEMA), fresh)
        fresh.replace(path)


def _read(path: Path) -> dict[datetime, int]:
    if not path.exists():
        return {}
    return {row["time"]: row["served"] for row in pq.read_table(path).to_pylist()}
