"""Where the normal of a slice comes from: the reference if that tells the slice, else the log."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.cells import ColumnCells, Role
from ai_ops.drift_monitoring.profile import ROWS
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.references import reference_of
from ai_ops.drift_monitoring.rows import connect
from ai_ops.drift_monitoring.slice_counting import count_values, keep_rows
from ai_ops.drift_monitoring.slice_normals import SliceNormal, SliceOf, normal_of
from ai_ops.drift_monitoring.slice_profiling import daily_slices, slices_key
from ai_ops.drift_monitoring.slice_tallies import DaySlices, Layout, tally_slices
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

NORMALS: Final = "reference_profile/slices"
WEEKS: Final = 6
"""So many windows of a slice's own rows tell what is normal for it, where no reference does."""
FEW_ROWS: Final = 500
"""A slice with fewer rows in the reference is told nothing by it."""
ROLES: Final[tuple[Role, ...]] = ("input", "output")

Known = dict[tuple[SliceOf, Role], SliceNormal]


@dataclass(frozen=True)
class Normals:
    """What is normal for the slices of one reference; ``key`` names it and the dimensions."""

    key: str
    known: Known

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {"key": self.key, "normals": [one.as_data() for one in self.known.values()]}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Normals":
        """What ``as_data`` wrote."""
        normals = [SliceNormal.from_data(one) for one in data["normals"]]
        return cls(data["key"], {(one.of, one.role): one for one in normals})


def keep_slices(root: Root, feature: AiFeatureSpec, reference: Reference, table: pa.Table) -> None:
    """What is normal for each slice that a reference's table tells, kept beside the reference."""
    if not feature.drift.slices:
        return
    told = Normals(slices_key(feature, reference), told_by(feature, reference, table))
    _write(root, feature, reference, told)


def normals_of(root: Root, feature: AiFeatureSpec, reference: Reference) -> Normals:
    """What is known so far to be normal for the slices of a reference."""
    key = slices_key(feature, reference)
    try:
        data, _ = root.lake.read_json(_path(root, feature, reference))
        known = Normals.from_data(data)
        if known.key == key:
            return known
    except (MissingEvidence, ValueError, KeyError, TypeError):
        pass  # what is absent or unreadable is made again
    table, _ = reference_of(root, feature, reference.version)
    keep_slices(root, feature, reference, table)
    return Normals.from_data(root.lake.read_json(_path(root, feature, reference))[0])


def learnt(
    root: Root,
    feature: AiFeatureSpec,
    reference: Reference,
    normals: Normals,
    asked: Iterable[tuple[SliceOf, Role]],
    before: str,
) -> Normals:
    """The normals with what the log's ``WEEKS`` windows before a day tell of those that lack one.

    They are kept: what was normal once does not follow what comes after.
    """
    wanted = [one for one in asked if one not in normals.known]
    length = WEEKS * feature.drift.window_days
    first = date.fromisoformat(before) - timedelta(days=length)
    if not wanted or first < feature.monitoring.start:
        return normals
    days = [(first + timedelta(days=n)).isoformat() for n in range(length)]
    layout = Layout.of(reference)
    began = tally_slices(
        layout, {}, daily_slices(root, feature, reference, days[:1]).get(days[0], ())
    )
    wanted = [one for one in wanted if one[0] in began.tallies]  # others: their weeks are not over
    if not wanted:
        return normals
    found = daily_slices(root, feature, reference, days)
    tallied = {day: tally_slices(layout, {}, rows) for day, rows in found.items()}
    slices = len({of for of, _ in (*normals.known, *wanted)})
    source = f"its own rows in the log, {days[0]} to {days[-1]}"
    fresh: Known = {}
    for of, role in wanted:
        daily = _counts(layout, [tallied.get(day) for day in days], of, role)
        if daily:
            normal = normal_of(of, role, source, days, daily, feature.drift, slices)
            if normal.known:
                fresh[of, role] = normal
    if not fresh:
        return normals
    more = Normals(normals.key, normals.known | fresh)
    _write(root, feature, reference, more)
    return more


def told_by(feature: AiFeatureSpec, reference: Reference, table: pa.Table) -> Known:
    """The normals of the slices that a reference's table names, with rows and weeks enough."""
    dimensions = [name for name in feature.drift.slices if name in table.column_names]
    if not dimensions or not reference.calendar:
        return {}
    sources = [column.cells.column.source for column in reference.columns]
    days = list(reference.calendar)
    counted: list[dict[str, Any]] = []
    dated = table.select([*sources, *dimensions])
    dated = dated.append_column("day", table["time"].cast(pa.date32()).cast(pa.string()))
    version = pa.array([reference.version] * table.num_rows, pa.string())
    with connect() as connection:
        connection.register(ROWS, dated.append_column("model_version", version))
        keep_rows(connection, [*sources, *dimensions])
        for dimension in dimensions:
            counted += count_values(connection, reference, {*sources, *dimensions}, dimension)
    by_day: dict[str, list[dict[str, Any]]] = {day: [] for day in days}
    for row in counted:
        by_day[row["day"]].append(row)
    layout = Layout.of(reference)
    tallied = [tally_slices(layout, {}, by_day[day]) for day in days]
    rows: dict[SliceOf, int] = {}
    for day in tallied:
        for of, size in day.rows.items():
            rows[of] = rows.get(of, 0) + size
    large = [of for of, size in rows.items() if size >= FEW_ROWS]
    source = f"its own rows in the reference, {days[0]} to {days[-1]}"
    known: Known = {}
    for of in sorted(large, key=str):
        for role in ROLES:
            daily = _counts(layout, tallied, of, role)
            if daily:
                normal = normal_of(of, role, source, days, daily, feature.drift, len(large))
                if normal.known:
                    known[of, role] = normal
    return known


def _counts(
    layout: Layout, days: Sequence[DaySlices | None], of: SliceOf, role: Role
) -> dict[str, tuple[ColumnCells, NDArray[np.int64]]]:
    """Each column's counts per day, shape ``[days, cells]``; those without rows are left out."""
    found = {}
    own = [day.tallies.get(of) if day is not None else None for day in days]
    columns = layout.reference.columns
    empty = np.zeros(sum(len(column.counts) for column in columns), np.int64)
    counts = np.array([empty if day is None else day.counts for day in own])
    for column in columns:
        _, cells = layout.places[column.name]
        if column.cells.column.role == role and counts[:, cells].any():
            found[column.name] = (column.cells, counts[:, cells])
    return found


def _write(root: Root, feature: AiFeatureSpec, reference: Reference, normals: Normals) -> None:
    root.lake.write_json(_path(root, feature, reference), normals.as_data())


def _path(root: Root, feature: AiFeatureSpec, reference: Reference) -> str:
    return root.lake.path(feature.name, NORMALS, reference.version, "json")
