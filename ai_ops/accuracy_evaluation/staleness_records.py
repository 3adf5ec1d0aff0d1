"""What is recorded of versions growing old: how each did on a month that it did not learn from."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import combinations
from typing import Final

from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.records import AnswerKind
from ai_ops.vocabulary.verdicts import Evidence

MONTH_DAYS: Final = 30.44
"""Days of a mean month of the Gregorian calendar: ages are told in those."""


@dataclass(frozen=True)
class Answered:
    """How one version answered a month's labelled rows, all from after what it learnt from.

    ``age`` is how many months lie between the last row that it learnt from and the middle of the
    month.
    """

    version: str
    learnt_until: str
    age: float
    rows: int
    days: int
    metrics: dict[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True)
class Older:
    """Two versions on the same rows of a month: the older minus the newer one, paired by day."""

    month: str
    older: str
    newer: str
    months_apart: float
    difference: dict[str, Estimate]
    newer_metrics: dict[str, float]


@dataclass(frozen=True)
class AgedMonth:
    """A month on which every version of the time was asked again.

    ``unasked`` says of a version why it was not; ``no_rows`` why there was nothing to ask.
    """

    feature: str
    month: str
    as_of: datetime
    label_cutoff: datetime
    kind: AnswerKind
    answered: list[Answered] = field(default_factory=list)
    older: list[Older] = field(default_factory=list)
    unasked: dict[str, str] = field(default_factory=dict)
    no_rows: str = ""
    dataset_digest: str = ""
    read: list[Evidence] = field(default_factory=list)


def months_between(first: date, last: date) -> float:
    """How many mean months lie between two days.

    >>> round(months_between(date(2021, 1, 1), date(2022, 1, 1)), 2)
    11.99
    """
    return (last - first).days / MONTH_DAYS


def by_age(answered: Iterable[Answered]) -> list[tuple[Answered, Answered]]:
    """Every two versions of which one learnt from later rows, the older one first."""
    oldest_first = sorted(answered, key=lambda one: (-one.age, one.version))
    return [(one, other) for one, other in combinations(oldest_first, 2) if one.age > other.age]
