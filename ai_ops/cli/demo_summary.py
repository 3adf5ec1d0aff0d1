"""What a replay ends with: predictions, alerts by week, accuracy by month, cost, checklist."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table

from ai_ops.accuracy_evaluation.evaluation import read_run
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist import reading
from ai_ops.cli.common import coloured, shown
from ai_ops.cli.demo_story import print_story, story
from ai_ops.cli.replay import Seconds
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing, standing_of
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Cadence

ALERTING = ("input_drift", "output_drift", "joint_drift", "accuracy")
METRICS = {"auc": "AUC", "brier": "Brier", "ece": "ECE", "accuracy": "accuracy", "f1": "F1"}


def summarise(
    root: Root, feature: AiFeatureSpec, begin: date, end: date, seconds: Seconds
) -> dict[str, Any]:
    """The summary as data, read back from the ledger and the lake, not from the replay."""
    window = Window(Window.of_day(begin).start, Window.of_day(end).start)
    verdicts = root.ledger.verdicts(feature.name, window=window)
    by_item: dict[str, list[RecordedVerdict]] = {}
    for verdict in verdicts:
        by_item.setdefault(verdict.item, []).append(verdict)
    logged = by_item.get("log_written", [])
    now = root.clock.now()
    lists = {cadence: _checklist(root, feature, cadence, now) for cadence in reading.ITEMS}
    standing = standing_of(root.ledger, feature.name)
    days = [date.fromisoformat(day) for day in window.days()]
    return {
        "feature": feature.name,
        "clock": now.isoformat(),
        "days": len(logged),
        "predictions": sum(v.verdict.sample_size for v in logged),
        "live_version": root.registry.champion(feature.name),
        "alerts_by_week": _alerts_by_week(by_item),
        "accuracy_by_month": _accuracy_by_month(root, feature, days),
        "cost_per_1000_by_month": _cost_by_month(root, feature, days),
        **story(standing),
        "at_launch": _at_launch(root, feature, standing),
        "checklists": lists,
        "seconds": {name: round(value, 1) for name, value in asdict(seconds).items()},
    }


def print_summary(summary: Mapping[str, Any], console: Console) -> None:
    """The summary for a person."""
    console.print(
        f"\n[bold]{summary['feature']}[/bold]: {summary['days']} days, "
        f"{summary['predictions']:,} predictions; version {summary['live_version']} is live"
    )
    titles = (item.replace("_", " ") for item in ALERTING)
    weeks = Table("week of", *titles, title="Alerts, in days of the week")
    for week, days in summary["alerts_by_week"].items():
        weeks.add_row(week, *[_days(days[item]) for item in ALERTING])
    console.print(weeks)
    title = "Accuracy over the 28 days to each month's end, and the month's cost"
    heads = ("month", "version", "its labels", "late", *METRICS.values(), "cost of 1,000")
    months = Table(*heads, title=title)
    for month, row in summary["accuracy_by_month"].items():
        figures = [_figure(row.get(name)) for name in ("observed_rate", *METRICS)]
        cost = summary["cost_per_1000_by_month"][month]
        months.add_row(month, row["version"], f"{row['n']:,}", *figures, cost)
    console.print(months)
    print_story(summary, console)
    if summary["at_launch"]:
        of_launch = Table("item", "status", "reason", title="The pre-launch list at the launch")
        for item in summary["at_launch"]["items"]:
            of_launch.add_row(item["title"], coloured(item["status"]), shown(item["reason"]))
        console.print(of_launch)
    items = Table("list", "item", "owner", "status", "reason", title="The checklists")
    for cadence, checklist in summary["checklists"].items():
        for item in checklist["items"]:
            row = (cadence, item["title"], item["owner"], coloured(item["status"]))
            items.add_row(*row, shown(item["reason"]))
        items.add_section()
    console.print(items)
    spent = summary["seconds"]
    console.print(
        f"seconds: serving {spent['serving']}, Dagster {spent['dagster']}, "
        f"statistics {spent['statistics']}, training {spent['training']}"
    )


def _checklist(
    root: Root, feature: AiFeatureSpec, cadence: Cadence, now: datetime
) -> dict[str, Any]:
    window = reading.window_at(cadence, now)
    lines = reading.read_checklist(root, feature, cadence, window, now)
    return reading.as_data(feature, cadence, now, lines)


def _at_launch(root: Root, feature: AiFeatureSpec, standing: Standing) -> dict[str, Any] | None:
    """The pre-launch list as the launch was decided on it; None before there was one."""
    launched = standing.launched
    return _checklist(root, feature, "pre_launch", launched.at) if launched else None


def _alerts_by_week(by_item: Mapping[str, list[RecordedVerdict]]) -> dict[str, dict[str, int]]:
    weeks: dict[str, dict[str, int]] = {}
    for item in ALERTING:
        for verdict in by_item.get(item, []):
            day = date.fromisoformat(verdict.partition or "")
            monday = (day - timedelta(days=day.weekday())).isoformat()
            week = weeks.setdefault(monday, dict.fromkeys(ALERTING, 0))
            week[item] += verdict.verdict.status == "fail"
    return dict(sorted(weeks.items()))


def _days(count: int) -> str:
    return f"[red]{count}[/red]" if count else "–"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _accuracy_by_month(
    root: Root, feature: AiFeatureSpec, days: Sequence[date]
) -> dict[str, dict[str, Any]]:
    """Each month's last evaluation run, over its trailing 28 days, of the version live then."""
    months = {}
    for month, last in _month_ends(days).items():
        run, _ = read_run(root, feature, last.isoformat())
        values = {name: estimate.value for name, estimate in run.month.metrics.items()}
        months[month] = {"version": run.version, "n": run.month.rows, **values}
    return months


def _month_ends(days: Sequence[date]) -> dict[str, date]:
    """The last day of each month; a month of less than a week says nothing and is left out."""
    ends = {day.strftime("%Y-%m"): day for day in days}
    return {
        month: last
        for month, last in ends.items()
        if sum(day.strftime("%Y-%m") == month for day in days) >= 7
    }


def _cost_by_month(root: Root, feature: AiFeatureSpec, days: Sequence[date]) -> dict[str, str]:
    """What 1,000 predictions of each month cost, from the daily rollups."""
    months: dict[str, str] = {}
    for month in _month_ends(days):
        own = [day.isoformat() for day in days if day.strftime("%Y-%m") == month]
        paths = [root.lake.path(feature.name, "cost_rollup", day) for day in own]
        table, _, missing = root.lake.read_tables(paths)
        if table is None or missing:
            months[month] = f"unknown: {len(missing)} days have no rollup"
            continue
        total = pc.sum(table["total_nano"]).as_py()
        rows = pc.sum(table["answered"]).as_py()
        unknown = table["total_nano"].null_count
        per_thousand = total / rows / 1_000_000 if rows and not unknown else None
        months[month] = (
            "unknown" if per_thousand is None else f"{per_thousand:.3f} {feature.costs.currency}"
        )
    return months
