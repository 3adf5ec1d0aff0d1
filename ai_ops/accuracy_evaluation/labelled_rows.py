"""The answered predictions of some days, beside what was known of their labels on which day."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ai_ops.accuracy_evaluation.metrics import Answers, Bools
from ai_ops.accuracy_evaluation.records import DayCoverage
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window

Days = npt.NDArray[np.datetime64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ArrivedLabels:
    """How many labels became known on a day, and the ids of those without an answered prediction
    among the rows up to that day."""

    labels: int
    apart: pa.ChunkedArray


@dataclass(frozen=True)
class LabelledRows:
    """N answered predictions, day by day and ordered by time; every array but two is [N].

    The rows of ``days[i]`` stand from ``starts[i]`` to ``starts[i + 1]``. ``answers`` hold what
    was answered, typed by its kind, and the labels, which mean something only where ``known_on``
    (the UTC day on which it became known) is not NaT. ``contradicted_on`` is the day on which a
    second, different label became known. ``version`` are places in ``versions``. ``arrived`` holds
    the labels by the day on which they became known. ``picked_on`` is that day of labels that are
    known and do not speak for the accuracy (see ``queue_marks``); None where there are none.
    """

    days: tuple[str, ...]
    starts: Places
    ids: npt.NDArray[np.object_]
    time: Days
    versions: tuple[str, ...]
    version: Places
    answers: Answers
    known_on: Days
    contradicted_on: Days
    arrived: Mapping[str, ArrivedLabels]
    read: tuple[Evidence, ...]
    missing: tuple[str, ...]
    picked_on: Days | None = None

    @property
    def usable(self) -> Bools:
        """Where the answer can be judged: its score is a number in [0, 1], for example."""
        return self.answers.usable

    @property
    def day(self) -> npt.NDArray[np.object_]:
        """The day of each row."""
        return np.repeat(np.array(self.days, dtype=object), np.diff(self.starts))

    def within(self, first_day: str, last_day: str) -> "LabelledRows":
        """The rows of these days, both included: a view, nothing is copied."""
        inside = [place for place, day in enumerate(self.days) if first_day <= day <= last_day]
        begin = inside[0] if inside else 0
        end = inside[-1] + 1 if inside else 0
        rows = slice(int(self.starts[begin]), int(self.starts[end]))
        return replace(
            self,
            days=self.days[begin:end],
            starts=self.starts[begin : end + 1] - self.starts[begin],
            ids=self.ids[rows],
            time=self.time[rows],
            version=self.version[rows],
            answers=self.answers.take(rows),
            known_on=self.known_on[rows],
            contradicted_on=self.contradicted_on[rows],
            picked_on=None if self.picked_on is None else self.picked_on[rows],
        )

    def on(self, days: Collection[str]) -> Bools:
        """Where the prediction was made on one of these days."""
        chosen = np.array([day in days for day in self.days], bool)
        return np.repeat(chosen, np.diff(self.starts))

    def mature(self, cutoff: datetime, hours: float) -> Bools:
        """Where a label may be expected before ``cutoff``, as those that count became known."""
        mature: Bools = self.time < _plain(cutoff - timedelta(hours=hours))
        return mature

    def labelled(self, cutoff: datetime) -> Bools:
        """Where one label, and no other, was known before the day of ``cutoff``."""
        day = _plain(cutoff).astype("datetime64[D]")
        labelled: Bools = (self.known_on < day) & ~(self.contradicted_on < day)
        return labelled

    def picked(self, cutoff: datetime) -> Bools:
        """Where a label was known before the day of ``cutoff`` that does not speak for all rows."""
        if self.picked_on is None:
            return np.zeros(len(self.ids), np.bool_)
        day = _plain(cutoff).astype("datetime64[D]")
        picked: Bools = (self.picked_on < day) & ~(self.contradicted_on < day)
        return picked & ~self.labelled(cutoff)

    def contradicted(self, cutoff: datetime) -> Bools:
        """Where two labels that differ were known before the day of ``cutoff``."""
        known: Bools = self.contradicted_on < _plain(cutoff).astype("datetime64[D]")
        return known

    def by(self, version: str | None) -> Bools:
        """Where this version answered."""
        place = self.versions.index(version) if version in self.versions else -1
        by: Bools = self.version == place
        return by

    def count_versions(self, where: Bools) -> Counter[str]:
        """How many of the chosen rows each version answered."""
        counts = np.bincount(self.version[where], minlength=len(self.versions))
        return Counter({v: int(n) for v, n in zip(self.versions, counts, strict=True) if n})

    def count(self, where: Bools) -> dict[str, int]:
        """How many of the chosen rows each day has."""
        passed = np.concatenate(([0], np.cumsum(where)))[self.starts]
        return dict(zip(self.days, np.diff(passed).tolist(), strict=True))

    def digest(self, where: Bools) -> str:
        """The sha256 of the ids and labels of the chosen rows."""
        return digest_of(self.ids[where].tolist(), self.answers.labels[where].tolist())


def digest_of(ids: Sequence[str], labels: Sequence[bool | str | float]) -> str:
    """The sha256 of ids with their labels, whatever their order.

    >>> digest_of(["a", "b"], [True, False]) == digest_of(["b", "a"], [False, True])
    True
    """
    pairs = sorted(zip(ids, labels, strict=True))
    lines = (f"{id}\t{int(label) if isinstance(label, bool) else label}\n" for id, label in pairs)
    return sha256("".join(lines).encode()).hexdigest()


def label_cutoff(as_of: datetime) -> datetime:
    """Labels that became known before this count: whole days only.

    A day judged at any hour, alone or in a range, then sees the same labels.
    """
    return as_of.replace(hour=0, minute=0, second=0, microsecond=0)


def newest_labelled(day: str, truth: GroundTruth) -> str:
    """The last day of the window that a day's evaluation is about.

    The day itself while labels take up to a day; where they take longer, so many days earlier that
    the window is as full as theirs: an accuracy that waits for its labels is late, not unknown.

    >>> truth = GroundTruth(labels="labels.parquet", mature_after_hours=72)
    >>> newest_labelled("2021-03-04", truth)
    '2021-03-02'
    """
    late = max(math.ceil(truth.mature_after_hours / 24) - 1, 0)
    return (date.fromisoformat(day) - timedelta(days=late)).isoformat()


def coverage_by_day(
    rows: LabelledRows, window: Window, cutoff: datetime, truth: GroundTruth
) -> list[DayCoverage]:
    """How far each day of the window is mature and labelled."""
    mature = rows.mature(cutoff, truth.mature_after_hours)
    answered = rows.count(np.ones(len(rows.ids), bool))
    expected, got = rows.count(mature), rows.count(mature & rows.labelled(cutoff))
    days = []
    for day in window.days():
        here, due, known = answered.get(day, 0), expected.get(day, 0), got.get(day, 0)
        enough = known > 0 and known >= truth.minimum_coverage * due
        days.append(DayCoverage(day, here, due, known, enough))
    return days


def _plain(moment: datetime) -> np.datetime64:
    """A moment in UTC as numpy has it, without zone."""
    return np.datetime64(moment.replace(tzinfo=None), "us")
