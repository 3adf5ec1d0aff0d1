"""Evidently 0.7.23's own PSI, Jensen–Shannon and Wasserstein, read off fine profiles.

It bins both sides together over their common range, so that its bins move with every outlier, and
fills what is empty with small shares; alerts are better read from cells of the reference. These
numbers are for whoever compares the two. A version that heeds its ``n_bins`` (evidently#1400) will
tell others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ai_ops.drift_monitoring.statistics.descriptor import Floats
from ai_ops.drift_monitoring.statistics.fine import FineProfile
from ai_ops.drift_monitoring.statistics.jensen_shannon import jensen_shannon
from ai_ops.drift_monitoring.statistics.wasserstein import wasserstein

EMPTY: Final = 1e-4
"""The share that stands for none, unless a share that small is there: then a millionth of it."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Evidently's statistics of one column; a category has no Wasserstein distance."""

    psi: float
    js: float
    wasserstein: float | None = None


def parity_of_numbers(
    current: FineProfile, reference: FineProfile, *, std: float | None = None, whole: bool = False
) -> Parity:
    """What Evidently tells of two sides' finite numbers; ``whole`` says that they are integers.

    ``std`` is the reference's standard deviation, which the cells tell almost exactly too.

    A reference of at most twenty distinct values is compared value by value, others in Sturges'
    bins over the range of both. ``ValueError`` where a side has no finite number, as of Evidently.
    """
    if not current.rows or not reference.rows:
        raise ValueError("a side has no finite number; there is nothing to compare")
    if reference.few:
        now, then = _by_value(current, reference)
    else:
        low = float(min(current.lowest[0], reference.lowest[0]))
        high = float(max(current.highest[-1], reference.highest[-1]))
        borders = sturges_borders(low, high, current.rows + reference.rows, whole=whole)
        now, then = _binned(current, borders), _binned(reference, borders)
    moved = _wasserstein(current, reference, reference.std if std is None else std)
    return Parity(_psi(now, then), float(jensen_shannon(now, then)), moved)


def parity_of_categories(current: Mapping[str, int], reference: Mapping[str, int]) -> Parity:
    """What Evidently tells of two sides' rows per category, nulls left out; exact.

    >>> found = parity_of_categories({"a": 60, "b": 40}, {"a": 500, "b": 400, "c": 100})
    >>> round(found.psi, 4), round(found.js, 4)
    (0.7083, 0.1922)
    """
    if not current or not reference:
        raise ValueError("a side has no category; there is nothing to compare")
    values = sorted({*current, *reference})
    now = np.array([current.get(value, 0) for value in values], float)
    then = np.array([reference.get(value, 0) for value in values], float)
    return Parity(_psi(now, then), float(jensen_shannon(now, then)))


def sturges_borders(low: float, high: float, rows: int, *, whole: bool = False) -> Floats:
    """The borders of Sturges' bins between the extremes of so many rows, as NumPy has them.

    Source: Sturges, The choice of a class interval, JASA 21(153), 1926.

    >>> sturges_borders(0.0, 8.0, rows=8).tolist()
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    width = (high - low) / (np.log2(rows) + 1.0)
    width = max(width, 1.0) if whole else width
    bins = int(np.ceil((high - low) / width)) if width else 1
    return np.linspace(low, high, bins + 1)


def _binned(side: FineProfile, borders: Floats) -> Floats:
    below = side.below(borders)
    below[-1] = side.rows  # the last bin has its upper border
    return np.diff(below)


def _by_value(current: FineProfile, reference: FineProfile) -> tuple[Floats, Floats]:
    """Rows per value that the reference has, then per value that only the other side has."""
    known = reference.lowest
    seen = (current.lowest == current.highest) & np.isin(current.lowest, known)
    now = np.zeros(len(known))
    now[np.searchsorted(known, current.lowest[seen])] = current.counts[seen]
    new: list[float] = []
    for low, high, count in zip(
        current.lowest[~seen], current.highest[~seen], current.counts[~seen], strict=True
    ):
        # Of a cell with several values that the reference has not, each row has one of its own.
        new += [count] if low == high else [1.0] * int(count)
    return np.append(now, new), np.append(reference.counts, np.zeros(len(new)))


def _psi(now: Floats, then: Floats) -> float:
    a, b = _filled(now / now.sum()), _filled(then / then.sum())
    return float(((b - a) * np.log(b / a)).sum())


def _filled(shares: Floats) -> Floats:
    least = shares[shares > 0].min()
    return np.where(shares == 0, least / 1e6 if least <= EMPTY else EMPTY, shares)


def _wasserstein(current: FineProfile, reference: FineProfile, std: float) -> float:
    now, then = current, reference
    return wasserstein(
        now.spread_out(now.counts),
        then.spread_out(then.counts),
        now.spread_out(now.sums),
        then.spread_out(then.sums),
        reference.borders,
        std,
        spans=(
            (now.spread_out(now.lowest), now.spread_out(now.highest)),
            (then.spread_out(then.lowest), then.spread_out(then.highest)),
        ),
    )
