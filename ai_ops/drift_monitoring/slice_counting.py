"""The profile of every value of a slice: the whole's own SQL, with the value beside the version."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import duckdb
import pyarrow as pa

from ai_ops.drift_monitoring.cells import ColumnCells
from ai_ops.drift_monitoring.profile import ROWS, quoted, rows_of
from ai_ops.drift_monitoring.profile import SCHEMA as PROFILE_SCHEMA
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.rows import run_profile

EVERY: Final = "every_row"
VALUES_AT_MOST: Final = 50
"""Of each day the values with the most rows are counted by themselves, the rest as one number."""
REST: Final = "rest"

SCHEMA: Final = pa.schema(
    [*PROFILE_SCHEMA, ("dimension", pa.string()), ("slice", pa.string()), ("key", pa.string())]
)
"""A profile with the dimension and the value that its rows have.

A row in the cell ``REST`` counts the rows without a value of their own: they have none, or one that
is not among the most frequent. ``key`` names the reference, and the dimensions that were asked for.
"""

_NUMBERED: Final = "numbered_rows"
_GROUPS: Final = "slice_groups"


def keep_rows(connection: duckdb.DuckDBPyConnection, columns: Collection[str]) -> None:
    """Move the rows to count from ``ROWS`` into ``EVERY``, to be shown group by group."""
    chosen = ", ".join(quoted(name) for name in ("day", "model_version", *columns))
    connection.execute(f"CREATE TEMP TABLE {EVERY} AS SELECT {chosen} FROM {ROWS}")
    connection.unregister(ROWS)
    connection.execute(f"DROP VIEW IF EXISTS {ROWS}")


def count_values(
    connection: duckdb.DuckDBPyConnection,
    reference: Reference,
    present: set[str],
    dimension: str,
) -> list[dict[str, Any]]:
    """The profile of each value of a dimension, in the reference's cells, of all rows in ``EVERY``.

    A dimension that the rows do not have is the rest as a whole.
    """
    value = f"CAST(e.{quoted(dimension)} AS VARCHAR)" if dimension in present else "NULL"
    told = f'e."day", {value} AS "slice", e."model_version"'
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {_GROUPS} AS
SELECT *, CAST(row_number() OVER (ORDER BY "day", "slice", "model_version") AS VARCHAR) AS "code"
FROM (
  SELECT *, dense_rank() OVER (PARTITION BY "day" ORDER BY of_value DESC, "slice") AS place
  FROM (
    SELECT *, sum("count") OVER (PARTITION BY "day", "slice") AS of_value
    FROM (SELECT {told}, count(*) AS "count" FROM {EVERY} AS e GROUP BY 1, 2, 3) AS counted
  ) AS summed
) AS ranked"""
    )
    groups = connection.execute(
        f'SELECT "code", "day", "slice", "model_version", "count", place FROM {_GROUPS}'
    ).fetchall()
    known = {
        code: (day, own, version)
        for code, day, own, version, _, place in groups
        if own is not None and place <= VALUES_AT_MOST
    }
    rest: dict[str, int] = {}
    for code, day, _, _, count, _ in groups:
        if code not in known:
            rest[day] = rest.get(day, 0) + count
    found = [_rest(day, count, dimension) for day, count in rest.items()]
    if known:
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE {_NUMBERED} AS
SELECT e.* REPLACE (g."code" AS "model_version") FROM {EVERY} AS e JOIN {_GROUPS} AS g
  ON e."day" = g."day" AND {value} = g."slice"
  AND e."model_version" IS NOT DISTINCT FROM g."model_version"
WHERE g.place <= {VALUES_AT_MOST}"""
        )
        rows = _profiled(connection, reference, _NUMBERED, present)
        for row in rows:
            _, row["slice"], row["model_version"] = known[row["model_version"]]
        found += [row | {"dimension": dimension} for row in rows]
    return found


def count_versions(
    connection: duckdb.DuckDBPyConnection,
    references: Mapping[str, Reference],
    present: set[str],
) -> list[dict[str, Any]]:
    """The profile of what each version was asked and answered, in the cells of its own reference;
    the rows of versions without one are the rest."""
    found: list[dict[str, Any]] = []
    groups = connection.execute(
        f'SELECT "day", "model_version", count(*) FROM {EVERY} GROUP BY 1, 2 ORDER BY 1, 2'
    ).fetchall()
    found += [
        _rest(day, count, "model_version", version)
        for day, version, count in groups
        if version not in references
    ]
    for version in dict.fromkeys(version for _, version, _ in groups if version in references):
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {_NUMBERED} AS"
            f' SELECT * FROM {EVERY} WHERE "model_version" = ?',
            [version],
        )
        rows = _profiled(connection, references[version], _NUMBERED, present)
        found += [row | {"dimension": "model_version", "slice": version} for row in rows]
    return found


def _profiled(
    connection: duckdb.DuckDBPyConnection, reference: Reference, rows: str, present: set[str]
) -> list[dict[str, Any]]:
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {ROWS} AS SELECT * FROM {rows}")
    cells: Sequence[ColumnCells] = [column.cells for column in reference.columns]
    made = run_profile(connection, cells, present, reference.version, reference.digest)
    connection.execute(f"DROP VIEW {ROWS}")
    return rows_of(made)


def _rest(day: str, count: int, dimension: str, value: str | None = None) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(SCHEMA.names)
    named = {"day": day, "column": "", "cell": REST, "count": count}
    return row | named | {"dimension": dimension, "slice": value}
