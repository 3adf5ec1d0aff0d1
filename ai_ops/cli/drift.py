"""``ai-ops drift``: what drift monitoring stored, as it was stored."""

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    parse_day,
    print_json,
    resolve_feature,
    told,
)
from ai_ops.cli.thresholds import thresholds
from ai_ops.drift_monitoring.comparison import ColumnDrift
from ai_ops.drift_monitoring.history import history_of
from ai_ops.drift_monitoring.judgement import judge_drift
from ai_ops.drift_monitoring.reports import make_evidently_report
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

app = typer.Typer(no_args_is_help=True)
app.command()(thresholds)


@app.callback()
def drift() -> None:
    """What drift monitoring stored."""


@app.command()
@told
def show(
    feature: FeatureArgument,
    day: Annotated[str, typer.Argument(metavar="DAY", help="Last UTC day of the window.")],
    html: Annotated[bool, typer.Option("--html", help="Write Evidently's report too.")] = False,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Show the drift report of the trailing window that ends with a day, and its verdicts."""
    spec = resolve_feature(feature)
    opened = open_root(root)
    partition = parse_day(day, "DAY").isoformat()
    shown = stored_report(opened, spec, partition)
    if html:
        shown["evidently_report"] = make_evidently_report(opened, spec, partition)
    if as_json:
        print_json(shown)
    else:
        _print(shown)


def stored_report(root: Root, feature: AiFeatureSpec, day: str) -> dict[str, Any]:
    """The report of a day with the verdicts that the checks read from it, as JSON-ready data.

    ``MissingEvidence`` when the report was never made.
    """
    history, reports = history_of(root, feature, day)
    report = reports.get(day)
    if report is None:
        raise MissingEvidence(
            f"{feature.name}: there is no drift report for {day}; materialise drift_report for it"
        )
    verdicts = {role: judge_drift(history, feature.drift, role) for role in ("input", "output")}
    return {
        "feature": feature.name,
        "day": day,
        "window_days": feature.drift.window_days,
        "verdicts": {
            f"{role}_drift": {"status": verdict.status, "reason": verdict.reason}
            for role, verdict in verdicts.items()
        },
        "columns": [asdict(column) for column in report],
    }


def _print(shown: dict[str, Any]) -> None:
    table = Table(title=f"{shown['feature']}: {shown['window_days']} days to {shown['day']}")
    for name in ("column", "psi", "threshold", "ratio", "n", "nulls", "unseen"):
        table.add_column(name, justify="left" if name == "column" else "right")
    columns = [ColumnDrift(**column) for column in shown["columns"]]
    for column in sorted(columns, key=lambda one: -(one.ratio or 0)):
        table.add_row(
            column.column,
            _number(column.psi),
            _number(column.threshold),
            _number(column.ratio),
            f"{column.n_current:,}",
            f"{column.null_share:.1%}",
            f"{column.unseen_share:.1%}",
            style="red" if (column.ratio or 0) > 1 else None,
        )
    console = Console()
    console.print(table)
    for name, verdict in shown["verdicts"].items():
        console.print(f"{name}: {verdict['status']}. {verdict['reason']}", markup=False)
    if "evidently_report" in shown:
        console.print(shown["evidently_report"], markup=False, soft_wrap=True)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
