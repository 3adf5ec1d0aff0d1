"""Ways to profile a log, each with one thing more than the one before."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ai_ops.drift_monitoring.cells import ColumnCells
from ai_ops.drift_monitoring.grids import Grid, grid_of
from ai_ops.drift_monitoring.profile import ROWS
from ai_ops.drift_monitoring.rows import connect, run_profile
from drift_cost.table import NUMBERS, WORDS

Way = Callable[[Path, Sequence[ColumnCells]], int]
"""A log and the cells of its columns → how many rows were counted of its first column."""

STEPS = 100
_WHOLE = 'sum(((x * 1e5) + 6755399441055744.0) - 6755399441055744.0) AS "sum"'
_EXTREMES = "min(x) AS low, max(x) AS high"


def floor(path: Path, cells: Sequence[ColumnCells]) -> int:
    """Reading every column once, and doing the least with it."""
    sums = [f"sum(input_{name})" for name in NUMBERS]
    lengths = [f"sum(strlen(input_{name}))" for name in WORDS]
    with connect() as connection:
        told = connection.execute(f"SELECT count(*), {', '.join([*sums, *lengths])} FROM '{path}'")
        row = told.fetchone()
    assert row is not None
    return int(row[0])


def counts(path: Path, cells: Sequence[ColumnCells]) -> int:
    """Rows per cell of equal width; nulls are the one cell apart."""
    return _counted(path, cells, "count(*) AS n")


def counts_and_sums(path: Path, cells: Sequence[ColumnCells]) -> int:
    """And an exact sum per cell."""
    return _counted(path, cells, f"count(*) AS n, {_WHOLE}")


def counts_sums_extremes(path: Path, cells: Sequence[ColumnCells]) -> int:
    """And the lowest and highest value of each cell."""
    return _counted(path, cells, f"count(*) AS n, {_WHOLE}, {_EXTREMES}")


def quantiles(path: Path, cells: Sequence[ColumnCells]) -> int:
    """And cells between the quantiles of a reference."""
    return _counted(path, cells, f"count(*) AS n, {_WHOLE}, {_EXTREMES}", by_quantile=True)


def profile(path: Path, cells: Sequence[ColumnCells]) -> int:
    """What a day's profile is made by: and every tail, NaN and what is no number apart, by version,
    of answered rows only."""
    with connect() as connection:
        connection.execute(
            f"CREATE VIEW {ROWS} AS SELECT *, '2021-03-01' AS \"day\" FROM '{path}'"
            " WHERE status = 'ok'"
        )
        made = run_profile(connection, cells, {one.column.source for one in cells}, "1", "digest")
    first = cells[0].column.name
    names, numbers = made["column"].to_pylist(), made["count"].to_pylist()
    return sum(n for name, n in zip(names, numbers, strict=True) if name == first)


def decimals(path: Path, cells: Sequence[ColumnCells]) -> int:
    """Cells between quantiles, found by comparing, and sums of decimals: the plain way to it."""
    branches = [_plain(one, path) for one in cells if one.column.kind == "number"]
    return _first(branches + [_words(name, path, others=3) for name in WORDS])


def _counted(
    path: Path, cells: Sequence[ColumnCells], told: str, *, by_quantile: bool = False
) -> int:
    branches = []
    for one in cells:
        if one.column.kind == "category":
            branches.append(_words(one.column.name, path, others=told.count(" AS ") - 1))
            continue
        assert one.low is not None and one.high is not None
        grid = grid_of(one.low, one.high, one.edges) if by_quantile else None
        grid = grid or Grid(one.low, STEPS / (one.high - one.low), ())
        # A type so small that its every value has a place of its own in a table of groups.
        kind = "TINYINT" if not grid.borders else "INTEGER"
        # Where nothing is told apart but nulls, what is no number is one of them.
        step = f"TRY_CAST(floor((x - {_text(grid.low)}) * {_text(grid.per_unit)}) AS {kind})"
        text = (
            f"SELECT place, {told} FROM (SELECT x, {step} AS place"
            f" FROM (SELECT input_{one.column.name} AS x FROM '{path}')) GROUP BY place"
        )
        if by_quantile:
            found = " ".join(f"WHEN place < {edge} THEN {n}" for n, edge in enumerate(grid.borders))
            text = (
                'SELECT bin, sum(n) AS n, sum("sum") AS "sum", min(low) AS low, max(high) AS high'
                f" FROM (SELECT *, CASE WHEN place IS NULL THEN -1 {found} ELSE 99 END AS bin"
                f" FROM ({text})) GROUP BY bin"
            )
        branches.append(f"SELECT '{one.column.name}' AS name, * FROM ({text})")
    return _first(branches)


def _words(name: str, path: Path, others: int) -> str:
    nothing = "".join([", NULL"] * others)
    return (
        f"SELECT '{name}' AS name, 0 AS place, n{nothing} FROM"
        f" (SELECT input_{name} AS word, count(*) AS n FROM '{path}' GROUP BY 1)"
    )


def _plain(cells: ColumnCells, path: Path) -> str:
    bins = " ".join(f"WHEN x < {_text(edge)} THEN {n}" for n, edge in enumerate(cells.edges))
    return (
        f"SELECT '{cells.column.name}' AS name, place, count(*) AS n,"
        f" sum(CAST(x AS DECIMAL(38, 6))), {_EXTREMES} FROM (SELECT x, CASE WHEN x IS NULL THEN -1"
        f" WHEN isnan(x) THEN -2 {bins} ELSE {len(cells.edges)} END AS place"
        f" FROM (SELECT input_{cells.column.name} AS x FROM '{path}')) GROUP BY place"
    )


def _first(branches: Sequence[str]) -> int:
    with connect() as connection:
        rows = connection.execute("\nUNION ALL\n".join(branches)).fetchall()
    return sum(n for name, _, n, *_ in rows if name == NUMBERS[0])


def _text(value: float) -> str:
    return f"CAST('{value!r}' AS DOUBLE)"


WAYS: Mapping[str, Way] = {
    one.__name__: one
    for one in (
        floor, counts, counts_and_sums, counts_sums_extremes, quantiles, profile, decimals,
    )
}  # fmt: skip
