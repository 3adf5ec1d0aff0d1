"""Tables of somebody else as the log sees them: one view of their rows, mapped and typed.

Files of the same columns are read together, others beside them, so that a column that changes its
type from one file to the next is read as what each file says. Nothing is dropped: a row whose time
cannot be read has none and says why, a value that does not fit is named and kept as JSON.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.source import Source
from ai_ops.storage.mapped_members import MEMBERS, members, typed_columns
from ai_ops.storage.sql_text import quoted, text
from ai_ops.storage.sql_values import moment, no_moment
from ai_ops.storage.synthetic_calendar import calendar_columns, in_order
from ai_ops.storage.tables import FILE, ROW, ReadableTable, UnreadableTable, scan
from ai_ops.vocabulary.errors import MissingEvidence

ROWS = "mapped_rows"
"""The view: ``file`` (its place among the tables), ``row`` (from 1 on), ``time`` and why there is
none (``why``), ``id`` (null where the source has none), the record's members, ``label``,
``available_at``, ``input_*`` and ``output_*``, ``wrong`` (titles), ``input`` and ``output``."""

_FILES = "mapped_files"


@dataclass(frozen=True, slots=True)
class Mapped:
    """What the view is made of: its tables, and those that could not be part of it, with why."""

    tables: Sequence[ReadableTable]
    refused: Sequence[UnreadableTable]


def map_tables(
    connection: duckdb.DuckDBPyConnection,
    feature: AiFeatureSpec,
    tables: Sequence[ReadableTable],
    *,
    set_of_its_own: bool = False,
) -> Mapped:
    """Show the tables' rows as ``ROWS``; a file that lacks what the YAML names is refused.

    A reference set (``set_of_its_own``) may lack the record's own columns: it has no days, nor a
    calendar. ``MissingEvidence`` for a time zone that does not exist, and for a field that is to
    be protected: what stands in the clear elsewhere is not copied here as if it were.
    """
    source = feature.source
    if source is None:
        raise MissingEvidence(f"{feature.name}: source is not declared: no table is its log")
    _check_zone(source)
    _check_privacy(feature)
    if set_of_its_own:
        source = source.model_copy(update={"calendar": None})
    fitting: list[ReadableTable] = []
    refused: list[UnreadableTable] = []
    for table in tables:
        problem = problem_of(table, source, set_of_its_own=set_of_its_own)
        if problem:
            refused.append(UnreadableTable(table.file.name, problem))
        else:
            fitting.append(table)
    if fitting:
        _create(connection, feature, source, fitting)
    return Mapped(fitting, refused)


def problem_of(table: ReadableTable, source: Source, *, set_of_its_own: bool = False) -> str | None:
    """What a file lacks to be read as the YAML's mapping says; None when nothing."""
    named = {
        f"source.columns.{role}": column
        for role, column in source.columns.model_dump().items()
        if column is not None
    }
    if source.calendar is not None and source.calendar.order_column is not None:
        named["source.calendar.order_column"] = source.calendar.order_column
    for field, column in named.items():
        if column not in table.columns and not set_of_its_own:
            has = ", ".join(table.columns)
            return f"no column {column}, which {field} names (the file has {has})"
    for role in ("time", "available_at"):
        column = getattr(source.columns, role)
        kind = table.columns.get(column or "")
        if kind is not None and moment("x", kind, source.time_zone) is None:
            return (
                f"column {column} ({kind}) holds times without a zone: "
                "name it as source.time_zone, or write them with it"
            )
    return None


def _check_zone(source: Source) -> None:
    if source.time_zone is not None:
        try:
            ZoneInfo(source.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            known = "a name such as UTC or Europe/Berlin"
            words = f"source.time_zone: {source.time_zone} is no time zone; write {known}"
            raise MissingEvidence(words) from error


def _check_privacy(feature: AiFeatureSpec) -> None:
    for name, rule in feature.privacy.fields.items():
        if rule in ("hash", "encrypt"):
            raise MissingEvidence(
                f"privacy.fields.{name}: {rule} is done where a log is written, and this one was "
                "written elsewhere; protect the column there and say keep, or say drop"
            )


def _create(
    connection: duckdb.DuckDBPyConnection,
    feature: AiFeatureSpec,
    source: Source,
    tables: Sequence[ReadableTable],
) -> None:
    paths = ", ".join(text(table.parquet) for table in tables)
    connection.execute(f"CREATE TYPE {_FILES} AS ENUM ({paths})")
    parts = [
        f"SELECT * FROM ({_selected(feature, source, group, tables)})" for group in _alike(tables)
    ]
    rows = f"({' UNION ALL BY NAME '.join(parts)})"
    if source.calendar is not None and source.calendar.order_column is not None:
        rows = f"({in_order(source.calendar, rows)})"
    columns = "*"
    if source.columns.label is not None and source.columns.available_at is None:
        micros = round(feature.ground_truth.mature_after_hours * 3_600_000_000)
        columns = f"* REPLACE (time + to_microseconds({micros}) AS available_at)"
    connection.execute(f"CREATE VIEW {ROWS} AS SELECT {columns} FROM {rows}")


def _alike(tables: Sequence[ReadableTable]) -> Iterator[list[ReadableTable]]:
    """The tables of the same columns and kind together."""

    def columns(table: ReadableTable) -> tuple[bool, tuple[tuple[str, str], ...]]:
        return table.is_text, tuple(sorted(table.columns.items()))

    for _, group in groupby(sorted(tables, key=columns), key=columns):
        yield list(group)


def _selected(
    feature: AiFeatureSpec,
    source: Source,
    group: Sequence[ReadableTable],
    tables: Sequence[ReadableTable],
) -> str:
    kinds = group[0].columns
    number = f"CAST(enum_code(CAST({quoted(FILE)} AS {_FILES})) AS INTEGER)"
    typed = typed_columns(feature, source, kinds)
    told = members(feature, source, kinds)
    inner = [
        f"{number} AS file",
        f"{quoted(ROW)} + 1 AS row",
        *_times(source, kinds, number, tables),
        *(f"{told[name]} AS {quoted(name)}" for name in MEMBERS),
        *(f"{sql} AS {quoted(alias)}" for alias, sql in typed.raw.items()),
    ]
    rows = f"SELECT {', '.join(inner)} FROM {scan(group)}"
    rows = f"SELECT *, {', '.join(typed.values)} FROM ({rows})"
    raw = f"EXCLUDE ({', '.join(map(quoted, typed.raw))})" if typed.raw else ""
    return f"SELECT * {raw}, {', '.join(typed.beside)} FROM ({rows})"


def _times(
    source: Source, kinds: Mapping[str, str], number: str, tables: Sequence[ReadableTable]
) -> Sequence[str]:
    """The time of a row and why it has none; of a column of the order, what it is ordered by."""
    if source.calendar is not None:
        return calendar_columns(source.calendar, kinds, number, tables)
    if source.columns.time is None or source.columns.time not in kinds:
        return ["CAST(NULL AS TIMESTAMPTZ) AS time", "'no time' AS why"]
    name, kind, zone = quoted(source.columns.time), kinds[source.columns.time], source.time_zone
    return [f"{moment(name, kind, zone)} AS time", f"{no_moment(name, kind, zone)} AS why"]
