"""``ai-ops evaluate``: any registered version on the labelled predictions of some days."""

from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ai_ops.accuracy_evaluation.versions import evaluate_version
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    print_json,
    resolve_feature,
    span,
    told,
)

DAYS = 28


@told
def evaluate(
    feature: FeatureArgument,
    version: Annotated[
        str | None, typer.Option("--version", help="A registered version; the champion if empty.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First UTC day.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Last UTC day, included.")
    ] = None,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Evaluate a registered version on labelled predictions (the last 28 days, if none are named).

    It writes: version_evaluation/latest.json is replaced, on which the next check of the version
    evaluation is judged, and the evaluation is logged as a run in MLflow.

    Ends with 2 when there is no such version, with 3 when there are no labels to evaluate on.
    """
    spec = resolve_feature(feature)
    opened = open_root(root)
    now = opened.clock.now()
    yesterday = now.date() - timedelta(days=1)
    last = last or yesterday.isoformat()
    first = first or (span(last, last).start.date() - timedelta(days=DAYS - 1)).isoformat()
    champion = opened.registry.require_champion if spec.trained_here else str
    chosen = version or champion(spec.name)
    data, _ = evaluate_version(opened, spec, chosen, span(first, last), now)
    if as_json:
        print_json(data)
    else:
        _print_table(data)


def _print_table(data: dict[str, Any]) -> None:
    rows = data["measured"]
    title = (
        f"{data['feature']}, version {data['version']}: {rows['rows']} labelled predictions of "
        f"{rows['days']} days, {rows['first_day']} to {rows['last_day']}"
    )
    table = Table(title=title, header_style="bold")
    for heading in ("metric", "value", "97.5 % bounds", "at launch", "minus what was served"):
        table.add_column(heading, justify="left" if heading == "metric" else "right")
    launch = (data["launch"] or {"measured": {"metrics": {}}})["measured"]["metrics"]
    for name, estimate in rows["metrics"].items():
        table.add_row(
            name,
            _number(estimate["value"]),
            f"{_number(estimate['low'])} to {_number(estimate['high'])}",
            _number(launch.get(name, {}).get("value")),
            _number(data["difference"].get(name, {}).get("value")),
        )
    Console().print(table)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
