"""Logs of a small service that sorts messages, a month of them, in which something repeats."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import InputColumn, Judged, Monitoring, OutputColumn
from ai_ops.inference_management.cost_rollup import compute_cost_rollup
from ai_ops.inference_management.opportunities import Opportunities, Opportunity
from ai_ops.inference_management.opportunity_report import (
    compute_cost_opportunities,
    stored_opportunities,
)
from ai_ops.prediction_logging.log_columns import columns_of
from ai_ops.prediction_logging.log_table import log_schema
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.inference_management.served import declared, of_day, open_root

FIRST = date(2021, 3, 1)
DAYS = 7
MARCH = Window.of_month(FIRST)
MOMENT = Moment(FIRST.isoformat(), MARCH, MARCH.end + timedelta(hours=9))

Row = dict[str, Any]
Made = Callable[[int, int], Row]
"""A row of a day (from 0), by its number."""

WORDS = ("card", "parcel", "refund", "broken", "late", "invoice", "window", "garden", "engine")


def sorting(days: int = DAYS, **changes: Any) -> AiFeatureSpec:
    """A feature that answers a message with a class and how sure it is; monitored a few days."""
    monitoring = Monitoring(start=FIRST, end=FIRST + timedelta(days=days))
    return declared().model_copy(
        update={
            "name": "sorting",
            "monitoring": monitoring,
            "inputs": (
                InputColumn(name="message", type="category"),
                InputColumn(name="length", type="number"),
            ),
            "outputs": (
                OutputColumn(name="sure", type="probability"),
                OutputColumn(name="kind", type="category"),
            ),
            "judged": Judged(decision="kind"),
        }
        | changes
    )


def message(number: int) -> str:
    """A message of six words that no other number shares."""
    picked = [WORDS[number // 9**k % 9] for k in range(4)]
    return f"please help {' '.join(picked)} {number}"


def asked(day: int, number: int, *, text: str | None = None, **changes: Any) -> Row:
    """One answered single request, every five minutes one."""
    begin = datetime.combine(FIRST + timedelta(days=day), datetime.min.time(), UTC)
    told = message(day * 10_000 + number) if text is None else text
    return {
        "id": f"{day}-{number}",
        "time": begin + timedelta(seconds=number * 300 % 86_400),
        "model_version": "1",
        "status": "ok",
        "latency_ms": 40.0,
        "call_site": ("web", "app")[number % 2],
        "mode": "sync",
        "tenant": ("acme", "bolt")[number // 2 % 2],
        "request_id": f"r{day}-{number}",
        "input_message": told,
        "input_length": 5.0,
        "output_sure": 0.8,
        "output_kind": "complaint",
    } | changes


def write_logs(
    root: Root, feature: AiFeatureSpec, made: Made = asked, *, rows: int = 200, days: int = DAYS
) -> list[str]:
    """Some days of logs and their rollups; the days."""
    schema = log_schema(columns_of(feature))
    written = []
    for day in range(days):
        name = (FIRST + timedelta(days=day)).isoformat()
        table = [_whole(feature, made(day, number), schema) for number in range(rows)]
        log = pa.Table.from_pylist(table, schema=schema)
        root.lake.write_table(root.lake.path(feature.name, "prediction_log", name), log)
        written.append(name)
    compute_cost_rollup(root, feature, [of_day(name) for name in written])
    return written


def opportunities(
    folder: Path,
    made: Made = asked,
    *,
    feature: AiFeatureSpec | None = None,
    rows: int = 200,
    days: int = DAYS,
) -> tuple[Root, AiFeatureSpec, Opportunities]:
    """What could cost less of a month of such logs, as the asset finds it."""
    root, own = open_root(folder), feature or sorting(days)
    write_logs(root, own, made, rows=rows, days=days)
    compute_cost_opportunities(root, own, [MOMENT])
    return root, own, stored_opportunities(root, own, MOMENT.partition)[0]


def line(found: Opportunities, kind: str, call_site: str | None = None) -> Opportunity:
    """The one line of a kind (and call site)."""
    (only,) = (
        one for one in found.found if one.kind == kind and call_site in (None, one.call_site)
    )
    return only


def _whole(feature: AiFeatureSpec, row: Mapping[str, Any], schema: pa.Schema) -> Row:
    inputs = {name: row.get(f"input_{name}") for name in (c.name for c in feature.inputs)}
    empty = dict.fromkeys(schema.names)
    return empty | {"feature": feature.name, "input": json.dumps(inputs)} | dict(row)
