"""What is known of each file of an existing log: its days, what belongs to none, why it is unread.

Looked at anew only when a file came, went or changed. What belongs to no day stands in
``prediction_log/undated``: rows that tell no time, and rows that are none.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
from msgspec import structs

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.source import SyntheticCalendar
from ai_ops.prediction_logging.log_table import QUARANTINE_SCHEMA, Quarantined, quarantine_table
from ai_ops.prediction_logging.source_reading import (
    Opened,
    declaration_of,
    declared_source,
    depend_on_each_other,
    open_rows,
    source_files,
)
from ai_ops.storage.mapped_tables import ROWS
from ai_ops.storage.root import Root
from ai_ops.storage.sql_text import text
from ai_ops.storage.tables import TableFile, digest_of, tables_engine
from ai_ops.vocabulary.errors import MissingEvidence

INDEX: Final = "prediction_log/source"
UNDATED: Final = "prediction_log/undated"
NOT_A_ROW: Final = "not a row of the table"


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a file that belong to no day: why, how many, and the first of them."""

    reason: str
    rows: int
    first: int | None = None


class FileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it was when it was looked at; ``problem`` says why it cannot be read.

    ``days`` counts its rows by their UTC day.
    """

    name: str
    size: int
    state: str
    digest: str
    rows: int = 0
    days: dict[str, int] = {}
    apart: tuple[Apart, ...] = ()
    problem: str = ""


class SourceIndex(msgspec.Struct, frozen=True, kw_only=True):
    """All files of a source, and the declaration that they were read by."""

    declared: str
    files: tuple[FileFacts, ...]

    def digest(self, day: str, calendar: SyntheticCalendar | None) -> str:
        """The digest of what a day is made of: another one when a file with its rows changed.

        A synthetic calendar moves with the rows before a file, one by a column of the order with
        every row.
        """
        whole = calendar is not None and calendar.order_column is not None
        before = list(accumulate((one.rows for one in self.files), initial=0))
        told = [
            [one.name, one.digest, one.days.get(day, 0), one.problem, place if calendar else 0]
            for one, place in zip(self.files, before, strict=False)
            if whole or day in one.days or one.problem
        ]
        return sha256(json.dumps([self.declared, *told]).encode()).hexdigest()

    @property
    def unreadable(self) -> list[FileFacts]:
        """The files of which nobody knows which days they hold."""
        return [one for one in self.files if one.problem]

    @property
    def rows(self) -> int:
        """All rows, those among them that belong to no day."""
        return sum(one.rows for one in self.files)

    def after(self, day: str) -> tuple[int, str]:
        """How many rows lie on days after this one, and the first such day ("" for none)."""
        later = [found for one in self.files for found in one.days.items() if found[0] > day]
        return sum(count for _, count in later), min((name for name, _ in later), default="")


@dataclass(frozen=True)
class Looked:
    """A source as it is now: what is known of its files, and where they lie."""

    index: SourceIndex
    files: Mapping[str, TableFile]


def look_at_source(root: Root, feature: AiFeatureSpec, days: Sequence[str]) -> Looked:
    """The files of a source, those that changed looked at anew; ``MissingEvidence`` without any.

    Only a tracking store is asked for these ``days`` alone.
    """
    files = source_files(root, feature, days)
    declared = declaration_of(feature)
    before = _kept(root, feature, declared)
    if depend_on_each_other(feature):
        same = {one.name: (one.size, one.state) for one in before.values()}
        if same != {file.name: (file.size, file.state) for file in files}:
            before = {}
    known = {
        file.name: before[file.name]
        for file in files
        if file.name in before and _state(before[file.name]) == (file.size, file.state)
    }
    fresh = [file for file in files if file.name not in known]
    if fresh or len(known) != len(before):
        found = known | _facts(root, feature, fresh)
        index = SourceIndex(declared=declared, files=tuple(found[file.name] for file in files))
        _write_undated(root, feature, files, index)
        path = root.lake.path(feature.name, INDEX, None, "json")
        root.lake.write_json(path, msgspec.to_builtins(index))
    else:
        index = SourceIndex(declared=declared, files=tuple(known[file.name] for file in files))
    return Looked(index, {file.name: file for file in files})


def read_index(root: Root, feature: AiFeatureSpec) -> SourceIndex:
    """The index as it was written last; ``MissingEvidence`` when it never was."""
    data, _ = root.lake.read_json(root.lake.path(feature.name, INDEX, None, "json"))
    return msgspec.convert(data, SourceIndex)


def _kept(root: Root, feature: AiFeatureSpec, declared: str) -> dict[str, FileFacts]:
    try:
        index = read_index(root, feature)
    except (MissingEvidence, msgspec.ValidationError, ValueError):
        return {}  # a copy of what the files tell: made anew
    return {one.name: one for one in index.files} if index.declared == declared else {}


def _state(facts: FileFacts) -> tuple[int, str]:
    return facts.size, facts.state


def _facts(root: Root, feature: AiFeatureSpec, files: Sequence[TableFile]) -> dict[str, FileFacts]:
    found: dict[str, FileFacts] = {}
    with tables_engine(root) as connection:
        opened = open_rows(root, connection, feature, files)
        days, apart = _counted(connection, opened)
        for place, table in enumerate(opened.tables):
            rejected = [(one.row, NOT_A_ROW) for one in table.rejected]
            rejected += [(one.offset or 0, one.reason) for one in opened.undated_of(table.file)]
            found[table.file.name] = FileFacts(
                **_identity(table.file),
                rows=table.rows + len(table.rejected) + len(opened.set_apart_of(table.file)),
                days=days.get(place, {}),
                apart=(*apart.get(place, ()), *_gathered(rejected)),
            )
    for error in opened.refused:
        # What could be read of a file of events stands, though it is cut off.
        known = found.get(error.file) or FileFacts(**_identity(_named(files, error.file)))
        found[error.file] = structs.replace(known, problem=error.problem)
    return found


def _named(files: Sequence[TableFile], name: str) -> TableFile:
    return next(file for file in files if file.name == name)


def _identity(file: TableFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "size": file.size,
        "state": file.state,
        "digest": digest_of(file) if file.size else file.state,
    }


def _counted(
    connection: Any, opened: Opened
) -> tuple[dict[int, dict[str, int]], dict[int, list[Apart]]]:
    days: dict[int, dict[str, int]] = {}
    apart: dict[int, list[Apart]] = {}
    if opened.tables:
        counted = connection.execute(
            f"SELECT file, CAST(CAST(time AS DATE) AS VARCHAR), count(*) FROM {ROWS}"
            " WHERE time IS NOT NULL GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        for file, day, count in counted:
            days.setdefault(file, {})[day] = count
        undated = connection.execute(
            f"SELECT file, why, count(*), min(row) FROM {ROWS} WHERE time IS NULL"
            " GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        for file, why, count, first in undated:
            apart.setdefault(file, []).append(Apart(reason=why, rows=count, first=first))
    return days, apart


def _gathered(rows: Iterable[tuple[int, str]]) -> list[Apart]:
    groups: dict[str, list[int]] = {}
    for row, reason in rows:
        groups.setdefault(reason, []).append(row)
    return [
        Apart(reason=reason, rows=len(found), first=min(found))
        for reason, found in sorted(groups.items())
    ]


def _write_undated(
    root: Root, feature: AiFeatureSpec, files: Sequence[TableFile], index: SourceIndex
) -> None:
    """Keep what belongs to no day where a person can look at it, row by row."""
    path = root.lake.path(feature.name, UNDATED, None)
    concerned = {one.name for one in index.files if one.apart}
    if not concerned:
        root.lake.write_table(path, QUARANTINE_SCHEMA.empty_table())
        return
    columns = declared_source(feature).columns
    with tables_engine(root) as connection, TemporaryDirectory(prefix="ai_ops_") as folder:
        chosen = [file for file in files if file.name in concerned]
        opened = open_rows(root, connection, feature, chosen)
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
