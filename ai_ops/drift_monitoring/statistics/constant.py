"""A column stuck at one value, where the reference had several."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.statistics.descriptor import Statistic

CONSTANT: Final = Statistic(
    name="constant",
    title="Share of the fullest cell",
    unit="share of the rows that have a value",
    meaning="1 when every value lies in one cell; where the reference filled several, it is stuck",
    source="the multinomial distribution",
)


class Constant(NamedTuple):
    """The share of the fullest cell, the chance of one cell for all, and whether it is stuck."""

    share: float
    chance: float
    stuck: bool


def constant(current: ArrayLike, reference: ArrayLike) -> Constant:
    """Whether all values lie in one cell where the reference filled several; shapes ``[cells]``.

    ``chance`` is that of all rows in the same cell by luck; ``stuck`` needs at least two rows. Of a
    number, values of one cell may still differ: its lowest and highest tell. NaN without values.

    >>> constant([0, 12, 0], [50, 30, 20])
    Constant(share=1.0, chance=0.00024..., stuck=True)
    >>> constant([0, 12, 0], [0, 30, 0]).stuck
    False
    """
    now, then = np.asarray(current, float), np.asarray(reference, float)
    rows = now.sum()
    if not rows or not then.sum():
        return Constant(float("nan"), float("nan"), False)
    share = float(now.max() / rows)
    alone = share == 1.0 and rows > 1
    chance = float(((then / then.sum()) ** rows).sum()) if alone else 1.0
    return Constant(share, chance, alone and int((then > 0).sum()) > 1)
