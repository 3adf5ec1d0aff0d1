"""A day's slices as vectors of counts over all columns."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.slice_normals import SliceOf


@dataclass(frozen=True, eq=False)
class SliceTally:
    """One slice on one day: ``counts`` in all cells of a reference, column after column.

    Of outputs only what the reference's version answered is counted; ``speaks`` says of which
    columns there are rows, and no more of another version.
    """

    counts: NDArray[np.int64]
    speaks: NDArray[np.bool_]


@dataclass(frozen=True)
class DaySlices:
    """The slices of one day: their tallies, their rows, and the rows that are in none.

    ``rest`` is by dimension and, of a version that has no reference, its name.
    """

    tallies: Mapping[SliceOf, SliceTally] = field(default_factory=dict)
    rows: Mapping[SliceOf, int] = field(default_factory=dict)
    rest: Mapping[tuple[str, str | None], int] = field(default_factory=dict)

    @property
    def whole(self) -> int:
        """All rows of the day."""
        dimensions: dict[str, int] = defaultdict(int)
        for of, rows in self.rows.items():
            dimensions[of.dimension] += rows
        for (dimension, _), rows in self.rest.items():
            dimensions[dimension] += rows
        return max(dimensions.values(), default=0)


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the cells of a reference's columns lie in a slice's vector of counts."""

    reference: Reference
    starts: NDArray[np.int64]
    outputs: NDArray[np.bool_]
    places: Mapping[str, tuple[int, slice]]

    @classmethod
    def of(cls, reference: Reference) -> "Layout":
        """``places`` are a column's number and its cells."""
        sizes = [len(column.counts) for column in reference.columns]
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        outputs = np.array([column.cells.column.role == "output" for column in reference.columns])
        places = {
            column.name: (number, slice(int(start), int(start) + size))
            for number, (column, start, size) in enumerate(
                zip(reference.columns, starts, sizes, strict=True)
            )
        }
        return cls(reference, starts, outputs, places)

    def tally(self, parts: Iterable[tuple[str | None, NDArray[np.int64]]]) -> SliceTally:
        """The counts of a day by the version that answered, as one."""
        columns = len(self.starts)
        whole = np.zeros(sum(len(column.counts) for column in self.reference.columns), np.int64)
        own, others = np.zeros(columns, np.int64), np.zeros(columns, np.int64)
        for version, counts in parts:
            rows = np.add.reduceat(counts, self.starts)
            if self.reference.is_of(version):
                whole, own = whole + counts, own + rows
                continue
            inputs = np.repeat(~self.outputs, np.diff([*self.starts, len(counts)]))
            whole = whole + np.where(inputs, counts, 0)
            own = own + np.where(self.outputs, 0, rows)
            others = others + np.where(self.outputs, rows, 0)
        return SliceTally(whole, (own > 0) & (own >= others))


def tally_slices(
    layout: Layout, others: Mapping[str, Layout], profile: Iterable[Mapping[str, Any]]
) -> DaySlices:
    """A day's counted slices; ``others`` are the layouts of versions' own references."""
    parts: dict[SliceOf, list[tuple[str | None, NDArray[np.int64]]]] = defaultdict(list)
    rows: dict[SliceOf, int] = defaultdict(int)
    rest: dict[tuple[str, str | None], int] = defaultdict(int)
    for row in profile:
        if row["counts"] is None:
            rest[row["dimension"], row["slice"]] += row["rows"]
            continue
        of = SliceOf(row["dimension"], row["slice"])
        parts[of].append((row["model_version"], np.asarray(row["counts"], np.int64)))
        rows[of] += row["rows"]
    tallies = {of: _layout_of(of, layout, others).tally(own) for of, own in parts.items()}
    return DaySlices(tallies, rows, rest)


def _layout_of(of: SliceOf, layout: Layout, others: Mapping[str, Layout]) -> Layout:
    return others.get(of.value, layout) if of.dimension == "model_version" else layout
