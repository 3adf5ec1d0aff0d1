"""The same question as in ``duplicates``, asked of many typed rows at once."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.prediction_logging.block_scan import Flags, Places
from ai_ops.prediction_logging.ingest import OFFSET, SEGMENT
from ai_ops.prediction_logging.picking import Rows

PLACE: Final = ("time", "writer", "incarnation", "seq")
"""What tells the tellings of one prediction apart, the earliest first."""

CONTENT: Final = (
    "feature",
    "model_version",
    "input",
    "output",
    "status",
    "error",
    "call_site",
    "mode",
    "tenant",
    "subject",
)


@dataclass(frozen=True, slots=True)
class Sorted:
    """Which rows stand, how many said nothing new, and those to be looked at one by one."""

    stand: Flags
    repeated: int
    doubtful: pa.Table


def sort_out(rows: pa.Table, others: pa.Array) -> Sorted:
    """Keep the earliest of answered rows with the same id and content.

    Doubtful are those that contradict each other, and those whose id is among ``others``.
    """
    ids = rows["id"].combine_chunks()
    counts = pc.value_counts(pa.concat_arrays([ids, pc.unique(others)]))
    often = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    places = np.flatnonzero(pc.is_in(ids, value_set=often).to_numpy(zero_copy_only=False))
    stand: Flags = np.ones(len(ids), np.bool_)
    if not len(places):
        return Sorted(stand, 0, rows.slice(0, 0))
    group = _few(rows, places)
    order = [("id", "ascending"), *((name, "ascending") for name in PLACE)]
    sorting = pc.sort_indices(group, sort_keys=order)
    group, places = group.take(sorting), places[sorting.to_numpy()]
    same_id = _like_the_one_before(group, "id")
    same = np.logical_and.reduce([_like_the_one_before(group, name) for name in CONTENT])
    number = np.cumsum(~same_id)
    doubted = np.unique(number[same_id & ~same])
    told_elsewhere = pc.is_in(group["id"], value_set=others).to_numpy()
    doubtful = np.isin(number, doubted) | told_elsewhere
    stand[places] = ~same_id & ~doubtful
    repeated = int((same_id & ~doubtful).sum())
    return Sorted(stand, repeated, group.filter(pa.array(doubtful)))


def _like_the_one_before(rows: pa.Table, name: str) -> Flags:
    column = rows[name].combine_chunks()
    like: Flags = np.zeros(len(column), np.bool_)
    if len(column) > 1:
        here, before = column[1:], column[:-1]
        both_null = pc.and_(pc.is_null(here), pc.is_null(before))
        equal = pc.or_(pc.fill_null(pc.equal(here, before), False), both_null)
        like[1:] = equal.to_numpy(zero_copy_only=False)
    return like


def _few(rows: pa.Table, places: Places) -> pa.Table:
    """These rows, with what is looked at."""
    needed = {"id", *PLACE, *CONTENT, SEGMENT, OFFSET}
    chosen = rows.select([name for name in rows.column_names if name in needed])
    return pa.Table.from_batches([Rows(chosen).pick(places)])
