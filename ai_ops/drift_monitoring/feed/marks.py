"""What tells one day's column from every other: marks of its profile, never its values.

Pure: from rows of a profile to marks.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from math import isfinite, log10, pi
from typing import Any, Final

from ai_ops.drift_monitoring.profile import DECIMALS

BINS_THAT_TELL: Final = 4
"""The lowest and highest of fewer bins may be those of another day by chance."""
ROWS_THAT_TELL: Final = 10
"""In a cell of fewer rows one or two values are no sign of anything."""
NUMBERS_THAT_TELL: Final = 8
"""A grain is told of so many different numbers: sums, lowest and highest of the cells."""
COARSEST: Final = 6

_VALUES: Final = ("bin", "under", "over", "far_under", "far_over")
_EMPTY: Final = ("null", "nan", "invalid", "missing")
_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class ColumnMarks:
    """One column of one day; ``rows`` are those that have a value.

    ``exact`` is the same for two days only whose counts, exact sums and extremes are the same in
    every cell, ``luck`` the power of ten of the chance that rows drawn anew come to that; ``bins``
    are the same bin by bin where its extremes are. ``single`` marks the only value that there is.
    ``grain`` is the power of ten of which all numbers are multiples; ``pointed`` the share of rows
    in cells that hold one value or two. None where a day cannot tell.
    """

    rows: int
    exact: str
    luck: float
    bins: Mapping[str, str]
    single: str | None
    grain: int | None
    pointed: float | None

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass
class _Cell:
    """One cell of a day, of every version that answered."""

    count: int = 0
    total: Decimal = Decimal(0)
    low: float = float("inf")
    high: float = float("-inf")

    def add(self, row: Mapping[str, Any]) -> None:
        self.count += row["count"]
        if row["sum"] is not None:
            self.total += row["sum"]
        if row["min"] is not None:
            self.low = min(self.low, row["min"])
            self.high = max(self.high, row["max"])

    @property
    def pointed(self) -> bool:
        """Whether it holds its lowest and its highest value and nothing between, as far as the sum
        can tell: ``k`` rows at the lowest and the others at the highest give a whole ``k``."""
        width = self.high - self.low
        if width == 0:
            return True
        at_lowest = (self.count * self.high - float(self.total)) / width
        if not isfinite(at_lowest):  # of an infinity, or beyond what floats can tell
            return False
        blurred = (self.count * 10.0**-DECIMALS + abs(float(self.total)) * 1e-15) / width
        return abs(at_lowest - round(at_lowest)) <= blurred < 0.05


def marks_by_column(profile: Iterable[Mapping[str, Any]]) -> dict[str, ColumnMarks]:
    """The marks of each column, from the rows of one day's profile."""
    own: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in profile:
        own[row["column"]].append(row)
    return {column: marks_of(rows) for column, rows in own.items()}


def marks_of(profile: Sequence[Mapping[str, Any]]) -> ColumnMarks:
    """The marks of one column, from its rows of one day's profile.

    >>> rows = [("bin", "0", 30, "6.00", 0.1, 0.3), ("bin", "1", 20, "18.00", 0.9, 0.9)]
    >>> names = ("cell", "value", "count", "sum", "min", "max")
    >>> told = [dict(zip(names, row)) | {"sum": Decimal(row[3])} for row in rows]
    >>> marks = marks_of(told)
    >>> marks.rows, marks.single, marks.pointed
    (50, None, 1.0)
    """
    cells: dict[tuple[str, str | None], _Cell] = defaultdict(_Cell)
    for row in profile:
        cells[row["cell"], row["value"]].add(row)
    told = sorted(cells.items(), key=str)
    filled = {key: cell for key, cell in told if key[0] not in _EMPTY}
    numbers = [cell for key, cell in filled.items() if key[0] in _VALUES]
    low = min((cell.low for cell in numbers), default=None)
    high = max((cell.high for cell in numbers), default=None)
    if numbers:
        single = _digest(low) if low == high else None
    else:
        single = _digest(*filled) if len(filled) == 1 else None
    return ColumnMarks(
        rows=sum(cell.count for cell in filled.values()),
        exact=_digest(*((key, c.count, str(c.total), c.low, c.high) for key, c in told)),
        luck=_luck([cell.count for cell in cells.values()]),
        bins={
            f"{key[0]} {key[1]}": _digest(cell.low, cell.high)[:6]
            for key, cell in filled.items()
            if numbers
        },
        single=single,
        grain=_grain(numbers),
        pointed=_pointed(numbers),
    )


def _luck(counts: Sequence[int]) -> float:
    """The power of ten of the chance that two samples fall alike into cells with such counts.

    Two Poisson counts of mean ``c`` are equal with a chance of about ``1 / sqrt(4 pi c)``; the last
    cell is what the others leave.
    """
    free = sorted(count for count in counts if count > 0)[:-1]
    return round(-0.5 * sum(log10(4 * pi * count) for count in free), 2)


def _grain(numbers: Sequence[_Cell]) -> int | None:
    """The exponent of the coarsest power of ten that divides every sum, lowest and highest."""
    if not numbers:
        return None
    unit = 10**DECIMALS
    told = {int(cell.total * unit) for cell in numbers}
    every = {value * unit for cell in numbers for value in (cell.low, cell.high)}
    extremes = set(filter(isfinite, every))
    if any(abs(value - round(value)) > max(0.01, abs(value) * 1e-12) for value in extremes):
        return -DECIMALS
    told = {*told, *map(round, extremes)} - {0}
    if len(told) < NUMBERS_THAT_TELL:
        return None
    exponent = 0
    while exponent < DECIMALS + COARSEST and not any(n % 10 ** (exponent + 1) for n in told):
        exponent += 1
    return exponent - DECIMALS


def _pointed(numbers: Sequence[_Cell]) -> float | None:
    full = [cell for cell in numbers if cell.count >= ROWS_THAT_TELL]
    if len(full) < 2:
        return None
    return sum(cell.count for cell in full if cell.pointed) / sum(cell.count for cell in full)


def _digest(*told: Any) -> str:
    return sha256(repr(told).encode()).hexdigest()[:_LENGTH]
