"""A day's log of 15 columns, about 63 bytes a row: ten of numbers, five of words."""

from pathlib import Path

import duckdb

from ai_ops.drift_monitoring.cells import (
    ColumnCells,
    ProfiledColumn,
    cells_of_categories,
    cells_of_numbers,
)

NUMBERS = tuple(f"n{place}" for place in range(10))
WORDS = tuple(f"c{place}" for place in range(5))
LEVELS = (2, 8, 20, 60, 200)
REFERENCE_ROWS = 200_000
BINS = 10
_NORMAL = "sqrt(-2 * ln(1 - random())) * cos(6.283185307179586 * random())"


def write_log(path: Path, rows: int) -> None:
    """Measurements of six scales, two skewed ones, a whole number and one mostly zero; streamed, so
    that a hundred million rows need no more memory than one."""
    values = [
        *(f"{_NORMAL} * {10 ** (place % 3)} + {place}" for place in range(6)),
        *(f"exp({_NORMAL})" for _ in range(2)),
        "CAST(floor(random() * 1000) AS DOUBLE)",
        "CASE WHEN random() < .7 THEN 0 ELSE round(-5 * ln(1 - random()), 1) END",
    ]
    columns = [
        f"CASE WHEN random() < {place % 4 / 100} THEN NULL ELSE {value} END AS input_{name}"
        for place, (name, value) in enumerate(zip(NUMBERS, values, strict=True))
    ]
    columns += [
        f"'level ' || CAST(floor(random() * random() * {levels}) AS INTEGER) AS input_{name}"
        for name, levels in zip(WORDS, LEVELS, strict=True)
    ]
    settings = {"threads": 1, "memory_limit": "1GB", "preserve_insertion_order": False}
    with duckdb.connect(config=settings) as connection:
        connection.execute("SELECT setseed(0.5)")
        connection.execute(
            f"COPY (SELECT 'ok' AS status, '1' AS model_version, {', '.join(columns)}"
            f" FROM range({rows})) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
        )


def cells_of(path: Path) -> list[ColumnCells]:
    """The cells that a reference of the log's first rows gives."""
    with duckdb.connect(config={"threads": 1}) as connection:
        rows = connection.sql(f"FROM '{path}' LIMIT {REFERENCE_ROWS}").to_arrow_table()
    numbers = [
        cells_of_numbers(
            ProfiledColumn(name, "input", "number"),
            rows[f"input_{name}"].drop_null().to_numpy(),
            BINS,
        )
        for name in NUMBERS
    ]
    words = [
        cells_of_categories(
            ProfiledColumn(name, "input", "category"), rows[f"input_{name}"].unique().to_pylist()
        )
        for name in WORDS
    ]
    return [*numbers, *words]
