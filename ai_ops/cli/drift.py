"""``ai-ops drift``: what drift monitoring stored, as it was stored."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
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
    plain,
    print_json,
    resolve_feature,
    told,
)
from ai_ops.cli.drift_beside import beside_of, tables_of
from ai_ops.cli.drift_history import history
from ai_ops.cli.drift_rows import rows
from ai_ops.cli.thresholds import thresholds
from ai_ops.drift_monitoring.comparison import ColumnDrift
from ai_ops.drift_monitoring.evidently_report import cause_of_day
from ai_ops.drift_monitoring.history import history_of
from ai_ops.drift_monitoring.judgement import judge_drift
from ai_ops.drift_monitoring.report_section import cause_lines
from ai_ops.drift_monitoring.reports import make_evidently_report
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.windows import Window

app = typer.Typer(no_args_is_help=True)
app.command()(history)
app.command()(rows)
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

    ``MissingEvidence`` when the report was never made, or the day cannot have one.
    """
    start, end = feature.monitoring.start, Window.of_day(day).end
    if end <= Window.of_day(start).start:
        raise MissingEvidence(f"{feature.name}: monitoring begins on {start}, {day} lies before it")
    if (now := root.clock.now()) < end:
        raise MissingEvidence(
            f"{feature.name}: {day} has not ended yet: it is {now:%Y-%m-%d %H:%M} UTC"
        )
    history, reports = history_of(root, feature, day)
    report = reports.get(day)
    if report is None:
        raise MissingEvidence(
            f"{feature.name}: there is no drift report for {day}; materialise drift_report for it"
        )
    verdicts = {role: judge_drift(history, feature.drift, role) for role in ("input", "output")}
    beside = beside_of(root, feature, day)
    return {
        **beside,
        "feature": feature.name,
        "day": day,
        "window_days": feature.drift.window_days,
        "verdicts": {
            **{
                f"{role}_drift": {"status": verdict.status, "reason": verdict.reason}
                for role, verdict in verdicts.items()
            },
            **beside["verdicts"],
        },
        "cause": cause_of_day(root, feature, day),
        "columns": [asdict(column) for column in report],
    }


def _print(data: dict[str, Any]) -> None:
    columns = sorted(
        (ColumnDrift(**column) for column in data["columns"]), key=lambda one: -(one.ratio or 0)
    )
    console = Console()
    console.print(
        _judged(f"{data['feature']}: {data['window_days']} days to {data['day']}", columns)
    )
    console.print(_statistics(columns))
    for table in tables_of(data):
        console.print(table)
    for name, verdict in data["verdicts"].items():
        console.print(f"{name}: {verdict['status']}. {plain(verdict['reason'])}", markup=False)
    for line in cause_lines(data["cause"]):
        console.print(f"cause of {plain(line)}", markup=False)
    if "evidently_report" in data:
        console.print(data["evidently_report"], markup=False, soft_wrap=True)


def _judged(title: str, columns: Sequence[ColumnDrift]) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, padding=0)  # all of it fits into 100 columns
    for name in ("column", "test", "severity", "since"):
        table.add_column(name)
    for name in ("value", "threshold", "ratio", "rows", "nulls", "unseen"):
        table.add_column(name, justify="right")
    for column in columns:
        table.add_row(
            column.column,
            column.test or "–",
            column.severity or "–",
            column.beyond_since or "–",
            *map(_number, (column.value, column.limit, column.ratio)),
            f"{column.n_current:,}",
            f"{column.null_share:.1%}",
            f"{column.unseen_share:.1%}",
            style="red" if (column.ratio or 0) > 1 else None,
        )
    return table


def _statistics(columns: Sequence[ColumnDrift]) -> Table:
    table = Table(title="Distances from the reference, of every row")
    table.add_column("column")
    for name in ("PSI", "Jensen–Shannon", "Wasserstein", "KS", "chi-square"):
        table.add_column(name, justify="right")
    for one in columns:
        distances = (one.psi, one.js, one.wasserstein, one.ks, one.chi_square)
        table.add_row(one.column, *map(_number, distances))
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
