"""A look into what drifted on a day: its days, rows, reference, and how each column came there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.cause_rows import (
    log_rows,
    only,
    side_of,
    thinned,
    version_asked,
    ways_of,
)
from ai_ops.drift_monitoring.causes.onset import Onset, onset_of
from ai_ops.drift_monitoring.causes.sides import Moved, Side
from ai_ops.drift_monitoring.comparison import ColumnDrift
from ai_ops.drift_monitoring.profiling import daily_profiles
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.references import reference_of
from ai_ops.drift_monitoring.statistics import Floats
from ai_ops.drift_monitoring.tallies import DayTallies, tally_day, window_tally
from ai_ops.storage.root import Root
from ai_ops.vocabulary.windows import Window

BEFORE: Final = 21
"""So many days before the window are looked back on for how it came."""
AROUND: Final = 2
"""The days on each side of a step that are compared with each other."""
FIRST: Final = 3
LEVEL: Final = 0.7
"""The first days lie where the window lies when they went so much of the way."""
ROWS_AT_LEAST: Final = 10
"""A day of fewer rows says nothing about how a change came."""


@dataclass(frozen=True)
class Look:
    """One look into what drifted on a day: the report, and what the signs are read from."""

    root: Root
    feature: AiFeatureSpec
    reference: Reference
    day: str
    report: Sequence[ColumnDrift]

    @cached_property
    def window(self) -> list[str]:
        """The days of the window that alerted."""
        return self._since_start(Window.trailing(self.day, days=self.feature.drift.window_days))

    @cached_property
    def days(self) -> dict[str, DayTallies]:
        """The tallies of the window's days and of those before it."""
        back = self.feature.drift.window_days + BEFORE
        days = self._since_start(Window.trailing(self.day, days=back))
        profiles = daily_profiles(self.root, self.feature, self.reference, days)
        return {day: tally_day(self.reference, profiles[day]) for day in days if day in profiles}

    @cached_property
    def rows(self) -> pa.Table:
        """A sample of the window's rows, and of the days just before it."""
        days = list(self.days)
        first = days.index(self.window[0]) if self.window[0] in days else 0
        return log_rows(self.root, self.feature, days[max(first - AROUND, 0) :])

    @cached_property
    def known(self) -> pa.Table:
        """A sample of the reference's rows."""
        table, _ = reference_of(self.root, self.feature, self.reference.version)
        return thinned(table)

    @cached_property
    def volume(self) -> float | None:
        """Rows a day of the window over those of the days before; None when nobody knows."""
        size = {
            day: max((t.rows for t in own.values()), default=0) for day, own in self.days.items()
        }
        now = [rows for day, rows in size.items() if day in self.window]
        before = [rows for day, rows in size.items() if day not in self.window]
        if not now or not any(before):
            normal = self.reference.rows / self.reference.days if self.reference.days else 0
            return round(float(np.mean(now)) / normal, 2) if now and normal else None
        return round(float(np.mean(now)) / float(np.mean(before)), 2)

    def moved(self, drift: ColumnDrift) -> Moved:
        """A column on both sides of its change."""
        column = self.reference.column(drift.column)
        profiled, version = column.cells.column, version_asked(self.reference)
        onset = onset_of(list(self.days), self.course(drift.column))
        now, last = self.days_of(onset), self._last(onset)
        places = {"call_site": drift.call_site, "tenant": drift.tenant}
        ways = ways_of(profiled, self.known)

        def side(days: Sequence[str]) -> Side:
            return side_of(profiled, only(self.rows, days, **places), version)

        return Moved(
            name=drift.column,
            role=drift.role,
            kind=drift.kind,
            now=side(now),
            first=side(now[:AROUND] if last else []),
            last=side(last),
            reference=side_of(profiled, self.known),
            onset=onset,
            natural_step=ways.step,
            natural_block=ways.block,
            worst_nulls=column.highest_null_share,
            call_site=drift.call_site,
            tenant=drift.tenant,
            from_start=self._from_start(drift.column),
        )

    def _from_start(self, name: str) -> bool:
        """Whether the first days that were ever watched lie where the window lies."""
        if len(self.days) >= self.feature.drift.window_days + BEFORE:
            return False
        course = self.course(name)
        now = [day in self.window for day in self.days]
        first, last = course[:FIRST], course[now]
        if not (np.isfinite(first).any() and np.isfinite(last).any()):
            return False
        return bool(np.nanmean(first) >= LEVEL * np.nanmean(last) > 0)

    def course(self, name: str) -> Floats:
        """How far a column's days lie along the way from the reference to the window.

        The mean, over a day's rows, of the log ratio of the shares that their cells have in the
        window and in the reference: the best single number to tell the two apart by. NaN is a
        day of too few rows. Source: Neyman and Pearson (1933).
        """
        ratio = self.log_ratio(name)
        tallies = [own.get(name) for own in self.days.values()]
        return np.array(
            [
                float(own.counts @ ratio) / own.rows
                if own is not None and own.rows >= ROWS_AT_LEAST
                else np.nan
                for own in tallies
            ]
        )

    def log_ratio(self, name: str) -> Floats:
        """Of each cell, the log of its share in the window over that in the reference."""
        column = self.reference.column(name)
        own = window_tally(column.cells, [self.days.get(day, {}) for day in self.window])
        now, then = own.counts + 0.5, column.counts + 0.5
        ratio: Floats = np.log(now / now.sum()) - np.log(then / then.sum())
        return ratio

    def days_of(self, onset: Onset) -> list[str]:
        """The days on which it is so: since the step, or the window's."""
        days = [day for day in self.days if day in self.window]
        if onset.kind == "sudden" and onset.since is not None:
            return [day for day in days if day >= onset.since]
        return days

    def _last(self, onset: Onset) -> list[str]:
        if onset.kind != "sudden" or onset.since is None:
            return []
        return [day for day in self.days if day < onset.since][-AROUND:]

    def _since_start(self, window: Window) -> list[str]:
        start = self.feature.monitoring.start.isoformat()
        return [day for day in window.days() if day >= start]


def earlier(day: str, back: int) -> str:
    """The ISO date some days before.

    >>> earlier("2021-03-01", 1)
    '2021-02-28'
    """
    return (date.fromisoformat(day) - timedelta(days=back)).isoformat()
