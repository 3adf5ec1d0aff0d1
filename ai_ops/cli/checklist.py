"""`ai-ops checklist`: the checklist as it stands at a moment, judged from the ledger."""

from collections.abc import Sequence
from typing import Annotated, Final, cast, get_args

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ai_ops.checklist import reading
from ai_ops.checklist.signed import ABBREVIATED
from ai_ops.cli import signed_lists
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    DONE,
    FAILS,
    NO_EVIDENCE,
    FeatureArgument,
    JsonOption,
    RootOption,
    coloured,
    open_root,
    parse_moment,
    plain,
    print_json,
    resolve_feature,
    shown,
    told,
)
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.verdicts import Finding
from ai_ops.vocabulary.words import Cadence

COLUMNS_SHOWN: Final = 5
"""More findings of an item than these are counted."""


@told
def checklist(
    feature: FeatureArgument,
    cadence: Annotated[str, typer.Option(help="pre_launch, weekly or monthly.")] = "weekly",
    as_of: Annotated[
        str | None, typer.Option(help="ISO 8601 with zone; default: the root's clock.")
    ] = None,
    signed: Annotated[
        bool, typer.Option("--signed", help="What each owner saw who signed a line of it.")
    ] = False,
    root: RootOption = DEFAULT_ROOT,
    json_: JsonOption = False,
) -> None:
    """Judge a checklist as it stands at a moment: for the last whole week or month before it, or
    for a launch then.

    With --signed it is shown as its owners signed it, beside how it reads today: ends with 0 when
    every line was, 3 when one was not, 1 when what was signed is not there any more. Else ends
    with 0 when every item passes or is waived, 1 when one fails, 3 when evidence is missing.
    """
    if cadence not in get_args(Cadence):
        raise BadInput(f"--cadence: one of {', '.join(get_args(Cadence))} (found {cadence!r})")
    spec = resolve_feature(feature)
    opened = open_root(root)
    now = opened.clock.now()
    moment = parse_moment(as_of, "--as-of") if as_of else now
    if moment > now:
        raise BadInput(f"--as-of: {moment} is not yet; the clock of this root says {now}")
    if moment.date() < spec.monitoring.start:
        raise BadInput(f"--as-of: {spec.name} is monitored from {spec.monitoring.start} on")
    chosen = cast(Cadence, cadence)
    window = reading.window_at(chosen, moment)
    lines = reading.read_checklist(opened, spec, chosen, window, moment)
    if signed:
        raise typer.Exit(signed_lists.tell(opened, spec, chosen, moment, lines, as_json=json_))
    if json_:
        print_json(reading.as_data(spec, chosen, moment, lines))
    else:
        first, *_, last = window.days()
        _print(
            lines,
            f"{spec.name}: {chosen}, {first} … {last}, as of {moment:%Y-%m-%d %H:%M} UTC",
        )
        for words in (*(one.words for one in reading.silent_of(spec, lines)), *spec.flags):
            typer.echo(plain(words))
    statuses = {line.verdict.status for line in lines}
    raise typer.Exit(
        FAILS if "fail" in statuses else NO_EVIDENCE if "no_evidence" in statuses else DONE
    )


def _print(lines: list[reading.Line], title: str) -> None:
    table = Table("item, owner, shown", "status", "age", "reason", title=title)
    for line in lines:
        age = "–" if line.age_days is None else f"{line.age_days:.1f} d"
        reason = "\n".join([shown(line.verdict.reason), *_found(line.verdict.findings)])
        if line.signed_off:
            at = f"{line.signed_off.at:%Y-%m-%d}"
            reason += f"\n[italic]signed off {at} {escape(line.signed_off.by)}[/italic]"
        if line.overdue:
            reason += f"\n[bold]overdue: {shown(line.overdue.words)}[/bold]"
        digest = line.shown[:ABBREVIATED]
        item = f"{line.item.title}\n[dim]{line.item.id}\n{escape(line.owner)}\n{digest}[/dim]"
        table.add_row(item, coloured(line.verdict.status), age, reason)
    Console().print(table)


def _found(findings: Sequence[Finding]) -> list[str]:
    """Which columns a line is about and whom they come from, each once.

    >>> drift = Finding("drift", "fail", "it moved", columns=("fee",))
    >>> _found([drift, Finding("drift", "fail", "it moved", columns=("fee",), tenant="acme")])
    ['[italic]drift: fee, tenant acme[/italic]']
    """
    said: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for one in findings:
        if one.columns and one.status != "waived":
            where = (f"tenant {one.tenant}" if one.tenant else "", one.call_site or "")
            said.setdefault((one.kind, one.columns), set()).add(", ".join(filter(None, where)))
    lines = [
        shown(", ".join([f"{kind}: {' + '.join(columns)}", *sorted(filter(None, places))]))
        for (kind, columns), places in said.items()
    ]
    if len(lines) > COLUMNS_SHOWN:
        lines[COLUMNS_SHOWN:] = [f"and {len(lines) - COLUMNS_SHOWN} more"]
    return [f"[italic]{line}[/italic]" for line in lines]
