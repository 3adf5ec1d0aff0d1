"""What a column is to the others: whether it moved with them, left them, or changed its unit.

A season moves temperature, dew point and humidity together; a broken feed moves one of them. What
the other columns say that a number should be does not depend on the season.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ai_ops.drift_monitoring.causes.signs import Sign
from ai_ops.drift_monitoring.causes.units import ALIKE, CONVERSIONS, Conversion
from ai_ops.drift_monitoring.statistics import Floats

ROWS_AT_LEAST: Final = 100
EXPLAINED: Final = 0.5
"""The share of a column's variation that the others explain, or they say nothing of it."""
HELD: Final = 1.5
"""A relation holds while the error is at most so many times what it was."""
LEFT: Final = 3.0
"""A relation is broken when the error is so many times what it was."""
RIDGE: Final = 1e-3


@dataclass(frozen=True, eq=False)
class Relation:
    """A column as the others tell it: the least squares of the reference's rows.

    ``error`` is what it leaves there (root mean square), ``explained`` the share that it does not.
    Source: Hoerl and Kennard, Ridge regression, Technometrics 12 (1970).
    """

    middle: Floats
    scale: Floats
    weights: Floats
    constant: float
    error: float
    explained: float

    def told(self, others: Floats) -> Floats:
        """What the column should be by the others, shape ``[rows, columns]`` → ``[rows]``."""
        told: Floats = (others - self.middle) / self.scale @ self.weights + self.constant
        return told


def relation_of(own: Floats, others: Floats) -> Relation | None:
    """How a column hangs together with the others; None where it does not, or rows are too few.

    Rows in which any number is not finite are left out.

    >>> x = np.random.default_rng(1).normal(size=(500, 2))
    >>> found = relation_of(x @ [2.0, -1.0] + 5.0, x)
    >>> round(found.explained, 2), relation_of(x[:, 0], x[:, 1:]) is None
    (1.0, True)
    """
    known = np.isfinite(own) & np.isfinite(others).all(axis=1)
    if known.sum() < ROWS_AT_LEAST or not others.shape[1]:
        return None
    y, x = own[known], others[known]
    middle, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    x = (x - middle) / scale
    gram = x.T @ x + RIDGE * len(y) * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x.T @ (y - y.mean()))
    left = y - y.mean() - x @ weights
    total = float(y.var())
    explained = 1 - float((left**2).mean()) / total if total else 0.0
    if explained < EXPLAINED:
        return None
    error = max(float(np.sqrt((left**2).mean())), 1e-9 * float(np.sqrt(total)))
    return Relation(middle, scale, weights, float(y.mean()), error, explained)


def related(relation: Relation | None, own: Floats, others: Floats) -> Sign | None:
    """Whether a column that drifted is what the others say that it is.

    The error is a median, so that rows of another kind among them do not decide it.
    """
    if relation is None:
        return None
    known = np.isfinite(own) & np.isfinite(others).all(axis=1)
    if known.sum() < ROWS_AT_LEAST:
        return None
    y, told = own[known], relation.told(others[known])
    off = _error(y - told) / relation.error
    numbers = {"explained": round(relation.explained, 3), "off": round(off, 2)}
    if off <= HELD:
        words = "it moved together with the columns that it hangs together with"
        return Sign("relation", "genuine_shift", 0.4, words, numbers)
    if off < LEFT:
        return None
    if best := _conversions(relation, y, told):
        named = " or ".join(one.formula for one in best)
        words = f"beside the other columns its numbers are in another unit: {named}"
        numbers |= {"factor": best[0].factor, "offset": best[0].offset}
        return Sign("relation", "bad_data", 0.9, words, numbers)
    words = "it moved alone, away from the columns that it hangs together with"
    return Sign("relation", "bad_data", 0.5, words, numbers)


def _conversions(relation: Relation, y: Floats, told: Floats) -> Sequence[Conversion]:
    """The conversions that bring the relation back; those that nobody can tell apart together.

    The spread must come back too, or any shift could be a factor.
    """
    found = []
    for one in CONVERSIONS:
        back = (y - one.offset) / one.factor
        error = _error(back - told) / relation.error
        wide = abs(float(np.log(max(back.std(), 1e-12) / max(told.std(), 1e-12))))
        if error <= HELD and wide <= np.log(HELD):
            found.append((error, one))
    found.sort(key=lambda pair: pair[0])
    return [one for error, one in found if error <= found[0][0] + ALIKE][:3]


def _error(gaps: Floats) -> float:
    """The root mean square of normal gaps of this median size."""
    return float(np.median(np.abs(gaps))) / 0.6745
