"""``ai-ops backfill``: the history of a feature to verdicts and checklists."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FAILS,
    FeatureArgument,
    JsonOption,
    RootOption,
    coloured,
    plain,
    print_json,
    resolve_feature,
    span,
    told,
)
from ai_ops.storage.root import Root
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.windows import Window

if TYPE_CHECKING:
    from ai_ops.cli.backfilling import Backfill, Step

WEEKS_SHOWN: Final = 12
INTERRUPTED: Final = 130


@told
def backfill(
    feature: FeatureArgument,
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First UTC day.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Last UTC day, included.")],
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Judge the history of an AI feature: every day, then the weeks and months that end in it.

    Each is judged as its schedule would have judged it, with the labels that were known by then. A
    second call runs only what is missing or would be judged from something else by now; Ctrl-C
    loses no more than the run that goes on. Ends with 0 when everything was judged, whatever the
    verdicts say; 1 when a run failed, 3 when there was nothing to judge.
    """
    # Dagster takes seconds to import; the other commands must not wait for it.
    from ai_ops.cli.backfilling import Backfill
    from ai_ops.component import definitions_of
    from ai_ops.orchestration.running import open_runner, quietly
    from ai_ops.orchestration.sensing import JUDGING_TAG, unfinished
    from ai_ops.orchestration.timing import timing

    spec, window = resolve_feature(feature), span(first, last)
    opened = Root.open(root)
    begin = time.perf_counter()
    days = list(window.days())
    work = Backfill(opened, spec, window.start.date(), (window.end - timedelta(days=1)).date())
    definitions = quietly(lambda: definitions_of(spec))
    with open_runner(opened.folder, definitions) as runner, timing() as stopwatch:
        if going := unfinished(runner.instance, tags={JUDGING_TAG: spec.name}):
            raise BadInput(f"run {going} judges {spec.name} and is not finished; try again then")
        try:
            with _progress(work.total()) as step:
                work.run(runner, step)
        except KeyboardInterrupt:
            typer.echo(_stopped(work, days), err=True)
            raise typer.Exit(INTERRUPTED) from None
    wall = time.perf_counter() - begin
    found = as_data(opened, spec, window, work)
    found["seconds"] = {
        "wall": round(wall, 2),
        "statistics": round(stopwatch.seconds, 2),
        "dagster": round(wall - stopwatch.seconds, 2),
        "by_part": {part: round(seconds, 2) for part, seconds in stopwatch.parts.items()},
    }
    if as_json:
        print_json(found)
    else:
        _print(found)
    if not sum(found["verdicts"].values()):
        raise MissingEvidence(f"{spec.name}: nothing was judged from {first} to {last}")
    if work.done.failures:
        raise typer.Exit(FAILS)


def as_data(root: Root, feature: AiFeatureSpec, window: Window, work: "Backfill") -> dict[str, Any]:
    """What the backfill did and what the verdicts on its days say, as JSON-ready data."""
    verdicts = [
        one
        for one in root.ledger.verdicts(feature.name, window=window)
        if one.partition is not None and one.window.end <= window.end
    ]
    first, *_, last = *window.days(), *window.days()
    weeks = list(_weeks(verdicts))
    return {
        "feature": feature.name,
        "from": first,
        "to": last,
        "mode": root.ledger.mode(),
        "judged": work.done.judged,
        "known": work.done.known,
        "left_out": work.done.left_out,
        "failures": work.done.failures,
        "verdicts": dict(Counter(one.verdict.status for one in verdicts)),
        "items": _items(verdicts),
        "weeks": weeks,
        "next": _next(feature.name, first, last, weeks),
    }


def _items(verdicts: Sequence[RecordedVerdict]) -> dict[str, dict[str, int]]:
    counted: dict[str, Counter[str]] = {}
    for one in verdicts:
        counted.setdefault(one.item, Counter())[one.verdict.status] += 1
    return {item: dict(counts) for item, counts in sorted(counted.items())}


