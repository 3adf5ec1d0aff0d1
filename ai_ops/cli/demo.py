"""`ai-ops demo`: real flights through a real model, logged, monitored and seen."""

import os
from typing import Annotated

import typer
from rich.console import Console

from ai_ops.cli.common import (
    DEFAULT_ROOT,
    JsonOption,
    RootOption,
    open_root,
    parse_day,
    print_json,
    told,
)
from ai_ops.storage.root import LEDGER_VARIABLE, TRACKING_VARIABLE, Root
from ai_ops.vocabulary.errors import BadInput


@told
def demo(
    root: RootOption = DEFAULT_ROOT,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="End instead of opening the UI.")] = False,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI on the loopback.")] = 3000,
    until: Annotated[str | None, typer.Option(help="Stop before this Monday (YYYY-MM-DD).")] = None,
    continue_: Annotated[
        bool,
        typer.Option("--continue", help="Go on from where the replay stands, with a daemon."),
    ] = False,
    seconds_per_day: Annotated[
        float, typer.Option(min=0, help="With --continue: the pace of the replay's clock.")
    ] = 30,
    launch: Annotated[
        bool,
        typer.Option("--launch", help="Run the load test and the rollback drill: no waivers."),
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Replay the flights of a spring and a summer, then open the Dagster UI.

    A second run finds the replay done and goes straight to the summary. Ends with 0 when the
    replay worked, whatever its verdicts. With --continue the clock goes on from where it stands,
    and a running daemon turns days, weeks and months into runs. With --launch nothing of the
    pre-launch list is waived: the endpoint is put under load and the rollback is drilled, which
    takes up to three minutes more.
    """
    # Dagster and torch take seconds to import; the other commands must not wait for them.
    from ai_ops.cli.demo_run import open_ui, run_demo
    from ai_ops.cli.demo_summary import print_summary

    for variable in (LEDGER_VARIABLE, TRACKING_VARIABLE):
        if os.environ.get(variable):
            raise BadInput(
                f"{variable} is set: the demo would write its replay and its versions there; "
                f"run it with `env -u {variable}`"
            )
    progress = Console(stderr=True)
    opened = Root.open(root)
    if continue_ and launch:
        raise BadInput("--launch: goes on from no replay; leave out --continue")
    if continue_:
        from ai_ops.cli.demo_continue import continue_demo

        until_day = parse_day(until, "--until") if until else None
        continue_demo(opened, until_day, seconds_per_day, None if no_ui else port, Console())
        return
    summary = run_demo(opened, until, progress, launch=launch)
    if json_:
        print_json(summary)
    else:
        print_summary(summary, Console())
    if not no_ui:
        open_ui(opened.folder, port, progress)


@told
def ui(
    root: RootOption = DEFAULT_ROOT,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI on the loopback.")] = 3000,
) -> None:
    """Open the Dagster UI and its daemon on a root, until Ctrl-C."""
    from ai_ops.cli.demo_run import open_ui

    open_ui(open_root(root).folder, port, Console(stderr=True))
