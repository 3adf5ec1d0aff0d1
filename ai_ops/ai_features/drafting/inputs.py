"""Which columns are inputs of the model, of which type, and which are none, with the reason."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ai_ops.ai_features.drafting.facts import ColumnFacts
from ai_ops.ai_features.drafting.roles import is_time

CATEGORIES: Final = 1000
"""A text with more different values than this is no category."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input as the draft declares it; ``column`` is its column in the table."""

    name: str
    column: str
    type: Literal["number", "category", "boolean"]
    nullable: bool
    remark: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that is no input, and why."""

    column: str
    reason: str


def find_inputs(
    columns: Iterable[ColumnFacts], names: "Names"
) -> tuple[list[Input], list[LeftOut]]:
    """The inputs among the columns that nothing else has taken."""
    inputs: list[Input] = []
    left: list[LeftOut] = []
    for column in columns:
        if reason := _why_none(column):
            left.append(LeftOut(column.name, reason))
            continue
        kind: Literal["number", "category", "boolean"] = (
            "boolean" if column.kind == "boolean" else "number" if column.numeric else "category"
        )
        remark = ""
        if column.distinct == 1:
            value = column.values[0] if column.values else column.low
            remark = f"Always {value} in these rows: any other value will be a finding."
        inputs.append(Input(names.of(column.name), column.name, kind, column.nulls > 0, remark))
    return inputs, left


def _why_none(column: ColumnFacts) -> str:
    if column.empty:
        return "has no value at all"
    if column.kind == "nested":
        return "holds lists, structures or bytes: log what the model takes of it as columns"
    if is_time(column):
        return "is a time: it never repeats, so that its drift says nothing; its hour would"
    if column.unique and column.kind in ("integer", "text"):
        return "is different in each row, as an id is: nothing to compare"
    if column.kind == "text" and column.distinct > min(CATEGORIES, max(50, column.rows // 2)):
        return (
            f"is a text with about {column.distinct:,} different values: no category whose drift "
            "can be judged; log a group of it, its length, or its language"
        )
    if column.kind == "integer" and "id" in column.words and column.distinct > CATEGORIES:
        return f"is an id with about {column.distinct:,} values: their size says nothing"
    return ""


class Names:
    """Names as the YAML takes them, each once: small letters, digits and underscores."""

    def __init__(self, taken: Sequence[str] = ()) -> None:
        self._taken = set(taken)

    def of(self, column: str) -> str:
        """The name for a column, another one when it is taken.

        >>> names = Names()
        >>> names.of("Mean Radius (mm)"), names.of("mean-radius mm"), names.of("4th")
        ('mean_radius_mm', 'mean_radius_mm_2', 'column_4th')
        """
        slug = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")[:56]
        if not re.match("[a-z]", slug):
            slug = f"column_{slug}".rstrip("_")
        name, number = slug, 1
        while name in self._taken:
            number += 1
            name = f"{slug}_{number}"
        self._taken.add(name)
        return name
