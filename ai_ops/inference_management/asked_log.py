"""What was asked on some days, as one table of an engine: keys of the queries, answers, times.

A query is known by what its model read: version, tenant and typed inputs. A cache answers nobody
with what another tenant was told. Rows are folded a few days at a time; of a log that outgrows
``ROWS_KEPT``, queries are drawn by their keys, so that all askings of a drawn one are there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.day_logs import together
from ai_ops.storage.lake import Lake
from ai_ops.storage.sql_text import quoted, text
from ai_ops.vocabulary.errors import MissingEvidence

ROWS_KEPT: Final = 3_000_000
"""From how many rows on queries are drawn: the month's keys are held in memory."""
WORDS: Final = 3
"""A category is a text when half of its distinct values have at least so many words."""
VALUES: Final = 2_000
"""How many distinct values tell whether a category is a text."""
WINDOWS: Final = (1, 10, 60)
"""Seconds within which calls of one call site count as together."""
TOGETHER: Final = 8
"""How many calls make a batch worth forming."""

_COLUMNS: Final = (
    "id",
    "time",
    "model_version",
    "status",
    "withheld",
    "latency_ms",
    "call_site",
    "mode",
    "tenant",
    "request_id",
    "cost",
)
_KINDS: Final = {"latency_ms": pa.float64(), "time": pa.timestamp("us", tz="UTC")}
RAW: Final = "input"
"""What was sent, as it came."""
# A log that does not name its cost driver is read by its latency: the rows of a batch waited for
# one request together, and share its time.
_READ: Final = """
CREATE OR REPLACE TEMP TABLE chunk AS
SELECT *, epoch_us(time) AS moment, coalesce(mode, 'sync') AS way,
  coalesce(
    TRY_CAST(json_extract_string(cost, '$.compute_ms') AS DOUBLE),
    latency_ms / CASE WHEN mode = 'batch' AND request_id IS NOT NULL
                      THEN count(*) OVER (PARTITION BY day, request_id) ELSE 1 END
  ) * 1000 AS us,
  coalesce(TRY_CAST(json_extract_string(cost, '$.input_tokens') AS BIGINT), 0)
    + coalesce(TRY_CAST(json_extract_string(cost, '$.output_tokens') AS BIGINT), 0) AS tokens,
  coalesce(json_extract_string(cost, '$.cached') = 'true', false) AS cached
FROM log
"""
_ARRIVED: Final = """
INSERT INTO arrived
SELECT call_site, {seconds}, count(*), sum(n), count(*) FILTER (n >= {enough}),
       coalesce(sum(n) FILTER (n >= {enough}), 0), coalesce(sum(us) FILTER (n >= {enough}), 0)
FROM (SELECT call_site, count(*) AS n, sum(us) AS us FROM chunk
      WHERE way = 'sync' AND status = 'ok' GROUP BY call_site, moment // {micros})
GROUP BY call_site
"""
_TABLES: Final = """
CREATE TABLE arrived (call_site VARCHAR, seconds INT, groups BIGINT, calls BIGINT,
                      bursts BIGINT, together BIGINT, us DOUBLE);
CREATE TABLE hours (call_site VARCHAR, hour INT, calls BIGINT);
CREATE TABLE worked (call_site VARCHAR, version VARCHAR, way VARCHAR, rows BIGINT, timed BIGINT,
                     us DOUBLE);
CREATE TABLE busiest (us DOUBLE, at_once BIGINT);
"""
_FOLDS: Final = """
INSERT INTO hours SELECT call_site, hour(time), count(*) FROM chunk
  WHERE way = 'sync' AND status = 'ok' GROUP BY ALL;
INSERT INTO worked SELECT call_site, model_version, way, count(*), count(us), sum(us) FROM chunk
  WHERE status = 'ok' GROUP BY ALL;
INSERT INTO busiest SELECT
  (SELECT max(us) FROM (SELECT sum(us) AS us FROM chunk GROUP BY moment // 3600000000)),
  (SELECT max(n) FROM (SELECT count(DISTINCT coalesce(request_id, id)) AS n FROM chunk
                       GROUP BY moment // 60000000));
"""


