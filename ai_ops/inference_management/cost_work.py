"""What was done on some days, read from their logs: time, calls and tokens, by one query."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.costs import Work
from ai_ops.inference_management.day_logs import together
from ai_ops.inference_management.list_prices import tier_starts
from ai_ops.inference_management.token_work import Tokens, TokenWork
from ai_ops.storage.lake import Lake, table_in
from ai_ops.vocabulary.errors import MissingEvidence

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
_CELL = "day, model_version, model, call_site, tenant, mode"

# A log that does not name its cost driver is read by its latency: the rows of a batch waited for
# one request together, and share its time. A request that is asked again under its own id is a
# retry; in a log of somebody else the id may name a trace of several calls, and is none.
_TIMED = """
CREATE OR REPLACE TEMP TABLE timed AS
WITH told AS (
  SELECT * EXCLUDE (cost), json_extract_string(cost, [
    '$.compute_ms', '$.model', '$.provider', '$.attempts', '$.cached', '$.input_tokens',
    '$.output_tokens', '$.cache_read_tokens', '$.cache_write_tokens', '$.processing',
    '$.service_tier']) AS driver
  FROM log
), again AS (
  SELECT day, call_site, request_id, min(place) AS first FROM log
  WHERE $own AND mode = 'sync' AND request_id IS NOT NULL
  GROUP BY ALL HAVING count(*) > 1
), shared AS (
  SELECT day, request_id, count(*) AS rows FROM log
  WHERE mode = 'batch' AND request_id IS NOT NULL GROUP BY ALL
)
SELECT told.day, model_version, driver[2] AS model, told.call_site, tenant, mode, status,
  coalesce(TRY_CAST(driver[1] AS DOUBLE),
           latency_ms / CASE WHEN mode = 'batch' THEN coalesce(shared.rows, 1) ELSE 1 END
  ) * 1000 AS us,
  greatest(coalesce(TRY_CAST(driver[4] AS BIGINT), 1), 1) AS attempts,
  again.first IS NOT NULL AND place > again.first AND mode = 'sync' AS repeated,
  coalesce(TRY_CAST(driver[5] AS BOOLEAN), false) AS cached,
  driver[3] AS provider,
  driver[2] IS NOT NULL OR driver[3] IS NOT NULL OR driver[6] IS NOT NULL
    OR driver[7] IS NOT NULL OR $provided AS is_call,
  driver[6] IS NOT NULL OR driver[7] IS NOT NULL AS told,
  CASE WHEN TRY_CAST(driver[6] AS BIGINT) >= 0 THEN TRY_CAST(driver[6] AS BIGINT) END AS input,
  CASE WHEN TRY_CAST(driver[7] AS BIGINT) >= 0 THEN TRY_CAST(driver[7] AS BIGINT) END AS output,
  greatest(coalesce(TRY_CAST(driver[8] AS BIGINT), 0), 0) AS cache_read,
  greatest(coalesce(TRY_CAST(driver[9] AS BIGINT), 0), 0) AS cache_write,
  coalesce(driver[10], CASE WHEN mode = 'batch' THEN 'batch' END) AS processing,
  driver[11] AS service_tier
FROM told
LEFT JOIN again ON again.day = told.day AND again.request_id = told.request_id
  AND again.call_site IS NOT DISTINCT FROM told.call_site
LEFT JOIN shared ON shared.day = told.day AND shared.request_id = told.request_id
"""
_RETRIED = "CASE WHEN repeated THEN {0} ELSE {0} * (attempts - 1) // attempts END"
_WORK = f"""
SELECT {_CELL}, count(*) AS rows,
  count(*) FILTER (status = 'ok') AS answered,
  coalesce(sum(CAST(round(us) AS BIGINT)), 0)::BIGINT AS busy_us,
  median(us) AS typical_us,
  count(*) FILTER (us IS NULL) AS untimed,
  sum(attempts)::BIGINT AS attempts,
  sum(CASE WHEN repeated THEN attempts ELSE attempts - 1 END)::BIGINT AS retries,
  coalesce(sum({_RETRIED.format("CAST(round(us) AS BIGINT)")}), 0)::BIGINT AS retry_us,
  count(*) FILTER (cached) AS cached,
  coalesce(sum(input), 0)::BIGINT AS input_tokens,
  coalesce(sum(output), 0)::BIGINT AS output_tokens,
  sum(cache_read)::BIGINT AS cache_read_tokens,
  sum(cache_write)::BIGINT AS cache_write_tokens,
  bool_or(is_call) AS is_call
