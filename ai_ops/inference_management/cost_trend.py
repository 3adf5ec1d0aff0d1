"""Where the cost of a prediction is going, week by week, and what traffic does not explain.

The rent of a machine is paid whether it works or waits: with fewer predictions each carries more
of it. That much of a rise is explained by traffic. Two things are not, and are judged apart:

- *the bill*: an answer is paid more than it would have been with last week's prices, machines,
  models and calls at this week's traffic;
- *the work*: a prediction takes more of the machines' time than last week, priced at their rent.
  It turns into a bill when the machines are full, so it counts as a share of the whole cost. A
  call site whose typical prediction takes twice as long as a week ago, while the others' do not,
  is named even where that share is small.

``cost_factors`` divides both among what changed; the factor that has most of a rise is named as
its cause, with the call site, tenant, mode and model that most of it comes from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from ai_ops.inference_management.cost_factors import Change, FactorName, Share
from ai_ops.inference_management.cost_states import Cell, Floats, cell_of
from ai_ops.inference_management.week_cost import WeekCost

SPIKE = 2.0
"""How much longer a call site's typical prediction must take, relative to the others, to be named
whatever it costs."""
SPIKE_ROWS = 100
CAUSE = 0.001
"""From which share of the earlier cost on a factor is said to have caused a rise."""
DRIVER_SHARE = 0.5
"""From which share of a rise on one part of the traffic is said to drive it."""
RENTED: Final[frozenset[FactorName]] = frozenset({"traffic", "price", "machines"})
"""Factors that make no prediction take more of a machine's time."""


@dataclass(frozen=True)
class Driver:
    """What part of the traffic most of a rise comes from, as far as it is one part."""

    call_site: str | None = None
    tenant: str | None = None
    mode: str | None = None
    model: str | None = None
    share: float = 0.0


@dataclass(frozen=True)
class Cause:
    """The factor that has most of a rise, ``size`` of the earlier cost, and what drives it."""

    factor: FactorName
    size: float
    driver: Driver = Driver()


@dataclass(frozen=True)
class Rise:
    """The rise of the cost per prediction from one week to a later one, as shares of the earlier.

    ``total`` is the whole rise of the bill; ``traffic`` the part of it that fewer or more
    predictions have; ``bill`` and ``work`` what they do not explain (see the module). ``shares``
    are those of all factors; their sum is the change.
    """

    since: str
    weeks: int
    total: float
    traffic: float
    bill: float
    work: float
    shares: tuple[Share, ...] = ()
    bill_cause: Cause | None = None
    work_cause: Cause | None = None

    @property
    def unexplained(self) -> float:
        """What is left of the bill's rise when traffic had its say: a second machine for twice the
        traffic makes no prediction dearer."""
        return min(self.bill, self.total)


@dataclass(frozen=True)
class Spike:
    """A call site and mode whose typical prediction takes ``times`` as long as a week ago."""

    call_site: str | None
    mode: str | None
    times: float
    rows: int


