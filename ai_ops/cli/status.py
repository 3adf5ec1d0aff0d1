"""``ai-ops status``: may the AI features stay live, what is red, who owns it, what to do next."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from ai_ops.checklist.status import status_of
from ai_ops.checklist.status_page import page_of
from ai_ops.checklist.status_records import FeatureStatus, Light, as_data, worst
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    DONE,
    FAILS,
    NO_EVIDENCE,
    JsonOption,
    RootOption,
    features_below,
    open_root,
    print_json,
    resolve_feature,
    shown,
    told,
    write_file,
)

CODES: Final[dict[Light, int]] = {"green": DONE, "amber": NO_EVIDENCE, "red": FAILS}
COLOURS: Final[dict[Light, str]] = {"green": "green", "amber": "yellow", "red": "red"}
STATUS_COLOURS: Final = {"fail": "red", "no_evidence": "yellow"}


@told
def status(
    feature: Annotated[str | None, typer.Argument(help="One AI feature; all if none.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the page as one file.")
    ] = None,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Say on one page whether the AI features may stay live: what is red or overdue, who owns it,
    since when, and what to do next.

    Ends with 0 when all may, 1 when something fails, 3 when evidence or an answer is missing.
    """
    names = [feature] if feature else list(features_below())
    opened = open_root(root)
    found = [status_of(opened, resolve_feature(name)) for name in names]
    if html:
        write_file(html, page_of(found).encode(), "--html")
    if as_json:
        print_json(all_as_data(found))
    else:
        console = Console()
        for one in found:
            for line in _lines(one):
                console.print(line, highlight=False, soft_wrap=True)
    if code := CODES[worst(one.light for one in found)]:
        raise typer.Exit(code)


def all_as_data(found: Sequence[FeatureStatus]) -> dict[str, Any]:
    """The shape of ``ai-ops status --json``."""
    return {
        "light": worst(one.light for one in found),
        "features": [as_data(one) for one in found],
    }


def _lines(one: FeatureStatus) -> Iterator[str]:
    colour = COLOURS[one.light]
    replayed = ", a replay" if one.mode == "replay" else ""
    yield f"[bold]{shown(one.feature)}[/bold] as of {one.as_of:%Y-%m-%d %H:%M} UTC{replayed}"
    yield f"{one.question} [{colour}]{shown(one.answer)}[/{colour}]"
    since = f" since {one.live_since:%Y-%m-%d}" if one.live_since else ""
    yield shown(f"version {one.version} is live{since}" if one.version else "no version is live")
    for item in one.not_green:
        colour = STATUS_COLOURS[item.status]
        when = f", not green since {item.since:%Y-%m-%d}" if item.since else ""
        yield f"\n[{colour}]{item.status}[/{colour}] [bold]{item.title}[/bold] ({item.id})"
        yield f"  {shown(item.owner)}, {item.cadence}{when}"
        yield f"  {shown(item.reason)}"
        yield f"  [cyan]{shown(item.command)}[/cyan]"
    for title, entries in _waiting(one):
        if entries:
            yield f"\n[bold]{title}[/bold]"
        for words, command in entries:
            yield f"  {shown(words)}"
            if command:
                yield f"    [cyan]{shown(command)}[/cyan]"


def _waiting(one: FeatureStatus) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    yield (
        "Waiting for a person",
        [
            (
                f"{q.owner}, by {q.due_at:%Y-%m-%d %H:%M}{', overdue' if q.overdue else ''}: "
                f"{q.words}",
                q.command,
            )
            for q in one.asked
        ],
    )
    yield (
        "Open incidents",
        [
            (
                f"{i.id} ({i.severity}, {i.state}, {i.days:.0f} days, {i.owner}"
                f"{', forbids promotion' if i.forbids_promotion else ''}): {i.reason}",
                i.command,
            )
            for i in one.incidents
        ],
    )
    yield (
        "Held",
        [(f"by {h.by} since {h.since:%Y-%m-%d}: {h.reason}", h.command) for h in one.holds],
    )
    yield "Not signed off in time", [(f"{s.title}: {s.words}", s.command) for s in one.overdue]
    yield "No sign of life", [(f"{s.source}: {s.words}", None) for s in one.machinery]
    yield "Not due yet", [(words, None) for words in one.not_due]
