"""``ai-ops predictions``: find logged predictions, and answer for each of them."""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FAILS,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    parse_day,
    parse_moment,
    plain,
    print_json,
    resolve_feature,
    shown,
    told,
)
from ai_ops.cli.explained_page import print_page
from ai_ops.cli.explaining import Explaining
from ai_ops.client.keys import keys_from
from ai_ops.prediction_logging.asking import query_of
from ai_ops.prediction_logging.doubts import told as told_doubts
from ai_ops.prediction_logging.found_rows import FoundPrediction
from ai_ops.prediction_logging.schema_evolution import VersionInputs
from ai_ops.prediction_logging.searching import Finder, Search
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import PredictionStatus

app = typer.Typer(no_args_is_help=True)

_DAY: Final = len("2021-03-04")
_SHOWN: Final = 5
"""How many of an input's members a line of the table shows."""


@app.callback()
def predictions() -> None:
    """The predictions that were logged."""


@app.command()
@told
def find(
    feature: FeatureArgument,
    id: Annotated[str | None, typer.Option("--id", help="The prediction's id.")] = None,
    subject: Annotated[
        str | None,
        typer.Option("--subject", help="Whom it is about; hashed as the privacy policy hashes it."),
    ] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="The tenant.")] = None,
    call_site: Annotated[
        str | None, typer.Option("--call-site", help="Where it was asked for.")
    ] = None,
    request_id: Annotated[
        str | None, typer.Option("--request-id", help="The request that asked for it.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY|ISO", help="First day, or moment.")
    ] = None,
    last: Annotated[
        str | None,
        typer.Option("--to", metavar="DAY|ISO", help="Last day (included), or moment (excluded)."),
    ] = None,
    version: Annotated[str | None, typer.Option("--version", help="The model's version.")] = None,
    status: Annotated[
        PredictionStatus | None, typer.Option("--status", help="What became of it.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="CONDITION",
            help="input.amount=12.5, output.late=true, input.age<30: each has to hold.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Find predictions in the log, and in what is not compacted yet; the newest first.

    Ends with 0 when something was found, 1 when it is surely not in the log, and 3 when a day of
    it is missing or something unreadable could hold it.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    query = query_of(
        spec,
        VersionInputs(opened, spec).columns(()),
        keys_from(os.environ),
        {
            "id": id,
            "subject": subject,
            "tenant": tenant,
            "call_site": call_site,
            "request_id": request_id,
            "model_version": version,
            "status": status,
        },
        where or (),
        _begin(first),
        _end(last),
    )
    with Finder(opened, spec) as finder:
        found = finder.search(query, limit)
    if as_json:
        print_json(found.as_data())
    else:
        _print(spec, found, Console())
    _end_with(spec, found)


@app.command()
@told
def explain(
    feature: FeatureArgument,
    id: Annotated[str, typer.Argument(metavar="ID", help="The prediction's id.")],
    day: Annotated[
        str | None, typer.Option("--day", metavar="DAY", help="Of this day, if there are several.")
    ] = None,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Answer for one prediction: what was asked and answered, by which version, and by what right
    that was live; what was known then and is now; and whether it still gives the same answer.

    Ends as ``find`` does when there is no such prediction, and with 1 when the version, scored
    again, answers otherwise.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    wanted = parse_day(day, "--day").isoformat() if day is not None else None
    with Explaining(opened, spec, keys_from(os.environ)) as explaining:
        found = explaining.look_up(id, wanted)
        if not found.predictions:
            _print_elsewhere(found)
            _end_with(spec, found)
        explained = explaining.explained(found)
    if as_json:
        print_json(explained)
    else:
        print_page(explained, Console())
    if explained["replay"]["status"] == "differs":
        raise typer.Exit(FAILS)


def _begin(first: str | None) -> datetime | None:
    if first is None:
        return None
    if len(first) == _DAY:
        return Window.of_day(parse_day(first, "--from")).start
    return parse_moment(first, "--from")


def _end(last: str | None) -> datetime | None:
    if last is None:
        return None
    if len(last) == _DAY:
        return Window.of_day(parse_day(last, "--to")).end
    return parse_moment(last, "--to")


def _end_with(spec: AiFeatureSpec, found: Search) -> None:
    """End as the search did: what was not found is only said where everything could be seen."""
    if found.predictions:
        return
    if not found.days:
        raise MissingEvidence(f"{spec.name}: not monitored in this span: there is no log of it")
    if found.is_certain:
        typer.echo(f"{spec.name}: not found in {_span(found)}", err=True)
        raise typer.Exit(FAILS)
    lines = told_doubts(found.doubts)
    raise MissingEvidence(
        f"{spec.name}: not found, and not everything could be searched:\n  " + "\n  ".join(lines)
    )


def _span(found: Search) -> str:
    days = f"{found.days[0]} … {found.days[-1]}" if len(found.days) > 1 else found.days[0]
    return f"the logs of {days} (all {len(found.days)} days asked have one)"


def _print(spec: AiFeatureSpec, found: Search, console: Console) -> None:
    if found.predictions:
        table = Table(title=f"{spec.name}: predictions", header_style="bold", expand=True)
        table.add_column("time (UTC)", no_wrap=True)
        table.add_column("prediction", ratio=3, overflow="fold")
        table.add_column("output", ratio=2, overflow="fold")
        for one in found.predictions:
            table.add_row(f"{one.time:%Y-%m-%d %H:%M:%S}", *map(shown, _cells(one)))
        console.print(table)
    console.print(_told(spec, found), markup=False, soft_wrap=True)
    _print_elsewhere(found)


def _print_elsewhere(found: Search) -> None:
    """Lines of the asked id that could not enter the log."""
    for line in found.quarantined:
        words = f"{line.id} in quarantine ({line.day}): {line.reason}: {line.detail or ''}"
        typer.echo(plain(words), err=True)


def _cells(one: FoundPrediction) -> tuple[str, str]:
    """What it is known by, and what it answered: eight columns would leave a terminal no room."""
    record = one.record
    told = {name: record[name] for name in ("call_site", "tenant", "subject", "request_id")}
    words = [one.id, f"version {record['model_version'] or '–'}", str(record["status"])]
    words += [f"{name.replace('_', ' ')} {value}" for name, value in told.items() if value]
    return " · ".join(words), str(record["error"] or _members(one.output))


def _members(members: Mapping[str, Any] | None) -> str:
    """A few members in one line.

    >>> _members({"probability": 0.25, "late": False})
    'probability 0.25, late False'
    """
    if not members:
        return "–"
    words = [
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in members.items()
    ]
    return ", ".join(words[:_SHOWN]) + (" …" if len(words) > _SHOWN else "")


def _told(spec: AiFeatureSpec, found: Search) -> str:
    """Where it was looked for, in words, with what could not be seen."""
    lines = []
    if found.predictions:
        further = ", and there are more: raise --limit" if found.more else ""
        lines.append(f"{len(found.predictions)} found{further}")
    if found.days:
        lines.append(
            f"searched: {found.searched} of {len(found.days)} days from {found.days[0]} to "
            f"{found.days[-1]}"
        )
    if found.open_days:
        days = ", ".join(found.open_days[-_SHOWN:])
        lines.append(
            f"looked for in the segments as well, until {found.as_of:%Y-%m-%d %H:%M}, for they "
            f"changed since the day was compacted: {days}"
        )
    if spec.source is not None:
        lines.append("completeness is unprovable: nobody counted while this log was written")
    if found.predictions:
        lines += [f"not searched: {line}" for line in told_doubts(found.doubts)[:_SHOWN]]
    return "\n".join(lines)
