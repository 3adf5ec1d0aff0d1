"""``ai-ops verdicts``: every verdict on an AI feature in a span of days, with its findings."""

from collections import Counter
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    JsonOption,
    RootOption,
    coloured,
    open_root,
    parse_moment,
    plain,
    print_json,
    resolve_feature,
    span,
    told,
)
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops.vocabulary.verdicts import RecordedVerdict, as_data
from ai_ops.vocabulary.words import Status


@told
def verdicts(
    feature: FeatureArgument,
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First UTC day.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Last UTC day, included.")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="ISO", help="As they stood at this moment.")
    ] = None,
    item: Annotated[list[str] | None, typer.Option("--item", help="Only this item.")] = None,
    status: Annotated[Status | None, typer.Option("--status", help="Only this status.")] = None,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Show every verdict whose window touches the span, as it stood at a moment."""
    spec = resolve_feature(feature)
    window = span(first, last)
    moment = parse_moment(as_of, "--as-of") if as_of else None
    ledger = open_root(root).ledger
    known = ledger.items(spec.name)
    if known and (unknown := [one for one in item or () if one not in known]):
        raise BadInput(
            f"--item: no verdict on {spec.name} is about {', '.join(unknown)}; "
            f"there are: {', '.join(known)}"
        )
    found = ledger.verdicts(spec.name, window=window, as_of=moment, items=item or None)
    shown = [one for one in found if status in (None, one.verdict.status)]
    if as_json:
        print_json({"feature": spec.name, "verdicts": [as_data(one) for one in shown]})
    elif found:
        _print_table(spec.name, shown)
    if not found:
        later = ledger.verdicts(
            spec.name, window=window, as_of=moment, items=item or None, afterwards=True
        )
        raise MissingEvidence(_nothing(spec.name, first, last, item, moment, len(later)))


def _nothing(
    feature: str,
    first: str,
    last: str,
    items: list[str] | None,
    moment: datetime | None,
    later: int,
) -> str:
    of = f" of {', '.join(items)}" if items else ""
    when = f" as of {moment.isoformat()}" if moment else ""
    nothing = f"{feature}: no verdict{of} from {first} to {last}{when}: nothing was judged"
    if not later:
        return nothing
    return f"{nothing} by then; {plural(later, 'verdict')} came of a backfill: leave --as-of out"


def _print_table(feature: str, found: list[RecordedVerdict]) -> None:
    table = Table(title=f"{feature}: verdicts", header_style="bold")
    for title in ("window", "item", "status", "n", "reason"):
        table.add_column(title, justify="right" if title == "n" else "left")
    for one in found:
        verdict = one.verdict
        table.add_row(
            _days(one),
            one.item,
            coloured(verdict.status),
            f"{verdict.sample_size:,}",
            escape(plain(verdict.reason)),
        )
    console = Console()
    console.print(table)
    counts = Counter(one.verdict.status for one in found)
    console.print(", ".join(f"{n} {status}" for status, n in counts.most_common()) or "none")


def _days(one: RecordedVerdict) -> str:
    days = list(one.window.days())
    return days[0] if len(days) == 1 else f"{days[0]} … {days[-1]}"
