"""Equal steps that a column's borders lie on: the bin of a value by arithmetic, not by search.

Finding the bin by comparing a value with one border after the other costs about as much as all the
rest of a profile. Borders that lie on a grid of equal steps are found by one subtraction and one
multiplication, which every engine computes alike; steps are then summed to bins, of which
there are few. A border is the least float of its step, so that ``value < border`` and the step say
the same of every float.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_STEPS: Final = 8192
"""Of more steps than this the counts no longer fit a processor's cache."""
MOVED: Final = 0.1
"""A border may move to its step's if no more than this share of a bin changes sides."""
_NARROWEST: Final = 1e-290
"""A range narrower than this has no steps that floats could tell apart."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A value lies in the step ``floor((value - low) * per_unit)``; ``borders`` are the steps at
    which a bin begins."""

    low: float
    per_unit: float
    borders: tuple[int, ...]


@lru_cache(maxsize=4096)
def grid_of(low: float, high: float, edges: tuple[float, ...]) -> Grid | None:
    """The grid that these edges lie on exactly, None when there is none.

    >>> grid_of(0.0, 99.0, (25.0, 50.0, 75.0))
    Grid(low=0.0, per_unit=1.0, borders=(25, 50, 75))
    >>> grid_of(0.0, 1e9, (0.3,)) is None
    True
    """
    for per_unit, _ in _scales(low, high):
        steps = [_step(edge, low, per_unit) for edge in edges]
        before = [_step(math.nextafter(edge, -math.inf), low, per_unit) for edge in edges]
        if all(one == other + 1 for one, other in zip(steps, before, strict=True)):
            return Grid(low, per_unit, tuple(steps))
    return None


def on_a_grid(
    edges: tuple[float, ...], distinct: NDArray[np.float64], counts: NDArray[np.int64]
) -> tuple[float, ...]:
    """The edges, moved to the nearest steps of a grid where that moves hardly a value to another
    bin; as they are where no grid is that fine.

    ``distinct`` are the reference's values in order, and ``counts`` how often each occurs.

    >>> on_a_grid((3.0,), np.arange(9.0), np.ones(9, int))
    (3.0,)
    """
    low, high = float(distinct[0]), float(distinct[-1])
    below = np.concatenate([[0], np.cumsum(counts)])
    ranks = below[np.searchsorted(distinct, edges)]
    bin_ = below[-1] / (len(edges) + 1)
    for per_unit, share in _scales(low, high):
        found = [_border(edge, low, per_unit) for edge in edges]
        moved = tuple(border for border in found if border is not None and border > low)
        if len(set(moved)) != len(edges):
            continue
        apart = below[np.searchsorted(distinct, moved)] - ranks
        if (np.abs(apart) <= share * bin_).all() and grid_of(low, high, moved) is not None:
            return moved
    return edges


def _scales(low: float, high: float) -> Iterator[tuple[float, float]]:
    """Steps per unit, and how much of a bin may move: powers of ten first, which people's numbers
    lie on, and where nothing need move."""
    width = high - low
    if not _NARROWEST < width < 1 / _NARROWEST:
        return
    finest = math.floor(math.log10(MOST_STEPS / width))
    for power in range(finest - 3, finest + 1):
        yield float(f"1e{power}"), 0.0
    for steps in (512, 1024, 2048, 4096, MOST_STEPS):
        yield steps / width, MOVED


def _step(value: float, low: float, per_unit: float) -> int:
    return math.floor((value - low) * per_unit)


def _border(edge: float, low: float, per_unit: float) -> float | None:
    """The least float of the step that begins nearest to an edge."""
    step = round((edge - low) * per_unit)
    start = low + step / per_unit
    below, border = start - 0.5 / per_unit, start + 0.5 / per_unit
    if not _step(below, low, per_unit) < step == _step(border, low, per_unit):
        return None
    while below < (middle := (below + border) / 2) < border:
        if _step(middle, low, per_unit) < step:
            below = middle
        else:
            border = middle
    return border
