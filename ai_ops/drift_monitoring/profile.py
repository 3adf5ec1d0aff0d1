"""A profile: how many rows of a day lie in which cell of a column, and what they sum to."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

ROWS: Final = "ok_rows"
"""The relation that the SQL reads: the rows to profile, with ``day`` and ``model_version``."""

DECIMALS: Final = 6
"""A sum has at most this many decimals."""
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
``sum``, ``min`` and ``max`` are of the numbers in the cell, the sum of what ``furthest_summed``
leaves of them; one that is not certainly exact is left out. ``reference_digest`` names the
reference whose cells these are: profiles of different references do not add up.
"""


@dataclass(frozen=True, slots=True)
class Query:
    """SQL with its parameters, in order."""

    text: str
    parameters: tuple[Any, ...]


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
