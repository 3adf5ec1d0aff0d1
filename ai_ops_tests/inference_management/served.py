"""Prediction logs of a small service with two call sites and two tenants, a week at a time."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

import ai_ops.defs.flight_delay as flight_delay
from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.ai_features.parts import Monitoring
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window

FLIGHT_DELAY = Path(flight_delay.__file__).with_name("defs.yaml")
FIRST_MONDAY = date(2013, 4, 1)

Row = dict[str, Any]
Change = Callable[[Row, int], Row]

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("model_version", pa.string()),
        ("status", pa.string()),
        ("latency_ms", pa.float64()),
        ("call_site", pa.string()),
        ("mode", pa.string()),
        ("tenant", pa.string()),
        ("request_id", pa.string()),
        ("cost", pa.string()),
    ]
)


def declared() -> AiFeatureSpec:
    """The demo's feature, whose costs and promises these tests judge by, from the first log on."""
    monitoring = Monitoring(start=FIRST_MONDAY)
    return load_feature(FLIGHT_DELAY).model_copy(update={"monitoring": monitoring})


def with_costs(feature: AiFeatureSpec, **changes: Any) -> AiFeatureSpec:
    """The feature with other costs."""
    return feature.model_copy(update={"costs": feature.costs.model_copy(update=changes)})


def row(number: int, *, ms: float = 20.0) -> Row:
    """One answered single request; call sites and tenants take turns."""
    return {
        "id": str(number),
        "model_version": "1",
        "status": "ok",
        "latency_ms": ms,
        "call_site": ("web", "app")[number % 2],
        "mode": "sync",
        "tenant": ("acme", "bolt")[number // 2 % 2],
        "request_id": str(number),
        "cost": None,
    }


def batch(number: int, *, ms: float, size: int) -> list[Row]:
    """One batch request: every row waited as long as the whole."""
    return [
        row(number * 1000 + k, ms=ms) | {"mode": "batch", "request_id": f"b{number}"}
        for k in range(size)
    ]


def write_day(root: Root, feature: AiFeatureSpec, day: str, rows: list[Row]) -> None:
    """A day's log."""
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    root.lake.write_table(root.lake.path(feature.name, "prediction_log", day), table)


def week_of_logs(
    root: Root,
    feature: AiFeatureSpec,
    week: int,
    *,
    rows: int = 400,
    ms: float = 20.0,
    change: Change | None = None,
) -> list[Moment]:
    """Seven days of ``rows`` requests; ``change`` gets each row and its number."""
    monday = FIRST_MONDAY + timedelta(weeks=week)
    moments = []
    for day in Window.of_week(monday).days():
        made = [row(number, ms=ms) for number in range(rows)]
        if change is not None:
            made = [change(one, number) for number, one in enumerate(made)]
        write_day(root, feature, day, made)
        moments.append(of_day(day))
    return moments


def of_day(day: str) -> Moment:
    """A day as the schedule judges it."""
    window = Window.of_day(day)
    return Moment(day, window, window.end + timedelta(hours=6))


def of_week(week: int) -> Moment:
    """The week of that number (from 0) as the schedule judges it."""
    window = Window.of_week(FIRST_MONDAY + timedelta(weeks=week))
    return Moment(window.start.date().isoformat(), window, window.end + timedelta(hours=7))


def open_root(folder: Path) -> Root:
    """A fresh root without anything of the environment."""
    return Root.open(folder, environment={})


def compute_ms(value: float) -> str:
    """The cost drivers of a row that names its time on the machine."""
    return json.dumps({"compute_ms": value})
