"""Profiles on Spark, for a log that outgrows one machine: the same SQL, the same rows.

The SQL is the one that DuckDB runs; SQLGlot says it in Spark's words. Spark counts on its workers,
and only the counts, a few hundred rows a column, come back.

    from pyspark.sql import SparkSession
    session = SparkSession.builder.master("spark://…:7077").getOrCreate()
    table = profile_on_spark(session, reference, {"2021-03-01": "s3a://…/2021-03-01.parquet"})
"""

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from ai_ops.drift_monitoring.finishing import finished
from ai_ops.drift_monitoring.profile import ROWS
from ai_ops.drift_monitoring.profile_query import Stored, profile_query
from ai_ops.drift_monitoring.reference import Reference

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TEXT: Final = ("string", "varchar", "char")
_NUMBERS: Final = (
    "double", "float", "decimal", "boolean", "bigint", "int", "smallint", "tinyint",
)  # fmt: skip
_UNLIKE: Final = ("double", "float", "timestamp")
"""Categories stored so: engines write them as different texts."""


def profile_on_spark(
    session: "SparkSession", reference: Reference, files: Mapping[str, str]
) -> pa.Table:
    """The profile of the answered predictions in these log files (day → path, as Spark reads it),
    in the cells of a reference: what DuckDB makes of them, bit by bit."""
    cells = [column.cells for column in reference.columns]
    logs = reduce(
        lambda one, other: one.unionByName(other, allowMissingColumns=True),
        (_log(session, day, path) for day, path in files.items()),
    )
    logs.createOrReplaceTempView(ROWS)
    kinds = dict(logs.dtypes)
    for one in cells:
        kind = kinds.get(one.column.source, "")
        if one.column.kind == "category" and kind.startswith(_UNLIKE):
            raise TypeError(
                f"{one.column.source} is a category stored as {kind}, which DuckDB and Spark write "
                "as different texts; log it as text, or declare it as a number"
            )
    present = {one.column.source for one in cells} & set(kinds)
    query = profile_query(cells, {name: _stored(kinds[name]) for name in present})
    answer = session.sql(in_spark(query.text), args=list(query.parameters))
    rows = [row.asDict() for row in answer.collect()]
    return finished(rows, cells, reference.version, reference.cells_digest)


def in_spark(query: str) -> str:
    """A query in Spark's words.

    >>> in_spark('SELECT CAST("a" AS VARCHAR) FROM b')
    'SELECT CAST(`a` AS STRING) FROM b'
    """
    import sqlglot

    return sqlglot.transpile(query, read="duckdb", write="spark")[0]


def _log(session: "SparkSession", day: str, path: str) -> "DataFrame":
    from pyspark.sql import functions

    log: Any = session.read.parquet(path)
    return log.where(log["status"] == "ok").withColumn("day", functions.lit(day))


def _stored(kind: str) -> Stored:
    if kind.startswith(_TEXT):
        return "text"
    return "number" if kind.startswith(_NUMBERS) else "other"
