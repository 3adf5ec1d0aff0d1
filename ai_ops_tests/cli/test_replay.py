"""The replay's order of events, and what a killed replay leaves behind."""

import os
import socket
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pyarrow.parquet as pq

from ai_ops.cli.replay import DAY, Event, ask, finish, timeline
from ai_ops.cli.served_counts import ServedCounts
from ai_ops.defs.flight_delay.flights import INPUTS
from ai_ops.defs.flight_delay.traffic import hourly_requests
from ai_ops.orchestration.orphans import HOST_TAG, PROCESS_TAG, end_orphans
from ai_ops.orchestration.running import open_runner

BEGIN, FIRST_END, END = date(2021, 3, 1), date(2021, 3, 15), date(2021, 3, 29)
LAUNCH = date(2021, 3, 8)


def flights() -> pd.DataFrame:
    """One flight an hour."""
    hours = pd.date_range("2021-03-01", "2021-04-01", freq="h", tz="UTC")
    ids = [f"{hour:%Y-%m-%dT%H}" for hour in hours]
    return pd.DataFrame({"id": ids, "time": hours, "tenant": "XX", **dict.fromkeys(INPUTS, 1.0)})


def requested(events: list[Event]) -> list[str]:
    return [body["id"] for event in events if event.requests for body in event.requests.predictions]


def test_a_replay_that_goes_on_later_asks_for_every_flight_once() -> None:
    whole = list(timeline(flights(), BEGIN, END, LAUNCH))
    first = list(timeline(flights(), BEGIN, FIRST_END, LAUNCH))
    later = [event for event in whole if event.at >= finish(FIRST_END)]
    assert requested(first) + requested(later) == requested(whole)
    assert {event.first for event in first + later if event.kind == "schedule"} == {
        event.first for event in whole if event.kind == "schedule"
    }


def test_the_last_week_is_judged_day_by_day_and_the_others_as_ranges() -> None:
    daily = [event for event in timeline(flights(), BEGIN, END, LAUNCH) if event.kind == "daily"]
    spans = [(event.last - event.first).days + 1 for event in daily]
    assert spans == [7, 7, 7, *[1] * 7]
    judged = {event.first + timedelta(days=d) for event in daily for d in range(7)}
    assert len(judged) >= 28


def test_nothing_is_known_before_it_happened() -> None:
    for event in timeline(flights(), BEGIN, END, LAUNCH):
        if event.kind in ("labels", "daily", "weekly"):
            assert event.at.date() > event.last
        if event.requests:
            assert event.at == event.requests.hour


def test_the_caller_counts_what_was_answered_and_an_hour_done_again_replaces_its_count(
    tmp_path: Path,
) -> None:
    ten, eleven = (datetime(2021, 3, 1, hour, tzinfo=UTC) for hour in (10, 11))
    first = ServedCounts(tmp_path)
    first.count(ten, 40)
    first.count(eleven, 1)
    again = ServedCounts(tmp_path)  # the replay was killed, and does an hour again
    again.count(eleven, 2)
    again.count(ten + DAY, 3)
    tables = {file.name: pq.read_table(file).to_pylist() for file in tmp_path.iterdir()}
    assert tables == {
        "2021-03-01.parquet": [{"time": ten, "served": 40}, {"time": eleven, "served": 2}],
        "2021-03-02.parquet": [{"time": ten + DAY, "served": 3}],
    }


def test_a_batch_is_one_request_and_what_was_not_answered_is_not_counted() -> None:
    class Counting:
        def __init__(self) -> None:
            self.posted: list[str] = []

        def post(self, path: str, body: object) -> None:
            self.posted.append(path)

    hours = [
        next(iter(hourly_requests(flights(), day, day + DAY)))
        for day in (datetime(2021, 3, 1, tzinfo=UTC), datetime(2021, 3, 3, tzinfo=UTC))
    ]
    batch, single = hours
    assert (batch.single, single.single) == (False, True)
    server = Counting()
    assert [ask(server, one) for one in hours] == [1, len(single.predictions)]  # type: ignore[arg-type]
    assert server.posted[0] == "/predict/batch"


def test_a_run_whose_process_is_gone_does_not_hold_a_place_in_the_queue(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    @dg.op
    def nothing() -> None: ...

    @dg.job
    def job() -> None:
        nothing()

    with open_runner(tmp_path, dg.Definitions(jobs=[job])) as runner:
        for process in (gone.pid, os.getpid()):
            runner.instance.create_run_for_job(
                job,
                status=dg.DagsterRunStatus.STARTED,
                tags={HOST_TAG: socket.gethostname(), PROCESS_TAG: str(process)},
            )
        assert len(end_orphans(runner.instance)) == 1
        statuses = sorted(run.status.value for run in runner.instance.get_runs())
        assert statuses == ["FAILURE", "STARTED"]
