"""Categories that appeared or vanished, and whether luck alone explains it."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import pdtrc

from ai_ops.drift_monitoring.statistics.descriptor import Statistic

UNSEEN: Final = Statistic(
    name="unseen",
    title="Unseen categories",
    unit="share of rows",
    meaning="the share of rows whose category the reference never had",
    source="the chance: Good, Biometrika 40, 1953 (the mass of categories seen once)",
)
VANISHED: Final = Statistic(
    name="vanished",
    title="Vanished categories",
    unit="share of the reference's rows",
    meaning="the share that the categories which no row has now had in the reference",
    source="the multinomial distribution; the bound over categories: Boole",
)


class Unseen(NamedTuple):
    """The share of rows in categories that the reference never had, and its chance."""

    share: float
    chance: float


class Vanished(NamedTuple):
    """The places of the absent categories, the share they had, and the chance of absence."""

    places: tuple[int, ...]
    share: float
    chance: float


def unseen(hits: int, rows: int, once: int, reference_rows: int) -> Unseen:
    """Rows in categories that the reference never had; ``once`` are those it had just once.

    A reference that holds rare categories misses others as rare: ``once / rows`` of it is the
    share to expect. The chance is that of so many such rows or more, were they independent. NaN
    where a side has no rows. Source: Good (1953).

    >>> unseen(20, 1_000, once=0, reference_rows=50_000).chance < 1e-12
    True
    >>> round(unseen(1, 1_000, once=40, reference_rows=50_000).chance, 2)
    0.56
    """
    if not rows or not reference_rows:
        return Unseen(float("nan"), float("nan"))
    expected = rows * (once + 1) / reference_rows
    return Unseen(hits / rows, float(pdtrc(hits - 1, expected)) if hits else 1.0)


def vanished(current: ArrayLike, reference: ArrayLike) -> Vanished:
    """The categories that the reference has and no row now; counts per category, ``[categories]``.

    The chance is that of any category at least as common as the most common of the absent being
    absent by luck. NaN where a side has no rows.

    >>> vanished([60, 40, 0], [5_000, 4_000, 1_000])
    Vanished(places=(2,), share=0.1, chance=2.65...e-05)
    >>> vanished([60, 40, 0], [5_999, 4_000, 1]).chance
    0.99...
    >>> vanished([1, 1], [5, 5])
    Vanished(places=(), share=0.0, chance=1.0)
    """
    now, then = np.asarray(current, float), np.asarray(reference, float)
    if not now.sum() or not then.sum():
        return Vanished((), float("nan"), float("nan"))
    shares = then / then.sum()
    absent = (now == 0) & (then > 0)
    if not absent.any():
        return Vanished((), 0.0, 1.0)
    as_common = shares[shares >= shares[absent].max()]
    chance = min(1.0, float(((1 - as_common) ** now.sum()).sum()))
    return Vanished(tuple(np.flatnonzero(absent).tolist()), float(shares[absent].sum()), chance)
