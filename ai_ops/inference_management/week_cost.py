"""What one week of a cost trend was paid for: the records that its file holds."""

from dataclasses import dataclass

Rates = tuple[float, float, float, float, float]
"""What one token costs that is new, read from a cache, written to one, or answered, and what a
call costs besides: billionths of the currency."""


@dataclass(frozen=True)
class Source:
    """The work of one week that shares call site, tenant, mode and model; ``typical_us`` is the
    median of the machines' time per prediction.

    ``model`` is the name under which a provider's answered, else the version. ``repeats`` are rows
    whose request was asked before, ``calls`` what was asked of a model, ``cached`` rows what was
    answered without one. Input tokens include those of caches.
    """

    call_site: str | None
    tenant: str | None
    mode: str | None
    rows: int
    busy_us: int
    typical_us: float | None
    model: str | None = None
    answered: int = 0
    repeats: int = 0
    cached: int = 0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    tokens_nano: int = 0
    rates: Rates | None = None


@dataclass(frozen=True)
class WeekCost:
    """One Monday week: what was paid (billionths of the currency), and for how many answers.

    ``machines`` are those that were rented, on the mean of its days; ``storage_price`` is that of
    a GB and month. None: the rollup does not say. ``untimed`` are the rows of sources that never
    say how long one took.
    """

    monday: str
    days: int
    answered: int
    rent_nano: int
    busy_nano: int
    storage_nano: int
    currency: str
    sources: tuple[Source, ...] = ()
    tokens_nano: int = 0
    machines: float | None = None
    storage_price: float | None = None
    rows: int = 0
    untimed: int = 0

    @property
    def total_nano(self) -> int:
        """All that was paid."""
        return self.rent_nano + self.storage_nano + self.tokens_nano

    @property
    def untimed_share(self) -> float:
        """The share of the week's predictions whose call site, tenant, mode and model never say
        how long one took; 1 without any prediction."""
        return self.untimed / self.rows if self.rows else 1.0

    @property
    def per_1000(self) -> float:
        """What 1,000 answers cost, in the currency."""
        return self.total_nano / self.answered / 10**6

    @property
    def per_1000_nano(self) -> int:
        """The same in whole billionths of the currency."""
        return (self.total_nano * 2000 + self.answered) // (2 * self.answered)
