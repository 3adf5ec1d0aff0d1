"""The sign turned round or lost: every number is its negative, or its size only."""

from typing import Final

import numpy as np

from ai_ops.drift_monitoring.causes.affine import SLACK, Fit, distance, fits, shape, spread_of
from ai_ops.drift_monitoring.causes.sides import Moved
from ai_ops.drift_monitoring.causes.signs import Sign

NEGATIVE_AT_LEAST: Final = 0.05
"""The share of numbers below zero from which their lack is one."""


def flipped(moved: Moved) -> Sign | None:
    """Whether the numbers are the negatives of what they were, or lost their minus; None if not.

    An answer between 0 and 1 may be turned round in another way: ``1 - p``, what is sure of the
    opposite.
    """
    if moved.kind != "number":
        return None
    found = [("it changed its sign", fit) for fit in fits(moved, -1.0) if fit.holds]
    if moved.role == "output":
        turned = (fit for fit in fits(moved, -1.0, 1.0) if fit.holds)
        found += [("it answers the opposite (1 - p)", fit) for fit in turned]
    if (lost := _lost(moved)) is not None:
        found.append(("it lost its sign: no number is below zero any more", lost))
    if not found:
        return None
    words, fit = min(found, key=lambda pair: pair[1].back)
    numbers = {"off": round(fit.off, 3), "brought_back": round(fit.back, 3)}
    return Sign("sign", "bad_data", 0.95, words, numbers)


def _lost(moved: Moved) -> Fit | None:
    base = moved.last if moved.last.measured else moved.reference
    if not (moved.now.measured and base.measured):
        return None
    if float((base.numbers < 0).mean()) < NEGATIVE_AT_LEAST or moved.now.numbers[0] < 0:
        return None
    spread, natural = spread_of(base.numbers), moved.natural_block
    positive = np.abs(base.numbers)
    off = distance(moved.now.numbers, base.numbers, spread)
    back = distance(moved.now.numbers, positive, spread)
    torn = shape(moved.now.numbers, base.numbers, spread)
    mended = shape(moved.now.numbers, positive, spread)
    fit = Fit(off, back, torn, mended, natural)
    return fit if back <= max(natural.distance, 2 * SLACK) and back < off else None
