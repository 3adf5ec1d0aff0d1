"""One effect on one day, beyond its threshold or not, and whether it lasts: k of the last n days
and the latest. What pairs of columns and slices of rows have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from ai_ops.ai_features.drift import Drift


class Effect(Protocol):
    """What is judged by itself: how many thresholds far it is on one day."""

    @property
    def name(self) -> str:
        """What names it in every report."""

    @property
    def ratio(self) -> float | None:
        """How many thresholds far, None when unknown."""

    @property
    def complete(self) -> bool:
        """Whether the window has rows of as many days as the threshold is for."""

    @property
    def beyond(self) -> bool:
        """Whether the day counts towards an alert."""

    @property
    def beyond_since(self) -> str | None:
        """The first day of the run of such days."""


class Effects(Protocol):
    """The report of one day; ``key`` names what it was compared with."""

    @property
    def key(self) -> str:
        """Reports of another key say nothing about this one's effects."""

    @property
    def effects(self) -> Sequence[Effect]:
        """All that was compared."""


@dataclass(frozen=True, slots=True)
class EffectHistory:
    """The reports of the days up to the judged one; ``start`` of monitoring."""

    day: str
    start: date
    reports: Mapping[str, Effects]

    def exceeded(self, effect: Effect, back: int) -> bool | None:
        """Whether an effect was beyond its threshold ``back`` days ago; None when unknown."""
        then = self.reports.get(earlier(self.day, back))
        if then is None or then.key != self.reports[self.day].key:
            return None
        found = next((one for one in then.effects if one.name == effect.name), None)
        if found is None or not found.complete or found.ratio is None:
            return None
        return found.beyond

    def sustained(self, effect: Effect, rule: Drift) -> bool | None:
        """Whether an effect was beyond its threshold on k of the last n days; None when unknown."""
        days = [self.exceeded(effect, back) for back in range(rule.n)]
        beyond = sum(day is True for day in days)
        if beyond >= rule.k:
            return True
        lost = [back for back, day in enumerate(days) if day is None]
        unknown = sum(not self._before_start(back) for back in lost)
        return None if unknown and beyond + unknown >= rule.k else False

    def runs(self, rule: Drift, key: str) -> dict[str, str]:
        """Effects that were beyond their threshold just before the judged day, each since when.

        ``n - k`` quiet days in between do not end a run; reports of another key do.
        """
        runs: dict[str, str] = {}
        for back in range(1, rule.n - rule.k + 2):
            then = self.reports.get(earlier(self.day, back))
            for effect in then.effects if then is not None and then.key == key else ():
                if effect.beyond_since is not None:
                    runs.setdefault(effect.name, effect.beyond_since)
        return runs

    def _before_start(self, back: int) -> bool:
        return date.fromisoformat(self.day) - timedelta(days=back) < self.start


def earlier(day: str, back: int) -> str:
    """The day so many days before.

    >>> earlier("2021-03-01", 1)
    '2021-02-28'
    """
    return (date.fromisoformat(day) - timedelta(days=back)).isoformat()
