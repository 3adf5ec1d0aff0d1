"""Profiles of slices of the log: of each day one file, in the cells of the reference."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.profile import rows_of
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.references import load_reference
from ai_ops.drift_monitoring.rows import LOG, connect, days_alike, show_rows, view_logs
from ai_ops.drift_monitoring.slice_counting import (
    EVERY,
    SCHEMA,
    Rows,
    count_values,
    count_versions,
    keep_rows,
)
from ai_ops.drift_monitoring.together import together
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

SLICES: Final = "prediction_profile/slices"
RECIPE: Final = 2
"""To be raised when slices are counted, or their normals made, in another way."""


def slices_key(feature: AiFeatureSpec, reference: Reference) -> str:
    """What profiles of slices are of: the reference, and the dimensions that are asked for."""
    return f"{RECIPE} {reference.cells_digest} by {', '.join(feature.drift.slices)}"


def profile_slices(
    root: Root, feature: AiFeatureSpec, reference: Reference, days: Sequence[str]
) -> None:
    """Profile each value of the slices that the feature asks for, of every row of these days."""
    if not feature.drift.slices:
        return
    counted = _counted(root, feature, reference, days)
    for day in days:
        table = pa.Table.from_pylist(counted.get(day, []), schema=SCHEMA)
        root.lake.write_table(root.lake.path(feature.name, SLICES, day), table)


def daily_slices(
    root: Root, feature: AiFeatureSpec, reference: Reference, days: Iterable[str]
) -> dict[str, Rows]:
    """The profiles of the days' slices in this reference's cells; a day without a log is left out.

    One that was made for another reference, or for other slices, is made again in memory.
    """
    found: dict[str, Rows] = {}
    stale: list[str] = []
    key = slices_key(feature, reference)
    for day in days:
        try:
            table, _ = root.lake.read_table(root.lake.path(feature.name, SLICES, day))
        except MissingEvidence:
            stale.append(day)
            continue
        if table.schema.equals(SCHEMA) and table.num_rows and table["key"][0].as_py() == key:
            found[day] = rows_of(table)
        else:
            stale.append(day)
    return found | _counted(root, feature, reference, stale)


def versions_of(
    root: Root, feature: AiFeatureSpec, reference: Reference, versions: Iterable[str]
) -> dict[str, Reference]:
    """The references of these versions; one whose reference nobody profiled is left out."""
    found = {}
    for version in versions:
        try:
            own = version == reference.version
            found[version] = reference if own else load_reference(root, feature, version)
        except MissingEvidence:
            continue
    return found


def _counted(
    root: Root, feature: AiFeatureSpec, reference: Reference, days: Sequence[str]
) -> dict[str, Rows]:
    """The profiles of those days whose log exists; days with equal columns share one query."""
    sources = [column.cells.column.source for column in reference.columns]
    dimensions = [name for name in feature.drift.slices if name != "model_version"]
    key = slices_key(feature, reference)
    counted: dict[str, Rows] = {}
    for columns, sizes in days_alike(root, feature, days):
        wanted = [name for name in (*sources, *dimensions) if name in columns]
        for group, fits in together(sizes, len(wanted)):
            files = {day: root.lake.path(feature.name, LOG, day) for day in group}
            counted |= {day: [] for day in group}
            for row in _of_files(root, feature, reference, files, wanted, fits=fits):
                counted[row["day"]].append(row | {"key": key})
    return counted


def _of_files(
    root: Root,
    feature: AiFeatureSpec,
    reference: Reference,
    files: Mapping[str, str],
    wanted: Sequence[str],
    *,
    fits: bool,
) -> Rows:
    found: Rows = []
    with connect() as connection:
        if fits:
            show_rows(connection, root, files, wanted)
        else:
            view_logs(connection, root, files)
        keep_rows(connection, wanted)
        for dimension in feature.drift.slices:
            if dimension == "model_version":
                asked = connection.execute(f'SELECT DISTINCT "model_version" FROM {EVERY}')
                versions = [str(version) for (version,) in asked.fetchall() if version]
                known = versions_of(root, feature, reference, versions)
                found += count_versions(connection, known, set(wanted))
            else:
                found += count_values(connection, reference, set(wanted), dimension)
    return found
