"""A window of slices beside what is normal for each: one record per slice and column."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from ai_ops.drift_monitoring.cells import Role
from ai_ops.drift_monitoring.distances import Severity, how_far
from ai_ops.drift_monitoring.reference import ReferenceColumn
from ai_ops.drift_monitoring.slice_normals import SliceNormal, SliceOf
from ai_ops.drift_monitoring.tallies import DayTallies
from ai_ops.vocabulary.words import DriftSlice

ROWS_AT_LEAST: Final = 100
"""Fewer rows of a slice in the window tell nothing of it."""


@dataclass(frozen=True, slots=True)
class SliceDrift:
    """One column of one slice: how far the trailing window is from what is normal for the slice.

    ``ratio`` is how many thresholds far by the ``test`` that puts it furthest, ``source`` what its
    normal was told by. ``beyond_since`` is the first day of the run of days beyond.
    """

    dimension: DriftSlice
    value: str
    column: str
    role: Role
    source: str
    ratio: float | None
    test: str | None
    psi: float | None
    severity: Severity | None
    beyond_since: str | None
    n_current: int
    n_normal: int
    days_with_rows: int
    days_needed: int

    @property
    def of(self) -> SliceOf:
        """The slice."""
        return SliceOf(self.dimension, self.value)

    @property
    def name(self) -> str:
        """The slice and the column."""
        return f"{self.of}: {self.column}"

    @property
    def complete(self) -> bool:
        """Whether the window has rows of as many days as the threshold was calibrated for."""
        return self.days_with_rows >= self.days_needed

    @property
    def judged(self) -> bool:
        """Whether anything can be said of it."""
        return self.ratio is not None and self.complete and self.n_current >= ROWS_AT_LEAST

    @property
    def beyond(self) -> bool:
        """Whether the day counts towards an alert."""
        return self.judged and self.ratio is not None and self.ratio > 1


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A slice of which nothing is judged: with its rows in the window, and why."""

    dimension: DriftSlice
    value: str
    rows: int
    reason: str


@dataclass(frozen=True, slots=True)
class SliceReport:
    """The slices of a day's trailing window; ``key`` names the reference whose cells they are in.

    ``rows`` are those of the whole window, ``latest_rows`` of its last day.
    """

    version: str
    key: str
    rows: int
    latest_rows: int
    drifts: tuple[SliceDrift, ...]
    unjudged: tuple[Unjudged, ...]

    @property
    def effects(self) -> tuple[SliceDrift, ...]:
        """What is judged of it."""
        return self.drifts

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "SliceReport":
        """What ``as_data`` wrote."""
        drifts = tuple(SliceDrift(**one) for one in data["drifts"])
        unjudged = tuple(Unjudged(**one) for one in data["unjudged"])
        return cls(**{**data, "drifts": drifts, "unjudged": unjudged})


def compare_slice(
    normal: SliceNormal, days: Sequence[DayTallies], runs: Mapping[str, str], last_day: str
) -> Iterable[SliceDrift]:
    """Every column of a slice in a window of days; an empty mapping is a day without its rows."""
    for column in normal.columns:
        yield _compared(normal, column, days, runs, last_day)


def _compared(
    normal: SliceNormal,
    column: ReferenceColumn,
    days: Sequence[DayTallies],
    runs: Mapping[str, str],
    last_day: str,
) -> SliceDrift:
    tallies = [day[column.name] for day in days if column.name in day]
    counts = sum((one.counts for one in tallies), np.zeros(len(column.counts), np.int64))
    far = how_far(column, counts)
    found = SliceDrift(
        dimension=normal.of.dimension,
        value=normal.of.value,
        column=column.name,
        role=normal.role,
        source=normal.source,
        ratio=far.ratio,
        test=far.test,
        psi=far.psi,
        severity=far.severity,
        beyond_since=None,
        n_current=int(counts.sum()),
        n_normal=column.rows,
        days_with_rows=sum(one.speaks for one in tallies),
        days_needed=column.calibration.days_needed,
    )
    if not found.beyond:
        return found
    since = runs.get(found.name, last_day)
    return SliceDrift(**{**asdict(found), "beyond_since": since})
