"""What a value of somebody else's table means, as SQL: from whatever type a column has.

Text that reads as a number is one where a number is declared, for CSV knows nothing else; what
cannot be read so is null, and whoever asks tells that apart from what was missing already.
"""

from typing import Final, Literal

from ai_ops.storage.csv_tables import NOT_UTF8
from ai_ops.storage.sql_text import text

Wanted = Literal["number", "probability", "category", "boolean"]

_SIZES: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_INTEGERS: Final = frozenset(f"{sign}{size}" for sign in ("", "U") for size in _SIZES)
_FLOATS: Final = frozenset({"FLOAT", "DOUBLE"})
_ZONED: Final = r"\d{2}:\d{2}.*([Zz]| ?UTC| ?GMT|[+-]\d{2}(:?\d{2})?)$"
_EPOCH: Final = r"\d{9,19}(\.\d+)?"
NAIVE: Final = "a time without a zone: name it as source.time_zone"


def is_nested(kind: str) -> bool:
    """Whether a column of this DuckDB type holds lists or structures."""
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "VARIANT"))


def missing(column: str, kind: str) -> str:
    """Whether nothing is told: null, a NaN (as pandas writes nulls), or an empty text."""
    if kind in _FLOATS:
        return f"({column} IS NULL OR isnan({column}))"
    if kind == "VARCHAR":
        return f"coalesce(trim({column}), '') = ''"
    return f"{column} IS NULL"


def value(column: str, kind: str, wanted: Wanted) -> str:
    """The value as the log's column takes it, or null.

    >>> value("x", "BIGINT", "number"), value("x", "INTEGER", "category")
    ('CAST(x AS DOUBLE)', 'CAST(x AS VARCHAR)')
    """
    if is_nested(kind):
        return _NULL[wanted]
    if wanted == "boolean":
        return _boolean(column, kind)
    return word(column, kind) if wanted == "category" else _number(column, kind)


def word(column: str, kind: str) -> str:
    """A value as text: a whole number without a fraction, whichever type its file gives it."""
    if kind == "VARCHAR":
        # What is not UTF-8 must not enter under another name.
        return (
            f"CASE WHEN trim({column}) <> '' AND NOT contains({column}, {text(NOT_UTF8)})"
            f" THEN {column} END"
        )
    if kind in _FLOATS:
        return (
            f"CASE WHEN NOT isfinite({column}) THEN NULL WHEN {column} = trunc({column})"
            f" AND abs({column}) < 1e15 THEN CAST(CAST({column} AS BIGINT) AS VARCHAR)"
            f" ELSE CAST({column} AS VARCHAR) END"
        )
    return f"CAST({column} AS VARCHAR)"


def moment(column: str, kind: str, zone: str | None) -> str | None:
    """The moment in UTC, or null; None when a column of this type tells no zone and nobody does."""
    zoned = f"timezone({text(zone)}, {{}})" if zone else None
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"CASE WHEN isfinite({column}) THEN {column} END"
    if kind == "TIMESTAMPTZ_NS":  # as pandas writes nanoseconds
        return f"CAST({column} AS TIMESTAMPTZ)"
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        if zoned is None:
            return None
        naive = zoned.format(f"CAST({column} AS TIMESTAMP)")
        return f"CASE WHEN isfinite(CAST({column} AS TIMESTAMP)) THEN {naive} END"
    if kind in _INTEGERS or kind in _FLOATS or kind.startswith("DECIMAL"):
        return _since_1970(f"CAST({column} AS BIGINT)" if kind in _INTEGERS else column)
    if kind != "VARCHAR":
        return "CAST(NULL AS TIMESTAMPTZ)"
    naive = zoned.format(f"TRY_CAST({column} AS TIMESTAMP)") if zoned else "NULL"
    epoch = _since_1970(f"TRY_CAST({column} AS DECIMAL(38, 9))")
    found = (
        f"CASE WHEN regexp_matches({column}, {text(_ZONED)}) THEN TRY_CAST({column} AS TIMESTAMPTZ)"
        f" WHEN regexp_full_match({column}, {text(_EPOCH)}) THEN {epoch} ELSE {naive} END"
    )
    return f"CASE WHEN isfinite({found}) THEN {found} END"


def no_moment(column: str, kind: str, zone: str | None) -> str:
    """Why a value tells no moment, as an SQL text."""
    unread = text("no time can be read from it")
    if kind == "VARCHAR" and zone is None:
        unread = (
            f"CASE WHEN TRY_CAST({column} AS TIMESTAMP) IS NOT NULL THEN {text(NAIVE)}"
            f" ELSE {unread} END"
        )
    return f"CASE WHEN {missing(column, kind)} THEN 'no time' ELSE {unread} END"


def as_json(column: str, kind: str) -> str:
    """A value as JSON, for where its column cannot take it."""
    if kind in _FLOATS:
        named = f"to_json(CAST({column} AS VARCHAR))"
        return f"CASE WHEN isfinite({column}) THEN to_json({column}) ELSE {named} END"
    return f"to_json({column})"


_NULL: Final = {
    "number": "CAST(NULL AS DOUBLE)",
    "probability": "CAST(NULL AS DOUBLE)",
    "category": "CAST(NULL AS VARCHAR)",
    "boolean": "CAST(NULL AS BOOLEAN)",
}


def _number(column: str, kind: str) -> str:
    if kind in _INTEGERS or kind.startswith("DECIMAL"):
        return f"CAST({column} AS DOUBLE)"
    if kind in _FLOATS:
        return f"CASE WHEN isfinite({column}) THEN CAST({column} AS DOUBLE) END"
    if kind == "VARCHAR":
        number = f"TRY_CAST({column} AS DOUBLE)"
        return f"CASE WHEN isfinite({number}) THEN {number} END"
    return _NULL["number"]


def _boolean(column: str, kind: str) -> str:
    if kind == "BOOLEAN":
        return column
    if kind in _INTEGERS or kind in _FLOATS or kind.startswith("DECIMAL"):
        return f"CASE WHEN {column} = 1 THEN true WHEN {column} = 0 THEN false END"
    if kind == "VARCHAR":
        said = f"lower(trim({column}))"
        return (
            f"CASE WHEN {said} IN ('true', '1', '1.0') THEN true"
            f" WHEN {said} IN ('false', '0', '0.0') THEN false END"
        )
    return _NULL["boolean"]


def _since_1970(number: str) -> str:
    """A moment from a number: of seconds, milliseconds, microseconds or nanoseconds by its size.

    The bounds lie in the year 5138 for seconds, and in 1973 for the milliseconds that begin there.
    """
    micros = (
        f"CASE WHEN abs({number}) < 1e11 THEN {number} * 1000000"
        f" WHEN abs({number}) < 1e14 THEN {number} * 1000"
        f" WHEN abs({number}) < 1e17 THEN {number} ELSE {number} / 1000 END"
    )
    return f"make_timestamptz(TRY_CAST(trunc({micros}) AS BIGINT))"
