"""The day logs of a feature whose predictions stand in somebody else's tables or events."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC
from functools import cache
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.day_metadata import (
    DUPLICATES,
    LOG,
    QUARANTINE,
    READ,
    SOURCE,
    UNKNOWN,
    WRONG,
)
from ai_ops.prediction_logging.log_columns import columns_of
from ai_ops.prediction_logging.log_file import log_content
from ai_ops.prediction_logging.log_table import TIME, Quarantined, log_schema, quarantine_table
from ai_ops.prediction_logging.source_day import SourceDay, source_day
from ai_ops.prediction_logging.source_days import rows_of_days
from ai_ops.prediction_logging.source_index import Looked, look_at_source, without_damaged
from ai_ops.prediction_logging.source_reading import (
    Opened,
    declared_source,
    depend_on_each_other,
    open_rows,
    told_members,
)
from ai_ops.storage.lake import Lake
from ai_ops.storage.root import Root
from ai_ops.storage.tables import TableFile, tables_engine
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary

LABELS: Final = "source_labels"
LABELLED: Final = pa.schema([("id", pa.string()), ("label", pa.string()), ("available_at", TIME)])
"""The labels of a day that has none."""

UNREADABLE: Final = "unreadable file"
NO_SOURCE: Final = "unreadable source"
GONE: Final = "its earlier table is kept: it held rows of this file, which is gone"

_MEGABYTES: Final = 500
"""What the engine may take, besides one for each column; what does not fit is spilled."""


def compute_source_log(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """Write each day's log, its quarantine and its labels from the files of the source.

    A file that cannot be read is told on every day, for nobody knows which days it held; the
    others go on. A day keeps its table when what it was made from cannot be read any more.
    """
    ordered = sorted(moments, key=lambda moment: moment.partition)
    try:
        looked = look_at_source(root, feature, [one.partition for one in ordered])
    except MissingEvidence as error:
        return {
            moment.partition: _without_source(root, feature, moment, error) for moment in ordered
        }
    try:
        return _Writer(root, feature, looked).write(ordered)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        # A file whose end is whole and that is damaged inside shows it only when it is read.
        if (rest := without_damaged(root, feature, looked)) is None:
            raise
        return _Writer(root, feature, rest).write(ordered)


class _Writer:
    """Writes days of one feature from its source as it was looked at."""

    def __init__(self, root: Root, feature: AiFeatureSpec, looked: Looked) -> None:
        self._root, self._feature, self._looked = root, feature, looked
        self._source = declared_source(feature)
        self._columns = columns_of(feature)
        self._told = told_members(self._source)

    def write(self, moments: Sequence[Moment]) -> dict[str, Summary]:
        """Write these days, in order."""
        found: dict[str, Summary] = {}
        waiting = {moment.partition: moment for moment in moments}
        memory = _MEGABYTES + len(self._columns.columns)
        for factor in (1, 2, 4):
            try:
                self._write_days(waiting, found, f"{factor * memory}MB")
                break
            except duckdb.OutOfMemoryException:
                if factor == 4:
                    raise
        return found

    def _write_days(
        self, waiting: dict[str, Moment], found: dict[str, Summary], memory: str
    ) -> None:
        """Write the days that wait, each no longer waiting when it is written."""
        with tables_engine(self._root, memory=memory) as connection:
            opened = open_rows(self._root, connection, self._feature, self._files(list(waiting)))
            names = [table.file.name for table in opened.tables]
            apart = _by_day(opened)
            days: Iterable[tuple[str, pa.Table]] = ()
            if opened.tables:
                ids = "id" in self._told
                days = rows_of_days(
                    connection, self._columns, list(waiting), self._told, with_ids=ids
                )
            for day, rows in days:
                known = rows.filter(pc.less_equal(rows["time"], waiting[day].as_of))
                made = source_day(known, self._feature, self._columns, names)
                found[day] = self._write(waiting[day], made, apart.get(day, ()))
                del waiting[day]
        for day, moment in waiting.items():
            found[day] = self._write(moment, None, apart.get(day, ()))

    def _files(self, days: Sequence[str]) -> list[TableFile]:
        """The files that hold rows of these days; of a synthetic calendar all of them."""
        every = depend_on_each_other(self._feature)
        return [
            self._looked.files[one.name]
            for one in self._looked.index.files
            if (every and (one.rows or not one.problem)) or any(day in one.days for day in days)
        ]

    def _write(
        self, moment: Moment, made: SourceDay | None, apart: Sequence[Quarantined]
    ) -> Summary:
        lake, name, day = self._root.lake, self._feature.name, moment.partition
        index = self._looked.index
        quarantined = [*apart, *(made.quarantined if made else ())]
        quarantined += [Quarantined(UNREADABLE, one.name, one.problem) for one in index.unreadable]
        rows = len(made.order) if made else 0
        path = lake.path(name, LOG, day)
        lost = self._lost(path, rows)
        if lost:
            quarantined += [Quarantined(UNREADABLE, file, GONE) for file in lost]
        else:
            table = made.table if made else log_schema(self._columns).empty_table()
            order = made.order if made else np.zeros(0, np.int64)
            told = table.replace_schema_metadata(self._metadata(day, made))
            lake.write_bytes(path, memoryview(log_content(told, order)))
            if self._source.columns.label is not None:
                labels = made.labels if made else LABELLED.empty_table()
                lake.write_table(lake.path(name, LABELS, day), labels)
        _write_quarantine(lake, lake.path(name, QUARANTINE, day), quarantined)
        return self._summary(made, len(quarantined), bool(lost), path)

    def _lost(self, path: str, rows: int) -> list[str]:
        """Files of the standing table that are gone or unreadable, if it would become thinner."""
        try:
            table, _ = self._root.lake.read_table(path, ["id"])
        except MissingEvidence:
            return []
        if table.num_rows <= rows:
            return []
        readable = {one.name for one in self._looked.index.files if not one.problem}
        earlier = json.loads((table.schema.metadata or {}).get(SOURCE, b"{}"))
        return [one["file"] for one in earlier.get("files", ()) if one["file"] not in readable]

    def _metadata(self, day: str, made: SourceDay | None) -> dict[bytes, str]:
        index = self._looked.index
        files = {one.name: one for one in index.files}
        rows = made.rows_by_file if made else {}
        wrong: Counter[tuple[str, str]] = Counter()
        for misfit in made.misfits if made else ():
            wrong[misfit.column, misfit.version] += misfit.rows
        told = {
            "kind": self._source.kind,
            "files": [
                {
                    "file": name,
                    "size": files[name].size,
                    "digest": files[name].digest,
                    "rows": count,
                }
                for name, count in sorted(rows.items())
            ],
            "misfits": [asdict(misfit) for misfit in (made.misfits if made else ())],
        }
        return {
            DUPLICATES: str(made.repeated if made else 0),
            READ: index.digest(day, self._source.calendar),
            WRONG: json.dumps([[*key, count] for key, count in sorted(wrong.items())]),
            UNKNOWN: "{}",
            SOURCE: json.dumps(told, sort_keys=True),
        }

    def _summary(self, made: SourceDay | None, quarantined: int, kept: bool, path: str) -> Summary:
        return Summary(
            {
                "rows": len(made.order) if made else 0,
                "quarantined": quarantined,
                "duplicates": made.repeated if made else 0,
                "wrong_types": sum(one.rows for one in made.misfits) if made else 0,
                "labels": made.labels.num_rows if made else 0,
                "files": len(made.rows_by_file) if made else 0,
                "earlier_table_kept": kept,
            },
            files={"log": path},
        )


def _without_source(
    root: Root, feature: AiFeatureSpec, moment: Moment, error: MissingEvidence
) -> Summary:
    """What is written when there is nothing to read: why, and no table that could pass for one."""
    told = Quarantined(NO_SOURCE, declared_source(feature).files, str(error))
    path = root.lake.path(feature.name, QUARANTINE, moment.partition)
    _write_quarantine(root.lake, path, [told])
    return Summary({"rows": 0, "files": 0, "missing": str(error)})


@cache
def _empty_quarantine() -> pa.Buffer:
    sink = pa.BufferOutputStream()
    pq.write_table(quarantine_table([]), sink, compression="zstd")
    return sink.getvalue()


def _write_quarantine(lake: Lake, path: str, rows: Sequence[Quarantined]) -> None:
    if rows:
        lake.write_table(path, quarantine_table(rows))
    else:
        lake.write_bytes(path, memoryview(_empty_quarantine()))


def _by_day(opened: Opened) -> dict[str, list[Quarantined]]:
    """What of events could not become a row, by the day that it tells."""
    found: dict[str, list[Quarantined]] = defaultdict(list)
    for table in opened.tables:
        for one in opened.set_apart_of(table.file):
            if one.time is not None:
                found[one.time.astimezone(UTC).date().isoformat()].append(one)
    return found
