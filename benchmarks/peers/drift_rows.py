"""Two sides of made rows for drift: ten numbers with nulls, five categories of 2 to 200 levels.

Half of the columns are a little different now. Imports nothing of ai_ops: peers read it, too.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

NUMBERS = tuple(f"n{place}" for place in range(10))
CATEGORIES = tuple(f"c{place}" for place in range(5))
LEVELS = (2, 5, 20, 80, 200)
GROUP = 131_072
"""Rows of a row group, and of what is made at once: any number of rows fits into memory."""


def make_sides(folder: Path, rows: int) -> tuple[Path, Path]:
    """The files of the reference and of the current rows, so many each."""
    files = folder / "reference.parquet", folder / "current.parquet"
    for file, moved in zip(files, (0.0, 1.0), strict=True):
        chance = np.random.default_rng([int(moved), 20])
        writer = None
        for start in range(0, rows, GROUP):
            part = _part(chance, min(GROUP, rows - start), moved)
            writer = writer or pq.ParquetWriter(file, part.schema, compression="zstd")
            writer.write_table(part)
        assert writer is not None
        writer.close()
    return files


def _part(chance: np.random.Generator, rows: int, moved: float) -> pa.Table:
    columns: dict[str, pa.Array] = {}
    for place, name in enumerate(NUMBERS):
        shift = 0.08 * moved * (place % 2)
        values = _numbers(chance, place, rows) * (1 + shift / 4) + shift
        columns[f"input_{name}"] = pa.array(
            values.round(4), mask=chance.random(rows) < 0.01 * place
        )
    for place, (name, levels) in enumerate(zip(CATEGORIES, LEVELS, strict=True)):
        weights = 1.0 / np.arange(1, levels + 1)
        weights[0] *= 1 + 0.1 * moved * (place % 2)
        codes = chance.choice(levels, rows, p=weights / weights.sum())
        words = pa.array([f"level {code}" for code in range(levels)])
        columns[f"input_{name}"] = words.take(pa.array(codes))
    return pa.table(columns)


def _numbers(chance: np.random.Generator, place: int, rows: int) -> "np.typing.NDArray[np.float64]":
    if place % 3 == 0:
        return chance.normal(20, 5, rows)
    return chance.lognormal(2, 0.6, rows) if place % 3 == 1 else chance.gamma(2.0, 3.0, rows)
