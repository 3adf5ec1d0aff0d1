"""``ai-ops writers FEATURE``: how each writer of the prediction log stands now."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    DEFS,
    DONE,
    FAILS,
    NO_EVIDENCE,
    FeatureArgument,
    JsonOption,
    RootOption,
    coloured,
    open_root,
    print_json,
    resolve_feature,
    told,
)
from ai_ops.prediction_logging.landing_records import MachineStatus
from ai_ops.prediction_logging.live_writers import LiveWriters, look_at_writers
from ai_ops.prediction_logging.writer_states import WriterState, as_data
from ai_ops.vocabulary.words import Status

_CODES: dict[Status, int] = {"pass": DONE, "waived": DONE, "fail": FAILS}
_COLOURS = {"alive": "green", "closed": "dim", "silent": "red", "never started": "red"}


@told
def writers(
    feature: FeatureArgument,
    root: RootOption = DEFAULT_ROOT,
    defs: Annotated[Path, typer.Option(help="Folder of the AI features' YAML.")] = DEFS,
    as_json: JsonOption = False,
) -> None:
    """Show which writers of the log are there now, which are silent, crashed or never began.

    Read from their signs of life; in a replay by the replay's clock. Ends with 0 when everyone
    whom the YAML declares is there, 1 when somebody is not, 3 when no roster is declared.
    """
    spec, opened = resolve_feature(feature, defs), open_root(root)
    seen = look_at_writers(opened, spec, opened.clock.now())
    if as_json:
        print_json(_as_data(spec, seen))
    else:
        _print(spec, seen, Console())
    raise typer.Exit(_CODES.get(seen.verdict.status, NO_EVIDENCE))


def _as_data(feature: AiFeatureSpec, seen: LiveWriters) -> dict[str, Any]:
    return {
        "feature": feature.name,
        "as_of": seen.as_of.isoformat(),
        "status": seen.verdict.status,
        "reason": seen.verdict.reason,
        "findings": [finding.reason for finding in seen.verdict.findings],
        "writers": [as_data(state) for state in seen.states],
        "machines": [_machine(machine) for machine in seen.machines],
    }


def _machine(machine: MachineStatus) -> dict[str, Any]:
    spool = machine.spool
    return {
        "machine": machine.machine,
        "host": machine.host,
        "at": machine.at,
        "waiting": spool.waiting,
        "waiting_bytes": spool.waiting_bytes,
        "to_ship": spool.to_ship,
        "seconds_to_full": spool.seconds_to_full,
        "warnings": list(machine.warnings),
    }


def _print(feature: AiFeatureSpec, seen: LiveWriters, console: Console) -> None:
    table = Table(title=f"Writers of {feature.name}, {_at(seen.as_of)}")
    for name in ("writer", "state", "since", "last sign of life", "process", "sequence", "lost"):
        table.add_column(name, overflow="fold")
    for state in seen.states:
        table.add_row(*_row(state))
    console.print(table)
    for machine in seen.machines:
        spool = machine.spool
        console.print(
            escape(
                f"{machine.machine}, seen {machine.at}: {spool.waiting} segments wait "
                f"({spool.waiting_bytes / 1e6:.1f} MB, {spool.to_ship} to ship)"
            )
        )
        for warning in machine.warnings:
            console.print(f"[red]{escape(warning)}[/red]")
    console.print(f"{coloured(seen.verdict.status)}: {escape(seen.verdict.reason)}")


def _row(state: WriterState) -> tuple[str, ...]:
    colour = _COLOURS.get(state.state, "red")
    undeclared = "" if state.declared else " (not declared)"
    process = "–" if state.pid is None else f"{state.pid} on {state.host}"
    lost = [
        f"{count} {word}"
        for count, word in (
            (state.failures, "not written"),
            (state.unsampled, "left out"),
            (state.withheld, "withheld"),
        )
        if count
    ]
    return (
        escape(state.writer + undeclared),
        f"[{colour}]{state.state}[/{colour}]",
        _at(state.since),
        _at(state.last_alive),
        escape(process),
        "–" if state.sequence is None else str(state.sequence),
        ", ".join(lost) or "–",
    )


def _at(moment: datetime | None) -> str:
    return "–" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"
