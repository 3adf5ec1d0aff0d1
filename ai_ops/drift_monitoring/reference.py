"""What was normal: a version's reference, column by column, as cells, counts and thresholds."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai_ops.drift_monitoring.calibration import Calibration
from ai_ops.drift_monitoring.cells import ColumnCells
from ai_ops.drift_monitoring.contrasts import Contrasts
from ai_ops.drift_monitoring.profile import mean_of
from ai_ops.drift_monitoring.statistics import Floats


@dataclass(frozen=True, eq=False)
class ReferenceColumn:
    """One column of the reference: its cells, its counts (shape ``[cells]``), its thresholds.

    ``mean`` is of its numbers (None for a category); ``highest_null_share`` is of its worst day.
    ``sums`` are those of the values in each cell, ``std`` the standard deviation of all its finite
    numbers; without them (a reference that was made before they were kept) some statistics are
    unknown.
    """

    cells: ColumnCells
    counts: NDArray[np.int64]
    calibration: Calibration
    mean: float | None
    highest_null_share: float
    sums: Floats = field(default_factory=lambda: np.zeros(0))
    std: float | None = None

    @property
    def name(self) -> str:
        """The input's or output's name."""
        return self.cells.column.name

    @cached_property
    def contrasts(self) -> Contrasts:
        """How windows are measured against it."""
        return Contrasts(self.cells, self.counts.astype(float))

    @property
    def rows(self) -> int:
        """How many rows of the reference the column has."""
        return int(self.counts.sum())

    @property
    def empty(self) -> bool:
        """Whether the reference holds no value of it, only nulls: then nothing says what is normal.

        A null that a number's column stores as NaN is a null.
        """
        return share_of(self.cells, self.counts, "null", "nan") == 1.0 or not self.rows

    def share(self, cell: str) -> float:
        """The share of the reference's rows in the cells of that word."""
        return share_of(self.cells, self.counts, cell)

    @classmethod
    def of(
        cls,
        cells: ColumnCells,
        daily: NDArray[np.int64],
        calibration: Calibration,
        profile: Iterable[dict[str, Any]],
        std: float | None = None,
    ) -> "ReferenceColumn":
        """From the counts per day, shape ``[days, cells]``, and its rows of the profile."""
        rows = list(profile)
        null = cells.names.index(("null", None))
        totals = daily.sum(axis=1)
        shares = daily[totals > 0, null] / totals[totals > 0]
        worst = float(shares.max()) if len(shares) else 0.0
        counts, sums = daily.sum(axis=0), cells.sums(rows)
        return cls(cells, counts, calibration, mean_of(rows), worst, sums, std)


@dataclass(frozen=True, eq=False)
class Reference:
    """The reference of one version: ``digest`` names the table that it was made from.

    ``recipe`` names the settings by which it was made; ``calendar`` is empty where the rows tell no
    times. One that the YAML declares is of every version: whoever trains the model changes it
    without a word, and what it answers is then compared all the same.
    """

    version: str
    digest: str
    calendar: tuple[str, ...]
    columns: tuple[ReferenceColumn, ...]
    recipe: str = ""
    every_version: bool = False

    def is_of(self, version: str | None) -> bool:
        """Whether what that version answered is to be compared with this."""
        return self.every_version or version == self.version

    @cached_property
    def cells_digest(self) -> str:
        """What profiles in its cells are known by: its table and the cells themselves, for the same
        table is cut into other cells by other settings."""
        told = json.dumps([self.digest, *(column.cells.as_data() for column in self.columns)])
        return sha256(told.encode()).hexdigest()[:16]

    @property
    def rows(self) -> int:
        """How many rows the reference has."""
        return max((column.rows for column in self.columns), default=0)

    @property
    def days(self) -> int:
        """How many calendar days the reference spans."""
        return len(self.calendar)

    def column(self, name: str) -> ReferenceColumn:
        """The column of that name; KeyError if the reference has none."""
        return {column.name: column for column in self.columns}[name]

    def as_data(self) -> dict[str, Any]:
        """Cells, thresholds and what they were calibrated on, as JSON-ready data."""
        return {
            "version": self.version,
            "digest": self.digest,
            "recipe": self.recipe,
            "calendar": [*self.calendar[:1], *self.calendar[-1:]],
            "every_version": self.every_version,
            "days": self.days,
            "rows": self.rows,
            "columns": [
                {
                    **column.cells.as_data(),
                    "calibration": column.calibration.as_data(),
                    "counts": column.counts.tolist(),
                    "mean": column.mean,
                    "highest_null_share": column.highest_null_share,
                    "sums": column.sums.tolist(),
                    "std": column.std,
                }
                for column in self.columns
            ],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Reference":
        """What ``as_data`` wrote."""
        return cls(
            version=data["version"],
            digest=data["digest"],
            recipe=data.get("recipe", ""),
            calendar=tuple(calendar(*data["calendar"]) if data["calendar"] else ()),
            every_version=data.get("every_version", False),
            columns=tuple(
                ReferenceColumn(
                    cells=ColumnCells.from_data(column),
                    counts=np.array(column["counts"], np.int64),
                    calibration=Calibration.from_data(column["calibration"]),
                    mean=column["mean"],
                    highest_null_share=column["highest_null_share"],
                    sums=np.array(column.get("sums", ()), float),
                    std=column.get("std"),
                )
                for column in data["columns"]
            ),
        )


def share_of(cells: ColumnCells, counts: Sequence[int] | NDArray[np.int64], *words: str) -> float:
    """The share of a vector of counts that lies in the cells of these words; 0 of no rows."""
    vector = np.asarray(counts)
    chosen = [place for place, (cell, _) in enumerate(cells.names) if cell in words]
    total = int(vector.sum())
    return float(vector[chosen].sum()) / total if total else 0.0


def calendar(first: str, last: str) -> list[str]:
    """The ISO dates from one day to another, both included.

    >>> calendar("2021-02-28", "2021-03-01")
    ['2021-02-28', '2021-03-01']
    """
    days = np.arange(first, np.datetime64(last) + 1, dtype="datetime64[D]")
    return [str(day) for day in days]
