"""``ai-ops drill load``: the endpoint of a feature under twice its declared peak and more."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    JsonOption,
    RootOption,
    coloured,
    open_root,
    print_json,
    resolve_feature,
    shown,
    told,
)
from ai_ops.inference_management.checks import LOAD_TEST
from ai_ops.inference_management.load_test import SECONDS, Asked, run_load_test
from ai_ops.inference_management.load_test_judgement import lines_of
from ai_ops.inference_management.load_test_phases import Told
from ai_ops.inference_management.load_test_records import LoadTest
from ai_ops.orchestration.judging import judge_and_record, moment_now
from ai_ops.orchestration.showing import show
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Summary
from ai_ops.vocabulary.verdicts import RecordedVerdict, as_data
from ai_ops.vocabulary.words import Status

CODES: Final[dict[Status, int]] = {"pass": 0, "waived": 0, "fail": 1, "no_evidence": 3}


@told
def load(
    feature: FeatureArgument,
    url: Annotated[
        str | None,
        typer.Option(
            "--url", help="An endpoint that runs; without it one is started for the test."
        ),
    ] = None,
    bodies: Annotated[
        Path | None,
        typer.Option("--bodies", help="Request bodies, one JSON a line, posted to --url as is."),
    ] = None,
    pid: Annotated[
        int | None,
        typer.Option("--pid", help="The process behind --url, if it is of this machine: watched."),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", help="How long a phase lasts, at least.")
    ] = SECONDS,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Put the endpoint of a feature under its declared peak, twice that, and more.

    The requests are what was asked lately; they leave at their moments whether earlier ones were
    answered or not, and latency counts from there. The record stands in the lake, the verdict in
    the ledger.

    Ends with 1 when the endpoint does not hold what serving promises, with 3 when the test cannot
    say, and with 2 when no peak is declared.
    """
    asked = Asked(url, bodies, seconds, pid)
    spec, opened = resolve_feature(feature), open_root(root)
    with _progress(quiet=as_json) as tell:
        test, made = run_load_test(opened, spec, asked, tell)
    recorded = recorded_verdict(opened, spec, made)
    if as_json:
        print_json(told_as_data(spec, test, recorded))
    else:
        _print(spec, test, recorded)
    if code := CODES[recorded.verdict.status]:
        raise typer.Exit(code)


def recorded_verdict(root: Root, feature: AiFeatureSpec, made: Summary) -> RecordedVerdict:
    """The verdict of the check on the latest test, appended to the ledger; the UI shows it, with
    what was made."""
    now = moment_now(root.clock.now())
    (recorded,) = judge_and_record(root, feature, [LOAD_TEST], [now], run_id=None)
    show(root, feature, [LOAD_TEST], [recorded], made)
    return recorded


def told_as_data(
    feature: AiFeatureSpec, test: LoadTest, recorded: RecordedVerdict
) -> dict[str, Any]:
    """What is printed as JSON: the verdict of the check ``load_test``, its lines, the record."""
    return {
        "feature": feature.name,
        **as_data(recorded),
        "lines": [
            {"name": line.name, "status": line.status, "reason": line.words}
            for line in _lines(feature, test)
        ],
        "test": asdict(test),
    }


def _print(feature: AiFeatureSpec, test: LoadTest, recorded: RecordedVerdict) -> None:
    what = f"version {test.version}" if test.version else test.url
    table = Table(title=f"{feature.name}: load test of {shown(what)}", header_style="bold")
    for heading in ("line", "status", "what was seen"):
        table.add_column(heading, overflow="fold")
    for line in _lines(feature, test):
        found = "\n".join(shown(finding.reason) for finding in line.findings)
        table.add_row(line.name, coloured(line.status), found or shown(line.words))
    console = Console()
    console.print(table)
    made = f"; typical values for {', '.join(test.made)}" if test.made else ""
    console.print(f"asked: {shown(test.bodies + made)}")
    console.print(f"{coloured(recorded.verdict.status)}: {shown(recorded.verdict.reason)}")


def _lines(feature: AiFeatureSpec, test: LoadTest) -> list[Any]:
    return lines_of(test, feature.serving, own_model=feature.trained_here)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Told]:
    """A bar on standard error: what is printed besides stays readable for a program."""
    console = Console(stderr=True, quiet=quiet)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("cold start", total=None)
        yield lambda done, total, phase: bar.update(
            task, completed=done, total=total, description=phase
        )
