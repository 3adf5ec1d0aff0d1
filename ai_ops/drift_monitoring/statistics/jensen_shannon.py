"""The Jensen–Shannon distance: bounded, and finite where a cell is empty on one side."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

from ai_ops.drift_monitoring.statistics.descriptor import Floats, Statistic

JENSEN_SHANNON: Final = Statistic(
    name="js",
    title="Jensen–Shannon distance",
    unit="square root of nats",
    meaning="0 when the shares agree in every cell, 0.8326 when no cell holds rows of both sides",
    source="Lin, IEEE Trans. Inf. Theory 37(1), 1991; Endres and Schindelin, ibid. 49(7), 2003",
)


def jensen_shannon(current: ArrayLike, reference: ArrayLike) -> Floats:
    """The Jensen–Shannon distance of counts per cell, over the last axis.

    The root of the mean divergence of both sides' shares from their midpoint; natural logarithms,
    as Evidently and SciPy have them, so its highest value is ``sqrt(ln 2)``. Nothing is added to
    empty cells. Shapes ``[..., cells]``; NaN where a side has no rows. Source: Lin (1991).

    >>> jensen_shannon([50, 50], [500, 500]).item()
    0.0
    >>> jensen_shannon([10, 0], [0, 10]).round(4).item()
    0.8326
    >>> jensen_shannon([0, 0], [5, 5]).item()
    nan
    """
    now, then = np.asarray(current, float), np.asarray(reference, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        a = now / now.sum(axis=-1, keepdims=True)
        b = then / then.sum(axis=-1, keepdims=True)
    middle = (a + b) / 2
    divergence = (rel_entr(a, middle) + rel_entr(b, middle)).sum(axis=-1) / 2
    # Shares that agree to the last bit but one would put it below 0.
    distance: Floats = np.sqrt(np.maximum(divergence, 0.0))
    return distance
