"""Events of an existing log, turned into rows once: a Parquet copy until their files change.

Of most kinds each file says all of itself and has a copy of its own; of others a prediction lies in
two files, so that they are read together.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.events.mlflow_store import SCHEME
from ai_ops.prediction_logging.events.reading import UNREADABLE_FILE, event_files, read_events
from ai_ops.prediction_logging.log_columns import columns_of
from ai_ops.prediction_logging.log_table import Quarantined, quarantine_table
from ai_ops.prediction_logging.source_rows import source_schema, whole_rows
from ai_ops.storage.files import replacing
from ai_ops.storage.mapped_tables import ROWS
from ai_ops.storage.root import Root
from ai_ops.storage.sql_text import text
from ai_ops.storage.tables import ReadableTable, TableFile, UnreadableTable
from ai_ops.vocabulary.words import SourceKind

TOGETHER: Final[frozenset[SourceKind]] = frozenset({"kserve_events"})
"""Kinds of which a prediction may lie in two files."""

_SEGMENT: Final = "segment"
_STALE_SECONDS: Final = 24 * 60 * 60
"""So long a copy that nobody needs any more may still be read by another process."""


@dataclass(frozen=True, slots=True)
class Copy:
    """The rows of some files of events, and what of them could not become one."""

    files: tuple[TableFile, ...]
    parquet: Path
    set_apart: tuple[Quarantined, ...]


def files_of_events(
    root: Root, feature: AiFeatureSpec, days: Sequence[str], now: datetime
) -> list[TableFile]:
    """The files of the source; a tracking store is one that differs whenever it is asked."""
    found = event_files(root, feature)
    asked = f"{min(days, default='')}…{max(days, default='')} {now.isoformat()}"
    return [replace(one, state=asked) if one.path.startswith(SCHEME) else one for one in found]


def copies_of(
    root: Root, feature: AiFeatureSpec, files: Sequence[TableFile], declared: str
) -> list[Copy]:
    """The copies of these files, made where there are none yet."""
    together = feature.source is not None and feature.source.kind in TOGETHER
    units = [tuple(files)] if together and files else [(file,) for file in files]
    folder = root.folder / "cache" / "events"
    return [_copy(root, feature, unit, folder, declared) for unit in units]


def view_events(
    connection: duckdb.DuckDBPyConnection, copies: Sequence[Copy]
) -> tuple[list[ReadableTable], list[UnreadableTable]]:
    """Show the rows of the copies as ``ROWS``, and what is known of their files."""
    tables, refused = [], []
    for copy in copies:
        counts: Counter[str] = Counter()
        for name, count in _counted(connection, copy.parquet):
            counts[name] = count
        for file in copy.files:
            tables.append(ReadableTable(file, {}, counts[file.name], str(copy.parquet)))
        for one in copy.set_apart:
            if one.reason == UNREADABLE_FILE:
                refused.append(UnreadableTable(one.segment, one.detail or one.reason))
    if tables:
        names = ", ".join(text(table.file.name) for table in tables)
        paths = ", ".join(sorted({text(table.parquet) for table in tables}))
        connection.execute(f"CREATE TYPE event_files AS ENUM ({names})")
        connection.execute(
            f"CREATE VIEW {ROWS} AS SELECT * EXCLUDE ({_SEGMENT}), 'no time' AS why,"
            f" CAST(enum_code(CAST({_SEGMENT} AS event_files)) AS INTEGER) AS file"
            f" FROM read_parquet([{paths}])"
        )
    return tables, refused


def _counted(connection: duckdb.DuckDBPyConnection, parquet: Path) -> list[tuple[str, int]]:
    query = f"SELECT {_SEGMENT}, count(*) FROM read_parquet(?) GROUP BY ALL"
    return connection.execute(query, [str(parquet)]).fetchall()


def _copy(
    root: Root,
    feature: AiFeatureSpec,
    files: tuple[TableFile, ...],
    folder: Path,
    declared: str,
) -> Copy:
    unit = _digest(feature.name, *(file.path for file in files[:1]))
    name = f"{unit}-{_digest(declared, *(f'{f.path} {f.size} {f.state}' for f in files))}"
    parquet, apart = folder / f"{name}.parquet", folder / f"{name}.apart.parquet"
    if not (parquet.exists() and apart.exists()):
        with replacing(str(parquet)) as fresh:
            quarantined = _write(root, feature, files, fresh)
        with replacing(str(apart)) as fresh:
            pq.write_table(quarantine_table(quarantined), fresh, compression="zstd")
        # What a tracking store told is never asked for again.
        _forget(folder, unit, name, _STALE_SECONDS if files[0].size else 0)
    told = pq.read_table(apart).to_pylist()
    return Copy(files, parquet, tuple(Quarantined(**row) for row in told))


def _write(
    root: Root, feature: AiFeatureSpec, files: Sequence[TableFile], target: str
) -> list[Quarantined]:
    columns = columns_of(feature)
    schema = source_schema(columns).append(pa.field(_SEGMENT, pa.string()))
    quarantined: list[Quarantined] = []
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for name, batch in read_events(root, feature, columns, files):
            quarantined += batch.quarantined
            if batch.table.num_rows:
                rows = whole_rows(batch, feature, columns)
                segment = pa.repeat(pa.scalar(name), rows.num_rows)
                writer.write_table(rows.append_column(schema.field(_SEGMENT), segment))
    return quarantined


def _forget(folder: Path, unit: str, name: str, seconds: float) -> None:
    """Remove the copies of earlier states of the same files that were made so long ago."""
    limit = time.time() - seconds
    for old in folder.glob(f"{unit}-*.parquet"):
        if not old.name.startswith(name) and old.stat().st_mtime < limit:
            old.unlink(missing_ok=True)


def _digest(*told: str) -> str:
    return sha256("\n".join(told).encode()).hexdigest()[:24]
