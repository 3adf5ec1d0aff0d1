"""Pairs counted for every row of the log: DuckDB, each column placed once, one count per pair.

A day's counts are small and add up exactly to those of a window. They name the pairs that they are
of; whoever reads those of other pairs counts again from the log.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.joint_making import key_of, pair_reference
from ai_ops.drift_monitoring.joint_query import pairs_query, place_rows
from ai_ops.drift_monitoring.joint_reference import JointReference
from ai_ops.drift_monitoring.joint_tallies import DayPairs, tally_pairs
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.references import reference_of
from ai_ops.drift_monitoring.rows import LOG, connect, days_alike, show_rows, view_logs
from ai_ops.drift_monitoring.together import together
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

PAIRS: Final = "prediction_profile/pairs"
REFERENCE_PAIRS: Final = "reference_profile/pairs"

SCHEMA: Final = pa.schema(
    [
        ("day", pa.string()),
        ("model_version", pa.string()),
        ("pair", pa.int16()),
        ("first", pa.int8()),
        ("second", pa.int8()),
        ("count", pa.int64()),
        ("pairs_key", pa.string()),
    ]
)
"""One row per day, model version, pair (its place among the reference's) and both codes."""


def joint_reference(root: Root, feature: AiFeatureSpec, reference: Reference) -> JointReference:
    """The pairs of a version's reference; made, and kept, where they never were."""
    path = root.lake.path(feature.name, REFERENCE_PAIRS, reference.version, "json")
    try:
        known = JointReference.from_data(root.lake.read_json(path)[0])
        if known.key == key_of(reference):
            return known
    except (MissingEvidence, ValueError, KeyError, TypeError):
        pass  # what is absent or unreadable is made again
    table, _ = reference_of(root, feature, reference.version)
    return keep_pairs(root, feature, reference, table)


def keep_pairs(
    root: Root, feature: AiFeatureSpec, reference: Reference, table: pa.Table
) -> JointReference:
    """Make the pairs of a reference from its table, and keep them."""
    made = pair_reference(feature, reference, table)
    path = root.lake.path(feature.name, REFERENCE_PAIRS, reference.version, "json")
    root.lake.write_json(path, made.as_data())
    return made


def profile_pairs(
    root: Root, feature: AiFeatureSpec, reference: Reference, days: Sequence[str]
) -> None:
    """Count the pairs of these days, and keep the counts."""
    joint = joint_reference(root, feature, reference)
    if not joint.pairs:
        return
    counted = _counted(root, feature, joint, days)
    for day in days:
        table = counted.get(day, SCHEMA.empty_table())
        root.lake.write_table(root.lake.path(feature.name, PAIRS, day), table)


def daily_pairs(
    root: Root, feature: AiFeatureSpec, joint: JointReference, days: Iterable[str]
) -> dict[str, DayPairs]:
    """The counts of the days in these pairs; a day without a log is left out."""
    found: dict[str, pa.Table] = {}
    stale: list[str] = []
    for day in days:
        try:
            table, _ = root.lake.read_table(root.lake.path(feature.name, PAIRS, day))
        except MissingEvidence:
            stale.append(day)
            continue
        if table.num_rows and table["pairs_key"][0].as_py() == joint.key:
            found[day] = table
        else:
            stale.append(day)
    found |= _counted(root, feature, joint, stale)
    return {day: tally_pairs(joint, table) for day, table in found.items()}


def count_pairs(
    connection: duckdb.DuckDBPyConnection, joint: JointReference, present: set[str]
) -> pa.Table:
    """The pairs of every row that is profiled, of shape ``SCHEMA``, in order."""
    place_rows(connection, joint.watched, present)
    found = connection.sql(pairs_query(joint.places())).to_arrow_table()
    keyed = found.append_column("pairs_key", pa.repeat(joint.key, found.num_rows))
    order = [(name, "ascending") for name in SCHEMA.names[:5]]
    return keyed.cast(SCHEMA).sort_by(order)


def _counted(
    root: Root, feature: AiFeatureSpec, joint: JointReference, days: Sequence[str]
) -> dict[str, pa.Table]:
    """The counts of those days whose log exists; days with equal columns share one query."""
    counted = {}
    sources = [column.column.source for column in joint.watched]
    for columns, rows in days_alike(root, feature, days):
        wanted = [source for source in sources if source in columns]
        for group, fits in together(rows, len(wanted)):
            files = {day: root.lake.path(feature.name, LOG, day) for day in group}
            with connect() as connection:
                if fits:
                    show_rows(connection, root, files, wanted)
                else:
                    view_logs(connection, root, files)
                whole = count_pairs(connection, joint, set(columns))
            day_of_row = np.array(whole["day"].to_pylist())
            for day in group:
                counted[day] = whole.filter(pa.array(day_of_row == day))
    return counted
