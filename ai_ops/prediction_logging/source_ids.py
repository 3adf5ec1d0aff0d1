"""Ids that stand on several days of an existing log: then they are no ids of predictions.

The id of a customer, for example: labels, user actions and look-ups would all meet the wrong row.
"""

from collections.abc import Sequence

import duckdb
import msgspec

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.source_reading import declared_source, open_rows
from ai_ops.storage.mapped_tables import ROWS
from ai_ops.storage.root import Root
from ai_ops.storage.tables import TableFile, tables_engine


class SharedIds(msgspec.Struct, frozen=True, kw_only=True):
    """How many ids stand on more than one day, and the two places where one of them does."""

    ids: int = 0
    places: tuple[str, ...] = ()


def shared_ids(root: Root, feature: AiFeatureSpec, files: Sequence[TableFile]) -> SharedIds:
    """The ids on several days in these files, all of them; none where the ids are made here."""
    source = declared_source(feature)
    if (source.kind == "table" and source.columns.id is None) or not files:
        return SharedIds()
    try:
        with tables_engine(root) as connection:
            opened = open_rows(root, connection, feature, files)
            names = [table.file.name for table in opened.tables]
            return _found(connection, names) if names else SharedIds()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        return SharedIds()  # a file that is damaged inside is found, and told, when it is read


def _found(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> SharedIds:
    # By their hashes, which take less room: two ids in 10^12 rows would have the same one.
    several = (
        f"SELECT hash(id) AS one FROM {ROWS} WHERE id IS NOT NULL AND time IS NOT NULL"
        " GROUP BY one HAVING CAST(min(time) AS DATE) <> CAST(max(time) AS DATE)"
    )
    count, one = connection.execute(f"SELECT count(*), min(one) FROM ({several})").fetchall()[0]
    if not count:
        return SharedIds()
    rows = connection.execute(
        f"SELECT file, row FROM {ROWS} WHERE hash(id) = ? AND time IS NOT NULL"
        " ORDER BY time, file, row",
        [one],
    ).fetchall()
    told = (rows[0], rows[-1])
    return SharedIds(ids=count, places=tuple(f"{names[file]} row {row}" for file, row in told))
