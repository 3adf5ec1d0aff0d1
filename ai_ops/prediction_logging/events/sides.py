"""The two sides of many events at once: what was asked, what was answered, column by column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.prediction_logging.events.paths import MISSING, find
from ai_ops.prediction_logging.log_columns import LogColumn


@dataclass(frozen=True, slots=True)
class Members:
    """The columns of one side and where each lies in a row: a path, or None for the usual place.

    The usual place is the member of the column's name, or, in a row that is a list, the position
    in the order of the declared columns.
    """

    columns: Sequence[LogColumn]
    paths: Sequence[str | None]

    @property
    def places(self) -> range:
        """The places of the columns."""
        return range(len(self.columns))

    def misfit(self, width: int) -> str | None:
        """Why a row of so many values without names cannot be told apart; None where it can."""
        positions = [int(path) for path in self.paths if path and path.isdecimal()]
        least = max((place + 1 for place in positions), default=0)
        if None not in self.paths:
            if width >= least:
                return None
            return f"{width} values, and the mapping names position {least - 1}"
        if width == len(self.columns):
            return None
        return (
            f"{width} values, and {len(self.columns)} are declared: "
            "map each to its position, or declare all"
        )

    def unwrapped(self, row: Any) -> Any:
        """A row, or the list that it is an object around, or the list of its one value.

        >>> column = LogColumn("input", "x", "number", nullable=False)
        >>> members = Members([column], [None])
        >>> [members.unwrapped(row) for row in ({"features": [1.5]}, {"x": 1}, 2)]
        [[1.5], {'x': 1}, [2]]
        """
        if type(row) is dict and len(row) == 1:
            [(name, inner)] = row.items()
            if isinstance(inner, list) and name not in {one.name for one in self.columns}:
                by_position = all(path is None or path.isdecimal() for path in self.paths)
                return inner if by_position else row
        return row if isinstance(row, list | dict) else [row]


class Side(Protocol):
    """The rows of one side of several events, one after the other."""

    def values(self, place: int) -> pa.Array | list[Any]:
        """The values of a column, a row each; None where there is none."""

    def told(self, row: int) -> Any:
        """A whole row as paths lead into it."""


@dataclass(frozen=True, slots=True)
class JsonSide:
    """Rows that are objects or lists; None where there is no row at all.

    ``beside`` holds for each row the event it is of: a path that leads nowhere in the row leads
    into that.
    """

    members: Members
    rows: Sequence[Any]
    beside: Sequence[Mapping[str, Any]] = ()

    def values(self, place: int) -> list[Any]:
        """The values of a column, a row each."""
        name, path = self.members.columns[place].name, self.members.paths[place]
        if path is None:
            return [_usual(row, name, place) for row in self.rows]
        found = [find(row, path) for row in self.rows]
        for row, value in enumerate(found if self.beside else ()):
            if value is MISSING:
                found[row] = find(self.beside[row], path)
        return [None if value is MISSING else value for value in found]

    def told(self, row: int) -> Any:
        """A whole row as paths lead into it."""
        return self.rows[row]


@dataclass(frozen=True, slots=True)
class CsvSide:
    """Rows of CSV, split: ``cells`` holds all their values, ``starts`` where each row begins."""

    members: Members
    cells: pa.Array
    starts: pa.Array

    def values(self, place: int) -> pa.Array:
        """The values of a column, a row each: text, as CSV has nothing else."""
        path = self.members.paths[place]
        position = int(path) if path is not None else place
        return pc.take(self.cells, pc.add(self.starts, position))

    def told(self, row: int) -> dict[str, str]:
        """The declared cells of a row by name."""
        start = self.starts[row].as_py()
        return {
            column.name: self.cells[start + (int(path) if path is not None else at)].as_py()
            for at, (column, path) in enumerate(
                zip(self.members.columns, self.members.paths, strict=True)
            )
        }


def _usual(row: Any, name: str, place: int) -> Any:
    if type(row) is dict:
        return row[name] if name in row else row.get(str(place))
    if type(row) is list and place < len(row):
        return row[place]
    return None
