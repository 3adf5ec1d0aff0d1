"""Which members lines have, so that many can be parsed by one schema that allows no other."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
import pyarrow as pa

from ai_ops.prediction_logging.log_columns import ARROW, PROTECTED_RULES, LogColumn

OBJECTS: Final = ("input", "output", "cost")
"""The members whose own members are looked at."""

_OWN: Final[dict[str, pa.DataType]] = {
    **dict.fromkeys(("kind", "id", "model_version", "error", "call_site", "tenant"), pa.string()),
    **dict.fromkeys(("status", "mode", "subject", "request_id", "withheld"), pa.string()),
    **dict.fromkeys(("time", "feature", "writer", "incarnation", "crc"), pa.string()),
    "latency_ms": pa.float64(),
    "seq": pa.int64(),
}
_AT_MOST: Final = 1000
"""A log that names a member anew in every line is read line by line."""


class Members:
    """The members found so far, with the types that their values are read by.

    >>> members = Members([])
    >>> members.learn(b'{"id":"a","input":{"x":1,"y":null}}')
    True
    >>> members.learn(b'{"id":"a","input":{"x":"far","y":true}}'), members.learn(b'{"id":"b"}')
    (True, False)
    >>> print(members.schema.field("input"))
    pyarrow.Field<input: struct<x: double, y: bool>>
    """

    def __init__(self, columns: Iterable[LogColumn]) -> None:
        self._declared: dict[tuple[str, str], pa.DataType] = {
            (c.role, c.name): pa.string() if c.rule in PROTECTED_RULES else ARROW[c.type]
            for c in columns
        }
        self._known: dict[tuple[str, str], pa.DataType] = {}

    def learn(self, line: bytes) -> bool:
        """Take in the members of a line; whether there were any that were not known."""
        try:
            found = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        if not isinstance(found, dict) or len(self._known) > _AT_MOST:
            return False
        named = list(_named(found))
        if any(isinstance(value, dict | list) for _, _, value in named):
            return False
        return sum(self._take(parent, name, value) for parent, name, value in named) > 0

    @property
    def schema(self) -> pa.Schema:
        """What lines with these members and no others are parsed by."""
        inner: dict[str, list[tuple[str, pa.DataType]]] = {name: [] for name in OBJECTS}
        own: list[tuple[str, pa.DataType]] = []
        for (parent, name), type in self._known.items():
            (inner[parent] if parent else own).append((name, type))
        return pa.schema([*own, *((name, pa.struct(inner[name])) for name in OBJECTS)])

    def _take(self, parent: str, name: str, value: Any) -> bool:
        key = (parent, name)
        if self._known.get(key, pa.null()) != pa.null():
            return False
        known = self._declared.get(key) if parent else _OWN.get(name)
        found = _type_of(value) if known is None else known
        if self._known.get(key) == found:
            return False
        self._known[key] = found
        return True


def _named(line: dict[str, Any]) -> Iterable[tuple[str, str, Any]]:
    for name, value in line.items():
        if name not in OBJECTS:
            yield "", name, value
        elif isinstance(value, dict):
            for inner, found in value.items():
                yield name, inner, found


def _type_of(value: Any) -> pa.DataType:
    match value:
        case bool():
            return pa.bool_()
        case str():
            return pa.string()
        case None:
            return pa.null()
        case _:
            return pa.float64()
