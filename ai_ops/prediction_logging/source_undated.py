"""What of an existing log belongs to no day: rows that tell no time, and rows that are none."""

from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.log_table import QUARANTINE_SCHEMA, Quarantined, quarantine_table
from ai_ops.prediction_logging.source_reading import Opened, declared_source, open_rows
from ai_ops.storage.mapped_tables import ROWS
from ai_ops.storage.root import Root
from ai_ops.storage.sql_text import text
from ai_ops.storage.tables import TableFile, tables_engine

UNDATED: Final = "prediction_log/undated"
NOT_A_ROW: Final = "not a row of the table"


def write_undated(root: Root, feature: AiFeatureSpec, files: Sequence[TableFile]) -> None:
    """Keep what of these files belongs to no day where a person can look at it, row by row."""
    path = root.lake.path(feature.name, UNDATED, None)
    if not files:
        root.lake.write_table(path, QUARANTINE_SCHEMA.empty_table())
        return
    columns = declared_source(feature).columns
    with tables_engine(root) as connection, TemporaryDirectory(prefix="ai_ops_") as folder:
        opened = open_rows(root, connection, feature, files)
        connection.register("others", quarantine_table(_no_rows(opened)))
        names = f"[{', '.join(text(one.file.name) for one in opened.tables)}]"
        told = text(f"column {columns.time}: " if columns.time else "")
        undated = (
            f"SELECT 'undated' AS reason, {told} || why AS detail, {names}[file + 1] AS segment,"
            " row AS offset, CAST(NULL AS TIMESTAMPTZ) AS time, id,"
            " encode(CAST(to_json(mapped) AS VARCHAR)) AS raw"
            f" FROM {ROWS} AS mapped WHERE time IS NULL"
        )
        file = f"{folder}/undated.parquet"
        connection.execute(
            f"COPY (FROM others UNION ALL BY NAME {undated}) TO {text(file)}"
            " (FORMAT parquet, COMPRESSION zstd)"
        )
        root.lake.upload(path, file)


def _no_rows(opened: Opened) -> list[Quarantined]:
    rejected = [
        Quarantined(NOT_A_ROW, table.file.name, one.problem, one.row, raw=one.raw.encode())
        for table in opened.tables
        for one in table.rejected
    ]
    return rejected + [one for table in opened.tables for one in opened.undated_of(table.file)]
