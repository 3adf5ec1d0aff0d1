"""Bounded samples of rows for the report that people look at; no verdict is read from them.

What is read does not grow with the log: of each day's file so many row groups as ``READ`` allows,
chosen from the file's own metadata (``sample_plan``). A reference is sampled once and the sample
kept beside its profile.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec.core import url_to_fs
from numpy.typing import NDArray

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.cells import columns_of
from ai_ops.drift_monitoring.profile import ROWS, quoted
from ai_ops.drift_monitoring.references import REFERENCE, reference_of
from ai_ops.drift_monitoring.rows import LOG, connect
from ai_ops.drift_monitoring.sample_plan import groups_read, seeded, shared, spread
from ai_ops.storage.declared_reference import DECLARED
from ai_ops.storage.files import reached
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

SAMPLE: Final = 5_000
"""At most this many rows a side."""
READ: Final = 1_000_000
"""At most about this many rows a side are read for it: of each day at least one row group."""
AT_ONCE: Final = 1 << 17
"""Of a row group that is larger than any that ai_ops writes, its first rows stand for it."""
MADE_FROM: Final = b"ai_ops.sampled"
"""Key of a kept sample's metadata: what it was made from, and how."""


@dataclass(frozen=True)
class Sampled:
    """Rows with inputs and outputs by name; ``read`` of the files' ``of`` rows were looked at."""

    rows: pd.DataFrame
    read: int
    of: int


@dataclass(frozen=True, slots=True)
class _File:
    """A day's log: the rows of each row group, and the names of its columns."""

    day: str
    path: str
    groups: tuple[int, ...]
    names: frozenset[str]

    @property
    def rows(self) -> int:
        return sum(self.groups)


def sample_window(root: Root, feature: AiFeatureSpec, days: Sequence[str], version: str) -> Sampled:
    """Answered rows of the days' logs, each day its share, the same ones each time.

    What another version answered is left empty: its scores are not compared with this one's. A
    declared reference is of every version.
    """
    files = [file for day in days if (file := _file(root, feature, day))]
    wanted = shared(SAMPLE, [file.rows for file in files])
    picked, read = [], 0
    for file, share in zip(files, wanted, strict=True):
        for part, looked_at in _picked(root, feature, file, share, READ // max(len(files), 1)):
            picked.append(part)
            read += looked_at
    whole = sum(file.rows for file in files)
    if not picked:
        return Sampled(pd.DataFrame(), read, whole)
    table = pa.concat_tables(picked, promote_options="permissive")
    own = None if version == DECLARED else version
    return Sampled(_as_frame(_typed(table, feature, own)), read, whole)


def sample_reference(root: Root, feature: AiFeatureSpec, version: str, digest: str) -> Sampled:
    """Rows of the version's reference, or of the declared one, chosen alike.

    ``digest`` names the table that the report was judged against: the sample of it is kept, so
    that only the first page reads the whole.
    """
    path = root.lake.path(feature.name, f"{REFERENCE}/sample", version)
    made_from = f"{digest}/{SAMPLE}/{'/'.join(c.source for c in columns_of(feature))}".encode()
    try:
        table, _ = root.lake.read_table(path)
        told = table.schema.metadata or {}
        if told.get(MADE_FROM) == made_from:
            return Sampled(_as_frame(table), 0, int(told[b"ai_ops.rows"]))
    except (MissingEvidence, pa.ArrowInvalid):
        pass  # what is absent or unreadable is made again
    whole, found = reference_of(root, feature, version)
    places = spread(_strata(whole, feature), whole.num_rows, SAMPLE, seeded(found))
    table = _typed(whole.take(pa.array(places)), feature)
    if found == digest:
        told = {MADE_FROM: made_from, b"ai_ops.rows": str(whole.num_rows).encode()}
        root.lake.write_table(path, table.replace_schema_metadata(told))
    return Sampled(_as_frame(table), whole.num_rows, whole.num_rows)


def _file(root: Root, feature: AiFeatureSpec, day: str) -> _File | None:
    path = root.lake.path(feature.name, LOG, day)
    try:
        with _opened(root, path) as file:
            told = file.metadata
            rows = tuple(told.row_group(at).num_rows for at in range(told.num_row_groups))
            return _File(day, path, rows, frozenset(file.schema_arrow.names))
    except FileNotFoundError:
        return None


def _picked(
    root: Root, feature: AiFeatureSpec, file: _File, share: int, most: int
) -> Iterator[tuple[pa.Table, int]]:
    """The rows taken from each row group that is read, and how many were read."""
    wanted = ["status", "model_version", *feature.drift.slices]
    wanted += [column.source for column in columns_of(feature)]
    names = [name for name in dict.fromkeys(wanted) if name in file.names]
    chosen = groups_read(file.groups, most, seeded(file.day, *file.groups))
    quotas = shared(share, list(chosen.values()))
    with _opened(root, file.path) as opened:
        for group, quota in zip(chosen, quotas, strict=True):
            batches = opened.iter_batches(AT_ONCE, row_groups=[group], columns=names)
            rows = pa.Table.from_batches([next(batches)])
            answered = rows.filter(pc.equal(rows["status"], "ok"))
            generator = seeded(file.day, file.rows, group)
            places = spread(_strata(answered, feature), answered.num_rows, quota, generator)
            yield answered.take(pa.array(places)), rows.num_rows


@contextmanager
def _opened(root: Root, path: str) -> Iterator[pq.ParquetFile]:
    fs, inner = url_to_fs(path, **(root.lake.storage_options or {}))
    with reached(path, remote=not root.lake.is_local), fs.open(inner, "rb") as file:
        yield pq.ParquetFile(file, pre_buffer=True)


def _strata(rows: pa.Table, feature: AiFeatureSpec) -> list[NDArray[np.int64]]:
    """The codes of the slices that are asked for, one vector each."""
    return [
        pd.factorize(rows[name].to_pandas())[0].astype(np.int64)
        for name in feature.drift.slices
        if name in rows.column_names
    ]


def _typed(rows: pa.Table, feature: AiFeatureSpec, version: str | None = None) -> pa.Table:
    """The inputs and outputs by name, numbers as numbers and all else as text."""
    parts, parameters = [], []
    for column in columns_of(feature):
        if column.source in rows.column_names:
            kind = "VARCHAR" if column.kind == "category" else "DOUBLE"
            value = f"TRY_CAST({quoted(column.source)} AS {kind})"
            if column.role == "output" and version is not None:
                value = f'CASE WHEN "model_version" = ? THEN {value} END'
                parameters.append(version)
            parts.append(f"{value} AS {quoted(column.name)}")
    with connect() as connection:
        connection.register(ROWS, rows)
        query = f"SELECT {', '.join(parts)} FROM {ROWS}"
        return connection.sql(query, params=parameters).to_arrow_table()


def _as_frame(rows: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = rows.to_pandas()
    return frame