@dataclass(frozen=True)
class CostTrend:
    """The file of one week: the weeks it was judged with, newest last, and the rises."""

    monday: str
    weeks: tuple[WeekCost, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    first: bool
    rise: Rise | None = None
    compounded: Rise | None = None
    spikes: tuple[Spike, ...] = field(default=())


def rise(before: WeekCost, now: WeekCost, weeks: int) -> Rise:
    """How much dearer a prediction became between two weeks that both had answers.

    Twice the traffic on the same machine halves the cost, and traffic explains all of it:

    >>> a = WeekCost("2021-03-01", 7, 1000, 7 * 10**9, 10**9, 0, "USD")
    >>> b = WeekCost("2021-03-08", 7, 2000, 7 * 10**9, 2 * 10**9, 0, "USD")
    >>> found = rise(a, b, 1)
    >>> found.total, found.traffic, found.bill, found.work
    (-0.5, -0.5, 0.0, 0.0)
    """
    change = Change(before, now)
    shares = change.shares()
    earlier = before.per_1000_nano
    own = {share.factor: share for share in shares}
    more_work = {one.factor: one.work_per_1000_nano for one in shares if one.factor not in RENTED}
    paid: dict[FactorName, int] = {
        one.factor: one.paid_per_1000_nano for one in shares if one.factor != "traffic"
    }
    return Rise(
        since=before.monday,
        weeks=weeks,
        total=now.per_1000_nano / earlier - 1,
        traffic=own["traffic"].paid_per_1000_nano / earlier,
        bill=now.total_nano * 1000 / now.answered / change.with_traffic() - 1,
        work=sum(more_work.values()) / earlier,
        shares=shares,
        bill_cause=_bill_cause(change, paid, earlier),
        work_cause=_cause(change, more_work, earlier),
    )


def find_spikes(before: WeekCost, now: WeekCost) -> tuple[Spike, ...]:
    """The call sites whose typical prediction takes ``SPIKE`` times as long, others' not."""
    was, became = _typical(before), _typical(now)
    times = {key: became[key][0] / was[key][0] for key in became if key in was and was[key][0] > 0}
    spikes = []
    for key, ratio in times.items():
        others = sorted(other for name, other in times.items() if name[0] != key[0])
        usual = max(1.0, others[len(others) // 2]) if others else 1.0
        if ratio >= SPIKE * usual and became[key][1] >= SPIKE_ROWS and was[key][1] >= SPIKE_ROWS:
            spikes.append(Spike(*key, times=round(ratio, 2), rows=became[key][1]))
    return tuple(sorted(spikes, key=lambda spike: -spike.times))


def weighted_median(pairs: Sequence[tuple[float, int]]) -> float:
    """The value that half of the weight lies below or at; ``ValueError`` without any weight.

    >>> weighted_median([(1.0, 10), (5.0, 11), (9.0, 1)])
    5.0
    """
    half, seen = sum(n for _, n in pairs) / 2, 0
    for value, n in sorted(pairs):
        seen += n
        if n and seen >= half:
            return value
    raise ValueError("nothing has no median")


def _cause(change: Change, shares: Mapping[FactorName, int], earlier: float) -> Cause | None:
    """The factor that has most of a rise in work; None where no factor rose."""
    factor = max(shares, key=lambda name: shares[name])
    if shares[factor] < CAUSE * earlier:
        return None
    driver = find_driver(change, change.work_by_cell(factor), change.work_by_cell(None))
    return Cause(factor, shares[factor] / earlier, driver)


def _bill_cause(change: Change, shares: Mapping[FactorName, int], earlier: float) -> Cause | None:
    """The factor that has most of a rise of the bill; None where no factor rose.

    Rent and storage are paid for all predictions together: only where most of it is tokens, or
    where requests failed, there is a part of the traffic that it comes from.
    """
    factor = max(shares, key=lambda name: shares[name])
    if shares[factor] < CAUSE * earlier:
        return None
    tokens = change.tokens_by_cell(factor)
    driver = Driver()
    if tokens.sum() >= DRIVER_SHARE * shares[factor]:
        driver = find_driver(change, tokens, change.tokens_by_cell(None))
    elif factor == "retries":
        usual, failed = map(change.unanswered_by_cell, (change.before, change.now))
        driver = find_driver(change, failed - usual, usual)
    return Cause(factor, shares[factor] / earlier, driver)


def find_driver(change: Change, more: Floats, usual: Floats) -> Driver:
    """Where most of a rise comes from: the call site, tenant, mode and model that have it together,
    as far as each has more of it than its traffic and its usual cost let expect."""
    whole = float(more.sum())
    if whole <= 0:
        return Driver()
    rows = {cell_of(source): source.rows for source in change.now.sources}
    traffic = np.array([rows.get(cell, 0) for cell in change.cells], dtype=float)
    among = np.ones(len(change.cells), dtype=bool)
    named: dict[int, str | None] = {}
    for part in _strongest_first(change.cells, more):
        names = [cell[part] for cell in change.cells]
        worst = _largest(names, more)
        own = np.array([name == worst for name in names])
        expected = max(_share(traffic, own), _share(usual, own))
        least = max(DRIVER_SHARE, min(1.0, 1.2 * expected))
        if own.all() or more[own].sum() < least * whole:
            continue
        if more[among & own].sum() >= DRIVER_SHARE * whole:
            named[part], among = worst, among & own
    share = min(1.0, float(more[among].sum()) / whole) if named else 0.0
    return Driver(named.get(0), named.get(1), named.get(2), named.get(3), share)


def _strongest_first(cells: Sequence[Cell], more: Floats) -> list[int]:
    """The parts of a cell, first that of which one name has most of a rise."""

    def most(part: int) -> float:
        names = [cell[part] for cell in cells]
        worst = _largest(names, more)
        return float(more[[name == worst for name in names]].sum())

    return sorted(range(4), key=lambda part: -most(part))


def _largest(names: Sequence[str | None], more: Floats) -> str | None:
    by_name: dict[str | None, float] = {}
    for name, value in zip(names, more.tolist(), strict=True):
        by_name[name] = by_name.get(name, 0.0) + value
    return max(by_name, key=lambda name: by_name[name])


def _share(amounts: Floats, own: npt.NDArray[np.bool_]) -> float:
    whole = float(amounts.sum())
    return float(amounts[own].sum()) / whole if whole else 0.0


def _typical(week: WeekCost) -> dict[tuple[str | None, str | None], tuple[float, int]]:
    """Per call site and mode: the median, weighted by rows, of its sources' typical times."""
    parts: dict[tuple[str | None, str | None], list[tuple[float, int]]] = {}
    for source in week.sources:
        if source.typical_us is not None and source.rows:
            parts.setdefault((source.call_site, source.mode), []).append(
                (source.typical_us, source.rows)
            )
    return {key: (weighted_median(pairs), sum(n for _, n in pairs)) for key, pairs in parts.items()}