def _weeks(verdicts: Sequence[RecordedVerdict]) -> Iterator[dict[str, Any]]:
    """The weeks on whose days a check failed: on how many days which, and the first reason."""
    failed: dict[str, list[RecordedVerdict]] = {}
    for one in verdicts:
        whole_day = one.window.end - one.window.start == timedelta(days=1)
        if one.verdict.status == "fail" and whole_day:
            day = one.window.start.date()
            monday = day - timedelta(days=day.weekday())
            failed.setdefault(monday.isoformat(), []).append(one)
    for week, found in sorted(failed.items()):
        days: Counter[str] = Counter(one.item for one in found)
        worst = days.most_common(1)[0][0]
        reason = next(one.verdict.reason for one in found if one.item == worst)
        drifted = [
            one.window.start.date().isoformat()
            for one in found
            if any(finding.kind == "drift" for finding in one.verdict.findings)
        ]
        kinds = {finding.kind for one in found for finding in one.verdict.findings}
        yield {
            "week": week,
            "days": dict(days),
            "kinds": sorted(kinds),
            "drifted_last": max(drifted, default=None),
            "reason": reason,
        }


def _next(feature: str, first: str, last: str, weeks: Sequence[dict[str, Any]]) -> list[str]:
    """The commands that show more."""
    told = [f"ai-ops verdicts {feature} --from {first} --to {last} --status fail"]
    if drifted := [week["drifted_last"] for week in weeks if week["drifted_last"]]:
        told.append(f"ai-ops drift show {feature} {max(drifted)} --html")
    then = f"{date.fromisoformat(last) + timedelta(days=1)}T08:00:00Z"  # as the list's schedule
    told.append(f"ai-ops checklist {feature} --cadence weekly --as-of {then}")
    return told


@contextmanager
def _progress(total: int) -> "Iterator[Step]":
    """A bar on stderr over the partitions to judge; each job's runs are counted in it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking at the log", total=max(total, 1))
        reached, job_before = 0.0, ""

        def step(job: str, count: int, share: float) -> None:
            nonlocal reached, job_before
            if job != job_before and not job.endswith(("daily", "versions")):
                reached, job_before = 0.0, job
                bar.update(task, total=max(count, 1))
            words = job.rpartition("__")[2].replace("_", " ")
            bar.update(task, description=words, completed=reached + count * share)
            if share == 1.0:
                reached += count

        yield step


def _stopped(work: "Backfill", days: Sequence[str]) -> str:
    left = len(work.pending(work.cadences[0]))
    return (
        f"interrupted: {len(days) - left} of {plural(len(days), 'day')} are judged; "
        "the same command goes on from there"
    )


def _print(found: dict[str, Any]) -> None:
    console = Console()
    judged = ", ".join(f"{n} {job.rpartition('__')[2]}" for job, n in found["judged"].items())
    known = sum(found["known"].values())
    console.print(
        f"[bold]{found['feature']}[/bold]: {found['from']} … {found['to']}: judged {judged}"
        + (f"; {known} stood already" if known else "")
    )
    counts = ", ".join(f"{n} {coloured(s)}" for s, n in sorted(found["verdicts"].items()))
    console.print(f"verdicts: {counts or 'none'}")
    if found["left_out"]:
        keys = ", ".join(found["left_out"])
        console.print(f"left out, for not all of their days were judged: {keys}")
    if found["weeks"]:
        table = Table("week of", "failed, days", "first reason", title="weeks with findings")
        for week in found["weeks"][-WEEKS_SHOWN:]:
            days = ", ".join(f"{item} {n}" for item, n in week["days"].items())
            table.add_row(week["week"], days, escape(plain(week["reason"])))
        console.print(table)
        if (more := len(found["weeks"]) - WEEKS_SHOWN) > 0:
            console.print(f"… and {more} earlier weeks (--json shows all)")
    for failure in found["failures"]:
        console.print(f"[red]failed[/red] {escape(failure)}")
    seconds = found["seconds"]
    console.print(f"{seconds['wall']:.0f} s, of which Dagster {seconds['dagster']:.0f} s")
    console.print("look next:\n" + "\n".join(f"  {one}" for one in found["next"]), soft_wrap=True)