@dataclass
class AskedLog:
    """The log of some days in an engine of its own; ``missing`` are days without a log.

    ``asked`` is the table of answered queries, one in ``one_in`` of them drawn; ``texts`` are the
    inputs that are free text, ``numbers`` the outputs that are compared as numbers.
    """

    lake: Lake
    feature: AiFeatureSpec
    days: Sequence[str]
    one_in: int = 1
    missing: list[str] = field(default_factory=list)
    rows: int = 0
    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    def __enter__(self) -> "AskedLog":
        self.engine = duckdb.connect(config={"threads": 1})
        self.engine.execute(_TABLES)
        found = [column for column in self.feature.outputs if column.type != "category"]
        self.numbers = tuple(
            f"output_{c.name}" for c in found if c.type in ("number", "probability")
        )
        made = False
        for table in together(self._logs()):
            self._take(table, first=not made)
            made = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.engine.close()

    def _logs(self) -> Iterator[tuple[str, pa.Table]]:
        for day in self.days:
            path = self.lake.path(self.feature.name, "prediction_log", day)
            try:
                content = self.lake.read_bytes(path)
            except MissingEvidence:
                self.missing.append(day)
                continue
            table = self._read(content)
            self.rows += table.num_rows
            yield day, table

    def _read(self, content: bytes) -> pa.Table:
        file = pq.ParquetFile(pa.BufferReader(content))
        known = file.schema_arrow.names
        typed = [n for n in known if n.startswith(("input_", "output_"))]
        table = file.read([*(n for n in _COLUMNS if n in known), *typed], use_threads=False)
        # What was sent is many times as large as its typed values, and tells more only of those
        # that are not of their type.
        must = [f"input_{c.name}" for c in self.feature.inputs if not c.nullable]
        if RAW in known and any(table[n].null_count for n in must if n in known):
            table = table.append_column(RAW, file.read([RAW], use_threads=False)[RAW])
        for name in (n for n in (*_COLUMNS, RAW) if n not in table.column_names):
            kind = _KINDS.get(name, pa.string())
            table = table.append_column(name, pa.nulls(table.num_rows, kind))
        return table

    def _take(self, table: pa.Table, *, first: bool) -> None:
        for name in (n for n in self.numbers if n not in table.column_names):
            table = table.append_column(name, pa.nulls(table.num_rows, pa.float64()))
        self.engine.register("log", table)
        self.engine.execute(_READ)
        if first:
            self.texts = self._free_texts(table.column_names)
        chosen = self._asked(table.schema)
        self.engine.execute(
            f"CREATE TABLE asked AS {chosen}" if first else f"INSERT INTO asked {chosen}"
        )
        for seconds in WINDOWS:
            self.engine.execute(
                _ARRIVED.format(seconds=seconds, micros=seconds * 10**6, enough=TOGETHER)
            )
        self.engine.execute(_FOLDS)
        self.engine.unregister("log")

    def _free_texts(self, columns: Sequence[str]) -> tuple[str, ...]:
        names = [f"input_{c.name}" for c in self.feature.inputs if c.type == "category"]
        return tuple(name for name in names if name in columns and self._is_text(quoted(name)))

    def _is_text(self, column: str) -> bool:
        # Of distinct values: one that is asked again and again tells no more than once.
        ((share,),) = self.engine.execute(
            f"SELECT avg(({_words(column)} >= {WORDS})::INT) FROM "
            f"(SELECT DISTINCT {column} FROM chunk WHERE {column} IS NOT NULL LIMIT {VALUES})"
        ).fetchall()
        return share is not None and bool(share >= 0.5)

    def _asked(self, schema: pa.Schema) -> str:
        """The columns of ``asked``: who asked, what it took, keys of the query, the answer."""
        inputs = [f for f in schema if f.name.startswith("input_")]
        plain = [_hashed(f.name, quoted(f.name)) for f in inputs if f.name not in self.texts]
        # A value of the wrong type has no typed one: such queries are alike as they were sent.
        must = [f"input_{c.name}" for c in self.feature.inputs if not c.nullable]
        broken = " OR ".join(f"{quoted(n)} IS NULL" for n in must if n in schema.names) or "false"
        who = [_hashed("version", "model_version"), _hashed("tenant", "tenant")]
        raw = f"CASE WHEN {broken} THEN hash(hash('raw', input)) ELSE 0 END"
        rest = _mixed([*who, raw, *plain])
        lowered = [
            _hashed(f.name, f"lower(trim({quoted(f.name)}))")
            if pa.types.is_string(f.type)
            else _hashed(f.name, quoted(f.name))
            for f in inputs
            if f.name not in self.texts
        ]
        exact = _mixed(["rest", *(_hashed(n, quoted(n)) for n in self.texts)])
        normal = _mixed(["loose", *(_hashed(n, _normal(quoted(n))) for n in self.texts)])
        decision = f"output_{self.feature.judged.decision}"
        others = [
            f.name
            for f in schema
            if f.name.startswith("output_") and f.name not in (*self.numbers, decision)
        ]
        decided = f"lower(trim({quoted(decision)}::VARCHAR))" if decision in schema.names else ""
        answers = [
            f"{_hashed('decision', decided) if decided else '0::UBIGINT'} AS decision",
            f"{_mixed([_hashed(n, _normal(quoted(n) + '::VARCHAR')) for n in others])} AS said",
            *(f"{quoted(n)}::DOUBLE AS number_{k}" for k, n in enumerate(self.numbers)),
        ]
        outputs = [f.name for f in schema if f.name.startswith("output_")]
        told = " OR ".join(f"{quoted(n)} IS NOT NULL" for n in outputs) or "false"
        written = " || chr(10) || ".join(f"coalesce({_normal(quoted(n))}, '')" for n in self.texts)
        drawn = "" if self.one_in == 1 else f"AND normal % {self.one_in} = 0"
        return f"""
        SELECT moment, id, model_version AS version, call_site, tenant, way, us, tokens, cached,
               {told} AS told, {", ".join(answers)}, {written or "NULL::VARCHAR"} AS written,
               {rest} AS rest, {_mixed([*who, raw, *lowered])} AS loose,
               {exact} AS exact, {normal} AS normal
        FROM chunk WHERE status = 'ok' AND withheld IS NULL {drawn}
        """


def _words(column: str) -> str:
    return f"(length(trim({column})) - length(replace(trim({column}), ' ', '')) + 1)"


def _normal(column: str) -> str:
    r"""A text without case, punctuation and the width of its gaps.

    >>> import duckdb
    >>> told = _normal("'  Is it – really –  GRÜN?! '")
    >>> with duckdb.connect() as engine:
    ...     engine.execute(f"SELECT {told}").fetchall()
    [('is it really grün',)]
    """
    letters = r"[^\p{L}\p{N}]+"
    return f"trim(regexp_replace(lower(nfc_normalize({column})), '{letters}', ' ', 'g'))"


def _hashed(name: str, value: str) -> str:
    # Hashed again: the engine joins the hashes of name and value by xor, as these are mixed, and a
    # value that stands in two columns would cancel itself.
    return f"CASE WHEN {value} IS NULL THEN 0 ELSE hash(hash({text(name)}, {value})) END"


def _mixed(hashes: Sequence[str]) -> str:
    """One hash of several, whichever columns a day's log has and in whichever order."""
    mixed = "0::UBIGINT"
    for one in hashes:
        mixed = f"xor({mixed}, ({one})::UBIGINT)"
    return mixed
