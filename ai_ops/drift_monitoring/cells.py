"""The cells of a profile: where a column's values are counted, and in which order.

A number's cells lie between quantiles of the reference; what lies beyond the reference's range,
or is no number at all, has cells of its own. A category's cells are the values that the reference
has. Equal cells make profiles of different days comparable, and summable.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.grids import on_a_grid

Role = Literal["input", "output"]
Kind = Literal["number", "category"]
Cell = Literal[
    "bin", "value", "unseen", "null", "nan", "under", "over", "far_under", "far_over",
    "invalid", "missing",
]  # fmt: skip

OUTSIDE: Final[tuple[Cell, ...]] = (
    "null", "nan", "under", "over", "far_under", "far_over", "invalid",
)  # fmt: skip
FAR: Final = 1.0
"""Beyond the reference's range by more than this many of its widths, a value is far outside."""


@dataclass(frozen=True, slots=True)
class ProfiledColumn:
    """An input or output as the profile sees it; ``source`` is its column in the log."""

    name: str
    role: Role
    kind: Kind

    @property
    def source(self) -> str:
        """The column of the prediction log, and of the reference table, that holds it."""
        return f"{self.role}_{self.name}"


@dataclass(frozen=True, slots=True)
class ColumnCells:
    """The cells of one column.

    For a number, ``edges`` are the inner borders (a value equal to a border belongs above it) and
    ``low`` and ``high`` the reference's extremes. For a category, ``values`` are what the
    reference has, sorted.
    """

    column: ProfiledColumn
    edges: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[tuple[Cell, str | None], ...]:
        """Every cell in the order of a vector of counts: its word, and its bin or value."""
        names: list[tuple[Cell, str | None]]
        if self.column.kind == "category":
            names = [("value", value) for value in self.values]
            return (*names, ("unseen", None), ("null", None))
        names = [("bin", str(number)) for number in range(len(self.edges) + 1)]
        return (*names, *((cell, None) for cell in OUTSIDE))

    @property
    def far(self) -> tuple[float, float]:
        """Below and above which a value is far outside what the reference showed."""
        low, high = self.low or 0.0, self.high or 0.0
        width = high - low
        return low - FAR * width, high + FAR * width

    def counts(self, profile: Iterable[Mapping[str, Any]]) -> NDArray[np.int64]:
        """The rows of a profile as one vector of counts; cells of a missing column are left out."""
        place = {name: index for index, name in enumerate(self.names)}
        vector = [0] * len(place)
        for row in profile:
            if row["cell"] == "missing":
                continue
            value = None if row["cell"] == "unseen" else row["value"]
            vector[place[row["cell"], value]] += row["count"]
        return np.array(vector, np.int64)

    def sums(self, profile: Iterable[Mapping[str, Any]]) -> NDArray[np.float64]:
        """The sums of the numbers in each cell, shape ``[cells]``; 0 where there are none."""
        place = {name: index for index, name in enumerate(self.names)}
        vector = np.zeros(len(place))
        for row in profile:
            if row["sum"] is not None:
                vector[place[row["cell"], row["value"]]] += float(row["sum"])
        return vector

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "ColumnCells":
        """What ``as_data`` wrote."""
        return cls(
            column=ProfiledColumn(**data["column"]),
            edges=tuple(data["edges"]),
            low=data["low"],
            high=data["high"],
            values=tuple(data["values"]),
        )


def columns_of(feature: AiFeatureSpec) -> tuple[ProfiledColumn, ...]:
    """The columns to profile: every input and output; a boolean counts as a category."""
    kinds: dict[str, Kind] = {"number": "number", "probability": "number"}
    inputs = (
        ProfiledColumn(c.name, "input", kinds.get(c.type, "category")) for c in feature.inputs
    )
    outputs = (
        ProfiledColumn(c.name, "output", kinds.get(c.type, "category")) for c in feature.outputs
    )
    return (*inputs, *outputs)


def cells_of_numbers(column: ProfiledColumn, values: ArrayLike, bins: int) -> ColumnCells:
    """Cells between the quantiles of a reference's finite numbers, at most about ``bins``.

    A value that fills a whole quantile (no rain, on most days) gets a cell of its own, or its
    neighbours would be counted with it and a change between them would be lost. Borders lie on a
    grid of equal steps where one is fine enough.

    >>> rain = ProfiledColumn("rain", "input", "number")
    >>> cells_of_numbers(rain, [0.0] * 90 + [0.1] * 6 + [0.4] * 4, bins=4).edges
    (0.1,)
    >>> cells_of_numbers(rain, range(100), bins=4).edges
    (25.0, 50.0, 75.0)
    """
    numbers = np.asarray(values, float)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return ColumnCells(column, (), None, None)
    distinct, counts = np.unique(numbers, return_counts=True)
    shares = np.arange(1, bins) / bins
    places = np.searchsorted(np.cumsum(counts), shares * len(numbers), side="right")
    inner, repeats = np.unique(places[places < len(distinct)], return_counts=True)
    above = inner[repeats > 1] + 1
    edges = np.union1d(inner, above[above < len(distinct)])
    quantiles = tuple(float(distinct[place]) for place in edges if place > 0)
    borders = on_a_grid(quantiles, distinct, counts)
    return ColumnCells(column, borders, float(distinct[0]), float(distinct[-1]))


def cells_of_categories(column: ProfiledColumn, values: Iterable[str | None]) -> ColumnCells:
    """One cell per value that the reference has."""
    return ColumnCells(column, values=tuple(sorted({str(v) for v in values if v is not None})))
