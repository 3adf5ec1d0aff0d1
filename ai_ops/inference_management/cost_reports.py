"""What predictions cost: the rollup of a day, and the trend of a week."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_judgement import judge_known, judge_trend
from ai_ops.inference_management.cost_picture import draw_trend
from ai_ops.inference_management.cost_trend import CostTrend
from ai_ops.inference_management.cost_weeks import measure_trend
from ai_ops.inference_management.costs import NANO, Cost, Work, cost_of_day, declared_prices
from ai_ops.inference_management.day_logs import together
from ai_ops.storage.lake import Lake, table_in
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Verdict

COLUMNS = [
    "model_version",
    "call_site",
    "tenant",
    "mode",
    "status",
    "latency_ms",
    "request_id",
    "cost",
]
DIMENSIONS = ("model_version", "call_site", "tenant", "mode")
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in DIMENSIONS),
        ("rows", pa.int64()),
        ("answered", pa.int64()),
        ("busy_us", pa.int64()),
        ("typical_us", pa.float64()),
        ("untimed", pa.int64()),
        ("busy_nano", pa.int64()),
        ("idle_nano", pa.int64()),
        ("storage_nano", pa.int64()),
        ("total_nano", pa.int64()),
        ("currency", pa.string()),
        ("prices", pa.string()),
    ]
)

# A log that does not name its cost driver is read by its latency: the rows of a batch waited for
# one request together, and share its time.
_WORK = """
WITH timed AS (
  SELECT *, coalesce(
    TRY_CAST(json_extract_string(cost, '$.compute_ms') AS DOUBLE),
    latency_ms / CASE WHEN mode = 'batch' AND request_id IS NOT NULL
                      THEN count(*) OVER (PARTITION BY day, request_id) ELSE 1 END
  ) * 1000 AS us
  FROM log
)
SELECT day, model_version, call_site, tenant, mode, count(*),
       count(*) FILTER (status = 'ok'),
       coalesce(sum(CAST(round(us) AS BIGINT)), 0)::BIGINT, median(us),
       count(*) FILTER (us IS NULL)
FROM timed GROUP BY ALL ORDER BY ALL
"""


def compute_cost_rollup(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """What the day's predictions cost, by version, call site, tenant and mode: busy and idle time
    of the machines, and storage, with the prices used."""
    prices = declared_prices(feature.costs)
    priced = {"currency", "compute", "storage_price_per_gb_month"}
    declared = json.dumps(feature.costs.model_dump(mode="json", include=priced), sort_keys=True)
    summaries = {}
    done = _Work(root.lake, feature, [moment.partition for moment in moments])
    for moment in moments:
        work, stored = done.work[moment.partition], done.stored[moment.partition]
        costs = cost_of_day(work, prices, stored)
        path = root.lake.path(feature.name, "cost_rollup", moment.partition)
        root.lake.write_table(path, _as_table(costs, prices.currency, declared))
        totals = [cost.total_nano for cost in costs]
        known = [total for total in totals if total is not None]
        answered = sum(cost.work.answered for cost in costs)
        total = sum(known) / NANO if len(known) == len(totals) else None
        per_1000 = None if total is None or not answered else round(total / answered * 1000, 6)
        summaries[moment.partition] = Summary(
            {
                "answered": answered,
                "currency": prices.currency,
                "total": total,
                "per_1000": per_1000,
            }
        )
    return summaries


def judge_cost_known(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """What this day's predictions cost is known, from declared prices and the log. A price that
    nobody declared makes the cost unknown, not zero."""
    path = root.lake.path(feature.name, "cost_rollup", moment.partition)
    table, evidence = root.lake.read_table(path)
    if not table.num_rows:
        reason = f"the cost rollup of {moment.partition} has no row: materialise it again"
        return Verdict.lacking(reason, "cost", window=moment.window).with_evidence(evidence)
    costs = [_as_cost(row) for row in table.to_pylist()]
    currency = table["currency"][0].as_py()
    return judge_known(moment.partition, costs, currency).with_evidence(evidence)


def compute_cost_trend(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """Cost per 1,000 predictions of the week beside the weeks before: what traffic explains of a
    rise, what it does not, and which call site, tenant or mode drives that."""
    summaries = {}
    for moment in moments:
        trend, read = measure_trend(root.lake, feature, moment.partition)
        data = msgspec.to_builtins(trend) | {"read": [asdict(evidence) for evidence in read]}
        path = root.lake.path(feature.name, "cost_trend", moment.partition, "json")
        root.lake.write_json(path, data)
        picture = draw_trend(feature.name, trend) if moment is moments[-1] else None
        now = trend.weeks[-1] if trend.weeks else None
        priced = now is not None and now.answered > 0
        summaries[moment.partition] = Summary(
            {
                "answered": now.answered if now else 0,
                "currency": feature.costs.currency,
                "per_1000": round(now.per_1000, 6) if now and priced else None,
                "rise_total": round(trend.rise.total, 4) if trend.rise else None,
                "rise_bill": round(trend.rise.bill, 4) if trend.rise else None,
                "rise_work": round(trend.rise.work, 4) if trend.rise else None,
            },
            picture,
        )
    return summaries


def judge_cost_trend(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The cost per 1,000 predictions did not rise by more than traffic explains, neither on the
    week before nor little by little over several weeks."""
    trend, evidence = _stored(root, feature, moment)
    return judge_trend(trend, feature.costs).with_evidence(evidence)


def stored_trend(root: Root, feature: AiFeatureSpec, moment: Moment) -> CostTrend:
    """The trend as it was stored; ``MissingEvidence`` where it was never made."""
    return _stored(root, feature, moment)[0]


def _stored(root: Root, feature: AiFeatureSpec, moment: Moment) -> tuple[CostTrend, Evidence]:
    path = root.lake.path(feature.name, "cost_trend", moment.partition, "json")
    data, evidence = root.lake.read_json(path)
    return msgspec.convert({k: v for k, v in data.items() if k != "read"}, CostTrend), evidence


class _Work:
    """What was done on some days, and the bytes that its record takes."""

    def __init__(self, lake: Lake, feature: AiFeatureSpec, days: Sequence[str]) -> None:
        self.work = defaultdict[str, list[Work]](list)
        self.stored: Counter[str] = Counter()
        self._lake, self._feature = lake, feature
        with duckdb.connect(config={"threads": 1}) as engine:
            for logs in together(self._logs(days)):
                engine.register("log", logs)
                for day, *row in engine.execute(_WORK).fetchall():
                    self.work[day].append(Work(*row))

    def _logs(self, days: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
        for day in days:
            path = self._lake.path(self._feature.name, "prediction_log", day)
            with suppress(MissingEvidence):  # no record: nothing was done that is known
                content = self._lake.read_bytes(path)
                self.stored[day] = len(content)
                yield day, table_in(path, content, COLUMNS)


def _as_table(costs: Sequence[Cost], currency: str, prices: str) -> pa.Table:
    rows = [
        asdict(cost.work)
        | {
            "busy_nano": cost.busy_nano,
            "idle_nano": cost.idle_nano,
            "storage_nano": cost.storage_nano,
            "total_nano": cost.total_nano,
            "currency": currency,
            "prices": prices,
        }
        for cost in costs
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _as_cost(row: Mapping[str, Any]) -> Cost:
    work = Work(**{name: row[name] for name in Work.__dataclass_fields__})
    return Cost(work, row["busy_nano"], row["idle_nano"], row["storage_nano"])
