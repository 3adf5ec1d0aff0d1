"""Whose a difference is, when several causes changed together: the Shapley value, exact.

Each cause is given the mean of what it adds over all orders in which the causes can have come. It
is the one division that leaves nothing over, treats causes alike, gives nothing to a cause that
changes nothing, and is additive (L. S. Shapley, "A Value for n-Person Games", 1953).
"""

from collections.abc import Sequence
from functools import cache
from math import factorial

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def shapley(values: Sequence[int] | Ints) -> list[int]:
    """The share of each of n causes, in the units of the values: their sum is exactly the last
    value less the first.

    ``values`` has one entry for each coalition: bit i of its place says whether cause i has come.
    What rounding leaves over goes to the largest remainders.

    >>> shapley([100, 150, 120, 200])  # alone 50 and 20; together 30 more, of which each has half
    [65, 35]
    >>> shapley([0, 0, 0, 1])
    [1, 0]
    """
    causes = len(values).bit_length() - 1
    if len(values) != 1 << causes:
        raise ValueError(f"{len(values)} values are not those of all coalitions of some causes")
    if not causes:
        return []
    known = np.asarray(values, dtype=np.int64)
    without, starts = _orders(causes)
    bits = (1 << np.arange(causes))[:, None]
    added = np.add.reduceat(known[without + bits] - known[without], starts, axis=1)
    weights = [factorial(size) * factorial(causes - size - 1) for size in range(causes)]
    # Python's integers from here on: factorials times billionths outgrow 64 bits.
    shares = [
        sum(weight * one for weight, one in zip(weights, own, strict=True))
        for own in added.tolist()
    ]
    return _rounded(shares, factorial(causes))


def coefficients(causes: int) -> Floats:
    """The share of each cause as a weighted sum over the coalitions: one row for each cause.

    >>> coefficients(1).tolist()
    [[-1.0, 1.0]]
    """
    coalitions = np.arange(1 << causes)
    sizes = np.bitwise_count(coalitions).astype(int)
    orders = np.array([factorial(size) for size in range(causes + 1)], dtype=float)
    member = (coalitions >> np.arange(causes)[:, None]) & 1 == 1
    joined = orders[np.maximum(sizes - 1, 0)] * orders[causes - sizes]
    left = orders[sizes] * orders[np.maximum(causes - sizes - 1, 0)]
    shares: Floats = np.where(member, joined, -left) / factorial(causes)
    return shares


@cache
def _orders(causes: int) -> tuple[Ints, Ints]:
    """For each cause the coalitions without it, the small ones first, and where a size begins."""
    coalitions = np.arange(1 << causes)
    sizes = np.bitwise_count(coalitions)
    rows = []
    for cause in range(causes):
        without = coalitions[(coalitions >> cause) & 1 == 0]
        rows.append(without[np.argsort(sizes[without], kind="stable")])
    starts = np.searchsorted(sizes[rows[0]], np.arange(causes))
    return np.array(rows), starts


def _rounded(shares: Sequence[int], unit: int) -> list[int]:
    """Multiples of 1/unit as whole numbers of the same sum.

    Of equal remainders the earlier is rounded up in a rise and the later in a fall, so that the
    shares of the way back are those of the way there, negated.
    """
    whole = [share // unit for share in shares]
    left = sum(shares) // unit - sum(whole)
    rises = (sum(shares) or next(filter(None, shares), 0)) >= 0
    places = range(len(shares)) if rises else range(len(shares) - 1, -1, -1)
    for place in sorted(places, key=lambda place: -(shares[place] % unit))[:left]:
        whole[place] += 1
    return whole
