"""The replay: the year's flights cross a socket to the server, hour by hour, week by week.

Only the clock file tells where a replay stands. What is done at a moment is done again when the
replay was stopped there: requests repeat their ids, files and verdicts are replaced by equal ones.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.jobs import (
    checklist_job_name,
    daily_job_name,
    monthly_checklist_job_name,
    monthly_job_name,
    versions_job_name,
    weekly_job_name,
)
from ai_ops.cli.replay_answers import Answers
from ai_ops.cli.served_counts import ServedCounts
from ai_ops.cli.server_process import ServerProcess
from ai_ops.defs.flight_delay.traffic import (
    Requests,
    hourly_requests,
    write_labels,
    write_schedule,
)
from ai_ops.orchestration.partitions import DELAYS
from ai_ops.orchestration.running import Runner
from ai_ops.orchestration.timing import timing
from ai_ops.storage.clocks import ReplayClock

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)

ANSWERED = timedelta(hours=8)
"""How long after midnight what the morning's checks found is answered."""

SERVED = "served"
"""The folder of the tables in which the caller tells how many requests were answered."""

Kind = Literal["schedule", "requests", "labels", "daily", "weekly", "launch", "answer", "monthly"]
ORDER: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Event:
    """Something that happens at a moment of the replay."""

    at: datetime
    kind: Kind
    first: date
    last: date
    requests: Requests | None = None


@dataclass
class Seconds:
    """Where the replay's wall time went."""

    serving: float = 0.0
    dagster: float = 0.0
    statistics: float = 0.0
    training: float = 0.0
    predictions: int = 0
    days: int = 0


@dataclass
class Replay:
    """Drives one feature through its past.

    ``stand`` is called with the day reached after every event, for a progress bar.
    """

    feature: AiFeatureSpec
    flights: pd.DataFrame
    root: Path
    clock: ReplayClock
    server: ServerProcess
    runner: Runner
    answers: Answers
    launch: date
    stand: Callable[[datetime], None] = lambda _: None
    seconds: Seconds = field(default_factory=Seconds)
    served: ServedCounts = field(init=False)

    def __post_init__(self) -> None:
        self.served = ServedCounts(self._sources / SERVED)

    def run(self, begin: date, end: date) -> None:
        """Replay [begin, end) from where the clock stands."""
        reached = self.clock.now()
        for event in timeline(self.flights, begin, end, self.launch):
            if event.at < reached:
                continue
            self.clock.advance(event.at)
            self._do(event)
            self.stand(event.at)

    def _do(self, event: Event) -> None:
        match event.kind:
            case "schedule":
                write_schedule(self.flights, event.first, self._sources)
            case "labels":
                write_labels(self.flights, event.first, self._sources)
            case "requests":
                if event.requests is not None:
                    self._ask(event.requests)
            case "daily":
                self._job(daily_job_name(self.feature), event.first, event.last)
                self.seconds.days += (event.last - event.first).days + 1
            case "weekly":
                self._timed(lambda: self.runner.run(versions_job_name(self.feature)))
                self._job(weekly_job_name(self.feature), event.first, event.first)
                self._job(checklist_job_name(self.feature), event.first, event.first)
            case "monthly":
                self._job(monthly_job_name(self.feature), event.first, event.first)
                self._job(monthly_checklist_job_name(self.feature), event.first, event.first)
            case "launch":
                self._timed(self.answers.launch)
            case "answer":
                self._timed(lambda: self.answers.answer(event.at))

    @property
    def _sources(self) -> Path:
        return self.root / "sources" / self.feature.name

    def _ask(self, requests: Requests) -> None:
        begin = time.perf_counter()
        self.served.count(requests.hour, ask(self.server, requests))
        self.seconds.serving += time.perf_counter() - begin
        self.seconds.predictions += len(requests.predictions)

    def _job(self, job: str, first: date, last: date) -> None:
        def run() -> None:
            if first == last:
                self.runner.run(job, partition=first.isoformat())
            else:
                self.runner.run_range(job, first.isoformat(), last.isoformat())

        self._timed(run)

    def _timed(self, work: Callable[[], object]) -> None:
        begin = time.perf_counter()
        with timing() as stopwatch:
            work()
        self.seconds.statistics += stopwatch.seconds
        self.seconds.dagster += time.perf_counter() - begin - stopwatch.seconds


def ask(server: ServerProcess, requests: Requests) -> int:
    """Send what an hour asks, as single requests or as one batch; how many were answered."""
    if not requests.single:
        server.post("/predict/batch", {"predictions": requests.predictions})
        return 1
    for body in requests.predictions:
        server.post("/predict", body)
    return len(requests.predictions)


def timeline(flights: pd.DataFrame, begin: date, end: date, launch: date) -> Iterator[Event]:
    """Everything that happens in [begin, end), both Mondays, and the judging of its last days.

    The feature is launched on the Monday ``launch``, when the rehearsal before it was judged.

    Each week's daily chain is one range on the Monday after it; of the last week, each day runs by
    itself on the morning after it, exactly as the schedules would run it. Traffic goes on until
    the last of that is judged, so that a later replay can go on from there.
    """
    last_week = end - WEEK
    events = [Event(_start(day), "schedule", day, day) for day in _days(begin, end)]
    for requests in hourly_requests(flights, _start(begin), finish(end)):
        day = requests.hour.date()
        events.append(Event(requests.hour, "requests", day, day, requests))
    for day in _days(begin, end - DAY):
        events.append(Event(_start(day + DAY), "labels", day, day))
        if day >= last_week:
            events.append(Event(_start(day + DAY) + DELAYS["daily"], "daily", day, day))
            events.append(Event(_start(day + DAY) + ANSWERED, "answer", day, day))
        if (day + DAY).day == 1:
            # The days of a week are judged on its Monday: the month is judged on the first one.
            judged = day + DAY + timedelta(days=-(day + DAY).weekday() % 7)
            month = Event(_start(judged) + DELAYS["monthly"], "monthly", day.replace(day=1), day)
            events += [month] if judged <= end else []
    for monday in _days(begin, end - WEEK, step=7):
        after = _start(monday + WEEK)
        if monday < last_week:
            events.append(Event(after + DELAYS["daily"], "daily", monday, monday + 6 * DAY))
            events.append(Event(after + ANSWERED, "answer", monday, monday))
        events.append(Event(after + DELAYS["weekly"], "weekly", monday, monday))
    events.append(Event(_start(launch) + ANSWERED, "launch", launch, launch))
    yield from sorted(events, key=lambda event: (event.at, ORDER.index(event.kind)))


def finish(end: date) -> datetime:
    """When the last week before a Monday has been judged and answered."""
    return _start(end) + DELAYS["monthly"] + HOUR


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _days(first: date, last: date, step: int = 1) -> Iterator[date]:
    for offset in range(0, (last - first).days + 1, step):
        yield first + timedelta(days=offset)
