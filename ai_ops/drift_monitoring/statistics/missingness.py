"""Nulls: whether their share differs from the reference's by more than chance."""

from typing import Final, NamedTuple

import numpy as np
from scipy.special import gammaln, ndtr

from ai_ops.drift_monitoring.statistics.descriptor import Statistic

ENOUGH: Final = 10.0
"""With fewer nulls or values expected on a side, the chance is counted out exactly."""

MISSINGNESS: Final = Statistic(
    name="missingness",
    title="Share of nulls",
    unit="share of rows",
    meaning="the share of rows without a value now, less that of the reference",
    source="interval: Newcombe, Statistics in Medicine 17, 1998 (method 10, of Wilson's scores);"
    " chance: Fisher, The Design of Experiments (1935)",
)


class Missingness(NamedTuple):
    """How much higher the share of nulls is, its interval, and the probability by chance."""

    difference: float
    low: float
    high: float
    chance: float


def missingness(
    nulls: int, rows: int, reference_nulls: int, reference_rows: int, *, z: float = 1.96
) -> Missingness:
    """The difference of two shares of nulls, with an interval (95 % unless ``z`` says otherwise).

    The chance is two-sided: of a difference at least so large between samples of one share. NaN
    where a side has no rows. Source: Newcombe (1998), Fisher (1935).

    >>> found = missingness(95, 1_000, 5_000, 100_000)
    >>> [round(value, 3) for value in found[:3]], found.chance < 1e-9
    ([0.045, 0.028, 0.065], True)
    >>> round(missingness(1, 1_000, 0, 78_000).chance, 3)
    0.025
    """
    if not rows or not reference_rows:
        return Missingness(*[float("nan")] * 4)
    now, then = nulls / rows, reference_nulls / reference_rows
    low_now, high_now = wilson(nulls, rows, z=z)
    low_then, high_then = wilson(reference_nulls, reference_rows, z=z)
    return Missingness(
        difference=now - then,
        low=now - then - float(np.hypot(now - low_now, high_then - then)),
        high=now - then + float(np.hypot(high_now - now, then - low_then)),
        chance=_chance(nulls, rows, reference_nulls, reference_rows),
    )


def wilson(hits: int, rows: int, *, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share. Source: Wilson, JASA 22(158), 1927.

    >>> [round(border, 3) for border in wilson(0, 20)]
    [0.0, 0.161]
    """
    share, weight = hits / rows, z * z / rows
    middle = (share + weight / 2) / (1 + weight)
    half = z * np.sqrt(share * (1 - share) / rows + weight / (4 * rows)) / (1 + weight)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def _chance(hits: int, rows: int, others: int, other_rows: int) -> float:
    every, all_rows = hits + others, rows + other_rows
    share = every / all_rows
    if share in (0.0, 1.0):
        return 1.0
    if min(share, 1 - share) * min(rows, other_rows) >= ENOUGH:
        error = np.sqrt(share * (1 - share) * (1 / rows + 1 / other_rows))
        return float(2 * ndtr(-abs(hits / rows - others / other_rows) / error))
    return _exact(hits, rows, every, all_rows)


def _exact(hits: int, rows: int, every: int, all_rows: int) -> float:
    """Twice the smaller tail of the hypergeometric distribution of ``hits``."""
    if 2 * every > all_rows:
        hits, every = rows - hits, all_rows - every
    lowest, highest = max(0, every - (all_rows - rows)), min(every, rows)
    found = np.arange(lowest, highest + 1)
    ways = (
        _choose(every, found)
        + _choose(all_rows - every, rows - found)
        - _choose(all_rows, np.array(rows))
    )
    chances = np.exp(ways)
    at = hits - lowest
    return float(min(1.0, 2 * min(chances[: at + 1].sum(), chances[at:].sum())))


def _choose(n: int, k: np.typing.NDArray[np.int64]) -> np.typing.NDArray[np.float64]:
    logarithm: np.typing.NDArray[np.float64] = (
        gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    )
    return logarithm
