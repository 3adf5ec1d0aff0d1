"""Rows of an existing log, read again from the files that they are of."""

import json
from collections.abc import Collection, Generator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.audit_raw import Reread
from ai_ops.prediction_logging.day_metadata import SOURCE
from ai_ops.prediction_logging.log_columns import LogColumns, columns_of
from ai_ops.prediction_logging.source_day import SourceDay, source_day
from ai_ops.prediction_logging.source_days import rows_of_days
from ai_ops.prediction_logging.source_index import Looked, look_at_source
from ai_ops.prediction_logging.source_reading import declared_source, open_rows, told_members
from ai_ops.storage.root import Root
from ai_ops.storage.tables import tables_engine
from ai_ops.vocabulary.errors import MissingEvidence

GONE = "no row of its source is like it"


class SourceRows:
    """Reads the source of a feature again, day after day in order, once for all of them.

    A day of which a file is gone or was changed since cannot be read again: what it said then,
    nobody knows.
    """

    def __init__(self, root: Root, feature: AiFeatureSpec, days: Collection[str]) -> None:
        self._files: dict[str, str] = {}
        self._days: Generator[tuple[str, SourceDay]] = _nothing()
        try:
            looked = look_at_source(root, feature, sorted(days))
        except MissingEvidence:  # the source is gone: nothing of it can be read again
            looked = None
        if looked is not None and days:
            self._files = {one.name: one.digest for one in looked.index.files}
            self._days = _rows(root, feature, looked, sorted(days))
        self._next = next(self._days, None)

    def close(self) -> None:
        """Read no further."""
        self._days.close()

    def again(self, day: str, rows: pa.Table, columns: LogColumns) -> Reread:
        """These rows of a day's log as the source has them now."""
        found = self._of(day) if self._unchanged(rows) else None
        if found is None:
            return Reread(rows.slice(0, 0), (), {}, {})
        standing = found.table["id"].take(pa.array(found.order)).combine_chunks()
        where = pc.index_in(rows["id"], value_set=standing).to_pylist()
        there = {place: at for place, at in enumerate(where) if at is not None}
        lost = {place: GONE for place, at in enumerate(where) if at is None}
        places = found.order[list(there.values())]
        return Reread(
            found.table.take(pa.array(places)), tuple(there), {"source": len(where)}, lost
        )

    def _unchanged(self, rows: pa.Table) -> bool:
        told = json.loads((rows.schema.metadata or {}).get(SOURCE, b"{}"))
        files = told.get("files", ())
        return all(self._files.get(one["file"]) == one["digest"] for one in files)

    def _of(self, day: str) -> SourceDay | None:
        while self._next is not None and self._next[0] < day:
            self._next = next(self._days, None)
        return self._next[1] if self._next is not None and self._next[0] == day else None


def _rows(
    root: Root, feature: AiFeatureSpec, looked: Looked, days: Sequence[str]
) -> Generator[tuple[str, SourceDay]]:
    """The rows of these days as the log would hold them, in order."""
    source, columns = declared_source(feature), columns_of(feature)
    told = told_members(source)
    files = [looked.files[one.name] for one in looked.index.files if not one.problem]
    with tables_engine(root, memory="500MB") as connection:
        opened = open_rows(root, connection, feature, files)
        names = [table.file.name for table in opened.tables]
        if not names:
            return
        with_ids = "id" in told
        for day, rows in rows_of_days(connection, columns, days, told, with_ids=with_ids):
            yield day, source_day(rows, feature, columns, names)


def _nothing() -> Generator[tuple[str, SourceDay]]:
    yield from ()
