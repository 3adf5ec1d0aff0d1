"""The variance of many columns, each known from a few weeks: they lend each other strength.

Twelve weeks know a variance badly, and who asks for a false alarm in a thousand pays for that with
a threshold far out. Columns that are alike in how restless they are tell it together; columns that
differ keep to their own weeks. How alike they are is learnt from them.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, polygamma

from ai_ops.drift_monitoring.statistics import Floats

FEWEST_COLUMNS: Final = 4
"""Fewer columns say nothing about how much columns differ."""
LENT_AT_MOST: Final = 3.0
"""All the others count at most this many times as much as the column's own weeks."""


def moderated(variances: ArrayLike, freedom: float) -> tuple[Floats, float]:
    """Each variance drawn towards what is usual, and the degrees of freedom that it then has.

    An inverse chi-square of unknown scale and freedom is fitted to the variances by the moments of
    their logarithms. Unknown (NaN) and zero variances stay as they are and lend nothing. Source:
    Smyth, Linear models and empirical Bayes methods, Statistical Applications in Genetics and
    Molecular Biology 3(1), 2004 (limma's ``squeezeVar``).

    >>> alike, freedom = moderated([1.0, 1.1, 0.9, 1.0, 1.2], 10)
    >>> alike.round(2).tolist(), round(freedom)
    ([1.11, 1.14, 1.09, 1.11, 1.16], 40)
    >>> unlike, freedom = moderated([0.01, 1.0, 100.0, 0.1, 10.0], 10)
    >>> unlike.round(2).tolist(), round(freedom)
    ([0.02, 0.95, 94.52, 0.1, 9.46], 11)
    """
    own = np.asarray(variances, float)
    known = own[np.isfinite(own) & (own > 0)]
    if len(known) < FEWEST_COLUMNS or freedom <= 0:
        return own, freedom
    logs = np.log(known) - digamma(freedom / 2) + np.log(freedom / 2)
    between = float(logs.var(ddof=1) - polygamma(1, freedom / 2))
    usual, lent = float(logs.mean()), np.inf
    if between > 0:
        lent = 2 * _inverse_trigamma(between)
        usual += float(digamma(lent / 2) - np.log(lent / 2))
    usual, lent = float(np.exp(usual)), min(lent, LENT_AT_MOST * freedom)
    drawn = (lent * usual + freedom * own) / (lent + freedom)
    return np.where(own > 0, drawn, own), freedom + lent


def _inverse_trigamma(value: float) -> float:
    """Where the trigamma function has that value, by Newton's method (Smyth 2004, appendix)."""
    if value > 1e7:
        return float(1 / np.sqrt(value))
    place = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, place))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, place))
        place += step
        if abs(step) < 1e-8 * place:
            break
    return place
