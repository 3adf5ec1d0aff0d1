"""``ai-ops readiness``: the Rules of Machine Learning and the ML Test Score, as information."""

from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from ai_ops.checklist.readiness import Met, Readiness, as_data, readiness_of
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    parse_moment,
    print_json,
    resolve_feature,
    shown,
    told,
)
from ai_ops.vocabulary.errors import BadInput

COLOURS: Final[dict[Met, str]] = {
    "met": "green",
    "not_met": "red",
    "no_evidence": "yellow",
    "waived": "cyan",
}


@told
def readiness(
    feature: FeatureArgument,
    as_of: Annotated[
        str | None, typer.Option(help="ISO 8601 with zone; default: the root's clock.")
    ] = None,
    root: RootOption = DEFAULT_ROOT,
    json_: JsonOption = False,
) -> None:
    """Say which of the Rules of Machine Learning that checks can speak for are met, and the ML Test
    Score: the points of the weakest of its four sections.

    Information: it ends with 0 whatever it reads, with 2 on bad input.
    """
    spec = resolve_feature(feature)
    opened = open_root(root)
    now = opened.clock.now()
    moment = parse_moment(as_of, "--as-of") if as_of else now
    if moment > now:
        raise BadInput(f"--as-of: {moment} is not yet; the clock of this root says {now}")
    found = readiness_of(opened, spec, moment)
    if json_:
        print_json(as_data(found))
    else:
        _print(found)


def _print(found: Readiness) -> None:
    console = Console()
    when = f"as of {found.as_of:%Y-%m-%d %H:%M} UTC"
    rules = Table(
        "rule",
        "",
        "status",
        "why",
        title=f"{shown(found.feature)}: Rules of Machine Learning, {when}",
    )
    for one in found.rules:
        rules.add_row(
            str(one.rule.number), shown(one.rule.title), _coloured(one.status), shown(one.reason)
        )
    tests = Table(
        "section", "test", "points", "why", title=f"{shown(found.feature)}: ML Test Score, {when}"
    )
    for section, points in found.sections.items():
        for read in found.tests:
            if read.test.section == section:
                title = f"{read.test.number} {shown(read.test.title)}"
                tests.add_row(section, title, f"{read.points:g}", shown(read.reason))
        tests.add_row(
            f"[bold]{section}[/bold]", "", f"[bold]{points:g}[/bold]", "", end_section=True
        )
    console.print(rules)
    console.print(tests)
    console.print(f"ML Test Score, the weakest of four sections: [bold]{found.score:g}[/bold] of 7")


def _coloured(status: Met) -> str:
    return f"[{COLOURS[status]}]{status}[/{COLOURS[status]}]"
