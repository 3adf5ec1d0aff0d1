"""What a provider's tokens cost a feature on a day: the price by contract, else the list price."""

from datetime import date
from decimal import Decimal
from typing import Final

from ai_ops.ai_features.costs import Costs, TokenPrice
from ai_ops.inference_management.costs import decimal_of
from ai_ops.inference_management.list_prices import Listed, find_listed, list_price
from ai_ops.inference_management.token_rates import BATCH, DECLARE, Rates, Unpriced

LIST_CURRENCY: Final = "USD"


class PriceList:
    """The prices that hold for one feature."""

    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self._listed: dict[tuple[str, str | None], Listed | Unpriced] = {}

    def of(
        self,
        *,
        model: str,
        provider: str | None,
        day: str,
        processing: str | None = None,
        service_tier: str | None = None,
        input_tokens: int = 0,
    ) -> Rates | Unpriced:
        """The price of a call of a model with so long an input, on a day (ISO date).

        A price by contract names the model as it answered, or as the list calls it:

        >>> contract = TokenPrice(model="gpt-4o", since=date(2026, 1, 1), input=2.0, output=8.0)
        >>> prices = PriceList(Costs(tokens=(contract,)))
        >>> asked = {"model": "gpt-4o-2024-08-06", "provider": "openai"}
        >>> prices.of(**asked, day="2026-02-01").source
        'costs.tokens since 2026-01-01'
        """
        if own := self._by_contract((model,), day, processing):
            return own
        listed = self._found(model, provider)
        if isinstance(listed, Unpriced):
            return listed
        if own := self._by_contract((model, listed.name), day, processing):
            return own
        if self._costs.currency != LIST_CURRENCY:
            return Unpriced(
                f"{model}: list prices are in {LIST_CURRENCY} and costs in {self._costs.currency}, "
                f"{DECLARE}"
            )
        return list_price(
            listed, model, date.fromisoformat(day), processing, service_tier, input_tokens
        )

    def _by_contract(
        self, names: tuple[str, ...], day: str, processing: str | None
    ) -> Rates | None:
        """The price by contract that began last, of those that hold on a day."""
        wanted = {name.lower() for name in names}
        held = [p for p in self._costs.tokens if p.model.lower() in wanted and p.holds(day)]
        if not held:
            return None
        return _rates(max(held, key=lambda price: price.since), names[0], processing)

    def _found(self, model: str, provider: str | None) -> Listed | Unpriced:
        key = (model, provider)
        if key not in self._listed:
            self._listed[key] = find_listed(model, provider)
        return self._listed[key]


def _rates(own: TokenPrice, model: str, processing: str | None) -> Rates:
    share = decimal_of(own.batch) if processing == BATCH else Decimal(1)

    def rate(declared: float | None) -> Decimal:
        return share * decimal_of(own.input if declared is None else declared)

    return Rates(
        model,
        f"costs.tokens since {own.since.isoformat()}",
        rate(own.input),
        rate(own.output),
        rate(own.cache_read),
        rate(own.cache_write),
        context=(("processing", BATCH),) if processing == BATCH else (),
    )
