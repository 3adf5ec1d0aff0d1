"""What a day of serving costs, and which predictions it was spent on: exact to the last unit.

Money is counted in whole billionths of the currency (``nano``), so that the parts of a sum are
always the sum. A price that nobody declared makes a cost unknown (None), never zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from ai_ops.ai_features.costs import Costs

NANO = 10**9
HOURS_A_DAY = 24
SECONDS_A_DAY = 24 * 60 * 60
GB = 10**9


@dataclass(frozen=True)
class Work:
    """The predictions of one day that share version, call site, tenant and mode.

    ``busy_us`` is the time that serving spent on them, in microseconds; ``typical_us`` the median
    of it per prediction; ``untimed`` rows say nothing about their time.
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


@dataclass(frozen=True)
class Prices:
    """What an hour of all machines and a stored GB cost, as declared; None is unknown."""

    currency: str
    machines: int
    compute_a_day_nano: int | None
    storage_per_gb_month: Decimal | None


@dataclass(frozen=True)
class Cost:
    """What some work cost. ``busy`` is its part of the machines' time, ``idle`` its part of the
    time in which they waited: both are paid for. All in billionths of the currency."""

    work: Work
    busy_nano: int | None
    idle_nano: int | None
    storage_nano: int | None

    @property
    def total_nano(self) -> int | None:
        """The sum of the parts; None when one of them is unknown."""
        if self.busy_nano is None or self.idle_nano is None or self.storage_nano is None:
            return None
        return self.busy_nano + self.idle_nano + self.storage_nano


def declared_prices(costs: Costs) -> Prices:
    """The prices of a feature's YAML; a number there is taken as it is written.

    >>> declared = Costs.model_validate({"compute": [{"name": "vm", "hourly_price": 0.0416}]})
    >>> declared_prices(declared).compute_a_day_nano
    998400000
    """
    a_day = sum((_decimal(one.hourly_price) * one.count for one in costs.compute), Decimal(0))
    storage = costs.storage_price_per_gb_month
    return Prices(
        costs.currency,
        sum(one.count for one in costs.compute),
        _nano(a_day * HOURS_A_DAY) if costs.compute else None,
        None if storage is None else _decimal(storage),
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


def cost_of_day(work: Sequence[Work], prices: Prices, stored_bytes: int) -> list[Cost]:
    """What each part of a day's work cost: the machines' day, and a month of storing its log.

    Idle time is spread like busy time (like rows, where no row says how long it took). A day
    without work still has machines to pay: one entry without version holds that cost.
    """
    work = work or [Work(None, None, None, None, 0, 0, 0, None, 0)]
    busy_us = sum(one.busy_us for one in work)
    weights = [one.busy_us for one in work] if busy_us else [one.rows for one in work]
    busy: Sequence[int | None] = [None] * len(work)
    idle, storage = busy, busy
    if prices.compute_a_day_nano is not None:
        capacity_us = prices.machines * SECONDS_A_DAY * 10**6
        paid_busy = prices.compute_a_day_nano * min(busy_us, capacity_us) // capacity_us
        busy = apportion(paid_busy, weights)
        idle = apportion(prices.compute_a_day_nano - paid_busy, weights)
    if prices.storage_per_gb_month is not None:
        stored = _nano(prices.storage_per_gb_month * stored_bytes / GB)
        storage = apportion(stored, [one.rows for one in work])
    return [Cost(*parts) for parts in zip(work, busy, idle, storage, strict=True)]


def _decimal(number: float) -> Decimal:
    # Through its shortest text: 0.0416 is meant, not the binary fraction next to it.
    return Decimal(repr(number))


def _nano(amount: Decimal) -> int:
    return int((amount * NANO).to_integral_value(ROUND_HALF_EVEN))
