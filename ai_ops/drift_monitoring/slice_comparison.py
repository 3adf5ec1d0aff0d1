"""A window of slices beside what is normal for each: one record per slice and column."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ai_ops.drift_monitoring.cells import Role
from ai_ops.drift_monitoring.distances import Severity, severity
from ai_ops.drift_monitoring.limits import Gauged, gauged
from ai_ops.drift_monitoring.reference import ReferenceColumn
from ai_ops.drift_monitoring.slice_normals import SliceNormal, SliceOf
from ai_ops.drift_monitoring.slice_tallies import Layout, SliceTally
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


_FIELDS: Final = tuple(one.name for one in fields(SliceDrift))


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
        drifts = [{name: getattr(one, name) for name in _FIELDS} for one in self.drifts]
        told = {name: getattr(self, name) for name in ("version", "key", "rows", "latest_rows")}
        return told | {"drifts": drifts, "unjudged": [asdict(one) for one in self.unjudged]}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "SliceReport":
        """What ``as_data`` wrote."""
        drifts = tuple(SliceDrift(**one) for one in data["drifts"])
        unjudged = tuple(Unjudged(**one) for one in data["unjudged"])
        return cls(**{**data, "drifts": drifts, "unjudged": unjudged})


@dataclass(frozen=True, eq=False)
class SliceWindows:
    """One column of one slice over many windows at once: ``counts`` of shape ``[windows, cells]``,
    and the days with rows in each window, shape ``[windows]``."""

    normal: SliceNormal
    column: ReferenceColumn
    counts: NDArray[np.int64]
    days: NDArray[np.int64]

    @cached_property
    def _gauges(self) -> tuple[Gauged, ...]:
        limits = self.column.calibration.all_limits
        return gauged(self.column.contrasts, limits, self.counts) if self.column.rows else ()

    def drifts(self) -> list[SliceDrift]:
        """How far each window is, in order; none knows yet since when."""
        rows = self.counts.sum(axis=1)
        gauges = self._gauges
        ratios = np.array([one.ratios for one in gauges]).reshape(len(gauges), len(rows))
        of_psi = next((one.values for one in gauges if one.test == "psi"), None)
        found = []
        for place, size in enumerate(rows):
            known = len(gauges) > 0 and size > 0
            furthest = int(ratios[:, place].argmax()) if known else 0
            found.append(
                SliceDrift(
                    dimension=self.normal.of.dimension,
                    value=self.normal.of.value,
                    column=self.column.name,
                    role=self.normal.role,
                    source=self.normal.source,
                    ratio=float(ratios[furthest, place]) if known else None,
                    test=gauges[furthest].test if known else None,
                    psi=float(of_psi[place]) if known and of_psi is not None else None,
                    severity=None,
                    beyond_since=None,
                    n_current=int(size),
                    n_normal=self.column.rows,
                    days_with_rows=int(self.days[place]),
                    days_needed=self.column.calibration.days_needed,
                )
            )
        return found

    def since(self, place: int, found: SliceDrift, runs: Mapping[str, str], day: str) -> SliceDrift:
        """What was found of a window, with its begin and severity where it is beyond."""
        if not found.beyond:
            return found
        sizes = {one.test: float(one.values[place]) for one in self._gauges}
        ratios = {one.test: float(one.ratios[place]) for one in self._gauges}
        since = runs.get(found.name, day)
        return replace(found, beyond_since=since, severity=severity(sizes, ratios))


def windows_of(
    normal: SliceNormal, layout: Layout, windows: Sequence[Sequence[SliceTally | None]]
) -> Iterator[SliceWindows]:
    """Every column of a slice over windows of days; None is a day without its rows."""
    columns = layout.reference.columns
    empty = np.zeros(sum(len(column.counts) for column in columns), np.int64)
    silent = np.zeros(len(columns), np.int64)
    known = [[day for day in window if day is not None] for window in windows]
    counts = np.array([sum((day.counts for day in window), empty) for window in known])
    speaks = np.array([sum((day.speaks for day in window), silent) for window in known])
    for column in normal.columns:
        number, cells = layout.places[column.name]
        yield SliceWindows(normal, column, counts[:, cells], speaks[:, number])
