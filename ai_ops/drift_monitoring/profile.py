"""The SQL of a profile: one source for every column, of what every engine computes alike.

Each column is one branch of a UNION ALL and reads that column only, so that a branch more costs
no input more. Counts and fixed-point sums are exact whatever the order of the rows: daily profiles
sum to the weekly one, bit by bit. Floating-point sums would differ from run to run.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from ai_ops.drift_monitoring.cells import ColumnCells

ROWS: Final = "ok_rows"
"""The relation that the SQL reads: the rows to profile, with ``day`` and ``model_version``."""

SUMMED_BELOW: Final = 1e24
DECIMALS: Final = 6
"""A sum holds values below ``SUMMED_BELOW`` in size, to this many decimals."""

SCHEMA: Final = pa.schema(
    [
        ("day", pa.string()),
        ("model_version", pa.string()),
        ("column", pa.string()),
        ("cell", pa.string()),
        ("value", pa.string()),
        ("count", pa.int64()),
        ("sum", pa.decimal128(38, DECIMALS)),
        ("min", pa.float64()),
        ("max", pa.float64()),
        ("reference_version", pa.string()),
        ("reference_digest", pa.string()),
    ]
)
"""A profile: one row per day, model version, column and cell.

``cell`` is a word of ``cells.Cell``; ``value`` the number of a bin or the text of a category;
``sum``, ``min`` and ``max`` are of the numbers in the cell. ``reference_digest`` names the
reference whose cells these are: profiles of different references do not add up.
"""


_BESIDE_THE_BINS: Final = ("null", "invalid", "nan", "far_under", "under", "far_over", "over")
"""The cells of numbers in no bin, by -1, -2, …"""


@dataclass(frozen=True, slots=True)
class Query:
    """SQL with its parameters, in order."""

    text: str
    parameters: tuple[Any, ...]


def profile_query(
    cells: Sequence[ColumnCells], present: Collection[str], rows: str = ROWS
) -> Query:
    """The profile of a relation: count, sum, min and max per day, version, column and cell.

    ``present`` are the columns that the rows have; one that is absent is counted in the cell
    ``missing``, for an absent column is not a column of nulls.
    """
    branches = [_branch(one, one.column.source in present, rows) for one in cells]
    return Query(
        "\nUNION ALL\n".join(branch.text for branch in branches),
        tuple(value for branch in branches for value in branch.parameters),
    )


def quoted(identifier: str) -> str:
    """An identifier in SQL, whatever it holds.

    >>> print(quoted('a "b"'))
    "a ""b\"\""
    """
    return '"' + identifier.replace('"', '""') + '"'


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a profile, each a mapping (by columns, which is faster than row by row)."""
    columns = [column.to_pylist() for column in table.columns]
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def mean_of(rows: Sequence[dict[str, Any]]) -> float | None:
    """The mean of the numbers in a profile's rows of one column, None when there are none."""
    numbers = [row for row in rows if row["sum"] is not None]
    total = sum((row["sum"] for row in numbers), Decimal(0))
    count = sum(row["count"] for row in numbers)
    return float(total / count) if count else None


def _branch(cells: ColumnCells, present: bool, rows: str) -> Query:
    if not present:
        return _missing(cells, rows)
    return _number(cells, rows) if cells.column.kind == "number" else _category(cells, rows)


def _missing(cells: ColumnCells, rows: str) -> Query:
    text = f"""SELECT "day", "model_version", ? AS "column", 'missing' AS "cell",
  CAST(NULL AS VARCHAR) AS "value", count(*) AS "count",
  CAST(NULL AS DECIMAL(38, {DECIMALS})) AS "sum",
  CAST(NULL AS DOUBLE) AS "min", CAST(NULL AS DOUBLE) AS "max"
FROM {rows} GROUP BY 1, 2"""
    return Query(text, (cells.column.name,))


def _number(cells: ColumnCells, rows: str) -> Query:
    search = _search(cells.edges, first=0)
    far_low, far_high = cells.far
    low, high = cells.low or 0.0, cells.high or 0.0
    beside = ", ".join(f"'{cell}'" for cell in _BESIDE_THE_BINS)
    # A value that the column's type does not allow is counted, not cast away to NULL. Rows are
    # grouped by numbers, a bin's own or one below 0: texts would be made and compared row by row.
    text = f"""SELECT "day", "model_version", ? AS "column",
  CASE WHEN place < 0 THEN [{beside}][-place] ELSE 'bin' END AS "cell",
  CASE WHEN place >= 0 THEN CAST(place AS VARCHAR) END AS "value", "count", "sum", "min", "max"
FROM (
  SELECT "day", "model_version", place, count(*) AS "count",
    sum(CASE WHEN NOT isnan(x) AND abs(x) < {SUMMED_BELOW!r}
      THEN CAST(x AS DECIMAL(38, {DECIMALS})) END) AS "sum",
    min(CASE WHEN NOT isnan(x) THEN x END) AS "min",
    max(CASE WHEN NOT isnan(x) THEN x END) AS "max"
  FROM (
    SELECT "day", "model_version", x,
      CASE WHEN raw IS NULL THEN -1 WHEN x IS NULL THEN -2 WHEN isnan(x) THEN -3
        WHEN x < ? THEN -4 WHEN x < ? THEN -5 WHEN x > ? THEN -6 WHEN x > ? THEN -7
        ELSE {search.text} END AS place
    FROM (
      SELECT "day", "model_version", {quoted(cells.column.source)} AS raw,
        TRY_CAST({quoted(cells.column.source)} AS DOUBLE) AS x
      FROM {rows}
    ) AS numbers
  ) AS placed GROUP BY 1, 2, 3
) AS counted"""
    parameters = (cells.column.name, far_low, low, far_high, high, *search.parameters)
    return Query(text, parameters)


def _category(cells: ColumnCells, rows: str) -> Query:
    text = f"""SELECT "day", "model_version", ? AS "column",
  CASE WHEN "value" IS NULL THEN 'null' ELSE 'value' END AS "cell", "value", count(*) AS "count",
  CAST(NULL AS DECIMAL(38, {DECIMALS})) AS "sum",
  CAST(NULL AS DOUBLE) AS "min", CAST(NULL AS DOUBLE) AS "max"
FROM (
  SELECT "day", "model_version", CAST({quoted(cells.column.source)} AS VARCHAR) AS "value"
  FROM {rows}
) AS texts GROUP BY 1, 2, 4, 5"""
    return Query(text, (cells.column.name,))


def _search(edges: Sequence[float], first: int) -> Query:
    """The number of the bin, found by halving: as few comparisons a row as the bins need."""
    if not edges:
        return Query(str(first), ())
    middle = len(edges) // 2
    below = _search(edges[:middle], first)
    above = _search(edges[middle + 1 :], first + middle + 1)
    return Query(
        f"CASE WHEN x < ? THEN {below.text} ELSE {above.text} END",
        (edges[middle], *below.parameters, *above.parameters),
    )
