"""The SQL of a profile: one source for every column, of what every engine computes alike.

Each column is one branch of a UNION ALL and reads that column only, so that a branch more costs
no input more. Counts and sums are exact whatever the order of the rows: daily profiles sum to the
weekly one, bit by bit.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from ai_ops.drift_monitoring.cells import ColumnCells
from ai_ops.drift_monitoring.fixed_sums import LARGEST, digits_of, furthest_summed
from ai_ops.drift_monitoring.grids import grid_of
from ai_ops.drift_monitoring.profile import ROWS, Query, quoted

Stored = Literal["number", "text", "other"]
"""As what a log's file has a column: only text must be searched for numbers."""

BY: Final = ("day", "model_version")

_BESIDE_THE_BINS: Final = ("null", "invalid", "nan", "far_under", "under", "far_over", "over")
"""The cells of numbers in no bin, by -1, -2, …"""


_ROUNDING: Final = "6755399441055744e0"
"""1.5 * 2**52: adding and then subtracting it rounds a float to the nearest whole number."""
_NUMBER: Final = "^ *[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)? *$"
"""What text is a number: engines agree on this much, and on little beyond it."""


def profile_query(
    cells: Sequence[ColumnCells],
    present: Mapping[str, Stored],
    shared: Mapping[str, str | None] | None = None,
    rows: str = ROWS,
) -> Query:
    """The profile of a relation: count, sum, min and max per day, version, column and cell.

    ``present`` are the columns that the rows have; one that is absent is counted in the cell
    ``missing``, for an absent column is not a column of nulls. What all rows share of ``day`` and
    ``model_version`` need not be grouped by. A ``sum`` is in units of 10 to minus ``digits_of``.
    """
    shared = shared or {}
    by = tuple(name for name in BY if name not in shared)
    branches = [
        _named(_branch(one, present.get(one.column.source), by, rows), one, shared) for one in cells
    ]
    return Query(
        "\nUNION ALL\n".join(branch.text for branch in branches),
        tuple(value for branch in branches for value in branch.parameters),
    )


def _branch(cells: ColumnCells, stored: Stored | None, by: Sequence[str], rows: str) -> Query:
    """``cell``, ``value``, ``count``, ``sum``, ``min`` and ``max`` of one column, by ``by``."""
    if stored is None:
        return _missing(by, rows)
    if cells.column.kind == "category":
        return _category(cells, by, rows)
    return _number(cells, stored, by, rows)


def _named(branch: Query, cells: ColumnCells, shared: Mapping[str, str | None]) -> Query:
    """A branch with its names before it: each select within another costs time to be planned, a
    millisecond a column of what each day's profile takes."""
    parts = ", ".join(
        f"CAST(? AS VARCHAR) AS {quoted(name)}" if name in shared else quoted(name) for name in BY
    )
    text = f"""SELECT {parts}, CAST(? AS VARCHAR) AS "column", {branch.text}"""
    told = tuple(shared[name] for name in BY if name in shared)
    return Query(text, (*told, cells.column.name, *branch.parameters))


_NO_NUMBERS: Final = """CAST(NULL AS DOUBLE) AS "sum",
  CAST(NULL AS DOUBLE) AS "min", CAST(NULL AS DOUBLE) AS "max\""""


def _missing(by: Sequence[str], rows: str) -> Query:
    text = f"""'missing' AS "cell", CAST(NULL AS VARCHAR) AS "value",
  count(*) AS "count", {_NO_NUMBERS}
FROM {rows}{_grouped(by)}"""
    return Query(text, ())


def _category(cells: ColumnCells, by: Sequence[str], rows: str) -> Query:
    # Grouped by the value alone, which costs least where a file keeps texts by dictionary.
    text = f"""CASE WHEN "value" IS NULL THEN 'null' ELSE 'value' END AS "cell", "value", "count",
  {_NO_NUMBERS}
FROM (
  SELECT {_listed(by)}"value", count(*) AS "count"
  FROM (
    SELECT {_listed(by)}CAST({quoted(cells.column.source)} AS VARCHAR) AS "value" FROM {rows}
  ) AS texts{_grouped((*by, "value"))}
) AS counted"""
    return Query(text, ())


