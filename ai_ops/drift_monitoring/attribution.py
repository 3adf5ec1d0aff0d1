"""Where an effect comes from: a look into the log by call site and tenant, once a check failed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import duckdb

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.carriers import (
    Carriers,
    Counts,
    carried_by,
    counts_by,
    drift_carrier,
    share_carrier,
)
from ai_ops.drift_monitoring.profile import ROWS, quoted, rows_of
from ai_ops.drift_monitoring.reference import Reference, ReferenceColumn, share_of
from ai_ops.drift_monitoring.rows import connect, read_logs, run_profile
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Finding, Verdict

DIMENSIONS: Final = ("call_site", "tenant")
COLUMNS_AT_MOST: Final = 20
"""Of a report with more, those that went furthest are looked into."""
VALUES_AT_MOST: Final = 50
"""The values with the most rows are told apart; the rest is looked at as one."""

_EVERY: Final = "every_row"
_BROKEN: Final = ("null", "nan", "invalid", "unseen", "far_under", "far_over")


def drift_carriers(
    root: Root,
    feature: AiFeatureSpec,
    reference: Reference,
    days: Sequence[str],
    columns: Sequence[str],
) -> dict[str, Carriers]:
    """Which call site and tenant carry the drift of these columns in a window's days."""
    chosen = [c for c in reference.columns if c.name in set(columns[:COLUMNS_AT_MOST])]
    found: dict[str, dict[str, str]] = {column.name: {} for column in chosen}
    for dimension, profile in _profiles(root, feature, reference, days, chosen).items():
        for column in chosen:
            value = drift_carrier(column, counts_by(column, profile))
            if value is not None:
                found[column.name][dimension] = value
    return {name: Carriers(**carriers) for name, carriers in found.items()}


def attributed(
    root: Root, feature: AiFeatureSpec, reference: Reference, moment: Moment, verdict: Verdict
) -> Verdict:
    """A verdict on a day's inputs whose findings name the call site or tenant that carries them."""
    broken = {f.columns[0] for f in verdict.findings if f.status == "fail" and f.columns}
    if verdict.status != "fail" or not broken:
        return verdict
    chosen = [c for c in reference.columns if c.name in broken][:COLUMNS_AT_MOST]
    carriers: dict[str, dict[str, str]] = {column.name: {} for column in chosen}
    profiles = _profiles(root, feature, reference, [moment.partition], chosen)
    for dimension, profile in profiles.items():
        for column in chosen:
            counts = counts_by(column, profile)
            value = share_carrier({key: _broken(column, own) for key, own in counts.items()})
            if value is not None:
                carriers[column.name][dimension] = value
    named = tuple(
        _named(finding, Carriers(**carriers.get(finding.columns[0], {})))
        if finding.status == "fail" and finding.columns
        else finding
        for finding in verdict.findings
    )
    return replace(verdict, findings=named)


def _named(finding: Finding, carriers: Carriers) -> Finding:
    words = carried_by(carriers)
    if not words:
        return finding
    return replace(
        finding,
        reason=f"{finding.reason}; {words}",
        call_site=carriers.call_site,
        tenant=carriers.tenant,
    )


def _broken(column: ReferenceColumn, counts: Counts) -> tuple[float, int]:
    """The share of broken rows above what is usual, and the rows."""
    usual = share_of(column.cells, column.counts, *_BROKEN)
    return max(share_of(column.cells, counts, *_BROKEN) - usual, 0.0), int(counts.sum())


def _profiles(
    root: Root,
    feature: AiFeatureSpec,
    reference: Reference,
    days: Sequence[str],
    columns: Sequence[ReferenceColumn],
) -> Mapping[str, list[dict[str, Any]]]:
    """The columns' profiles by dimension: the value of it stands where the version would."""
    if not columns:
        return {}
    with connect() as connection:
        if not read_logs(connection, root, feature, days):
            return {}
        connection.execute(f"ALTER VIEW {ROWS} RENAME TO {_EVERY}")
        present = {row[0] for row in connection.execute(f"DESCRIBE {_EVERY}").fetchall()}
        return {
            dimension: _profile_by(connection, reference, columns, dimension, present)
            for dimension in DIMENSIONS
            if dimension in present and _has_values(connection, dimension)
        }


def _has_values(connection: duckdb.DuckDBPyConnection, dimension: str) -> bool:
    """Keep the values with the most rows; False when there are not two."""
    name = quoted(dimension)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE most AS SELECT {name} AS value FROM {_EVERY}"
        " GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT ?",
        [VALUES_AT_MOST],
    )
    (values,) = connection.execute("SELECT count(*) FROM most").fetchone() or (0,)
    return bool(values >= 2)


def _profile_by(
    connection: duckdb.DuckDBPyConnection,
    reference: Reference,
    columns: Sequence[ReferenceColumn],
    dimension: str,
    present: set[str],
) -> list[dict[str, Any]]:
    """Inputs of every row, outputs of those that the reference is of: as the report counts them."""
    name = quoted(dimension)
    told = f"CASE WHEN {name} IN (SELECT value FROM most) THEN {name} END"
    version = "'" + reference.version.replace("'", "''") + "'"
    own = "" if reference.every_version else f' WHERE "model_version" = {version}'
    rows: list[dict[str, Any]] = []
    for role, only in (("input", ""), ("output", own)):
        cells = [column.cells for column in columns if column.cells.column.role == role]
        if cells:
            connection.execute(
                f"CREATE OR REPLACE VIEW {ROWS} AS SELECT * REPLACE ({told} AS model_version)"
                f" FROM {_EVERY}{only}"
            )
            made = run_profile(connection, cells, present, reference.version, reference.digest)
            rows += rows_of(made)
    return rows
