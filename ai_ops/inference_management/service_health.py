"""How predictions were served, day by day: answered, failed, refused, and how long it took."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.day_logs import together
from ai_ops.inference_management.served_counts import counted_beside
from ai_ops.inference_management.service_levels import Latency, ServiceHealth, Share, judge_health
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Observed, Verdict

COLUMNS = ["status", "latency_ms", "call_site", "mode", "tenant", "request_id"]

_COUNTS = """
SELECT day, count(*), count(*) FILTER (status = 'ok'), count(*) FILTER (status = 'failed'),
       count(*) FILTER (status = 'refused')
FROM log GROUP BY day
"""
_SHARES = """
SELECT day, {column}, count(*), count(*) FILTER (status = 'failed'),
       count(*) FILTER (status = 'refused')
FROM log GROUP BY day, {column} ORDER BY day, count(*) DESC, {column}
"""
# A log of others that tells no mode tells of single requests.
_LATENCIES = """
WITH answered AS (
  SELECT day, coalesce(mode, 'sync') AS mode, latency_ms,
         CASE WHEN mode = 'batch' AND request_id IS NOT NULL
              THEN count(*) OVER (PARTITION BY day, request_id) ELSE 1 END AS rows_of_request
  FROM log WHERE status = 'ok' AND latency_ms IS NOT NULL
)
SELECT day, mode, count(*), quantile_cont(latency_ms, 0.50), quantile_cont(latency_ms, 0.95),
       quantile_cont(latency_ms, 0.99),
       count(*) FILTER (latency_ms > $promised * rows_of_request)
FROM answered GROUP BY day, mode ORDER BY day, mode
"""


def compute_service_health(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """How the day's predictions were served: answered, failed and refused, latency by mode,
    requests by call site and tenant; and beside the log, who was turned away and what a witness
    saw more."""
    measured: dict[str, ServiceHealth] = {}
    with duckdb.connect(config={"threads": 1}) as engine:
        for logs in together(_logs(root, feature, moments)):
            measured.update(_measure(engine, logs, feature.serving.slo.p99_ms))
    summaries = {}
    for moment in moments:
        health = replace(
            measured.get(moment.partition, ServiceHealth(moment.partition)),
            **asdict(counted_beside(root, feature.name, moment.partition)),
        )
        path = root.lake.path(feature.name, "service_health", moment.partition, "json")
        root.lake.write_json(path, asdict(health))
        numbers: dict[str, Observed] = {
            name: getattr(health, name) for name in ("rows", "ok", "failed", "refused")
        }
        for name in ("turned_away", "witnessed", "not_logged"):
            if (count := getattr(health, name)) is not None:
                numbers[name] = count
        for latency in health.latencies:
            numbers[f"{latency.mode}_p99_ms"] = round(latency.p99_ms, 3)
        summaries[moment.partition] = Summary(numbers)
    return summaries


def judge_service_healthy(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Requests of this day were answered, no more of them failed or were turned away than promised,
    and they were answered in the promised time.

    Of requests that a witness saw and the log does not know, nobody can say so.
    """
    path = root.lake.path(feature.name, "service_health", moment.partition, "json")
    data, evidence = root.lake.read_json(path)
    health = msgspec.convert(data, ServiceHealth)
    return judge_health(health, feature.serving.slo).with_evidence(evidence)


def _logs(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> Iterator[tuple[str, pa.Table]]:
    for moment in moments:
        path = root.lake.path(feature.name, "prediction_log", moment.partition)
        with suppress(MissingEvidence):  # the day's health is one without rows
            yield moment.partition, root.lake.read_table(path, COLUMNS)[0]


def _measure(
    engine: duckdb.DuckDBPyConnection, logs: pa.Table, promised_ms: float
) -> Mapping[str, ServiceHealth]:
    """The health of each day that has rows."""
    engine.register("log", logs)
    latencies = _by_day(engine.execute(_LATENCIES, {"promised": promised_ms}))
    call_sites = _by_day(engine.execute(_SHARES.format(column="call_site")))
    tenants = _by_day(engine.execute(_SHARES.format(column="tenant")))
    return {
        day: ServiceHealth(
            day,
            rows,
            ok,
            failed,
            refused,
            latencies=tuple(Latency(*row) for row in latencies[day]),
            call_sites=tuple(Share(*row) for row in call_sites[day]),
            tenants=tuple(Share(*row) for row in tenants[day]),
        )
        for day, [(rows, ok, failed, refused)] in _by_day(engine.execute(_COUNTS)).items()
    }


def _by_day(answer: duckdb.DuckDBPyConnection) -> Mapping[str, list[tuple[Any, ...]]]:
    found = defaultdict[str, list[tuple[Any, ...]]](list)
    for day, *row in answer.fetchall():
        found[day].append(tuple(row))
    return found
