"""The slices of labelled rows: the values of the columns that a feature is sliced by."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.metrics import Bools
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.agreement import NAMED_IN_LOG
from ai_ops.storage.root import Root

VALUES_AT_MOST: Final = 200
"""A column of more values than this is an identifier: no value of it has rows enough."""

BINS: Final = 4
"""A number is sliced by its quartiles."""


@dataclass(frozen=True)
class Slice:
    """One value of one column: ``carrier EV``."""

    column: str
    value: str

    def __str__(self) -> str:
        return f"{self.column} {self.value}"


@dataclass(frozen=True)
class SlicedColumn:
    """A column's values, and of N rows which has which: ``codes`` [N], -1 where it has none."""

    column: str
    values: tuple[str, ...]
    codes: npt.NDArray[np.int32]

    def slices(self) -> Iterator[tuple[Slice, Bools]]:
        """Each value, and where the rows have it."""
        for code, value in enumerate(self.values):
            yield Slice(self.column, value), self.codes == code


def sliced_columns(
    root: Root, feature: AiFeatureSpec, rows: LabelledRows
) -> tuple[SlicedColumn, ...]:
    """The columns that the feature is sliced by, for rows of its log.

    A column with more than ``VALUES_AT_MOST`` values or with one value only is left out: it
    divides nothing. Raises ``MissingEvidence`` for a day of the rows whose log is gone.
    """
    names = [_logged(name) for name in feature.sliced_by]
    tables = []
    for place, day in enumerate(rows.days):
        here = rows.ids[int(rows.starts[place]) : int(rows.starts[place + 1])]
        if len(here):
            tables.append(_of_day(root, feature, day, names, here.tolist()))
    if not tables:
        return ()
    table = pa.concat_tables(tables)
    found = (_sliced(name, table[_logged(name)]) for name in feature.sliced_by)
    return tuple(column for column in found if 1 < len(column.values) <= VALUES_AT_MOST)


def _of_day(
    root: Root, feature: AiFeatureSpec, day: str, names: list[str], ids: list[str]
) -> pa.Table:
    path = root.lake.path(feature.name, "prediction_log", day)
    try:
        table, _ = root.lake.read_table(path, ["id", *names])
    except pa.ArrowInvalid:  # the log of that day is older than one of the columns
        table, _ = root.lake.read_table(path)
    place = pc.index_in(pa.array(ids, pa.string()), table["id"])
    absent = pa.nulls(table.num_rows)
    columns = [table[name] if name in table.column_names else absent for name in names]
    return pa.table([_plain(column).take(place) for column in columns], names=names)


def _plain(column: Any) -> Any:
    """Numbers as they are, anything else as text: each day's type must be the same."""
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return column.cast(pa.float64())
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.string())


def _sliced(name: str, column: pa.ChunkedArray) -> SlicedColumn:
    if pa.types.is_floating(column.type):
        return _binned(name, column.to_numpy())
    coded = pc.dictionary_encode(column.combine_chunks())
    order = np.argsort(np.asarray(coded.dictionary.to_pylist(), object).astype(str))
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    ranked = np.where(codes < 0, -1, rank[codes] if len(rank) else -1).astype(np.int32)
    values = tuple(coded.dictionary.take(pa.array(order)).to_pylist())
    return SlicedColumn(name, values, ranked)


def _binned(name: str, numbers: npt.NDArray[np.float64]) -> SlicedColumn:
    known = np.isfinite(numbers)
    if not known.any():
        return SlicedColumn(name, (), np.full(len(numbers), -1, np.int32))
    edges = np.unique(np.quantile(numbers[known], np.linspace(0, 1, BINS + 1)))
    codes = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, max(len(edges) - 2, 0))
    values = tuple(f"{low:g} to {high:g}" for low, high in pairwise(edges))
    return SlicedColumn(name, values, np.where(known, codes, -1).astype(np.int32))


def _logged(name: str) -> str:
    return name if name in NAMED_IN_LOG else f"input_{name}"
