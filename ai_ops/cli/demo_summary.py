"""What a replay ends with: predictions, alerts by week, accuracy by month, cost, checklist."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist import reading
from ai_ops.cli.replay import Seconds
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.windows import Window

COLOURS = {"pass": "green", "fail": "red", "no_evidence": "yellow", "waived": "cyan"}


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
    week = reading.last_whole_week(now)
    lines = reading.read_checklist(root, feature, "weekly", week, now)
    return {
        "feature": feature.name,
        "clock": now.isoformat(),
        "days": len(logged),
        "predictions": sum(v.verdict.sample_size for v in logged),
        "live_version": root.registry.champion(feature.name),
        "drift_alerts_by_week": _alerts_by_week(by_item),
        "accuracy_by_month": _accuracy_by_month(root, feature, begin, end),
        "cost_per_1000_by_month": _cost_by_month(root, feature, begin, end),
        "checklist": reading.as_data(feature, "weekly", now, lines),
        "seconds": {name: round(value, 1) for name, value in asdict(seconds).items()},
    }


def print_summary(summary: Mapping[str, Any], console: Console) -> None:
    """The summary for a person."""
    console.print(
        f"\n[bold]{summary['feature']}[/bold]: {summary['days']} days, "
        f"{summary['predictions']:,} predictions by version {summary['live_version']}"
    )
    weeks = Table("week of", "input drift", "output drift", title="Drift alerts (days of the week)")
    for week, days in summary["drift_alerts_by_week"].items():
        weeks.add_row(week, _days(days["input_drift"]), _days(days["output_drift"]))
    console.print(weeks)
    months = Table("month", "n", "late", "AUC", "Brier", "ECE", "per 1,000", title="Month by month")
    for month, row in summary["accuracy_by_month"].items():
        cost = summary["cost_per_1000_by_month"].get(month, "unknown")
        figures = [_figure(row.get(name)) for name in ("late_rate", "auc", "brier", "ece")]
        months.add_row(month, str(row.get("n", "–")), *figures, cost)
    console.print(months)
    items = Table("item", "owner", "status", "reason", title="The weekly checklist")
    for item in summary["checklist"]["items"]:
        colour = COLOURS[item["status"]]
        status = f"[{colour}]{item['status']}[/{colour}]"
        items.add_row(item["title"], item["owner"], status, item["reason"])
    console.print(items)
    spent = summary["seconds"]
    console.print(
        f"seconds: serving {spent['serving']}, Dagster {spent['dagster']}, "
        f"statistics {spent['statistics']}, training {spent['training']}"
    )


def _alerts_by_week(by_item: Mapping[str, list[RecordedVerdict]]) -> dict[str, dict[str, int]]:
    weeks: dict[str, dict[str, int]] = {}
    for item in ("input_drift", "output_drift"):
        for verdict in by_item.get(item, []):
            day = date.fromisoformat(verdict.partition or "")
            monday = (day - timedelta(days=day.weekday())).isoformat()
            week = weeks.setdefault(monday, {"input_drift": 0, "output_drift": 0})
            week[item] += verdict.verdict.status == "fail"
    return dict(sorted(weeks.items()))


def _days(count: int) -> str:
    return f"[red]{count}[/red]" if count else "–"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _accuracy_by_month(
    root: Root, feature: AiFeatureSpec, begin: date, end: date
) -> dict[str, dict[str, float]]:
    return {}


def _cost_by_month(
    root: Root, feature: AiFeatureSpec, begin: date, end: date
) -> dict[str, str]:
    return {}
