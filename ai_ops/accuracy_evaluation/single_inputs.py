"""How well each input by itself tells the label: one that tells it all is the label, leaked.

The values of an input are taken as cells (a number's by its quantiles, a missing one as a value of
its own), and what is known of a cell comes from the other half of the rows: an identifier, whose
every value stands once, then tells nothing. Of a binary label and of classes it is the AUC of the
cell's rate (of the class that is told worst), its standard error by Hanley and McNeil 1982; of a
number the share of the variance of its ranks that is explained, its lower end by Fisher's z.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtri
from scipy.stats import rankdata

from ai_ops.accuracy_evaluation.candidate_records import Telling
from ai_ops.accuracy_evaluation.intervals import CONFIDENCE
from ai_ops.accuracy_evaluation.metrics import Bools, Floats

CELLS: Final = 256
A_CELL: Final = 40
"""Rows that a cell of a number has at least: of fewer its mean is mostly chance."""

AT_MOST: Final = 20_000
"""Rows looked at: an AUC of so many is known to within 0.01."""

OF_EACH: Final = 20
"""Rows of a label that it takes to say how well it is told."""

_Z: Final = float(ndtri(CONFIDENCE))
Codes = npt.NDArray[np.int64]


def tellings(
    columns: Mapping[str, pa.ChunkedArray], label: Any, ids: Sequence[str], where: str
) -> list[Telling]:
    """What each column tells of the labels of N rows, the strongest first; empty where the labels
    are too few or too much the same to say. Labels are booleans, classes as text, or numbers.

    The ids decide which rows are looked at, and in which half each stands: their order does not.
    """
    mixed = np.fromiter((crc32(id.encode()) for id in ids), np.int64, len(ids))
    chosen = mixed // 2 % -(-max(len(ids), 1) // AT_MOST) == 0
    half = (mixed[chosen] % 2).astype(bool)
    labels = np.asarray(label)[chosen]
    found = []
    for name, column in columns.items():
        told = _told(_cells(column.filter(pa.array(chosen))), labels, half)
        if told is not None:
            measure, value, low = told
            found.append(Telling(name, where, measure, value, low, int(chosen.sum())))
    return sorted(found, key=lambda one: (-one.low, -one.value, one.column))


def _told(cells: Codes, labels: npt.NDArray[Any], half: Bools) -> tuple[str, float, float] | None:
    if labels.dtype.kind == "f":
        return _explained(cells, rankdata(labels.astype(float)), half)
    kinds, counts = np.unique(labels.astype(str), return_counts=True)
    common = kinds[counts >= OF_EACH]
    if len(common) < 2:
        return None
    # Of two labels one tells the other.
    told = common[1:] if len(common) == 2 else common
    aucs = [_auc(cells, labels.astype(str) == name, half) for name in told]
    value, low = min(aucs)
    return "AUC", value, low


def _auc(cells: Codes, positive: Bools, half: Bools) -> tuple[float, float]:
    """The AUC of the cells' rates, with its lower end.

    >>> flag = np.arange(400) % 2 == 0
    >>> _auc(flag.astype(int), flag, np.arange(400) % 4 < 2)
    (1.0, 1.0)
    """
    rank = rankdata(_expected(cells, positive.astype(float), half))
    count, rest = float(positive.sum()), float((~positive).sum())
    area = float((rank[positive].sum() - count * (count + 1) / 2) / (count * rest))
    above, below = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (count - 1) * (above - area**2) + (rest - 1) * (below - area**2)
    return area, area - _Z * float(np.sqrt(max(spread, 0.0) / (count * rest)))


def _explained(cells: Codes, label: Floats, half: Bools) -> tuple[str, float, float] | None:
    spread = float(((label - label.mean()) ** 2).sum()) if len(label) else 0.0
    if len(label) < 2 * OF_EACH or not spread:
        return None
    errors = float(((label - _expected(cells, label, half)) ** 2).sum())
    share = max(1 - errors / spread, 0.0)
    if share >= 1:
        return "R² of ranks", 1.0, 1.0
    low = np.tanh(np.arctanh(np.sqrt(share)) - _Z / np.sqrt(len(label) - 3))
    return "R² of ranks", share, float(max(low, 0.0) ** 2)


def _expected(cells: Codes, label: Floats, half: Bools) -> Floats:
    """For each row the mean label of its cell in the other half; of an unknown cell that of all."""
    expected = np.empty(len(label))
    for here in (half, ~half):
        other = ~here
        size = int(cells.max(initial=0)) + 1
        rows = np.bincount(cells[other], minlength=size)
        sums = np.bincount(cells[other], weights=label[other], minlength=size)
        whole = float(label[other].mean()) if other.any() else 0.0
        # One row of the whole is added to each cell: a cell of one row is no certainty.
        expected[here] = ((sums + whole) / (rows + 1))[cells[here]]
    return expected


def _cells(column: pa.ChunkedArray) -> Codes:
    """The place of each row's value among the column's values, or its quantiles; 0: missing."""
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        coded = pc.dictionary_encode(column.combine_chunks())
        places = pc.fill_null(pc.add(coded.indices, 1), 0)
        return np.array(places.to_numpy(zero_copy_only=False), np.int64)
    numbers = pc.fill_null(column.cast(pa.float64()), float("nan")).to_numpy()
    known = np.isfinite(numbers)
    values = np.unique(numbers[known])
    if len(values) > CELLS:
        cells = min(CELLS, max(len(numbers) // A_CELL, 2))
        values = np.unique(np.quantile(numbers[known], np.linspace(0, 1, cells)))
    places = np.searchsorted(values, numbers, side="right")
    return np.where(known, places, 0).astype(np.int64)
