"""Bounded samples of rows for the report that people look at; no verdict is read from them."""

from typing import Final

import duckdb
import pandas as pd

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.cells import columns_of
from ai_ops.drift_monitoring.profile import ROWS, quoted
from ai_ops.drift_monitoring.references import reference_of
from ai_ops.drift_monitoring.rows import connect, read_logs
from ai_ops.storage.declared_reference import DECLARED
from ai_ops.storage.root import Root

SAMPLE: Final = 5_000
"""At most this many rows a side."""


def sample_window(
    root: Root, feature: AiFeatureSpec, days: list[str], version: str
) -> pd.DataFrame:
    """Rows of the days' logs, the same ones each time: those whose id's hash comes first.

    What another version answered is left empty: its scores are not compared with this one's. A
    declared reference is of every version.
    """
    with connect() as connection:
        if not read_logs(connection, root, feature, days):
            return pd.DataFrame()
        return _sample(connection, feature, None if version == DECLARED else version)


def sample_reference(root: Root, feature: AiFeatureSpec, version: str) -> pd.DataFrame:
    """Rows of the version's reference table, or of the declared one, chosen alike."""
    table, _ = reference_of(root, feature, version)
    with connect() as connection:
        connection.register(ROWS, table)
        return _sample(connection, feature)


def _sample(
    connection: duckdb.DuckDBPyConnection, feature: AiFeatureSpec, version: str | None = None
) -> pd.DataFrame:
    present = {row[0] for row in connection.execute(f"DESCRIBE {ROWS}").fetchall()}
    parts, parameters = [], []
    for column in columns_of(feature):
        if column.source in present:
            kind = "VARCHAR" if column.kind == "category" else "DOUBLE"
            value = f"TRY_CAST({quoted(column.source)} AS {kind})"
            if column.role == "output" and version is not None:
                value = f'CASE WHEN "model_version" = ? THEN {value} END'
                parameters.append(version)
            parts.append(f"{value} AS {quoted(column.name)}")
    query = f"SELECT {', '.join(parts)} FROM {ROWS} ORDER BY md5(CAST(id AS VARCHAR)), id LIMIT ?"
    answer = connection.execute(query, [*parameters, SAMPLE])
    names = [column[0] for column in answer.description or ()]
    return pd.DataFrame.from_records(answer.fetchall(), columns=names)
