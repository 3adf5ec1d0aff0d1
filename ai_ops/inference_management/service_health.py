"""How predictions were served, day by day: answered, failed, refused, and how long it took."""

from collections.abc import Sequence
from dataclasses import asdict

import duckdb
import msgspec

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.service_levels import Latency, ServiceHealth, Share, judge_health
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Observed, Verdict

COLUMNS = ["status", "latency_ms", "call_site", "mode", "tenant", "request_id"]

_COUNTS = """
SELECT count(*), count(*) FILTER (status = 'ok'), count(*) FILTER (status = 'failed'),
       count(*) FILTER (status = 'refused')
FROM log
"""
_SHARES = """
SELECT {column}, count(*), count(*) FILTER (status = 'failed'),
       count(*) FILTER (status = 'refused')
FROM log GROUP BY {column} ORDER BY count(*) DESC, {column}
"""
# A log of others that tells no mode tells of single requests.
_LATENCIES = """
WITH answered AS (
  SELECT coalesce(mode, 'sync') AS mode, latency_ms,
         CASE WHEN mode = 'batch' AND request_id IS NOT NULL
              THEN count(*) OVER (PARTITION BY request_id) ELSE 1 END AS rows_of_request
  FROM log WHERE status = 'ok' AND latency_ms IS NOT NULL
)
SELECT mode, count(*), quantile_cont(latency_ms, 0.50), quantile_cont(latency_ms, 0.95),
       quantile_cont(latency_ms, 0.99),
       count(*) FILTER (latency_ms > $promised * rows_of_request)
FROM answered GROUP BY mode ORDER BY mode
"""


def compute_service_health(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """How the day's predictions were served: answered, failed and refused, latency by mode,
    requests by call site and tenant."""
    with duckdb.connect(config={"threads": 1}) as engine:
        measured = [_measure(engine, root, feature, moment.partition) for moment in moments]
    summaries = {}
    for moment, health in zip(moments, measured, strict=True):
        path = root.lake.path(feature.name, "service_health", moment.partition, "json")
        root.lake.write_json(path, asdict(health))
        numbers: dict[str, Observed] = {
            name: getattr(health, name) for name in ("rows", "ok", "failed", "refused")
        }
        for latency in health.latencies:
            numbers[f"{latency.mode}_p99_ms"] = round(latency.p99_ms, 3)
        summaries[moment.partition] = Summary(numbers)
    return summaries


def judge_service_healthy(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Requests of this day were answered, no more of them failed than promised, and they were
    answered in the promised time."""
    path = root.lake.path(feature.name, "service_health", moment.partition, "json")
    data, evidence = root.lake.read_json(path)
    health = msgspec.convert(data, ServiceHealth)
    return judge_health(health, feature.serving.slo).with_evidence(evidence)


def _measure(
    engine: duckdb.DuckDBPyConnection, root: Root, feature: AiFeatureSpec, day: str
) -> ServiceHealth:
    path = root.lake.path(feature.name, "prediction_log", day)
    try:
        log, _ = root.lake.read_table(path, COLUMNS)
    except MissingEvidence:
        return ServiceHealth(day)
    engine.register("log", log)
    rows, ok, failed, refused = engine.execute(_COUNTS).fetchall()[0]
    promised = {"promised": feature.serving.slo.p99_ms}
    latencies = engine.execute(_LATENCIES, promised).fetchall()
    call_sites = engine.execute(_SHARES.format(column="call_site")).fetchall()
    tenants = engine.execute(_SHARES.format(column="tenant")).fetchall()
    return ServiceHealth(
        day,
        rows,
        ok,
        failed,
        refused,
        latencies=tuple(Latency(*row) for row in latencies),
        call_sites=tuple(Share(*row) for row in call_sites),
        tenants=tuple(Share(*row) for row in tenants),
    )
