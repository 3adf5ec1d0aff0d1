"""The slices of labelled rows: the values of the columns that a feature is sliced by."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.metrics import Bools, Floats
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
    tables = []
    for place, day in enumerate(rows.days):
        here = rows.ids[int(rows.starts[place]) : int(rows.starts[place + 1])]
        if len(here):
            tables.append(read_slices(root, feature, day, here.tolist()))
    if not tables:
        return ()
    table = pa.concat_tables(tables)
    found = coded(table, edges_of(table))
    return tuple(column for column in found if 1 < len(column.values) <= VALUES_AT_MOST)


def slicing_inputs(feature: AiFeatureSpec) -> tuple[str, ...]:
    """The inputs that the feature is sliced by: such as must divide its rows."""
    return tuple(name for name in feature.sliced_by if name not in NAMED_IN_LOG)


def read_slices(root: Root, feature: AiFeatureSpec, day: str, ids: Sequence[str]) -> pa.Table:
    """The columns that the feature is sliced by, of these predictions of a day, in this order.

    Raises ``MissingEvidence`` where the log of the day is gone.
    """
    names = [_logged(name) for name in feature.sliced_by]
    path = root.lake.path(feature.name, "prediction_log", day)
    try:
        table, _ = root.lake.read_table(path, ["id", *names])
    except pa.ArrowInvalid:  # the log of that day is older than one of the columns
        table, _ = root.lake.read_table(path)
    place = pc.index_in(pa.array(ids, pa.string()), table["id"])
    return sliced_table(feature, table).take(place)


def sliced_table(feature: AiFeatureSpec, table: pa.Table) -> pa.Table:
    """The columns that the feature is sliced by, by their own names, of a log or a reference.

    A number is one as the feature declares it, anything else text: each table's types are the
    same, and one that lacks a column has it empty.
    """
    numbers = {column.name for column in feature.inputs if column.type == "number"}
    columns = {}
    for name in feature.sliced_by:
        kind = pa.float64() if name in numbers else pa.string()
        if _logged(name) in table.column_names:
            column = table[_logged(name)]
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            columns[name] = column.cast(kind)
        else:
            columns[name] = pa.chunked_array([pa.nulls(table.num_rows, kind)])
    return pa.table(columns)


def edges_of(table: pa.Table) -> dict[str, Floats]:
    """Where each number of a sliced table is cut: at its quartiles."""
    edges = {}
    for name in table.column_names:
        if pa.types.is_floating(table[name].type):
            numbers = table[name].to_numpy()
            known = numbers[np.isfinite(numbers)]
            if len(known):
                edges[name] = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)))
    return edges


def coded(table: pa.Table, edges: Mapping[str, Floats]) -> tuple[SlicedColumn, ...]:
    """Each column of a sliced table by its values, in their order; a number by its ``edges``."""
    return tuple(
        _binned(name, table[name].to_numpy(), edges.get(name, np.zeros(0)))
        if pa.types.is_floating(table[name].type)
        else _valued(name, table[name])
        for name in table.column_names
    )


def _valued(name: str, column: pa.ChunkedArray) -> SlicedColumn:
    told = pc.dictionary_encode(column.combine_chunks())
    order = np.argsort(np.array(told.dictionary.to_pylist(), dtype=str))
    rank = np.full(len(order) + 1, -1, np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    codes = told.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return SlicedColumn(name, tuple(told.dictionary.take(pa.array(order)).to_pylist()), rank[codes])


def _binned(name: str, numbers: Floats, edges: Floats) -> SlicedColumn:
    known = np.isfinite(numbers)
    if len(edges) < 2:
        return SlicedColumn(name, (), np.full(len(numbers), -1, np.int32))
    codes = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, len(edges) - 2)
    values = tuple(f"{low:g} to {high:g}" for low, high in pairwise(edges))
    return SlicedColumn(name, values, np.where(known, codes, -1).astype(np.int32))


def _logged(name: str) -> str:
    return name if name in NAMED_IN_LOG else f"input_{name}"
