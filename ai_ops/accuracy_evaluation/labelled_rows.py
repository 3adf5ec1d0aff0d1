"""The answered predictions of some days, beside what was known of their labels on which day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from ai_ops.accuracy_evaluation.metrics import DaySums, Floats, sum_by_day
from ai_ops.accuracy_evaluation.records import DayCoverage
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window

Bools = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class LabelledRows:
    """N answered predictions, ordered by time; every array is [N].

    ``label`` means something only where ``known_on`` (the UTC day on which it became known) is
    not NaT. ``contradicted_on`` is the day on which a second, different label became known.
    """

    ids: npt.NDArray[np.object_]
    day: npt.NDArray[np.str_]
    time: Days
    version: npt.NDArray[np.object_]
    score: Floats
    decision: Bools
    label: Bools
    known_on: Days
    contradicted_on: Days
    read: tuple[Evidence, ...]
    missing: tuple[str, ...]

    @property
    def scored(self) -> Bools:
        """Where the score is a number in [0, 1]."""
        return (self.score >= 0) & (self.score <= 1)

    def mature(self, cutoff: datetime, hours: float) -> Bools:
        """Where a label may be expected by ``cutoff``."""
        mature: Bools = self.time <= _plain(cutoff - timedelta(hours=hours))
        return mature

    def labelled(self, cutoff: datetime) -> Bools:
        """Where one label, and no other, was known before the day of ``cutoff``."""
        day = _plain(cutoff).astype("datetime64[D]")
        labelled: Bools = (self.known_on < day) & ~(self.contradicted_on < day)
        return labelled

    def contradicted(self, cutoff: datetime) -> Bools:
        """Where two labels that differ were known before the day of ``cutoff``."""
        known: Bools = self.contradicted_on < _plain(cutoff).astype("datetime64[D]")
        return known

    def between(self, first_day: str, last_day: str) -> Bools:
        """Where the prediction was made in these days, both included."""
        inside: Bools = (self.day >= first_day) & (self.day <= last_day)
        return inside

    def sums(self, where: Bools, score: Floats | None = None, threshold: float = 0.5) -> DaySums:
        """The sums of the chosen rows: of what was answered, or of another ``score`` [chosen]."""
        if score is None:
            score, decision = self.score[where], self.decision[where]
        else:
            decision = score >= threshold
        return sum_by_day(self.day[where], score, self.label[where], decision)

    def digest(self, where: Bools) -> str:
        """The sha256 of the ids and labels of the chosen rows."""
        return digest_of(self.ids[where].tolist(), self.label[where].tolist())


def digest_of(ids: Sequence[str], labels: Sequence[bool]) -> str:
    """The sha256 of ids with their labels, whatever their order.

    >>> digest_of(["a", "b"], [True, False]) == digest_of(["b", "a"], [False, True])
    True
    """
    lines = (f"{id}\t{int(label)}\n" for id, label in sorted(zip(ids, labels, strict=True)))
    return sha256("".join(lines).encode()).hexdigest()


def label_cutoff(as_of: datetime) -> datetime:
    """Labels that became known before this count: whole days only.

    A day judged at any hour, alone or in a range, then sees the same labels.
    """
    return as_of.replace(hour=0, minute=0, second=0, microsecond=0)


def coverage_by_day(
    rows: LabelledRows, window: Window, cutoff: datetime, truth: GroundTruth
) -> list[DayCoverage]:
    """How far each day of the window is mature and labelled."""
    mature = rows.mature(cutoff, truth.mature_after_hours)
    labelled = mature & rows.labelled(cutoff)
    days = []
    for day in window.days():
        here = rows.day == day
        expected, got = int((here & mature).sum()), int((here & labelled).sum())
        enough = got > 0 and got >= truth.minimum_coverage * expected
        days.append(DayCoverage(day, int(here.sum()), expected, got, enough))
    return days


def _plain(moment: datetime) -> np.datetime64:
    """A moment in UTC as numpy has it, without zone."""
    return np.datetime64(moment.replace(tzinfo=None), "us")