FROM timed GROUP BY ALL ORDER BY ALL
"""
_TOKENS = f"""
SELECT {_CELL}, provider, processing, service_tier,
  max(coalesce(input, 0)) AS longest,
  coalesce(sum(attempts) FILTER (told), 0)::BIGINT AS calls,
  coalesce(sum(CASE WHEN repeated THEN attempts ELSE attempts - 1 END) FILTER (told), 0)::BIGINT
    AS retries,
  count(*) FILTER (told) AS told,
  count(*) FILTER (input IS NULL AND (told OR (status = 'ok' AND NOT cached))) AS silent,
  count(*) FILTER (input IS NOT NULL AND output IS NULL AND NOT cached) AS endless,
  count(*) FILTER (cache_read + cache_write > coalesce(input, 0)) AS misfit,
  coalesce(sum(input), 0)::BIGINT AS input,
  coalesce(sum(output), 0)::BIGINT AS output,
  sum(cache_read)::BIGINT AS cache_read,
  sum(cache_write)::BIGINT AS cache_write,
  coalesce(sum({_RETRIED.format("input")}), 0)::BIGINT AS retried_input,
  coalesce(sum({_RETRIED.format("output")}), 0)::BIGINT AS retried_output,
  coalesce(sum({_RETRIED.format("cache_read")}), 0)::BIGINT AS retried_cache_read,
  coalesce(sum({_RETRIED.format("cache_write")}), 0)::BIGINT AS retried_cache_write
FROM timed WHERE is_call
GROUP BY {_CELL}, provider, processing, service_tier,
  len(list_filter($borders, lambda border: border < coalesce(input, 0)))
ORDER BY ALL
"""
_KINDS = ("input", "output", "cache_read", "cache_write")


class DoneOnDays:
    """The work and the tokens of some days, and the bytes that their record takes."""

    def __init__(self, lake: Lake, feature: AiFeatureSpec, days: Sequence[str]) -> None:
        self.work = defaultdict[str, list[Work]](list)
        self.tokens = defaultdict[str, list[TokenWork]](list)
        self.stored: Counter[str] = Counter()
        self._lake, self._feature = lake, feature
        with duckdb.connect(config={"threads": 1}) as engine:
            for logs in together(self._logs(days)):
                engine.register("log", logs)
                self._read(engine)

    def _read(self, engine: duckdb.DuckDBPyConnection) -> None:
        provided = self._feature.served_by == "provider_api"
        engine.execute(_TIMED, {"own": self._feature.source is None, "provided": provided})
        calls = False
        for row in _rows(engine.execute(_WORK)):
            calls = row.pop("is_call") or calls
            self.work[row.pop("day")].append(Work(**row))
        if calls:
            found = engine.execute(_TOKENS, {"borders": list(tier_starts())})
            for row in _rows(found):
                self.tokens[row["day"]].append(_token_work(row))

    def _logs(self, days: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
        for day in days:
            path = self._lake.path(self._feature.name, "prediction_log", day)
            with suppress(MissingEvidence):  # no record: nothing was done that is known
                content = self._lake.read_bytes(path)
                self.stored[day] = len(content)
                log = table_in(path, content, COLUMNS)
                yield day, log.append_column("place", pa.array(np.arange(log.num_rows)))


def _rows(found: duckdb.DuckDBPyConnection) -> Iterator[dict[str, Any]]:
    names = [column[0] for column in found.description or ()]
    for row in found.fetchall():
        yield dict(zip(names, row, strict=True))


def _token_work(row: dict[str, Any]) -> TokenWork:
    names = ("provider", "processing", "service_tier", "longest", "calls", "retries")
    counts = ("told", "silent", "endless", "misfit")
    cell = ("model_version", "model", "call_site", "tenant", "mode")
    return TokenWork(
        cell=(row[cell[0]], row[cell[1]], row[cell[2]], row[cell[3]], row[cell[4]]),
        model=row["model"],
        **{name: row[name] for name in (*names, *counts)},
        tokens=Tokens(*(row[kind] for kind in _KINDS)),
        retried=Tokens(*(row[f"retried_{kind}"] for kind in _KINDS)),
    )
