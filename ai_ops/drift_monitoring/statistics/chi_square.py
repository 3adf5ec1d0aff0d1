"""Pearson's chi-square: whether two vectors of counts can come from the same shares."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from ai_ops.drift_monitoring.statistics.descriptor import Floats, Statistic

LEAST_EXPECTED: Final = 5.0
"""Cells in which a side is expected to have fewer rows than this are counted together."""

CHI_SQUARE: Final = Statistic(
    name="chi_square",
    title="Chi-square of homogeneity",
    unit="squared deviations, one per degree of freedom by chance",
    meaning="how many times the squares of chance the counts differ; grows with the rows",
    source="Pearson, Philosophical Magazine 50, 1900; pooling: Cochran, Biometrics 10(4), 1954",
)


class ChiSquare(NamedTuple):
    """The statistic, its degrees of freedom, and the probability of so much by chance."""

    statistic: float
    degrees: int
    chance: float


def chi_square(current: ArrayLike, reference: ArrayLike) -> ChiSquare:
    """Whether both vectors of counts can come from the same shares; shapes ``[cells]``.

    Cells in which either side is expected to have fewer than ``LEAST_EXPECTED`` rows are counted
    together, for there the approximation fails. With nothing left to compare the chance is 1; NaN
    where a side has no rows. Source: Pearson (1900), Cochran (1954).

    >>> result = chi_square([30, 70], [500, 500])
    >>> round(result.statistic, 2), result.degrees, round(result.chance, 5)
    (14.56, 1, 0.00014)
    >>> chi_square([3, 1], [500, 500])
    ChiSquare(statistic=0.0, degrees=0, chance=1.0)
    """
    now, then = np.asarray(current, float), np.asarray(reference, float)
    n, m = float(now.sum()), float(then.sum())
    if not n or not m:
        return ChiSquare(float("nan"), 0, float("nan"))
    pooled_now, pooled_then = _pooled(now, then, min(n, m) / (n + m))
    together = pooled_now + pooled_then
    # The sum over both rows of the table, (observed - expected)² / expected, in one term a cell.
    terms = (pooled_now * m - pooled_then * n) ** 2 / (n * m * together)
    degrees = len(together) - 1
    if degrees < 1:
        return ChiSquare(0.0, 0, 1.0)
    statistic = float(terms.sum())
    return ChiSquare(statistic, degrees, float(chdtrc(degrees, statistic)))


def _pooled(now: Floats, then: Floats, least_share: float) -> tuple[Floats, Floats]:
    """The filled cells with those that are expected to hold too few counted together.

    Where together they still hold too few, they are counted with the emptiest of the others.
    """
    expected = (now + then) * least_share
    few = (expected > 0) & (expected < LEAST_EXPECTED)
    kept = expected >= LEAST_EXPECTED
    a, b = now[kept], then[kept]
    if not few.any():
        return a, b
    rest_now, rest_then = now[few].sum(), then[few].sum()
    if expected[few].sum() >= LEAST_EXPECTED or not len(a):
        return np.append(a, rest_now), np.append(b, rest_then)
    emptiest = int((a + b).argmin())
    a[emptiest] += rest_now
    b[emptiest] += rest_then
    return a, b
