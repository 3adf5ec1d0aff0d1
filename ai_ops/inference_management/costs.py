"""What a day of serving costs, and which predictions it was spent on: exact to the last unit.

Money is counted in whole billionths of the currency (``nano``), so that the parts of a sum are
always the sum. A price that nobody declared makes a cost unknown (None), never zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from ai_ops.ai_features.costs import Costs
from ai_ops.vocabulary.words import ServedBy

NANO = 10**9
HOURS_A_DAY = 24
SECONDS_A_DAY = 24 * 60 * 60
GB = 10**9

NO_MACHINE: Final = "no machine has a price, declare costs.compute"
NO_STORAGE: Final = "storage has no price, declare costs.storage_price_per_gb_month"

Cell = tuple[str | None, str | None, str | None, str | None, str | None]
"""Model version, model, call site, tenant, mode: what a row of the rollup is about."""


@dataclass(frozen=True)
class Work:
    """The predictions of one day that share version, model, call site, tenant and mode.

    ``busy_us`` is the time that serving spent on them, in microseconds; ``typical_us`` the median
    of it per prediction; ``untimed`` rows say nothing about their time. ``model`` is the name
    under which a provider's model answered. ``attempts`` are the calls that were made, ``retries``
    those of them beyond the first of each request; ``retry_us`` is their part of the time.
    ``cached`` rows were answered without a call. Input tokens include those of caches.
    """

    model_version: str | None
    call_site: str | None
    tenant: str | None
    mode: str | None
    rows: int
    answered: int
    busy_us: int
    typical_us: float | None
    untimed: int
    model: str | None = None
    attempts: int = 0
    retries: int = 0
    retry_us: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def cell(self) -> Cell:
        """What its row of the rollup is about."""
        return self.model_version, self.model, self.call_site, self.tenant, self.mode


@dataclass(frozen=True)
class Prices:
    """What an hour of all machines and a stored GB cost, as declared; None is unknown."""

    currency: str
    machines: int
    compute_a_day_nano: int | None
    storage_per_gb_month: Decimal | None
    no_machine: str = NO_MACHINE


@dataclass(frozen=True)
class TokenCost:
    """What the tokens of some work cost, and those of its retries; None with the reason why it is
    not known. ``used`` are the prices it was reckoned with."""

    nano: int | None = 0
    retried_nano: int | None = 0
    unpriced: str | None = None
    used: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True)
class Cost:
    """What some work cost. ``busy`` is its part of the machines' time, ``idle`` its part of the
    time in which they waited: both are paid for. All in billionths of the currency.

    ``retries`` is the part of busy and tokens that went into calls beyond the first: it is
    contained in them. ``unpriced`` says why the total is unknown.
    """

    work: Work
    busy_nano: int | None
    idle_nano: int | None
    storage_nano: int | None
    tokens_nano: int | None = 0
    retries_nano: int | None = 0
    unpriced: str | None = None
    used: tuple[Mapping[str, object], ...] = ()

    @property
    def total_nano(self) -> int | None:
        """The sum of the parts; None when one of them is unknown."""
        total = 0
        for part in (self.busy_nano, self.idle_nano, self.storage_nano, self.tokens_nano):
            if part is None:
                return None
            total += part
        return total


def declared_prices(
    costs: Costs, day: str | None = None, *, served_by: ServedBy = "own_model"
) -> Prices:
    """The prices of a feature's YAML on a day; a number there is taken as it is written.

    A provider's machines are paid with its tokens: a feature that it serves needs none of its own.

    >>> declared = Costs.model_validate({"compute": [{"name": "vm", "hourly_price": 0.0416}]})
    >>> declared_prices(declared).compute_a_day_nano
    998400000
    """
    paid = [one for one in costs.compute if day is None or one.holds(day)]
    a_day = sum((decimal_of(one.hourly_price) * one.count for one in paid), Decimal(0))
    storage = costs.storage_price_per_gb_month
    known = bool(paid) or (served_by == "provider_api" and not costs.compute)
    return Prices(
        costs.currency,
        sum(one.count for one in paid),
        nano_of(a_day * HOURS_A_DAY) if known else None,
        None if storage is None else decimal_of(storage),
        f"no machine of costs.compute has a price on {day}" if costs.compute else NO_MACHINE,
    )


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """A whole amount split in proportion to weights, exactly: the parts sum to it.

    What rounding leaves over goes to the largest remainders (Hamilton's method), the earlier one
    where they are equal. Equal parts when all weights are zero.

    >>> apportion(100, [1, 1, 1])
    [34, 33, 33]
    >>> apportion(7, [0, 0])
    [4, 3]
    """
    if not weights:
        return []
    weights = weights if any(weights) else [1] * len(weights)
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    remainders = [total * weight % whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: (-remainders[place], place))
    for place in by_remainder[: total - sum(parts)]:
        parts[place] += 1
    return parts


def cost_of_day(
    work: Sequence[Work],
    prices: Prices,
    stored_bytes: int,
    tokens: Mapping[Cell, TokenCost] | None = None,
) -> list[Cost]:
    """What each part of a day's work cost: the machines' day, a month of storing its log, and the
    tokens that it took.

    Idle time is spread like busy time (like rows, where no row says how long it took). A day
    without work still has machines to pay: one entry without version holds that cost.
    """
    work = work or [Work(None, None, None, None, 0, 0, 0, None, 0)]
    busy_us = sum(one.busy_us for one in work)
    weights = [one.busy_us for one in work] if busy_us else [one.rows for one in work]
    busy: Sequence[int | None] = [None] * len(work)
    idle, storage = busy, busy
    if prices.compute_a_day_nano is not None:
        capacity_us = max(1, prices.machines) * SECONDS_A_DAY * 10**6
        paid_busy = prices.compute_a_day_nano * min(busy_us, capacity_us) // capacity_us
        busy = apportion(paid_busy, weights)
        idle = apportion(prices.compute_a_day_nano - paid_busy, weights)
    if prices.storage_per_gb_month is not None:
        stored = nano_of(prices.storage_per_gb_month * stored_bytes / GB)
        storage = apportion(stored, [one.rows for one in work])
    priced = tokens or {}
    parts = zip(work, busy, idle, storage, strict=True)
    return [_cost(*part, priced.get(part[0].cell, TokenCost()), prices) for part in parts]


def decimal_of(number: float) -> Decimal:
    """A number as it is written: 0.0416 is meant, not the binary fraction next to it."""
    return Decimal(repr(number))


def nano_of(amount: Decimal) -> int:
    """An amount in whole billionths."""
    return int((amount * NANO).to_integral_value(ROUND_HALF_EVEN))


def _cost(
    work: Work,
    busy: int | None,
    idle: int | None,
    storage: int | None,
    tokens: TokenCost,
    prices: Prices,
) -> Cost:
    absent = (
        tokens.unpriced,
        prices.no_machine if busy is None else None,
        NO_STORAGE if storage is None else None,
    )
    retries = None
    if busy is not None and tokens.retried_nano is not None:
        of_time = busy * work.retry_us // work.busy_us if work.busy_us else 0
        retries = of_time + tokens.retried_nano
    unpriced = "; ".join(reason for reason in absent if reason) or None
    return Cost(work, busy, idle, storage, tokens.nano, retries, unpriced, tokens.used)
