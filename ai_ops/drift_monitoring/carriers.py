"""Whether one call site, or one tenant, carries an effect that the whole of the rows shows.

Pure, on counts per cell: one value carries an effect when the rows without it are clean by the
same measure, are enough to have shown it, and the effect is stronger among its own rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ai_ops.drift_monitoring.distances import how_far
from ai_ops.drift_monitoring.reference import ReferenceColumn
from ai_ops.drift_monitoring.statistics import psi

Counts = NDArray[np.int64]
ByValue = Mapping[str | None, Counts]
"""The counts per cell, shape ``[cells]``, of the rows of each value; None of those without one."""

REST_AT_LEAST: Final = 50
"""Fewer rows without a value say nothing about them."""
SHOWN_AT_LEAST: Final = 5
"""So many broken rows are expected among the others, were they broken as often as the whole."""
CARRIED: Final = 0.9


@dataclass(frozen=True, slots=True)
class Carriers:
    """The call site and the tenant that carry an effect; None where none does alone."""

    call_site: str | None = None
    tenant: str | None = None


def drift_carrier(column: ReferenceColumn, rows: ByValue) -> str | None:
    """The one value without which the column would not be beyond its threshold.

    >>> from ai_ops.drift_monitoring.calibration import Calibration
    >>> from ai_ops.drift_monitoring.cells import ColumnCells, ProfiledColumn
    >>> cells = ColumnCells(ProfiledColumn("x", "input", "category"), values=("a", "b"))
    >>> known = Calibration(0.05, "material", 9, 0.01, 0.02, 0.01, 5)
    >>> column = ReferenceColumn(cells, np.array([5000, 5000, 0, 0]), known, None, 0.0)
    >>> web, shop = np.array([500, 500, 0, 0]), np.array([20, 380, 0, 0])
    >>> drift_carrier(column, {"web": web, "shop": shop})
    'shop'
    >>> drift_carrier(column, {"web": shop, "shop": shop}) is None
    True
    """
    whole = sum(rows.values(), np.zeros(len(column.counts), np.int64))
    level = _level(column, whole)
    if level is None or level <= 1:
        return None
    found = []
    for value, own in rows.items():
        rest = whole - own
        if value is None or rest.sum() < REST_AT_LEAST or not own.sum():
            continue
        left = _level(column, rest)
        stronger = psi(own, column.counts) > psi(whole, column.counts)
        if left is not None and left <= min(1.0, level / 2) and stronger:
            found.append(value)
    return found[0] if len(found) == 1 else None


def share_carrier(shares: Mapping[str | None, tuple[float, int]]) -> str | None:
    """The one value among whose rows nearly all broken rows are: of each its share and its rows.

    >>> share_carrier({"web": (0.0, 700), "shop": (0.6, 300)})
    'shop'
    >>> share_carrier({"web": (0.3, 700), "shop": (0.6, 300)}) is None
    True
    >>> share_carrier({"web": (0.0, 20), "shop": (0.6, 980)}) is None
    True
    """
    broken = {value: share * rows for value, (share, rows) in shares.items()}
    whole, size = sum(broken.values()), sum(rows for _, rows in shares.values())
    for value, (_, rows) in shares.items():
        rest = size - rows
        if value is None or rest < REST_AT_LEAST or whole * rest / size < SHOWN_AT_LEAST:
            continue
        if broken[value] >= CARRIED * whole:
            return value
    return None


def carried_by(carriers: Carriers) -> str:
    """In words where an effect comes from; empty when from no one place.

    >>> carried_by(Carriers(call_site="web", tenant=None))
    'it comes from call site web alone'
    """
    told = {"call site": carriers.call_site, "tenant": carriers.tenant}
    named = [f"{kind} {value}" for kind, value in told.items() if value is not None]
    return f"it comes from {' and '.join(named)} alone" if named else ""


def counts_by(
    column: ReferenceColumn, profile: Sequence[Mapping[str, Any]]
) -> dict[str | None, Counts]:
    """The counts of a column by the value that stands as the version in a profile's rows."""
    by_value: dict[str | None, list[Mapping[str, Any]]] = {}
    for row in profile:
        if row["column"] == column.name:
            by_value.setdefault(row["model_version"], []).append(row)
    return {value: column.cells.counts(rows) for value, rows in by_value.items()}


def _level(column: ReferenceColumn, counts: Counts) -> float | None:
    return how_far(column, counts).ratio
