"""The SQL of pairs: each column placed once in its coarse cells, then one count per pair.

Restricted to what every engine computes alike, as the profile's own: ``CASE``, ``count``. Counts
add up exactly, whatever the order of the rows and days.
"""

from collections.abc import Collection, Sequence
from typing import Final

import duckdb

from ai_ops.drift_monitoring.joint_cells import CoarseColumn
from ai_ops.drift_monitoring.profile import ROWS, Query, quoted

PLACED: Final = "placed_rows"
GROUPS: Final = "row_groups"
"""The days and versions of the rows, each with a number: rows are grouped by it, for texts would
be compared row by row."""


def groups_query(rows: str = ROWS) -> str:
    """Each day and version of the rows, with its number from 0."""
    return f"""SELECT "day", "model_version",
  CAST(row_number() OVER (ORDER BY "day", "model_version") - 1 AS INTEGER) AS "group"
FROM (SELECT DISTINCT "day", "model_version" FROM {rows}) AS told"""


def placing_query(
    columns: Sequence[CoarseColumn], present: Collection[str], rows: str = ROWS
) -> Query:
    """Every row as the number of its group and one small code per column, in their order.

    A column that is not ``present`` has no value.
    """
    parts = [
        _placed(column) if column.column.source in present else Query("0", ()) for column in columns
    ]
    codes = "".join(
        f",\n  CAST({part.text} AS TINYINT) AS c{place}" for place, part in enumerate(parts)
    )
    parameters = tuple(value for part in parts for value in part.parameters)
    text = f"""SELECT g."group"{codes}
FROM {rows} AS r JOIN {GROUPS} AS g ON r."day" IS NOT DISTINCT FROM g."day"
  AND r."model_version" IS NOT DISTINCT FROM g."model_version\""""
    return Query(text, parameters)


def pairs_query(pairs: Sequence[tuple[int, int]], placed: str = PLACED) -> str:
    """The rows of each pair of columns (by their places) per day, version and both codes."""
    branches = "\nUNION ALL\n".join(
        f'SELECT "group", {number} AS "pair", c{first} AS "first", c{second} AS "second",'
        f' count(*) AS "count" FROM {placed} GROUP BY 1, 3, 4'
        for number, (first, second) in enumerate(pairs)
    )
    counted = '"day", "model_version", "pair", "first", "second", "count"'
    return f'SELECT {counted} FROM (\n{branches}\n) AS counted JOIN {GROUPS} USING ("group")'


def place_rows(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[CoarseColumn], present: set[str]
) -> None:
    """Every row of ``ROWS`` in coarse cells, as ``PLACED``: each column is read once."""
    query = placing_query(columns, present)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {GROUPS} AS {groups_query()}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {PLACED} AS {query.text}", query.parameters)


def _placed(column: CoarseColumn) -> Query:
    name = f"r.{quoted(column.column.source)}"
    if column.column.kind == "category":
        text = f"CAST({name} AS VARCHAR)"
        own = "".join(f" WHEN {text} = ? THEN {code}" for code in range(1, len(column.values) + 1))
        rest = len(column.values) + 1
        return Query(f"CASE WHEN {name} IS NULL THEN 0{own} ELSE {rest} END", column.values)
    number = f"TRY_CAST({name} AS DOUBLE)"
    below = "".join(f" WHEN {number} < ? THEN {code}" for code in range(1, len(column.edges) + 1))
    text = f"CASE WHEN {number} IS NULL OR isnan({number}) THEN 0{below}"
    return Query(f"{text} ELSE {len(column.edges) + 1} END", column.edges)
