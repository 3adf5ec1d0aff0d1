"""Days for a table that has an order and no times."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final

from ai_ops.ai_features.source import SyntheticCalendar
from ai_ops.storage.sql_text import quoted
from ai_ops.storage.sql_values import is_nested, missing
from ai_ops.storage.tables import ROW, ReadableTable

_DAY: Final = 86_400_000_000
_ORDER: Final = ("order_missing", "order_number", "order_text")


def calendar_columns(
    calendar: SyntheticCalendar,
    kinds: Mapping[str, str],
    number: str,
    tables: Sequence[ReadableTable],
) -> list[str]:
    """The time of a row of the file with this number, and why it has none, as SQL columns.

    Rows stand in the order of their files and their own: each file's first follows the last of
    the one before, with the rows that were set apart counted. By a column of the order they get
    their times when all files are together: see ``in_order``.
    """
    if calendar.order_column is None:
        sizes = [table.rows + len(table.rejected) for table in tables]
        before = ", ".join(map(str, accumulate([0, *sizes[:-1]])))
        place = f"(list_extract([{before}], {number} + 1) + {quoted(ROW)})"
        return [f"{_time_of(calendar, place)} AS time", "'no place in the order' AS why"]
    column, kind = quoted(calendar.order_column), kinds[calendar.order_column]
    nested = is_nested(kind)
    known = [
        "true" if nested else missing(column, kind),
        "NULL" if nested else f"TRY_CAST({column} AS DOUBLE)",
        "NULL" if nested else f"CAST({column} AS VARCHAR)",
    ]
    ordered = [f"{sql} AS {name}" for sql, name in zip(known, _ORDER, strict=True)]
    return [*ordered, "'no value in the column of the order' AS why"]


def in_order(calendar: SyntheticCalendar, rows: str) -> str:
    """A query of the rows with their time by the column of the order."""
    keys = ", ".join([*_ORDER, "file", "row"])
    placed = f"SELECT *, row_number() OVER (ORDER BY {keys}) - 1 AS place FROM {rows}"
    time = f"CASE WHEN NOT order_missing THEN {_time_of(calendar, 'place')} END AS time"
    return f"SELECT * EXCLUDE (place, {', '.join(_ORDER)}), {time} FROM ({placed})"


def _time_of(calendar: SyntheticCalendar, place: str) -> str:
    """The moment of the row at a place of the order: evenly spread over its day."""
    a_day = calendar.rows_a_day
    within = f"CAST(floor(({place} % {a_day}) * {_DAY}.0 / {a_day}) AS BIGINT)"
    start = f"TIMESTAMPTZ '{calendar.start.isoformat()} 00:00:00+00'"
    return f"{start} + to_microseconds(({place} // {a_day}) * {_DAY} + {within})"
