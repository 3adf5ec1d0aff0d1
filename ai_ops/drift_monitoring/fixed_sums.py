"""Sums that are exact whatever the order of the rows, at the cost of adding floats.

Each value is rounded to whole units of its column; whole numbers below 2**53 add up exactly as
floats. Decimals would do the same at several times the cost.
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from ai_ops.drift_monitoring.cells import ColumnCells
from ai_ops.drift_monitoring.profile import DECIMALS

_DIGITS: Final = 8
"""The reference's largest number has at most this many digits in units of its column's sums: of
tens of millions of rows in one cell of one day the sum is exact."""
_EXACT: Final = 2.0**52
_FITS: Final = Decimal(10) ** (38 - DECIMALS)
FURTHEST: Final = 100.0
"""In the reference's largest numbers, how far from 0 a value is summed as itself."""
LARGEST: Final = 1.7976931348623157e308


def digits_of(cells: ColumnCells) -> int:
    """To how many decimals the column's values are rounded before they are summed.

    >>> from ai_ops.drift_monitoring.cells import ProfiledColumn
    >>> x = ProfiledColumn("x", "input", "number")
    >>> digits_of(ColumnCells(x, (), 0.0, 0.3)), digits_of(ColumnCells(x, (), -0.5, 990.0))
    (6, 5)
    """
    largest = max(abs(cells.low or 0.0), abs(cells.high or 0.0))
    if not largest:
        return DECIMALS
    return min(_DIGITS - 1 - math.floor(math.log10(largest)), DECIMALS)


def furthest_summed(cells: ColumnCells) -> float:
    """A value further from 0 than this is summed as this: one absurd number would else leave a sum
    that floats cannot hold exactly. The lowest and highest tell where such values really were."""
    largest = max(abs(cells.low or 0.0), abs(cells.high or 0.0)) or 1.0
    return min(FURTHEST * largest, LARGEST)


def exact_sum(row: Mapping[str, Any], digits: int, furthest: float) -> Decimal | None:
    """The sum of a row of the query's answer, None where floats may have rounded it."""
    if row["sum"] is None:
        return None
    units = min(max(abs(row["min"]), abs(row["max"])), furthest) * float(f"1e{digits}") + 1
    # Of nothing no exponent is kept: 0E+293 is no decimal that Arrow takes.
    total = Decimal(int(row["sum"])).scaleb(-digits) if row["sum"] else Decimal(0)
    return total if row["count"] * units < _EXACT and abs(total) < _FITS else None
