"""Which columns depended on which in a version's reference: the pairs that are watched, and how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai_ops.drift_monitoring.cells import Role
from ai_ops.drift_monitoring.joint_cells import CoarseColumn


@dataclass(frozen=True, eq=False)
class WatchedPair:
    """Two columns that surely depend: ``counts`` of the reference, shape ``[SIZE, SIZE]``.

    ``threshold`` is None where the reference is too short to know how the pair moves by itself;
    ``shuffled`` is the distance that a shuffle of one column comes to, ``days_needed`` the days
    with rows that a window needs to be comparable.
    """

    first: str
    second: str
    counts: NDArray[np.int64]
    threshold: float | None
    shuffled: float
    days_needed: int

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.first} × {self.second}"

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {
            "first": self.first,
            "second": self.second,
            "counts": self.counts.tolist(),
            "threshold": self.threshold,
            "shuffled": self.shuffled,
            "days_needed": self.days_needed,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "WatchedPair":
        """What ``as_data`` wrote."""
        return cls(**{**data, "counts": np.array(data["counts"], np.int64)})


@dataclass(frozen=True, eq=False)
class JointReference:
    """The pairs of one version's reference: ``digest`` names the table, ``key`` the very pairs.

    ``unwatched`` are the columns that are in no pair. Without pairs ``why_none`` says why.
    """

    version: str
    digest: str
    key: str
    every_version: bool
    columns: tuple[CoarseColumn, ...]
    pairs: tuple[WatchedPair, ...]
    why_none: str = ""

    @property
    def unwatched(self) -> tuple[str, ...]:
        """The columns that are in no pair."""
        watched = {name for pair in self.pairs for name in (pair.first, pair.second)}
        return tuple(column.name for column in self.columns if column.name not in watched)

    @property
    def watched(self) -> tuple[CoarseColumn, ...]:
        """The columns that are in a pair, in order."""
        gone = set(self.unwatched)
        return tuple(column for column in self.columns if column.name not in gone)

    def places(self) -> tuple[tuple[int, int], ...]:
        """Each pair as the places of its columns among the watched ones."""
        place = {column.name: number for number, column in enumerate(self.watched)}
        return tuple((place[pair.first], place[pair.second]) for pair in self.pairs)

    def role(self, pair: WatchedPair) -> Role:
        """``output`` where one of the two is one: then rows of this version alone count."""
        roles = {column.name: column.column.role for column in self.columns}
        return "output" if "output" in (roles[pair.first], roles[pair.second]) else "input"

    def is_of(self, version: str | None) -> bool:
        """Whether what that version answered is to be compared with this."""
        return self.every_version or version == self.version

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {
            "version": self.version,
            "digest": self.digest,
            "key": self.key,
            "every_version": self.every_version,
            "columns": [column.as_data() for column in self.columns],
            "pairs": [pair.as_data() for pair in self.pairs],
            "why_none": self.why_none,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "JointReference":
        """What ``as_data`` wrote."""
        columns = tuple(CoarseColumn.from_data(one) for one in data["columns"])
        pairs = tuple(WatchedPair.from_data(one) for one in data["pairs"])
        return cls(**{**data, "columns": columns, "pairs": pairs})


def stacked(pairs: Sequence[WatchedPair], size: int) -> NDArray[np.int64]:
    """The reference's counts of all pairs, shape ``[pairs, size, size]``."""
    return np.array([pair.counts for pair in pairs], np.int64).reshape(len(pairs), size, size)
