"""A day's profile of slices as vectors, slice by slice."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.slice_counting import REST
from ai_ops.drift_monitoring.slice_normals import SliceOf
from ai_ops.drift_monitoring.tallies import DayTallies, tally_day


@dataclass(frozen=True)
class DaySlices:
    """The slices of one day: their tallies, their rows, and the rows that are in none.

    ``rest`` is by dimension and, of a version that has no reference, its name.
    """

    tallies: Mapping[SliceOf, DayTallies] = field(default_factory=dict)
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


def tally_slices(
    reference: Reference, others: Mapping[str, Reference], profile: Iterable[Mapping[str, Any]]
) -> DaySlices:
    """A day's profile of slices; ``others`` are the references of other versions."""
    own: dict[SliceOf, list[Mapping[str, Any]]] = defaultdict(list)
    rest: dict[tuple[str, str | None], int] = defaultdict(int)
    for row in profile:
        if row["cell"] == REST:
            rest[row["dimension"], row["slice"]] += row["count"]
        else:
            own[SliceOf(row["dimension"], row["slice"])].append(row)
    tallies = {
        of: tally_day(_reference_of(of, reference, others), rows) for of, rows in own.items()
    }
    return DaySlices(tallies, {of: _size(rows) for of, rows in own.items()}, rest)


def _reference_of(of: SliceOf, reference: Reference, others: Mapping[str, Reference]) -> Reference:
    return others.get(of.value, reference) if of.dimension == "model_version" else reference


def _size(rows: Iterable[Mapping[str, Any]]) -> int:
    by_column: dict[str, int] = defaultdict(int)
    for row in rows:
        by_column[row["column"]] += row["count"]
    return max(by_column.values(), default=0)
