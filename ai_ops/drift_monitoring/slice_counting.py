"""The counts of every value of a slice: the whole's own SQL, with the value beside the version."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ai_ops.drift_monitoring.profile import ROWS, quoted
from ai_ops.drift_monitoring.profile_query import profile_query
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.rows import stored_as

EVERY: Final = "every_row"
VALUES_AT_MOST: Final = 50
"""Of each day the values with the most rows are counted by themselves, the rest as one number."""
AT_ONCE: Final = 20
"""So many columns are one query."""

SCHEMA: Final = pa.schema(
    [
        ("dimension", pa.string()),
        ("slice", pa.string()),
        ("model_version", pa.string()),
        ("rows", pa.int64()),
        ("counts", pa.list_(pa.int64())),
        ("key", pa.string()),
    ]
)
"""A day's slices: the rows of a value that a version answered, and their counts in the cells of the
reference, column after column.

Without ``counts`` it is the number of rows without a value of their own: they have none, or one
that is not among the most frequent. ``key`` names the reference, and the dimensions that were asked
for.
"""

Rows = list[dict[str, Any]]
"""Rows of ``SCHEMA`` with their ``day``."""

_NUMBERED: Final = "numbered_rows"
_GROUPS: Final = "slice_groups"
_BETWEEN: Final = "\x1f"


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
) -> Rows:
    """The counts of each value of a dimension, in the reference's cells, of all rows in ``EVERY``.

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
        code: (day, own, version, count)
        for code, day, own, version, count, place in groups
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
        for code, counts in _counts(connection, reference, present).items():
            day, own, version, rows = known[code]
            found.append(_row(day, dimension, own, version, rows, counts))
    return found


def count_versions(
    connection: duckdb.DuckDBPyConnection,
    references: Mapping[str, Reference],
    present: set[str],
) -> Rows:
    """The counts of what each version was asked and answered, in the cells of its own reference;
    the rows of versions without one are the rest."""
    groups = connection.execute(
        f'SELECT "day", "model_version", count(*) FROM {EVERY} GROUP BY 1, 2 ORDER BY 1, 2'
    ).fetchall()
    sizes = {(day, version): count for day, version, count in groups if version in references}
    found = [
        _rest(day, count, "model_version", version)
        for day, version, count in groups
        if version not in references
    ]
    for version in dict.fromkeys(version for _, version in sizes):
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {_NUMBERED} AS"
            f' SELECT * REPLACE ("day" AS "model_version") FROM {EVERY} WHERE "model_version" = ?',
            [version],
        )
        for day, counts in _counts(connection, references[version], present).items():
            rows = sizes[day, version]
            found.append(_row(day, "model_version", version, version, rows, counts))
    return found


def _counts(
    connection: duckdb.DuckDBPyConnection, reference: Reference, present: set[str]
) -> dict[str, NDArray[np.int64]]:
    """What ``_NUMBERED`` holds, by the code that stands in place of its version: the counts in all
    cells of the reference, column after column. A column that is missing has no counts."""
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {ROWS} AS SELECT * FROM {_NUMBERED}")
    stored = stored_as(connection, present)
    cells = [column.cells for column in reference.columns]
    tables = []
    for start in range(0, len(cells), AT_ONCE):
        query = profile_query(cells[start : start + AT_ONCE], stored, {"day": None})
        found = connection.sql(query.text, params=query.parameters)
        tables.append(found.to_arrow_table())
    connection.execute(f"DROP VIEW {ROWS}")
    counted = pa.concat_tables(tables)
    counted = counted.filter(pc.not_equal(counted["cell"], "missing"))
    names = [
        _place(one.column.name, cell, value or "") for one in cells for cell, value in one.names
    ]
    codes = pc.unique(counted["model_version"])
    whole = np.zeros((len(codes), len(names)), np.int64)
    code = pc.index_in(counted["model_version"], codes).to_numpy()
    np.add.at(whole, (code, _places(counted, names)), counted["count"].to_numpy())
    return dict(zip(codes.to_pylist(), whole, strict=True))


def _places(counted: pa.Table, names: list[str]) -> NDArray[np.int64]:
    """The place of each row's cell among ``names``; a value that has none was never seen."""
    value = pc.fill_null(counted["value"], "")
    told = pc.binary_join_element_wise(counted["column"], counted["cell"], value, _BETWEEN)
    unseen = pc.binary_join_element_wise(counted["column"], "unseen", "", _BETWEEN)
    known = pa.array(names)
    places = pc.coalesce(pc.index_in(told, known), pc.index_in(unseen, known))
    return np.asarray(places.to_numpy(), np.int64)


def _place(column: str, cell: str, value: str) -> str:
    return _BETWEEN.join((column, cell, value))


def _row(
    day: str, dimension: str, of: str, version: str | None, rows: int, counts: NDArray[np.int64]
) -> dict[str, Any]:
    told = {"day": day, "dimension": dimension, "slice": of, "model_version": version}
    return told | {"rows": rows, "counts": counts}


def _rest(day: str, count: int, dimension: str, value: str | None = None) -> dict[str, Any]:
    told = {"day": day, "dimension": dimension, "slice": value, "model_version": None}
    return told | {"rows": count, "counts": None}
