"""How much room the machines have: what the busiest minute and hour took, what a load test held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

import duckdb

from ai_ops.ai_features.costs import Costs
from ai_ops.inference_management.traffic_growth import Growth, Lasts, lasts
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence

BUSY_AT_MOST: Final = 0.7
"""The share of its busiest hour that a machine may work: beyond it requests wait for each other."""
ROOM: Final = 2.0
"""How many times the busiest minute must be held, as before a launch."""
TESTED_FOR: Final = timedelta(days=90)
_MICROS_AN_HOUR: Final = 3_600 * 10**6
_NO_TEST: Final = "no load test of the last 90 days"


@dataclass(frozen=True)
class Room:
    """The machines that are paid for, the busiest of the days, and the rate that was tested.

    ``peak`` is in requests a second, over the busiest minute; ``busy`` the share of the busiest
    hour that was worked, None where the log tells no time. ``held`` is the highest rate that a
    load test held, on the machine that it ran on; ``tested`` says which, or why there is none.
    """

    machines: int
    peak: float
    busy: float | None
    held: float | None
    tested: str

    @property
    def needed(self) -> int | None:
        """How many machines hold ``ROOM`` times the busiest minute; None without a test."""
        return max(1, ceil(ROOM * self.peak / self.held)) if self.held else None

    def lasts(self, growth: Growth | None) -> tuple[Lasts, ...]:
        """How long each limit lasts at this growth."""
        hour = self.busy / BUSY_AT_MOST if self.busy is not None else None
        told = "the log" if hour is not None else "the log does not say how long answers took"
        rate = None
        if self.held:
            rate = ROOM * self.peak / (self.held * max(1, self.machines))
        return (
            lasts(f"{BUSY_AT_MOST:.0%} of the busiest hour at work", hour, growth, told),
            lasts(f"{ROOM:g} times the busiest minute", rate, growth, self.tested),
        )


def measure_room(
    engine: duckdb.DuckDBPyConnection, costs: Costs, day: str, tested: tuple[float | None, str]
) -> Room:
    """The room of the machines that are paid for on a day, over the days of the log."""
    machines = sum(one.count for one in costs.compute if one.holds(day))
    ((us, requests),) = engine.execute("SELECT max(us), max(at_once) FROM busiest").fetchall()
    busy = us / _MICROS_AN_HOUR / machines if us is not None and machines else None
    return Room(machines, (requests or 0) / 60, busy, *tested)


def rate_held(
    lake: Lake, feature: str, as_of: datetime
) -> tuple[tuple[float | None, str], tuple[Evidence, ...]]:
    """The highest rate that the newest load test held, and which test that was."""
    newest: tuple[datetime, Mapping[str, Any], Evidence] | None = None
    for path in lake.glob(f"{feature}/load_test/*.json"):
        try:
            data, evidence = lake.read_json(path)
            at = datetime.fromisoformat(data["at"])
        except (MissingEvidence, KeyError, ValueError):
            continue  # no record of a test: the load test's own check tells
        if at <= as_of and (newest is None or at > newest[0]):
            newest = at, data, evidence
    if newest is None or as_of - newest[0] > TESTED_FOR:
        return (None, _NO_TEST), ()
    at, data, evidence = newest
    held = _held(data.get("saturation", {}).get("steps", ()))
    if held is None:
        return (None, f"the load test of {at:%Y-%m-%d} found no rate that is held"), (evidence,)
    return (held, f"the load test of {at:%Y-%m-%d} held {held:g} a second"), (evidence,)


def _held(steps: Sequence[Mapping[str, Any]]) -> float | None:
    return max((one["traffic"]["rate"] for one in steps if one.get("limit") is None), default=None)
