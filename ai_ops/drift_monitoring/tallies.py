"""A day's profile as vectors: what a window needs of a day, ready to be summed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai_ops.drift_monitoring.cells import ColumnCells
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.statistics import Floats


@dataclass(frozen=True, eq=False)
class Tally:
    """One column over some rows: counts in the order of its cells, shape ``[cells]``.

    ``total`` is the exact sum of its ``numbers`` finite values, ``sums`` theirs cell by cell;
    ``unseen`` the categories that the reference never had; ``missing`` whether the log had no such
    column; ``others`` how many rows are left out because another version answered them.
    """

    counts: NDArray[np.int64]
    total: Decimal = Decimal(0)
    numbers: int = 0
    unseen: frozenset[str | None] = frozenset()
    missing: bool = False
    others: int = 0
    sums: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def rows(self) -> int:
        """How many rows were counted."""
        return int(self.counts.sum())

    @property
    def speaks(self) -> bool:
        """Whether there are rows, and no more of another version: the evening of a day on which a
        version began to answer is no day of it."""
        return 0 < self.rows >= self.others

    @property
    def mean(self) -> float | None:
        """The mean of the finite numbers, None when there are none."""
        return float(self.total / self.numbers) if self.numbers else None

    def __add__(self, other: "Tally") -> "Tally":
        """Both together, exactly."""
        return Tally(
            self.counts + other.counts,
            self.total + other.total,
            self.numbers + other.numbers,
            self.unseen | other.unseen,
            self.missing or other.missing,
            self.others + other.others,
            self.sums + other.sums if len(other.sums) else self.sums,
        )


DayTallies = Mapping[str, Tally]
"""Column → its tally; a column without rows is not in it."""


def tally_day(reference: Reference, profile: Iterable[Mapping[str, Any]]) -> DayTallies:
    """A day's profile (rows of ``profile.SCHEMA``) per column of the reference.

    Inputs count every row; outputs only those that the reference is of, for another version's
    scores differ without any drift.
    """
    columns = {column.name: column.cells for column in reference.columns}
    own: dict[str, list[Mapping[str, Any]]] = {}
    others: dict[str, int] = defaultdict(int)
    for row in profile:
        cells = columns[row["column"]]
        if cells.column.role == "input" or reference.is_of(row["model_version"]):
            own.setdefault(row["column"], []).append(row)
        else:
            others[row["column"]] += row["count"]
    return {
        name: replace(tally(columns[name], rows), others=others[name]) for name, rows in own.items()
    }


def tally(cells: ColumnCells, rows: Sequence[Mapping[str, Any]]) -> Tally:
    """The rows of a profile of one column, together."""
    numbers = [row for row in rows if row["sum"] is not None]
    return Tally(
        counts=cells.counts(rows),
        sums=cells.sums(rows),
        total=sum((row["sum"] for row in numbers), Decimal(0)),
        numbers=sum(row["count"] for row in numbers),
        unseen=frozenset(row["value"] for row in rows if row["cell"] == "unseen"),
        missing=any(row["cell"] == "missing" for row in rows),
    )


def window_tally(cells: ColumnCells, days: Iterable[DayTallies]) -> Tally:
    """One column over the days of a window; ``missing`` is that of the last day.

    The vectors are summed exactly, whatever the order.
    """
    name, size = cells.column.name, len(cells.names)
    whole, missing = Tally(np.zeros(size, np.int64), sums=np.zeros(size)), False
    for day in days:
        missing = name in day and day[name].missing
        if name in day:
            whole = whole + day[name]
    return replace(whole, missing=missing)
