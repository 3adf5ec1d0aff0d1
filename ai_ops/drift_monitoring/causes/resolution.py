"""A coarser column: rounded to whole steps, or stuck at one value."""

from typing import Final

import numpy as np

from ai_ops.drift_monitoring.causes.affine import spread_of
from ai_ops.drift_monitoring.causes.sides import Moved
from ai_ops.drift_monitoring.causes.signs import Sign
from ai_ops.drift_monitoring.statistics import Floats

STEPS: Final = (1000.0, 100.0, 50.0, 10.0, 5.0, 1.0, 0.5, 0.1, 0.05, 0.01, 0.001)
ALL: Final = 0.995
"""The share of numbers that are multiples of a step when a column is rounded to it."""
FEW: Final = 0.5
"""The share up to which they are by chance, or by habit."""
COARSE: Final = 0.02
"""A step of less of the numbers' spread rounds nothing that matters: cents are no grid."""
ONE: Final = 0.98
"""One value fills so much of a column that is stuck."""


def stuck(moved: Moved) -> Sign | None:
    """Whether one value fills the column, which had others before."""
    if moved.kind == "category":
        now = max(moved.now.shares.values(), default=0.0)
        before = max(moved.base.shares.values(), default=0.0)
    else:
        base = moved.last if moved.last.measured else moved.reference
        if not moved.now.measured or not base.measured:
            return None
        now, before = fullest(moved.now.numbers), fullest(base.numbers)
    if now < ONE or before > 0.9:
        return None
    words = f"one value fills {now:.0%} of it; the fullest had {before:.0%} before"
    numbers = {"now": round(now, 4), "before": round(before, 4)}
    return Sign("stuck", "bad_data", 0.9, words, numbers)


def quantised(moved: Moved) -> Sign | None:
    """Whether the numbers are rounded to a coarser step than they were."""
    base = moved.last if moved.last.measured else moved.reference
    if moved.kind != "number" or not moved.now.measured or not base.measured:
        return None
    if fullest(moved.now.numbers) >= ONE:
        return None  # a single value is told by itself
    coarse = COARSE * spread_of(moved.now.numbers)
    for step in (step for step in STEPS if step >= coarse):
        now, before = multiples(moved.now.numbers, step), multiples(base.numbers, step)
        if now >= ALL and before <= FEW and not _squeezed(moved.now.numbers, base.numbers, step):
            words = f"it is rounded: {now:.0%} of its numbers are multiples of {step:g}"
            numbers = {"step": step, "now": round(now, 4), "before": round(before, 4)}
            return Sign("quantised", "bad_data", 0.85, words, numbers)
    return None


def multiples(numbers: Floats, step: float) -> float:
    """The share of the numbers that are whole multiples of a step.

    >>> multiples(np.array([0.0, 5.0, 10.0, 12.5]), 5.0)
    0.75
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is no multiple
        steps = numbers / step
        return float((np.abs(steps - np.round(steps)) < 1e-6).mean())


def fullest(numbers: Floats) -> float:
    """The share of the most frequent number.

    >>> fullest(np.array([1.0, 1.0, 2.0, 3.0]))
    0.5
    """
    _, counts = np.unique(numbers, return_counts=True)
    return float(counts.max()) / len(numbers)


def _squeezed(now: Floats, before: Floats, step: float) -> bool:
    """Whether the numbers are multiples for they are few: zeros are multiples of everything."""
    return len(np.unique(now[np.abs(now) >= step])) < 2 or float(np.abs(before).max()) < step
