"""``ai-ops drift rows``: the rows that drove an alert, beside rows of the reference."""

from typing import Annotated, Any, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    parse_day,
    print_json,
    resolve_feature,
    shown,
    told,
)
from ai_ops.drift_monitoring.sample_rows import read_rows

COLUMNS: Final = 8
"""So many columns fit into a terminal; the file and ``--json`` have all."""


@told
def rows(
    feature: FeatureArgument,
    day: Annotated[str, typer.Argument(metavar="DAY", help="A day on which drift alerted.")],
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows a side.")] = 15,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Show the rows that drove a day's drift alert beside rows of the reference.

    They are what the log holds, under the feature's privacy policy.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    partition = parse_day(day, "DAY").isoformat()
    found, policy = read_rows(opened, spec, partition, opened.clock.now().date())
    if as_json:
        print_json({"feature": spec.name, "day": partition, "privacy": policy, "rows": found})
        return
    console = Console()
    for side, title in (("now", "rows that drove it"), ("reference", "the reference")):
        own = [one for one in found if one["side"] == side]
        console.print(f"{spec.name} {partition}: {title}", markup=False)
        console.print(_table(own[:limit]))
        if len(own) > limit:
            console.print(f"{len(own) - limit} more: --limit, or --json", markup=False)
    console.print(f"to be deleted after {policy['delete_after']}", markup=False)


def _table(own: list[dict[str, Any]]) -> Table:
    names = [name for name in (own[0] if own else {}) if name != "side"][:COLUMNS]
    table = Table(*(shown(name.removeprefix("input_")) for name in names), box=SIMPLE_HEAD)
    for column in table.columns:
        column.overflow = "fold"  # an identifier cut short finds no row
    for one in own:
        table.add_row(*(_value(one[name]) for name in names))
    return table


def _value(value: Any) -> str:
    """A value as text that neither terminal nor markup reads as anything else.

    >>> _value(0.123456), _value(None)
    ('0.1235', '–')
    """
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else shown(value)
