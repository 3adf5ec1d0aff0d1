"""``ai-ops drift history``: how far columns went day by day, with threshold and verdict."""

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

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
    coloured,
    open_root,
    parse_day,
    print_json,
    resolve_feature,
    shown,
    told,
    write_file,
)
from ai_ops.drift_monitoring.cells import columns_of
from ai_ops.drift_monitoring.comparison import ColumnDrift
from ai_ops.drift_monitoring.drawing import DAYS, MANY, history_picture
from ai_ops.drift_monitoring.history import StoredReports
from ai_ops.drift_monitoring.judgement import History, Report, judge_drift
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence

ROLES: Final = ("input", "output")
HEADS: Final = ("day", "column", "test", "value", "threshold", "ratio", "severity", "since")
NUMBERS: Final = ("value", "threshold")


@told
def history(
    feature: FeatureArgument,
    column: Annotated[str | None, typer.Option(help="Of this input or output alone.")] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="DAY", help="UTC day.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DAY", help="UTC day.")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw it into this file too.")] = None,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """How far each column went by day, of the stored reports: the last 60 days by default."""
    spec, opened = resolve_feature(feature), open_root(root)
    if column is not None and column not in (names := [c.name for c in columns_of(spec)]):
        raise BadInput(f"--column: {column} is no input or output; there are: {', '.join(names)}")
    begin, end = _span(opened, spec, first, last)
    reports = StoredReports(opened, spec.name)
    days = _days(spec, reports, begin, end, column)
    if not any(day["columns"] for day in days):
        raise MissingEvidence(
            f"{spec.name}: there is no drift report from {begin} to {end}; materialise "
            "drift_report for those days"
        )
    if png is not None:
        write_file(png, _drawn(spec, reports, days, column), "--png")
    if as_json:
        print_json({"feature": spec.name, "from": str(begin), "to": str(end), "days": days})
    else:
        _print(spec, days, column)


def _span(
    root: Root, feature: AiFeatureSpec, first: str | None, last: str | None
) -> tuple[date, date]:
    """The days that are asked for, as far as they have ended and are monitored."""
    start = feature.monitoring.start
    yesterday = (root.clock.now() - timedelta(days=1)).date()
    end = min(parse_day(last, "--to") if last else yesterday, yesterday)
    begin = parse_day(first, "--from") if first else end - timedelta(days=DAYS - 1)
    if last and parse_day(last, "--to") < start:
        raise MissingEvidence(f"--to: monitoring of {feature.name} begins on {start}")
    if first and last and parse_day(last, "--to") < begin:
        raise BadInput(f"--to: {last} lies before --from {begin}; swap them")
    if first and begin > end:
        raise MissingEvidence(f"--from: {begin} lies behind {end}, the last day that is asked for")
    return max(begin, start), end


def _days(
    feature: AiFeatureSpec, reports: StoredReports, begin: date, end: date, column: str | None
) -> list[dict[str, Any]]:
    found = []
    for offset in range((end - begin).days + 1):
        day = (begin + timedelta(days=offset)).isoformat()
        report = reports.get(day) or ()
        judged = History(day, feature.monitoring.start, reports)
        verdicts = {
            f"{role}_drift": judge_drift(judged, feature.drift, role).status for role in ROLES
        }
        columns = [_told(one) for one in report if column in (None, one.column)]
        found.append({"day": day, "verdicts": verdicts, "columns": columns})
    return found


def _told(column: ColumnDrift) -> dict[str, Any]:
    """The column's day as JSON-ready data: what moves from day to day."""
    kept = (
        "column", "role", "test", "value", "limit", "ratio", "severity", "beyond_since", "psi",
        "threshold", "js", "wasserstein", "ks", "n_current", "null_share", "reference_version",
    )  # fmt: skip
    data = asdict(column)
    return {"beyond": column.beyond, **{name: data[name] for name in kept}}


def _furthest(report: Report, most: int) -> list[str]:
    ordered = sorted(report, key=lambda column: -(column.ratio or 0.0))
    return [column.column for column in ordered[:most]]


def _drawn(
    feature: AiFeatureSpec,
    reports: StoredReports,
    days: list[dict[str, Any]],
    column: str | None,
) -> bytes:
    last = next(day["day"] for day in reversed(days) if day["columns"])
    columns = [column] if column else _furthest(reports[last], MANY)
    return history_picture(feature, last, reports, columns, len(days))


def _print(feature: AiFeatureSpec, days: list[dict[str, Any]], column: str | None) -> None:
    table = Table(
        title=f"{feature.name}: {column or 'the furthest column of each day'}",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    # Of one column there is room for its numbers; of many, for which column it is.
    kept = [name for name in HEADS if name not in (("column",) if column else NUMBERS)]
    for name in (*kept, *(f"{role}s" for role in ROLES)):
        table.add_column(name, justify="right" if name in (*NUMBERS, "ratio") else "left")
    table.columns[0].no_wrap = True
    for day in days:
        own = max(day["columns"], key=lambda one: one["ratio"] or 0.0, default=None)
        words = [coloured(status) for status in day["verdicts"].values()]
        cells = {"day": day["day"]} | ({"test": "no report"} if own is None else _cells(own))
        style = "bold" if own and own["beyond"] else None
        table.add_row(*(cells.get(name, "") for name in kept), *words, style=style)
    Console().print(table)


def _cells(column: dict[str, Any]) -> dict[str, str]:
    numbers = {"value": column["value"], "threshold": column["limit"], "ratio": column["ratio"]}
    return {
        "column": shown(column["column"]),
        "test": column["test"] or "–",
        **{name: "–" if one is None else f"{one:.3f}" for name, one in numbers.items()},
        "severity": column["severity"] or "–",
        "since": column["beyond_since"] or "–",
    }
