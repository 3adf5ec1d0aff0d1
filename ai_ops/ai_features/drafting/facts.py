"""What a table shows of its columns, as far as drafting a feature's YAML asks for it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Protocol

ColumnKind = Literal["boolean", "integer", "float", "text", "time", "zoned_time", "nested"]
"""What a column's values are. Text that reads as times is time; integers that a null made floats
are integers again. A time without a zone is ``time``, one with it ``zoned_time``."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What one column holds.

    ``distinct`` may be estimated where there are many; ``values`` are all of them where there are
    few. ``unique`` says that no two rows share a value and none is null.
    """

    name: str
    kind: ColumnKind
    rows: int
    nulls: int = 0
    distinct: int = 0
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    unique: bool = False

    @property
    def empty(self) -> bool:
        """Whether it has no value at all."""
        return self.nulls == self.rows

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.kind in ("integer", "float")

    @property
    def in_unit(self) -> bool:
        """Whether all its values are numbers from 0 to 1."""
        return self.numeric and self.low is not None and self.low >= 0 and (self.high or 0) <= 1

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its name.

        >>> ColumnFacts("predictedAt_UTC", "time", 1).words
        ('predicted', 'at', 'utc')
        """
        return tuple(word.lower() for word in _WORD.findall(self.name))


class MeasuredTable(Protocol):
    """A table of which a draft may ask what follows from its first guesses."""

    @property
    def columns(self) -> Sequence[ColumnFacts]:
        """Its columns, in their order."""

    @property
    def rows(self) -> int:
        """How many rows it has."""

    def days(self, column: str, zone: str) -> dict[date, int]:
        """How many rows each UTC day has by the times in a column, in the order of the days."""

    def share_summing_to_one(self, columns: Sequence[str]) -> float:
        """The share of rows in which these numbers sum to 1."""

    def threshold(self, score: str, decision: str) -> float | None:
        """Where the score becomes a decision, if one number parts both decisions."""

    def lag_hours(self, time: str, later: str, zone: str) -> float | None:
        """After how many hours 95 % of the later times had come."""

    def label_lag_hours(
        self, time: str, id: str, labels: Any, label_id: str, later: str, zone: str
    ) -> float | None:
        """The same of labels in a table of their own (another ``MeasuredTable``), by their id."""
