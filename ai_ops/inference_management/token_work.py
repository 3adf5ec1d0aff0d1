"""The tokens of a day's predictions, gathered so that each group has one price."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ai_ops.ai_features.costs import Costs
from ai_ops.inference_management.costs import Cell, TokenCost, nano_of
from ai_ops.inference_management.token_prices import PriceList
from ai_ops.inference_management.token_rates import Rates, Unpriced

_MILLION: Final = 10**6


@dataclass(frozen=True)
class Tokens:
    """Counts of tokens; those of the input include what caches held.

    >>> Tokens(1000, 10, cache_read=600).fresh
    400
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def fresh(self) -> int:
        """Input that no cache had part in."""
        return self.input - self.cache_read - self.cache_write


@dataclass(frozen=True)
class TokenWork:
    """Calls of one day that share a cell of the rollup and everything that their price hangs on.

    ``longest`` is the longest input among them: none of them lies in another band of the price.
    ``told`` rows say tokens, ``silent`` ones were answered by a provider and do not; ``endless``
    rows say no output, ``misfit`` ones more cached tokens than input. ``retried`` are the tokens
    of calls beyond the first.
    """

    cell: Cell
    model: str | None
    provider: str | None
    processing: str | None
    service_tier: str | None
    longest: int
    calls: int
    retries: int
    told: int
    silent: int
    endless: int
    misfit: int
    tokens: Tokens
    retried: Tokens


def price_tokens(
    groups: Iterable[TokenWork], day: str, costs: Costs, prices: PriceList
) -> dict[Cell, TokenCost]:
    """What the tokens of a day cost by cell; a group without a price makes its cell unknown."""
    by_cell: dict[Cell, list[TokenWork]] = defaultdict(list)
    for group in groups:
        by_cell[group.cell].append(group)
    return {cell: _cost(own, day, costs, prices) for cell, own in by_cell.items()}


def _cost(groups: Iterable[TokenWork], day: str, costs: Costs, prices: PriceList) -> TokenCost:
    amount, retried = Decimal(0), Decimal(0)
    absent: dict[str, None] = {}
    used: dict[str, Mapping[str, object]] = {}
    for group in groups:
        if reason := _untold(group):
            absent[reason] = None
            continue
        if not group.told:  # failed before it was billed, or answered from a cache
            continue
        found = prices.of(
            model=group.model or "",
            provider=group.provider or costs.provider,
            day=day,
            processing=group.processing,
            service_tier=group.service_tier,
            input_tokens=group.longest,
        )
        if isinstance(found, Rates) and (reason := _incomplete(group, found)):
            absent[reason] = None
        elif isinstance(found, Unpriced):
            absent[found.reason] = None
        else:
            amount += _amount(group.tokens, group.calls, found)
            retried += _amount(group.retried, group.retries, found)
            used[repr(found)] = found.as_data()
    if absent:
        return TokenCost(None, None, "; ".join(absent))
    total = nano_of(amount)
    return TokenCost(total, min(total, nano_of(retried)), None, tuple(used.values()))


def _untold(group: TokenWork) -> str | None:
    called = f"call of {group.model}" if group.model else "call"
    if group.silent:
        return (
            f"{group.silent} answered rows of a {called} do not say its tokens: log input_tokens "
            "and output_tokens as cost drivers"
        )
    if group.told and not group.model:
        return f"{group.told} rows say tokens and no model: log the cost driver model"
    if group.misfit:
        return (
            f"{group.misfit} rows of a {called} say more cached tokens than input: input_tokens "
            "includes them"
        )
    return None


def _incomplete(group: TokenWork, rates: Rates) -> str | None:
    if group.endless and rates.output:
        return (
            f"{group.endless} rows of a call of {group.model} do not say what it wrote: "
            "log output_tokens"
        )
    if group.tokens.output and rates.output is None:
        return f"{group.model}: its output has no price, declare it under costs.tokens"
    return None


def _amount(tokens: Tokens, calls: int, rates: Rates) -> Decimal:
    per_million = (
        tokens.fresh * rates.input
        + tokens.cache_read * rates.cache_read
        + tokens.cache_write * rates.cache_write
        + tokens.output * (rates.output or Decimal(0))
    )
    return per_million / _MILLION + calls * rates.call
