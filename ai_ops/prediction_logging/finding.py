"""What predictions are asked for, as conditions that SQL and a line of a segment both answer."""

import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from ai_ops.prediction_logging.log_columns import ColumnType

Operator = Literal["=", "<", ">"]
Value = float | str | bool

_COMPARED: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What an input or an output is to be: ``input.amount = 12.5``.

    A ``protected`` one is compared with what the privacy policy wrote in the place of the value:
    ``values`` are then texts, any of which it may be.
    """

    role: Literal["input", "output"]
    name: str
    type: ColumnType
    operator: Operator
    values: tuple[Value, ...]
    protected: bool = False

    @property
    def title(self) -> str:
        """The name of its column in the log."""
        return f"{self.role}_{self.name}"

    def holds(self, members: Mapping[str, Any] | None) -> bool:
        """Whether an input or output, as it was sent, is what is asked for.

        >>> one = Condition("input", "amount", "number", ">", (12.5,))
        >>> one.holds({"amount": 13}), one.holds({"amount": "13"}), one.holds({}), one.holds(None)
        (True, False, False, False)
        """
        found = None if members is None else members.get(self.name)
        if found is None:
            return False
        compared = _COMPARED[self.operator]
        return any(_alike(found, value) and compared(found, value) for value in self.values)


@dataclass(frozen=True, slots=True)
class Query:
    """Which predictions are asked for; everything that is named has to hold.

    ``members`` maps a member of the record (``id``, ``subject``, …) to the values that it may
    have; the time lies in [begin, end).
    """

    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    begin: datetime | None = None
    end: datetime | None = None

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether a record is asked for: its members, ``time``, ``input`` and ``output``.

        >>> asked = Query({"tenant": ("UA",)}, (Condition("output", "late", "boolean", "=",
        ...     (True,)),))
        >>> asked.holds({"tenant": "UA", "input": {}, "output": {"late": True}})
        True
        >>> asked.holds({"tenant": None, "input": {}, "output": {"late": True}})
        False
        """
        return (
            all(row.get(name) in values for name, values in self.members.items())
            and (self.begin is None or row["time"] >= self.begin)
            and (self.end is None or row["time"] < self.end)
            and all(one.holds(row.get(one.role)) for one in self.conditions)
        )


@dataclass(frozen=True, slots=True)
class Clause:
    """The part of a statement after WHERE, every value a parameter."""

    text: str
    parameters: tuple[Any, ...]


def clause_of(query: Query, columns: Collection[str]) -> Clause | None:
    """What a file with these columns is asked; None when no row of it can be meant.

    >>> clause_of(Query({"id": ("a",)}), ["id"])
    Clause(text='"id" IN (?)', parameters=('a',))
    >>> clause_of(Query(conditions=(Condition("input", "x", "number", "<", (1.0,)),)), ["id"])
    """
    texts: list[str] = []
    parameters: list[Any] = []
    for name, values in query.members.items():
        texts.append(f"{_quoted(name)} IN ({', '.join('?' * len(values))})")
        parameters += values
    for text, moment in (('"time" >= ?', query.begin), ('"time" < ?', query.end)):
        if moment is not None:
            texts.append(text)
            parameters.append(moment)
    for one in query.conditions:
        if one.title not in columns:
            return None
        found = _of_condition(one)
        texts.append(found.text)
        parameters += found.parameters
    return Clause(" AND ".join(texts) or "true", tuple(parameters))


def _of_condition(one: Condition) -> Clause:
    marks = ", ".join("?" * len(one.values))
    if not one.protected:
        if one.operator == "=":
            return Clause(f"{_quoted(one.title)} IN ({marks})", one.values)
        return Clause(f"{_quoted(one.title)} {one.operator} ?", one.values)
    # A typed column cannot take the hash of a number: it stands in the raw JSON alone.
    raw = f"json_extract_string({_quoted(one.role)}, ?) IN ({marks})"
    typed = f"CAST({_quoted(one.title)} AS VARCHAR) IN ({marks})"
    return Clause(f"({raw} OR {typed})", (f"$.{one.name}", *one.values, *one.values))


def _alike(found: Any, value: Value) -> bool:
    """Whether two values may be compared: JSON's true is no number, and its 3 no text."""
    if isinstance(value, bool) or isinstance(found, bool):
        return isinstance(value, bool) and isinstance(found, bool)
    if isinstance(value, str):
        return isinstance(found, str)
    return isinstance(found, int | float)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
