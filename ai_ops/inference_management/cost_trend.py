"""Where the cost of a prediction is going, week by week, and what traffic does not explain.

The rent of a machine is paid whether it works or waits: with fewer predictions each carries more
of it. That much of a rise is explained by traffic. Two things are not, and are judged apart:

- *the bill*: more is paid than last week's prices and machines would cost at this traffic;
- *the work*: a prediction takes more of the machines' time than last week, priced at their rent.
  It turns into a bill when the machines are full, so it counts as a share of the whole cost. A
  call site whose typical prediction takes twice as long as a week ago, while the others' do not,
  is named even where that share is small.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SPIKE = 2.0
"""How much longer a call site's typical prediction must take, relative to the others, to be named
whatever it costs."""
SPIKE_ROWS = 100
DRIVER_SHARE = 0.5
"""From which share of a rise on one part of the traffic is said to drive it."""

Key = tuple[str | None, str | None, str | None]
"""Call site, tenant, mode."""


@dataclass(frozen=True)
class Source:
    """The work of one week that shares call site, tenant and mode; ``typical_us`` is the median
    of the machines' time per prediction."""

    call_site: str | None
    tenant: str | None
    mode: str | None
    rows: int
    busy_us: int
    busy_nano: int
    typical_us: float | None


@dataclass(frozen=True)
class WeekCost:
    """One Monday week: what was paid (billionths of the currency), and for how many answers."""

    monday: str
    days: int
    answered: int
    rent_nano: int
    busy_nano: int
    storage_nano: int
    currency: str
    sources: tuple[Source, ...] = ()

    @property
    def total_nano(self) -> int:
        """All that was paid."""
        return self.rent_nano + self.storage_nano

    @property
    def untimed_share(self) -> float:
        """The share of the week's predictions whose call site, tenant and mode never say how long
        one took; 1 without any prediction."""
        rows = sum(source.rows for source in self.sources)
        silent = sum(source.rows for source in self.sources if source.typical_us is None)
        return silent / rows if rows else 1.0

    @property
    def per_1000(self) -> float:
        """What 1,000 answers cost, in the currency."""
        return self.total_nano / self.answered / 10**6


@dataclass(frozen=True)
class Rise:
    """The rise of the cost per prediction from one week to a later one, as shares of the earlier.

    ``total`` is the whole rise of the bill; ``traffic`` the part that fewer or more predictions
    explain; ``bill`` and ``work`` what they do not (see the module).
    """

    since: str
    weeks: int
    total: float
    traffic: float
    bill: float
    work: float

    @property
    def unexplained(self) -> float:
        """What is left of the bill's rise when traffic had its say: a second machine for twice the
        traffic makes no prediction dearer."""
        return min(self.bill, self.total)


@dataclass(frozen=True)
class Driver:
    """What part of the traffic most of a rise in work comes from, as far as it is one part."""

    call_site: str | None
    tenant: str | None
    mode: str | None
    share: float


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
    driver: Driver | None = None
    spikes: tuple[Spike, ...] = field(default=())


def rise(before: WeekCost, now: WeekCost, weeks: int) -> Rise:
    """How much dearer a prediction became between two weeks that both had answers.

    Twice the traffic on the same machine halves the cost, and traffic explains all of it:

    >>> a = WeekCost("2021-03-01", 7, 1000, 7 * 10**9, 10**9, 0, "USD")
    >>> b = WeekCost("2021-03-08", 7, 2000, 7 * 10**9, 2 * 10**9, 0, "USD")
    >>> rise(a, b, 1)
    Rise(since='2021-03-01', weeks=1, total=-0.5, traffic=-0.5, bill=0.0, work=0.0)
    """
    rent = before.rent_nano / before.days * now.days
    expected = rent + before.storage_nano / before.answered * now.answered
    per_answer = before.total_nano / before.answered
    return Rise(
        since=before.monday,
        weeks=weeks,
        total=now.total_nano / now.answered / per_answer - 1,
        traffic=expected / now.answered / per_answer - 1,
        bill=now.total_nano / expected - 1,
        work=sum(_more_work(before, now).values()) / now.answered / per_answer,
    )


def find_driver(before: WeekCost, now: WeekCost) -> Driver | None:
    """Where most of a rise in work comes from; None when there is no rise."""
    more = _more_work(before, now)
    if sum(more.values()) <= 0:
        return None
    call_site, tenant, mode = (_driving(more, now, part) for part in range(3))
    shares = [share for _, share in (call_site, tenant, mode)]
    return Driver(call_site[0], tenant[0], mode[0], share=max(shares))


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


def _more_work(before: WeekCost, now: WeekCost) -> dict[Key, float]:
    """How much dearer the work of each source became, at the earlier week's rent, in nano.

    Each source is compared with itself, so that a shift of traffic between them is no rise; a new
    one is compared with the earlier week's mean.
    """
    price = before.busy_nano / max(1, sum(s.busy_us for s in before.sources))
    was = {_key(source): source for source in before.sources}
    mean = sum(s.busy_us for s in before.sources) / max(1, sum(s.rows for s in before.sources))
    more = {}
    for source in now.sources:
        earlier = was.get(_key(source))
        usual = earlier.busy_us / earlier.rows if earlier and earlier.rows else mean
        more[_key(source)] = (source.busy_us - usual * source.rows) * price
    return more


def _driving(more: Mapping[Key, float], now: WeekCost, part: int) -> tuple[str | None, float]:
    """The one call site (part 0), tenant (1) or mode (2) that most of the rise comes from, and its
    share; None when there is but one, or when its traffic alone would make it the largest."""
    by_name: dict[str | None, float] = {}
    for key, value in more.items():
        by_name[key[part]] = by_name.get(key[part], 0.0) + value
    worst = max(by_name, key=lambda name: by_name[name])
    rows = sum(source.rows for source in now.sources if _key(source)[part] == worst)
    of_traffic = rows / max(1, sum(source.rows for source in now.sources))
    of_rise = min(1.0, by_name[worst] / sum(more.values()))
    if len(by_name) == 1 or of_rise < max(DRIVER_SHARE, 1.2 * of_traffic):
        return None, 0.0
    return worst, of_rise


def _typical(week: WeekCost) -> dict[tuple[str | None, str | None], tuple[float, int]]:
    """Per call site and mode: the median, weighted by rows, of its sources' typical times."""
    parts: dict[tuple[str | None, str | None], list[tuple[float, int]]] = {}
    for source in week.sources:
        if source.typical_us is not None and source.rows:
            parts.setdefault((source.call_site, source.mode), []).append(
                (source.typical_us, source.rows)
            )
    return {key: (weighted_median(pairs), sum(n for _, n in pairs)) for key, pairs in parts.items()}


def _key(source: Source) -> Key:
    return source.call_site, source.tenant, source.mode
