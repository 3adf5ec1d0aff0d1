"""The demo's work: set the models up, replay the flights, open the UI."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.jobs import versions_job_name
from ai_ops.cli.common import resolve_feature
from ai_ops.cli.dagster_process import HOST, DagsterProcess, interruptible
from ai_ops.cli.demo_launch import Drills, again
from ai_ops.cli.demo_people import People
from ai_ops.cli.demo_summary import summarise
from ai_ops.cli.replay import Replay, Seconds, finish
from ai_ops.cli.replay_answers import Answers
from ai_ops.cli.server_process import ServerProcess
from ai_ops.definitions import defs
from ai_ops.defs.flight_delay import traffic
from ai_ops.defs.flight_delay.flights import load_flights
from ai_ops.defs.flight_delay.training import set_up
from ai_ops.orchestration.running import open_runner
from ai_ops.storage.clocks import ReplayClock
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.errors import BadInput

FEATURE = "flight_delay"


def run_demo(
    root: Root, until: str | None, console: Console, *, launch: bool = False
) -> dict[str, Any]:
    """Replay up to a Monday (by default the demo's end) and give the summary as data.

    With ``launch`` the endpoint is put under load and the rollback is drilled, before the launch
    where the replay is still to come to it.
    """
    end = _monday(until) if until else traffic.END
    feature = resolve_feature(FEATURE)
    seconds = replay(root, feature, end, console, launch=launch)
    return summarise(root, feature, traffic.REHEARSAL, end, seconds)


def replay(
    root: Root, feature: AiFeatureSpec, end: date, console: Console, *, launch: bool = False
) -> Seconds:
    """Set the models up and replay until ``end``, from where the clock stands."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two cores: the server needs the other one
    begin = time.perf_counter()
    with _progress(console) as bar:
        task = bar.add_task("reading the flights", total=None)
        flights = load_flights(root.folder / "cache")
        bar.update(task, description="training two versions and their out-of-fold scores")
        set_up(root, feature, progress=lambda step: bar.update(task, description=step))
        training = time.perf_counter() - begin

        clock = _clock(root)
        people = People(root, feature)
        people.have_keys()
        drills = Drills(root, feature, people, lambda words: bar.update(task, description=words))
        if launch and standing_of(root.ledger, feature.name).launched is not None:
            with open_runner(root.folder, defs()) as runner:
                again(drills, runner)
        if clock.now() >= finish(end):
            bar.update(task, description="the replay is done already", total=1, completed=1)
            return Seconds(training=training)
        bar.update(task, description="starting the server and the definitions")
        with (
            ServerProcess(feature.name, root.folder, rehearsal=True) as server,
            open_runner(root.folder, defs()) as runner,
        ):
            runner.run(versions_job_name(feature))
            answers = Answers(
                root,
                feature,
                runner,
                server,
                people,
                traffic.AWAY,
                traffic.WAIVED_UNTIL,
                drills if launch else None,
            )
            days = (end - traffic.REHEARSAL).days
            bar.update(task, description="replaying", total=days)
            machine = Replay(
                feature, flights, root.folder, clock, server, runner, answers, traffic.LAUNCH
            )
            machine.stand = lambda now: bar.update(
                task,
                completed=min((now - _midnight(traffic.REHEARSAL)) / timedelta(days=1), days),
                description=f"replaying {now:%a %d %b %Y}",
            )
            machine.seconds.training = training
            machine.run(traffic.REHEARSAL, end)
            clock.advance(finish(end))
        return machine.seconds


def open_ui(root: Path, port: int, console: Console) -> None:
    """Run the Dagster UI and its daemon on the loopback until a person stops them."""
    console.print(
        f"[bold]The Dagster UI:[/bold] http://{HOST}:{port}/asset-groups (Ctrl-C ends it)"
    )
    with interruptible(), DagsterProcess(root, port) as dagster:
        dagster.wait()


def _clock(root: Root) -> ReplayClock:
    clock = root.clock
    return (
        clock if isinstance(clock, ReplayClock) else root.begin_replay(_midnight(traffic.REHEARSAL))
    )


def _monday(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--until: write a day as YYYY-MM-DD (found {text!r})") from None
    if day.weekday() != 0 or day <= traffic.REHEARSAL:
        raise BadInput(f"--until: a Monday after {traffic.REHEARSAL} (found {text}, a {day:%A})")
    return day


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        yield bar
