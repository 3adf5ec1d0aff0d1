"""The population stability index, and how far chance alone puts it."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from ai_ops.drift_monitoring.statistics.descriptor import Floats, Statistic

SMOOTHING: Final = 0.5

PSI: Final = Statistic(
    name="psi",
    title="Population stability index",
    unit="nats",
    meaning="0 when the two shares agree in every cell; grows with each share that moved",
    source="Siddiqi, Credit Risk Scorecards (2006); the symmetric divergence of Jeffreys (1946)",
)


def psi(current: ArrayLike, reference: ArrayLike) -> Floats:
    """The population stability index of counts per cell, over the last axis.

    ``sum((a - b) ln(a / b))`` of the shares ``a`` now and ``b`` in the reference. Half a row is
    added to every cell that either side fills, so that an empty cell stays finite; cells that
    both leave empty are left out. Shapes ``[..., cells]``; unit nats; NaN where a side has no
    rows. Source: Siddiqi (2006).

    >>> psi([500, 500], [5000, 5000]).round(4).item()
    0.0
    >>> psi([800, 200], [5000, 5000]).round(3).item()
    0.415
    >>> psi([0, 0], [5000, 5000]).item()
    nan
    """
    now, then = np.broadcast_arrays(np.asarray(current, float), np.asarray(reference, float))
    filled = (now + then) > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = _shares(now, filled), _shares(then, filled)
        terms = np.where(filled, (a - b) * np.log(a / b), 0.0)
    enough = (now.sum(axis=-1) > 0) & (then.sum(axis=-1) > 0)
    distance: Floats = np.where(enough, terms.sum(axis=-1), np.nan)
    return distance


def psi_of_chance(n_current: int, n_reference: int, cells: int, *, alpha: float) -> float:
    """The PSI that chance alone exceeds with probability ``alpha`` when nothing moved.

    Sampled from one distribution, PSI is nearly ``(1/n + 1/m)`` times a chi-square with
    ``cells - 1`` degrees of freedom. Source: Yurdakul and Naranjo, Statistical properties of the
    population stability index, Journal of Risk Model Validation 14(4), 2020.

    >>> round(psi_of_chance(500, 78_000, 20, alpha=0.001), 3)
    0.088
    """
    if min(n_current, n_reference) <= 0 or cells < 2:
        return 0.0
    return float(chi2.ppf(1 - alpha, cells - 1) * (1 / n_current + 1 / n_reference))


def _shares(counts: Floats, filled: NDArray[np.bool_]) -> Floats:
    smoothed = np.where(filled, counts + SMOOTHING, 0.0)
    shares: Floats = smoothed / smoothed.sum(axis=-1, keepdims=True)
    return shares
