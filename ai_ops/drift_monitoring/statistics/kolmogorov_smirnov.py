"""The Kolmogorov–Smirnov distance: how far apart the cumulated shares come at any border."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import kolmogorov

from ai_ops.drift_monitoring.statistics.descriptor import Floats, Statistic

KOLMOGOROV_SMIRNOV: Final = Statistic(
    name="ks",
    title="Kolmogorov–Smirnov distance",
    unit="share of rows",
    meaning="the largest share of rows that lies on the other side of some border than it did",
    source="Smirnov, Annals of Mathematical Statistics 19(2), 1948; p-value: Stephens, JRSS B 32,"
    " 1970",
)


def kolmogorov_smirnov(current: ArrayLike, reference: ArrayLike) -> Floats:
    """The largest difference of the cumulated shares, of counts in ascending cells.

    It sees the borders only: of the distance between the rows themselves it is a lower bound, by
    at most the larger share of the fullest cell. Shapes ``[..., cells]``; NaN where a side has no
    rows. Source: Smirnov (1948).

    >>> kolmogorov_smirnov([10, 20, 70], [40, 20, 40]).round(3).item()
    0.3
    >>> kolmogorov_smirnov([0, 0], [1, 1]).item()
    nan
    """
    now, then = np.asarray(current, float), np.asarray(reference, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        a = now.cumsum(axis=-1) / now.sum(axis=-1, keepdims=True)
        b = then.cumsum(axis=-1) / then.sum(axis=-1, keepdims=True)
    distance: Floats = np.abs(a - b).max(axis=-1)
    return distance


def kolmogorov_smirnov_chance(distance: float, n_current: int, n_reference: int) -> float:
    """The probability that chance alone puts rows of one distribution so far apart.

    Conservative: of cells, the distance is a lower bound, and rows that tie make it smaller still.
    NaN where a side has no rows. Source: Stephens (1970), whose correction holds from 10 rows up.

    >>> round(kolmogorov_smirnov_chance(0.05, 1_000, 50_000), 3)
    0.014
    """
    if min(n_current, n_reference) <= 0:
        return float("nan")
    root = np.sqrt(n_current * n_reference / (n_current + n_reference))
    return float(kolmogorov((root + 0.12 + 0.11 / root) * distance))
