"""What the predictions of a day cost: the rollup, a row for each version, model, call site, tenant
and mode. The trend and the opportunities read it, never the log."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_known import judge_known
from ai_ops.inference_management.cost_work import DoneOnDays
from ai_ops.inference_management.costs import (
    NANO,
    NO_MACHINE,
    NO_STORAGE,
    Cost,
    Prices,
    Work,
    cost_of_day,
    declared_prices,
)
from ai_ops.inference_management.token_prices import PriceList
from ai_ops.inference_management.token_work import price_tokens
from ai_ops.storage.lake import Lake
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Verdict

DIMENSIONS: Final = ("model_version", "model", "call_site", "tenant", "mode")
SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name in DIMENSIONS),
        ("rows", pa.int64()),
        ("answered", pa.int64()),
        ("attempts", pa.int64()),
        ("retries", pa.int64()),
        ("cached", pa.int64()),
        ("busy_us", pa.int64()),
        ("retry_us", pa.int64()),
        ("typical_us", pa.float64()),
        ("untimed", pa.int64()),
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("cache_read_tokens", pa.int64()),
        ("cache_write_tokens", pa.int64()),
        ("busy_nano", pa.int64()),
        ("idle_nano", pa.int64()),
        ("storage_nano", pa.int64()),
        ("tokens_nano", pa.int64()),
        ("retries_nano", pa.int64()),
        ("total_nano", pa.int64()),
        ("unpriced", pa.string()),
        ("currency", pa.string()),
        ("prices", pa.string()),
    ]
)
_SINCE_TOKENS: Final = (
    "retries",
    "retry_us",
    "cached",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "tokens_nano",
    "retries_nano",
)
"""Columns that older files lack: when they were written, nothing of the kind was told."""


def compute_cost_rollup(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """What the day's predictions cost, by version, model, call site, tenant and mode: busy and idle
    time of the machines, tokens and storage, with the prices used."""
    summaries = {}
    done = DoneOnDays(root.lake, feature, [moment.partition for moment in moments])
    prices_of_tokens = PriceList(feature.costs)
    for day in (moment.partition for moment in moments):
        prices = declared_prices(feature.costs, day, served_by=feature.served_by)
        tokens = price_tokens(done.tokens[day], day, feature.costs, prices_of_tokens)
        costs = cost_of_day(done.work[day], prices, done.stored[day], tokens)
        path = root.lake.path(feature.name, "cost_rollup", day)
        root.lake.write_table(path, _as_table(costs, feature, day))
        summaries[day] = _summary(costs, prices)
    return summaries


def judge_cost_known(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """What this day's predictions cost is known, from declared prices and the log. A price that
    nobody declared makes the cost unknown, not zero; a call that has no price is a failure."""
    table, evidence = read_rollup(root.lake, feature.name, moment.partition)
    if not table.num_rows:
        reason = f"the cost rollup of {moment.partition} has no row: materialise it again"
        return Verdict.lacking(reason, "cost", window=moment.window).with_evidence(evidence)
    costs = [as_cost(row) for row in table.to_pylist()]
    currency = table["currency"][0].as_py()
    return judge_known(moment.partition, costs, currency).with_evidence(evidence)


def read_rollup(lake: Lake, feature: str, day: str) -> tuple[pa.Table, Evidence]:
    """A day's rollup in today's columns; ``MissingEvidence`` when there is none."""
    table, evidence = lake.read_table(lake.path(feature, "cost_rollup", day))
    return in_todays_columns(table), evidence


def in_todays_columns(table: pa.Table) -> pa.Table:
    """A rollup with the columns of ``SCHEMA``, whenever it was written.

    Before tokens were counted a row was one attempt, and no provider's model was named.

    >>> old = pa.table({"rows": [3], "total_nano": [7], "busy_nano": [5], "storage_nano": [2]})
    >>> new = in_todays_columns(old)
    >>> [new[name][0].as_py() for name in ("attempts", "tokens_nano", "model", "unpriced")]
    [3, 0, None, None]
    """
    if table.schema.names == SCHEMA.names:
        return table
    count = table.num_rows
    columns = []
    for column in SCHEMA:
        if column.name in table.column_names:
            columns.append(table[column.name].cast(column.type))
        elif column.name == "attempts":
            columns.append(table["rows"].cast(column.type))
        elif column.name == "unpriced":
            columns.append(pa.array(_unpriced_then(table), pa.string()))
        else:
            value = 0 if column.name in _SINCE_TOKENS else None
            columns.append(pa.repeat(pa.scalar(value, column.type), count))
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def as_cost(row: Mapping[str, Any]) -> Cost:
    """A row of the rollup as what it was written from, but for the prices."""
    work = Work(**{name: row[name] for name in Work.__dataclass_fields__})
    parts = ("busy_nano", "idle_nano", "storage_nano", "tokens_nano", "retries_nano", "unpriced")
    return Cost(work, **{name: row[name] for name in parts})


def _summary(costs: Sequence[Cost], prices: Prices) -> Summary:
    totals = [cost.total_nano for cost in costs]
    known = [total for total in totals if total is not None]
    answered = sum(cost.work.answered for cost in costs)
    total = sum(known) / NANO if len(known) == len(totals) else None
    per_1000 = None if total is None or not answered else round(total / answered * 1000, 6)
    return Summary(
        {
            "answered": answered,
            "currency": prices.currency,
            "total": total,
            "per_1000": per_1000,
        }
    )


def _as_table(costs: Sequence[Cost], feature: AiFeatureSpec, day: str) -> pa.Table:
    declared = feature.costs.model_dump(
        mode="json", include={"currency", "storage_price_per_gb_month"}
    )
    declared["compute"] = [
        one.model_dump(mode="json", exclude_defaults=True)
        for one in feature.costs.compute
        if one.holds(day)
    ]
    without = json.dumps(declared, sort_keys=True)
    rows = [
        vars(cost.work)  # (asdict copies deeply: half of what the rest of a day takes)
        | {
            "busy_nano": cost.busy_nano,
            "idle_nano": cost.idle_nano,
            "storage_nano": cost.storage_nano,
            "tokens_nano": cost.tokens_nano,
            "retries_nano": cost.retries_nano,
            "total_nano": cost.total_nano,
            "unpriced": cost.unpriced,
            "currency": feature.costs.currency,
            "prices": _with_tokens(declared, cost) if cost.used else without,
        }
        for cost in costs
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _with_tokens(declared: Mapping[str, Any], cost: Cost) -> str:
    return json.dumps({**declared, "tokens": list(cost.used)}, sort_keys=True)


def _unpriced_then(table: pa.Table) -> list[str | None]:
    if not table["total_nano"].null_count:
        return [None] * table.num_rows
    busy, storage = (table[name].to_pylist() for name in ("busy_nano", "storage_nano"))
    reasons = (
        [reason for reason, nano in ((NO_MACHINE, b), (NO_STORAGE, s)) if nano is None]
        for b, s in zip(busy, storage, strict=True)
    )
    return ["; ".join(found) or None for found in reasons]
