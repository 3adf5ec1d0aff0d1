"""Values of events as the log types them: what was meant stays, what cannot be meant is told."""

from collections.abc import Sequence
from math import isfinite
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.prediction_logging.log_columns import ARROW, PROTECTED, PROTECTED_RULES, LogColumn

_TRUE: Final = ("true", "1", "1.0")
_FALSE: Final = ("false", "0", "0.0")


def typed(values: pa.Array | Sequence[Any], column: LogColumn) -> tuple[pa.Array, list[int]]:
    """One column's values, and the rows whose value it could not take or lacks.

    Text that reads as a number is one where a number is declared, for CSV knows nothing else and
    many callers send numbers as text; a whole number is the name of a class where one is declared.

    >>> column = LogColumn("input", "x", "number", nullable=False)
    >>> found, wrong = typed([1, "2.5", "far", None, True], column)
    >>> found.to_pylist(), wrong
    ([1.0, 2.5, None, None, None], [2, 3, 4])
    """
    arrow = ARROW[column.type]
    if column.rule == "drop":
        return pa.nulls(len(values), arrow), []
    found = _at_once(values, column, arrow)
    if found is None:
        listed = values.to_pylist() if isinstance(values, pa.Array) else values
        found = pa.array([_one(value, column) for value in listed], arrow)
    if not found.null_count:
        return found, []
    nulls = pc.indices_nonzero(found.is_null()).to_pylist()
    return found, [row for row in nulls if _is_wrong(_value(values, row), column)]


def _at_once(
    values: pa.Array | Sequence[Any], column: LogColumn, arrow: pa.DataType
) -> pa.Array | None:
    """The whole column where all its values are of the kind it declares; else None."""
    if isinstance(values, pa.Array):
        try:
            given = pc.if_else(pc.equal(values, ""), None, values)
            found = pc.cast(given, arrow)
        except pa.ArrowInvalid:
            return None
    elif column.is_number and set(map(type, values)) <= {float, int}:
        try:
            found = pa.array(values, arrow)
        except (OverflowError, pa.ArrowInvalid):
            return None
    else:
        return None
    if column.is_number and not pc.all(pc.is_finite(found)).as_py():
        return None if len(found) > found.null_count else found
    return found


def _one(value: Any, column: LogColumn) -> Any:
    if column.is_number:
        return _number(value)
    if column.type == "boolean":
        text = str(value).strip().lower()
        return True if text in _TRUE else False if text in _FALSE else None
    if isinstance(value, str):
        return value or None
    return str(value) if type(value) in (int, bool) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def _value(values: pa.Array | Sequence[Any], row: int) -> Any:
    return values[row].as_py() if isinstance(values, pa.Array) else values[row]


def _is_wrong(value: Any, column: LogColumn) -> bool:
    """Whether it is a mistake that the column holds nothing for this value."""
    if value is None or value == "":
        return not column.nullable
    # What the privacy policy hashed or encrypted is text, as it was meant to be.
    meant = column.rule in PROTECTED_RULES
    return not (meant and isinstance(value, str) and value.startswith(PROTECTED))
