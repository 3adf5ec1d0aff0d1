"""What the metrics of every kind of answer have in common: sums over days, and their intervals.

Every metric here is a function of sums that add up over days (of pairs of days, for the AUC). A
day left out is then a weight of zero, and the interval of every metric costs no second look at
the rows. Days, not rows, are what is left out: a storm makes all flights of a day late together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from ai_ops.accuracy_evaluation.intervals import Estimate, jackknife
from ai_ops.accuracy_evaluation.records import AnswerKind, Measured
from ai_ops.ai_features.parts import Judged

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Curve = list[tuple[float, float, int]]
"""Mean score, observed rate and rows of each cell that has rows."""


@dataclass(frozen=True)
class Version:
    """How a version's answers are read: a probability becomes a decision at ``threshold``, the C
    columns of a version that answers classes are those of ``classes``."""

    threshold: float
    classes: tuple[str, ...] = ()


class DaySums(Protocol):
    """What the metrics of one kind of answer need of D days."""

    kind: ClassVar[AnswerKind]

    @property
    def days(self) -> tuple[str, ...]:
        """The days, in order."""
        ...

    @property
    def by_day(self) -> Floats:
        """How many rows of each day went in, [D]."""
        ...

    def of(self, days: Sequence[str]) -> Self:
        """The sums of those of the days that are there."""
        ...

    def values(self, weights: Floats) -> dict[str, Floats]:
        """Every metric under R weightings of the days, ``weights`` [R, D]; NaN where undefined."""
        ...

    def curve(self) -> Curve:
        """The calibration curve; empty where no probability was answered."""
        ...


class Answers(Protocol):
    """What was answered to N rows, and the labels of those that have one."""

    def __len__(self) -> int:
        """How many rows."""
        ...

    @property
    def usable(self) -> Bools:
        """Where the answer can be judged at all."""
        ...

    @property
    def labels(self) -> npt.NDArray[Any]:
        """The labels, [N]; they mean something only where one is known."""
        ...

    def take(self, where: Bools | slice) -> Self:
        """The chosen rows."""
        ...

    def columns(self, judged: Judged) -> dict[str, npt.NDArray[Any]]:
        """What was answered, by the names that the outputs have in the log."""
        ...

    def again(self, where: Bools, found: Floats, version: Version) -> Self:
        """The rows, of which a version answers the chosen n otherwise: ``found`` is [n], or [n, C]
        of a version that answers C classes."""
        ...


class Summer(Protocol):
    """How one kind of answer is summed: each day by itself, then days together."""

    def day(self, day: str, answers: Any) -> Any:
        """What is kept of one day's rows."""
        ...

    def together(self, parts: Sequence[Any]) -> DaySums:
        """The sums of days in their order, from what was kept of each."""
        ...


def rows_of(sums: DaySums) -> int:
    """How many rows went in."""
    return int(sums.by_day.sum())


def replicates(sums: DaySums) -> dict[str, Floats]:
    """Every metric of all days (first), then without each day in turn: [1 + D]."""
    count = len(sums.days)
    return sums.values(np.vstack([np.ones((1, count)), 1 - np.eye(count)]))


def estimate(sums: DaySums) -> dict[str, Estimate]:
    """Every metric that is defined on these rows, with its interval; empty without rows."""
    if not sums.days:
        return {}
    found = {}
    for name, value in replicates(sums).items():
        if np.isfinite(value[0]):
            found[name] = jackknife(float(value[0]), value[1:], rows=rows_of(sums))
    return found


def measured(sums: DaySums, first_day: str, last_day: str) -> Measured:
    """The metrics of the days from first to last, with their intervals."""
    return Measured(first_day, last_day, len(sums.days), rows_of(sums), estimate(sums), sums.kind)


def difference(one: DaySums, other: DaySums) -> dict[str, Estimate]:
    """Each metric of ``one`` minus that of ``other`` on the same rows, paired by day."""
    if one.days != other.days or not np.array_equal(one.by_day, other.by_day):
        raise ValueError("two scores are compared on the same rows of the same days")
    if not one.days:
        return {}
    first, second = replicates(one), replicates(other)
    found = {}
    for name in first.keys() & second.keys():
        apart = first[name] - second[name]
        if np.isfinite(apart[0]):
            found[name] = jackknife(float(apart[0]), apart[1:], rows=rows_of(one))
    return {name: found[name] for name in first if name in found}


def sum_days(summer: Summer, day: Sequence[str] | npt.NDArray[np.str_], answers: Answers) -> Any:
    """The sums of rows that each have a day, in whatever order they stand."""
    days, code = np.unique(np.asarray(day, dtype=str), return_inverse=True)
    parts = [
        summer.day(str(name), answers.take(np.asarray(code == place)))
        for place, name in enumerate(days)
    ]
    return summer.together(parts)


def places_of(held: Sequence[str], days: Sequence[str]) -> list[int]:
    """Where those of the days that are held stand.

    >>> places_of(["a", "b", "c"], ["c", "a", "x"])
    [0, 2]
    """
    wanted = set(days)
    return [place for place, day in enumerate(held) if day in wanted]


def defined(found: dict[str, Floats]) -> dict[str, Floats]:
    """What a division by nothing made of a metric is no number."""
    return {name: np.where(np.isfinite(value), value, np.nan) for name, value in found.items()}
