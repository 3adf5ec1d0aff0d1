"""How far one window of one column is from its reference, by the test that puts it furthest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.contrasts import DriftTest
from ai_ops.drift_monitoring.limits import Basis, gauged
from ai_ops.drift_monitoring.reference import ReferenceColumn

Severity = Literal["slight", "marked", "severe"]

SIZES: Final[Mapping[DriftTest, tuple[float, float]]] = {
    "psi": (0.1, 0.25),
    "location": (0.2, 0.5),
    "spread": (0.2, 0.5),
    "unseen": (0.02, 0.1),
    "nulls": (0.02, 0.1),
    "outside": (0.02, 0.1),
}
"""From which size on a change is marked, and severe: the textbook's of PSI (Siddiqi 2006) and of
standardised means (Cohen 1988)."""
RATIOS: Final = (1.5, 3.0)
"""And from how many thresholds on: what is large beside what a column usually does."""


@dataclass(frozen=True, slots=True)
class Far:
    """How far a window is: ``value`` over ``limit`` of the ``test`` that puts it furthest.

    All are None where there are no rows or no thresholds; ``psi``, ``location`` and ``spread`` are
    told wherever there are rows.
    """

    test: DriftTest | None = None
    value: float | None = None
    limit: float | None = None
    ratio: float | None = None
    basis: Basis | None = None
    severity: Severity | None = None
    psi: float | None = None
    threshold: float | None = None
    location: float | None = None
    spread: float | None = None


def how_far(
    column: ReferenceColumn,
    counts: ArrayLike,
    allowance: float = 1.0,
    days: ArrayLike | None = None,
) -> Far:
    """The window with these counts per cell; ``allowance`` multiplies every threshold.

    ``days`` are the same counts by day: where they are told, a single bad day is no drift.
    """
    window = np.asarray(counts, float)[np.newaxis]
    n = float(window.sum())
    if not n or not column.rows:
        return Far(threshold=column.calibration.threshold)
    told = {
        test: float(column.contrasts.measured(test, window)[0])
        for test in column.contrasts.tests
        if test in ("psi", "location", "spread")
    }
    known = {test: value for test, value in told.items() if np.isfinite(value)}
    limits = column.calibration.all_limits
    if not limits:
        return Far(psi=known.get("psi"), location=known.get("location"), spread=known.get("spread"))
    by_day = None if days is None else np.asarray(days, float)[np.newaxis]
    results = {one.test: one for one in gauged(column.contrasts, limits, window, allowance, by_day)}
    ratios = {test: float(one.ratios[0]) for test, one in results.items()}
    furthest = max(ratios, key=lambda test: ratios[test])
    limit = next(limit for limit in limits if limit.test == furthest)
    sizes = {test: float(one.values[0]) for test, one in results.items()}
    return Far(
        test=furthest,
        value=sizes[furthest],
        limit=float(results[furthest].thresholds[0]),
        ratio=ratios[furthest],
        basis=limit.basis(n),
        severity=severity(sizes, ratios),
        psi=known.get("psi"),
        threshold=float(results["psi"].thresholds[0]) if "psi" in results else None,
        location=known.get("location"),
        spread=known.get("spread"),
    )


def severity(sizes: Mapping[DriftTest, float], ratios: Mapping[DriftTest, float]) -> Severity:
    """How large a change is, in itself and beside what the column usually does.

    >>> severity({"psi": 0.3, "location": 0.4}, {"psi": 4.0, "location": 5.0})
    'severe'
    >>> severity({"psi": 1.3}, {"psi": 1.1})
    'slight'
    """
    reached = [
        sum(
            abs(sizes[test]) >= size and ratios[test] >= ratio
            for size, ratio in zip(SIZES[test], RATIOS, strict=True)
        )
        for test in sizes
    ]
    words: tuple[Severity, ...] = ("slight", "marked", "severe")
    return words[max(reached, default=0)]
