"""What is known of each file of an existing log: its days, what belongs to none, why it is unread.

Looked at anew only when a file came, went or changed. What belongs to no day stands in
``prediction_log/undated``: rows that tell no time, and rows that are none.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from typing import Any, Final

import duckdb
import msgspec
from msgspec import structs

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.source import SyntheticCalendar
from ai_ops.prediction_logging.source_ids import SharedIds, shared_ids
from ai_ops.prediction_logging.source_reading import (
    Opened,
    damaged_inside,
    declaration_of,
    depend_on_each_other,
    open_rows,
    source_files,
)
from ai_ops.prediction_logging.source_undated import NOT_A_ROW, write_undated
from ai_ops.storage.mapped_tables import ROWS
from ai_ops.storage.root import Root
from ai_ops.storage.tables import TableFile, UnreadableTable, digest_of, tables_engine
from ai_ops.vocabulary.errors import MissingEvidence

INDEX: Final = "prediction_log/source"


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
    shared: SharedIds = SharedIds()

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
    kept = _kept(root, feature, declared)
    before = {one.name: one for one in kept.files}
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
        sound = [file for file in files if found[file.name].days]
        index = SourceIndex(
            declared=declared,
            files=tuple(found[file.name] for file in files),
            shared=shared_ids(root, feature, sound),
        )
        write_undated(root, feature, [f for f in files if found[f.name].apart])
        _write_index(root, feature, index)
    else:
        index = structs.replace(kept, files=tuple(known[file.name] for file in files))
    return Looked(index, {file.name: file for file in files})


def without_damaged(root: Root, feature: AiFeatureSpec, looked: Looked) -> Looked | None:
    """The same without the files that are damaged inside; None when there are none."""
    sound = [looked.files[one.name] for one in looked.index.files if one.days]
    problems = {error.file: error.problem for error in damaged_inside(root, feature, sound)}
    if not problems:
        return None
    files = tuple(
        structs.replace(one, problem=problems[one.name], days={}, apart=())
        if one.name in problems
        else one
        for one in looked.index.files
    )
    index = structs.replace(looked.index, files=files)
    _write_index(root, feature, index)
    return Looked(index, looked.files)


def read_index(root: Root, feature: AiFeatureSpec) -> SourceIndex:
    """The index as it was written last; ``MissingEvidence`` when it never was."""
    data, _ = root.lake.read_json(root.lake.path(feature.name, INDEX, None, "json"))
    return msgspec.convert(data, SourceIndex)


def _write_index(root: Root, feature: AiFeatureSpec, index: SourceIndex) -> None:
    path = root.lake.path(feature.name, INDEX, None, "json")
    root.lake.write_json(path, msgspec.to_builtins(index))


def _kept(root: Root, feature: AiFeatureSpec, declared: str) -> SourceIndex:
    nothing = SourceIndex(declared=declared, files=())
    try:
        index = read_index(root, feature)
    except (MissingEvidence, msgspec.ValidationError, ValueError):
        return nothing  # a copy of what the files tell: made anew
    return index if index.declared == declared else nothing


def _state(facts: FileFacts) -> tuple[int, str]:
    return facts.size, facts.state


def _facts(root: Root, feature: AiFeatureSpec, files: Sequence[TableFile]) -> dict[str, FileFacts]:
    try:
        return _facts_of(root, feature, files)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        broken = damaged_inside(root, feature, files)
        if not broken:
            raise
        names = {error.file for error in broken}
        found = _facts_of(root, feature, [file for file in files if file.name not in names])
        return found | _problems(files, broken)


def _facts_of(
    root: Root, feature: AiFeatureSpec, files: Sequence[TableFile]
) -> dict[str, FileFacts]:
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
    return found | _problems(files, opened.refused, found)


def _problems(
    files: Sequence[TableFile],
    errors: Sequence[UnreadableTable],
    known: Mapping[str, FileFacts] | None = None,
) -> dict[str, FileFacts]:
    """Files that cannot be read; what could be read of one of events stands, though it is cut."""
    named = {file.name: file for file in files}
    found = {}
    for error in errors:
        facts = (known or {}).get(error.file) or FileFacts(**_identity(named[error.file]))
        found[error.file] = structs.replace(facts, problem=error.problem)
    return found


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
