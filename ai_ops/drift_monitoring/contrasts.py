"""What is measured of a window against a reference: each test a number, from counts per cell.

PSI sees every change and is weak against a small one, for it spreads over all cells what lies in
one direction. Where values go, how far they spread and what share of them is none at all are
therefore measured by themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from ai_ops.drift_monitoring.cells import Cell, ColumnCells
from ai_ops.drift_monitoring.statistics import Floats, psi

DriftTest = Literal["psi", "location", "spread", "unseen", "nulls", "outside"]

DIRECTED: Final[tuple[DriftTest, ...]] = ("location", "spread")
SHARES: Final[dict[DriftTest, tuple[Cell, ...]]] = {
    "unseen": ("unseen",),
    "nulls": ("null", "nan"),
    "outside": ("far_under", "far_over", "invalid"),
}
"""The cells whose share is a test of its own; of unseen categories see ``Contrasts.share``."""
BEYOND: Final = 3.0
FAR_BEYOND: Final = 4.0
"""The normal score of what lies beyond the reference's range, and of what lies far beyond."""


@dataclass(frozen=True, eq=False)
class Contrasts:
    """How one column is measured against its reference, ``counts`` of shape ``[cells]``."""

    cells: ColumnCells
    counts: Floats

    @cached_property
    def scores(self) -> Floats:
        """The normal score of each cell."""
        return normal_scores(self.cells, self.counts)

    @cached_property
    def _reference(self) -> Floats:
        return self.folded(self.counts)

    @property
    def tests(self) -> tuple[DriftTest, ...]:
        """The tests that the column's kind allows."""
        if self.cells.column.kind == "category":
            return ("psi", "unseen", "nulls")
        return ("psi", "location", "spread", "nulls", "outside")

    def measured(self, test: DriftTest, windows: ArrayLike) -> Floats:
        """The test's number for every window, shape ``[windows, cells]`` to ``[windows]``.

        NaN where a window has no rows, or none with a number where the test needs numbers.
        """
        rows = np.asarray(windows, float)
        if test == "psi":
            return psi(self.folded(rows), self._reference)
        if test in SHARES:
            return self.share(test, rows, self.counts) - self.share(test, self.counts, self.counts)
        place, width = _moments(rows, self.scores)
        if test == "location":
            return place
        with np.errstate(invalid="ignore"):
            spread: Floats = (width - 1) / 2
        return spread

    def per_row(self, test: DriftTest) -> float:
        """What one row adds to the test's variance by chance: that over ``n`` for ``n`` rows.

        Of PSI it is the mean that chance adds, of a share the variance of its angle.
        """
        if test == "psi":
            return float(max((self._reference > 0).sum() - 1, 1))
        if test in SHARES:
            return 0.25
        if test == "location":
            return 1.0
        known = np.isfinite(self.scores)
        fourth = self.counts[known] @ self.scores[known] ** 4 / max(self.counts[known].sum(), 1.0)
        return float((fourth - 1) / 4)

    def folded(self, rows: Floats) -> Floats:
        """The counts with what lies just beyond the reference's range in the outermost bins.

        Its own weeks never lie beyond that range, by how it is made; another healthy one may.
        """
        if self.cells.column.kind == "category":
            return rows
        folded, last = rows.copy(), len(self.cells.edges)
        for cell, bin_ in (("under", 0), ("over", last)):
            place = self.cells.names.index((cell, None))  # type: ignore[arg-type]
            folded[..., bin_] += folded[..., place]
            folded[..., place] = 0
        return folded

    def share(self, test: DriftTest, rows: Floats, known: Floats) -> Floats:
        """The share of rows in the test's cells; a category is unseen when ``known`` lacks it."""
        chosen = _chosen(self.cells, SHARES[test])
        if test == "unseen":
            values = _chosen(self.cells, ("value",))
            kept = np.where(values & (known == 0), rows, 0.0).sum(axis=-1)
        else:
            kept = np.zeros(rows.shape[:-1])
        with np.errstate(invalid="ignore", divide="ignore"):
            share: Floats = (kept + rows[..., chosen].sum(axis=-1)) / rows.sum(axis=-1)
        return share


def normal_scores(cells: ColumnCells, counts: ArrayLike) -> Floats:
    """Where each cell lies among the reference's numbers, in their standard deviations.

    The mean normal score of the reference's rows in it, to mean 0 and variance 1 over those; NaN
    for cells without numbers. What lies beyond the reference's range has a fixed score. Source:
    van der Waerden's normal scores; on normal data the shift of the mean in σ.

    >>> from ai_ops.drift_monitoring.cells import ProfiledColumn
    >>> cells = ColumnCells(ProfiledColumn("x", "input", "number"), edges=(1.0, 2.0))
    >>> normal_scores(cells, [50, 100, 50, 0, 0, 0, 0, 0, 0, 0]).round(2).tolist()
    [-1.41, 0.0, 1.41, nan, nan, -3.0, 3.0, -4.0, 4.0, nan]
    """
    rows = np.asarray(counts, float)
    inner = len(cells.edges) + 1
    scores = np.full(len(rows), np.nan)
    total = rows[:inner].sum()
    if total > 0 and (rows[:inner] > 0).sum() > 1:
        borders = np.concatenate([[0.0], np.cumsum(rows[:inner])]) / total
        heights = np.exp(-(ndtri(np.clip(borders, 0.0, 1.0)) ** 2) / 2) / np.sqrt(2 * np.pi)
        shares = rows[:inner] / total
        middle = ndtri(np.clip((borders[1:] + borders[:-1]) / 2, 1e-9, 1 - 1e-9))
        with np.errstate(invalid="ignore", divide="ignore"):
            own = np.where(shares > 0, -np.diff(heights) / shares, middle)
        scores[:inner] = own / np.sqrt(shares @ own**2) + 0.0
        for place, (cell, _) in enumerate(cells.names):
            scores[place] = _OUTER.get(cell, scores[place])
    return scores


_OUTER: Final[dict[Cell, float]] = {
    "under": -BEYOND,
    "over": BEYOND,
    "far_under": -FAR_BEYOND,
    "far_over": FAR_BEYOND,
}


def _moments(rows: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the scores of every window."""
    known = np.isfinite(scores)
    inner = rows[..., known]
    totals = inner.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = inner @ scores[known] / totals
        square: Floats = inner @ scores[known] ** 2 / totals
    if not known.any():
        mean, square = np.full(totals.shape, np.nan), np.full(totals.shape, np.nan)
    return mean, square - mean**2


def _chosen(
    cells: ColumnCells, words: Sequence[Cell]
) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    return np.array([cell in words for cell, _ in cells.names])
