"""What a check of the data found: mistakes, which fail it, and warnings, which do not."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

SERIOUS_SHARE: Final = 0.01
"""Fewer wrong values than this are told and set apart one by one; more are a wrong mapping."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not fit: where it stands, what it is, and how to mend it."""

    file: str
    words: str
    column: str | None = None
    row: int | None = None
    serious: bool = True

    @property
    def text(self) -> str:
        """As one line.

        >>> Problem("log.csv", "3 values are no number: correct them", "age", 17).text
        'log.csv: column age: row 17: 3 values are no number: correct them'
        """
        column = f"column {self.column}: " if self.column else ""
        row = f"row {self.row:,}: " if self.row is not None else ""
        return f"{self.file}: {column}{row}{self.words}"


@dataclass(slots=True)
class DataCheck:
    """Everything that was found in the data of one feature, and its plain numbers."""

    problems: list[Problem] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)

    def mistake(self, file: str, words: str, column: str | None = None) -> None:
        """Note what fails the check."""
        self.problems.append(Problem(file, words, column))

    def warn(self, file: str, words: str, column: str | None = None) -> None:
        """Note what is allowed and still worth a look."""
        self.problems.append(Problem(file, words, column, serious=False))

    def add(self, problems: Iterable[Problem]) -> None:
        """Note several."""
        self.problems.extend(problems)

    def lines(self, *, serious: bool) -> list[str]:
        """The mistakes, or the warnings, as lines."""
        return [one.text for one in self.problems if one.serious == serious]


def of_rows(count: int, rows: int) -> str:
    """How many of how many, with their share.

    >>> of_rows(3, 50_000), of_rows(50, 100)
    ('3 of 50,000 (0.006 %)', '50 of 100 (50 %)')
    """
    share = 100 * count / rows if rows else 0.0
    return (
        f"{count:,} of {rows:,} ({share:.2g} %)"
        if share < 10
        else (f"{count:,} of {rows:,} ({share:.0f} %)")
    )


def is_serious(count: int, rows: int) -> bool:
    """Whether so many wrong rows are more than an accident."""
    return count > SERIOUS_SHARE * rows