def _number(cells: ColumnCells, stored: Stored, by: Sequence[str], rows: str) -> Query:
    far_low, far_high = cells.far
    low, high = cells.low or 0.0, cells.high or 0.0
    furthest, scale = furthest_summed(cells), float(f"1e{digits_of(cells)}")
    step, bin_ = _place(cells, low, high)
    source = quoted(cells.column.source)
    read, absent = _as_double(stored, source), "x IS NULL THEN -1"
    if stored != "number":
        read, absent = f"{read} AS x, {source}", "raw IS NULL THEN -1 WHEN x IS NULL THEN -2"
    beside = " ".join(
        f"WHEN {-number} THEN '{cell}'" for number, cell in enumerate(_BESIDE_THE_BINS, start=1)
    )
    # A value that the column's type does not allow is counted, not cast away to NULL. What lies
    # within the reference's range comes first: what is rare then costs next to nothing.
    text = f"""CASE place {beside} ELSE 'bin' END AS "cell",
  CASE WHEN place >= 0 THEN CAST(place AS VARCHAR) END AS "value", "count",
  CASE WHEN place >= 0 OR place <= -4 THEN "sum" END AS "sum",
  CASE WHEN place >= 0 OR place <= -4 THEN "min" END AS "min",
  CASE WHEN place >= 0 OR place <= -4 THEN "max" END AS "max"
FROM (
  SELECT {_listed(by)}
    CASE WHEN step = -8 THEN -4 WHEN step = -9 THEN -6 WHEN step < 0 THEN step ELSE {bin_} END
      AS place,
    CAST(sum("count") AS BIGINT) AS "count",
    sum(CASE WHEN step = -8 THEN "count" * ? WHEN step = -9 THEN "count" * ? ELSE "sum" END)
      AS "sum", min("min") AS "min", max("max") AS "max"
  FROM (
    SELECT {_listed(by)}
      CASE WHEN x BETWEEN ? AND ? THEN {step.text} WHEN {absent} WHEN isnan(x) THEN -3
        WHEN x < ? THEN -8 WHEN x < ? THEN -4 WHEN x < ? THEN -5
        WHEN x > ? THEN -9 WHEN x > ? THEN -6 ELSE -7 END AS step,
      count(*) AS "count", sum(((x * ?) + {_ROUNDING}) - {_ROUNDING}) AS "sum",
      min(x) AS "min", max(x) AS "max"
    FROM (SELECT {_listed(by)}{read} AS {"x" if stored == "number" else "raw"} FROM {rows})
      AS numbers{_grouped((*by, "step"))}
  ) AS stepped{_grouped((*by, "place"))}
) AS counted"""
    units = math.floor(furthest * scale)
    outside = (-furthest, far_low, low, furthest, far_high)
    return Query(text, (-float(units), float(units), low, high, *step.parameters, *outside, scale))


def _as_double(stored: Stored, source: str) -> str:
    if stored == "number":
        return f"CAST({source} AS DOUBLE)"
    if stored == "other":
        return "CAST(NULL AS DOUBLE)"
    number = (
        f"CASE WHEN regexp_matches({source}, '{_NUMBER}') THEN TRY_CAST({source} AS DOUBLE) END"
    )
    return f"CASE WHEN abs({number}) <= {LARGEST!r} THEN {number} END"


def _place(cells: ColumnCells, low: float, high: float) -> tuple[Query, str]:
    """How a value within the range finds its step, and a step its bin."""
    grid = grid_of(low, high, cells.edges) if cells.edges else None
    if grid is None:
        return _search(cells.edges, first=0), "step"
    step = Query("CAST(floor((x - ?) * ?) AS SMALLINT)", (grid.low, grid.per_unit))
    bins = " ".join(f"WHEN step < {border} THEN {bin_}" for bin_, border in enumerate(grid.borders))
    return step, f"CASE {bins} ELSE {len(grid.borders)} END"


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


def _listed(by: Sequence[str]) -> str:
    return "".join(f"{quoted(name)}, " for name in by)


def _grouped(by: Sequence[str]) -> str:
    return f" GROUP BY {', '.join(map(quoted, by))}" if by else " HAVING count(*) > 0"
