"""Which call sites ask one by one what could be asked in batches, by how their calls arrive.

The log does not say who waits for an answer. It says that calls of one call site come together: of
those, each waits at most as long as the window for the others. Whether its caller can is decided
by a person.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final, Literal

import duckdb

Fit = Literal["batch already", "batch fits", "calls come one by one", "too few calls"]

CALLS: Final = 100
"""Fewer calls of a call site show no way of arriving."""
MOSTLY: Final = 0.5
"""From which share of its calls on a call site is said to ask in bursts, or at one hour."""


@dataclass(frozen=True)
class Window:
    """The single calls of one call site, gathered for so many seconds.

    They would make ``requests``; ``together`` of them came eight or more at a time, in ``bursts``,
    and took ``us``.
    """

    seconds: int
    requests: int
    bursts: int
    together: int
    us: float


@dataclass(frozen=True)
class CallSite:
    """How one call site asks: single calls and rows of batches, and how the calls arrive.

    ``sync_us`` and ``batch_us`` are what a row takes asked either way, where the log has it: of
    this call site, else (``batch_elsewhere``) of the others. ``hour`` is the UTC hour of most of
    its calls.
    """

    call_site: str | None
    calls: int
    batch_rows: int
    windows: tuple[Window, ...]
    hour: int | None
    in_hour: int
    sync_us: float | None
    batch_us: float | None
    batch_elsewhere: bool = False

    @property
    def burst(self) -> Window | None:
        """The shortest window in which most calls come together; None when they do not."""
        for window in self.windows:
            if self.calls and window.together / self.calls >= MOSTLY:
                return window
        return None

    @property
    def fit(self) -> Fit:
        """Whether the way in which its calls arrive lets batches fit."""
        if not self.calls:
            return "batch already"
        if self.calls < CALLS:
            return "too few calls"
        return "calls come one by one" if self.burst is None else "batch fits"

    @property
    def saved_us(self) -> float | None:
        """The machines' time that batches would save; None where the log does not tell it."""
        burst = self.burst
        if burst is None or self.batch_us is None:
            return None
        return burst.us - self.batch_us * burst.together


def measure_batch_fit(engine: duckdb.DuckDBPyConnection) -> tuple[CallSite, ...]:
    """Every call site of the log, those with most single calls first."""
    windows = defaultdict[str | None, list[Window]](list)
    sums = (
        "SELECT call_site, seconds, sum(groups)::BIGINT, sum(bursts)::BIGINT, "
        "sum(together)::BIGINT, sum(us) FROM arrived GROUP BY ALL ORDER BY ALL"
    )
    for call_site, *counts in engine.execute(sums).fetchall():
        windows[call_site].append(Window(*counts))
    hours = dict[str | None, tuple[int, int]]()
    by_hour = "SELECT call_site, hour, sum(calls)::BIGINT AS n FROM hours GROUP BY ALL ORDER BY n"
    for call_site, hour, calls in engine.execute(by_hour).fetchall():
        hours[call_site] = hour, calls
    took = _took(engine)
    sites = []
    for call_site in {site for site, _ in took}:
        calls, sync_us = took.get((call_site, "sync"), (0, None))
        batch_rows, batch_us = took.get((call_site, "batch"), (0, None))
        elsewhere = batch_us is None
        if elsewhere:
            batch_us = _batch_of_others(engine, call_site)
        hour, in_hour = hours.get(call_site, (None, 0))
        found = tuple(windows[call_site])
        told = elsewhere and batch_us is not None
        sites.append(
            CallSite(call_site, calls, batch_rows, found, hour, in_hour, sync_us, batch_us, told)
        )
    return tuple(sorted(sites, key=lambda one: (-one.calls, one.call_site or "")))


def _took(
    engine: duckdb.DuckDBPyConnection,
) -> dict[tuple[str | None, str], tuple[int, float | None]]:
    rows = engine.execute(
        "SELECT call_site, way, sum(rows)::BIGINT, sum(us) / nullif(sum(timed), 0) FROM worked "
        "GROUP BY ALL"
    ).fetchall()
    return {(call_site, way): (count, us) for call_site, way, count, us in rows}


def _batch_of_others(engine: duckdb.DuckDBPyConnection, call_site: str | None) -> float | None:
    """What a row takes in the batches of others, by the versions that this call site asked."""
    ((us,),) = engine.execute(
        "SELECT sum(us) / nullif(sum(timed), 0) FROM worked WHERE way = 'batch' AND version IN "
        "(SELECT version FROM worked WHERE way = 'sync' AND call_site IS NOT DISTINCT FROM ?)",
        [call_site],
    ).fetchall()
    return None if us is None else float(us)
