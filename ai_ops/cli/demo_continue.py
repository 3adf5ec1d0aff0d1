"""`ai-ops demo --continue`: the replay's clock goes on, and a running daemon does the rest.

Only traffic is sent from here: requests, schedules, labels. What follows from it is for the
sensors, and what people must decide is for whoever watches.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pandas as pd
from rich.console import Console
from rich.markup import escape

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import resolve_feature
from ai_ops.cli.dagster_process import HOST, DagsterProcess, interruptible
from ai_ops.cli.replay import SERVED, Event, ask, finish
from ai_ops.cli.served_counts import ServedCounts
from ai_ops.cli.server_process import ServerProcess
from ai_ops.defs.flight_delay.flights import load_flights
from ai_ops.defs.flight_delay.traffic import hourly_requests, write_labels, write_schedule
from ai_ops.storage.clocks import ReplayClock
from ai_ops.storage.ledger import Event as LedgerEvent
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput

FEATURE: Final = "flight_delay"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class Continued:
    """A replay that goes on from where its clock stands, a day every few seconds."""

    root: Root
    feature: AiFeatureSpec
    flights: pd.DataFrame
    clock: ReplayClock
    server: ServerProcess
    dagster: DagsterProcess
    console: Console
    seconds_per_day: float

    def __post_init__(self) -> None:
        self._sources = self.root.folder / "sources" / self.feature.name
        self._served = ServedCounts(self._sources / SERVED)

    def run(self, end: datetime) -> None:
        """Send the traffic of every hour up to ``end``, and tell each day what the books gained."""
        head = self.root.ledger.head()
        now = self.clock.now()
        while now < end:
            begun = time.monotonic()
            self.dagster.must_live()
            for event in traffic_at(self.flights, now):
                self._send(event)
            now = min(_next_hour(now), end)
            self.clock.advance(now)
            if now.hour == 0:
                head = self._tell(now - DAY, head)
            pause = self.seconds_per_day / 24 - (time.monotonic() - begun)
            time.sleep(max(pause, 0))

    def _send(self, event: Event) -> None:
        match event.kind:
            case "schedule":
                write_schedule(self.flights, event.first, self._sources)
            case "labels":
                write_labels(self.flights, event.first, self._sources)
            case "requests" if event.requests is not None:
                self._served.count(event.at, ask(self.server, event.requests))
            case _:
                raise ValueError(f"{event.kind}: no traffic")

    def _tell(self, day: datetime, after: int) -> int:
        """Print what the ledger gained since a block, and return the last one."""
        gained = self.root.ledger.events(self.feature.name, after=after)
        self.console.print(f"{day:%a %d %b %Y}: {escape(told(gained))}", soft_wrap=True)
        return max((event.block_seq for event in gained), default=after)


def continue_demo(
    root: Root,
    until: date | None,
    seconds_per_day: float,
    port: int | None,
    console: Console,
) -> None:
    """Go on with a replay until a day, the feature's end or Ctrl-C.

    With a ``port`` the UI is open on it and stays until Ctrl-C; without one only the daemon runs,
    and all ends when what was due at the end has been judged.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two cores: daemon and server share them
    clock = root.clock
    if not isinstance(clock, ReplayClock):
        raise BadInput(f"--continue: {root.folder} holds no replay; run `ai-ops demo` first")
    feature = resolve_feature(FEATURE)
    last = _last_day(feature, until, clock.now())
    flights = load_flights(root.folder / "cache")
    with (
        interruptible(),
        ServerProcess(feature.name, root.folder, rehearsal=True) as server,
        DagsterProcess(root.folder, port) as dagster,
    ):
        if port is not None:
            console.print(f"[bold]The Dagster UI:[/bold] http://{HOST}:{port} (Ctrl-C ends all)")
        console.print(
            f"{clock.now():%a %d %b %Y, %H:%M}: the clock goes on, a day every "
            f"{seconds_per_day:g} s; Dagster writes to {dagster.log}",
            soft_wrap=True,
        )
        going = Continued(root, feature, flights, clock, server, dagster, console, seconds_per_day)
        going.run(finish(last))
        if port is None:
            dagster.settle(root, feature)
        else:
            console.print(f"The replay has reached {last}; the UI stays until Ctrl-C")
            dagster.wait()


def traffic_at(flights: pd.DataFrame, now: datetime) -> Iterator[Event]:
    """What an hour brings; at midnight the day's schedule, and the labels of the day before."""
    day = now.date()
    if now == _next_hour(now) - HOUR:
        if now.hour == 0:
            yield Event(now, "labels", day - DAY, day - DAY)
            yield Event(now, "schedule", day, day)
        for requests in hourly_requests(flights, now, now + HOUR):
            yield Event(now, "requests", day, day, requests)


def told(events: Sequence[LedgerEvent]) -> str:
    """What events say, in a line: runs, verdicts by status, and whatever was done or decided.

    >>> told([])
    'nothing was judged or decided'
    """
    runs = {event.run_id for event in events if event.run_id}
    verdicts = [event for event in events if event.kind == "verdict"]
    if not events:
        return "nothing was judged or decided"
    statuses = Counter(event.payload["status"] for event in verdicts)
    counted = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    line = f"runs: {len(runs)}, verdicts: {len(verdicts)}" + (f" ({counted})" if counted else "")
    done = [_words(event) for event in events if event.kind != "verdict"]
    return "; ".join([line, *done])


def _words(event: LedgerEvent) -> str:
    said = event.payload
    about = (
        said.get("retraining") or said.get("incident") or said.get("version") or said.get("what")
    )
    return " ".join(str(word) for word in (event.kind, about, said.get("stage")) if word)


def _last_day(feature: AiFeatureSpec, until: date | None, now: datetime) -> date:
    """The first day that is not replayed any more."""
    end = feature.monitoring.end
    found = until or end
    if found is None or (end is not None and found > end):
        raise BadInput(f"--until: a day up to {end}, on which the flights end (found {until})")
    if now >= finish(found):
        raise BadInput(f"--continue: the clock stands at {now:%Y-%m-%d %H:%M}, after {found}")
    return found


def _next_hour(now: datetime) -> datetime:
    return datetime(now.year, now.month, now.day, now.hour, tzinfo=UTC) + HOUR
