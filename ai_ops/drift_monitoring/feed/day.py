"""One day of the feed as it is stored: its rows by call site and tenant, its columns' marks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ai_ops.drift_monitoring.feed.marks import ColumnMarks

TOLD_APART: Final = 100
"""The call sites and tenants with the most rows are counted by name."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows by call site, or by tenant. Of one that is not named there are at most ``others``."""

    named: Mapping[str, int] = field(default_factory=dict)
    others: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "Parts":
        """The parts with the most rows by name.

        >>> Parts.of({"web": 7, "app": 2}).rows("shop")
        0
        """
        largest = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        named, rest = dict(largest[:TOLD_APART]), largest[TOLD_APART:]
        return cls(named, rest[0][1] if rest else 0)

    def rows(self, name: str) -> int:
        """The rows of a part: at most so many."""
        return self.named.get(name, self.others)


@dataclass(frozen=True, slots=True)
class FeedDay:
    """A day: its answered predictions, in all and by part, and the marks of every column.

    ``cells`` is the digest of the reference in whose cells the marks were made.
    """

    rows: int
    cells: str
    call_sites: Parts = field(default_factory=Parts)
    tenants: Parts = field(default_factory=Parts)
    columns: Mapping[str, ColumnMarks] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {
            "rows": self.rows,
            "cells": self.cells,
            "call_sites": {"named": dict(self.call_sites.named), "others": self.call_sites.others},
            "tenants": {"named": dict(self.tenants.named), "others": self.tenants.others},
            "columns": {name: marks.as_data() for name, marks in self.columns.items()},
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "FeedDay":
        """What ``as_data`` wrote."""
        return cls(
            rows=data["rows"],
            cells=data["cells"],
            call_sites=Parts(**data["call_sites"]),
            tenants=Parts(**data["tenants"]),
            columns={name: ColumnMarks(**marks) for name, marks in data["columns"].items()},
        )
