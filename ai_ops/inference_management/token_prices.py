"""What a provider's tokens cost on a day: the prices by contract, else the list price.

The list is that of genai-prices, as it was installed: nothing is fetched. It answers with its
earliest price for a day before any price that it knows, and with the usual one where the price of
a batch or of a service tier begins later; here such a day has no price.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any, Final

from ai_ops.ai_features.costs import Costs, TokenPrice
from ai_ops.inference_management.costs import decimal_of

LIST_CURRENCY: Final = "USD"
BATCH: Final = "batch"
_USUAL_TIERS: Final = ("default", "standard", "auto", "on_demand")
_OTEL: Final[Mapping[str, str]] = {
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gen_ai": "google",
    "x_ai": "x-ai",
}
"""Names of providers in OpenTelemetry's conventions that the list knows by another."""
_DECLARE: Final = "declare it under costs.tokens"


@dataclass(frozen=True)
class Rates:
    """What a million tokens of each kind cost, and each ``call`` besides; None: it has no price."""

    model: str
    source: str
    input: Decimal
    output: Decimal | None
    cache_read: Decimal
    cache_write: Decimal
    call: Decimal = Decimal(0)
    context: tuple[tuple[str, str], ...] = ()

    def as_data(self) -> dict[str, object]:
        """As it is stored beside what was reckoned with it."""
        kinds = ("input", "output", "cache_read", "cache_write")
        per_million = {kind: _written(getattr(self, kind)) for kind in kinds}
        told: dict[str, object] = {"model": self.model, "source": self.source}
        told |= dict(self.context) | {"per_million": per_million}
        return told | ({"per_call": _written(self.call)} if self.call else {})


@dataclass(frozen=True)
class Unpriced:
    """Why there is no price."""

    reason: str


class PriceList:
    """The prices that hold for one feature."""

    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self._found: dict[tuple[str, str | None], tuple[Any, Any] | Unpriced] = {}

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
        """The price of a call of a model with so long an input, on a day (ISO date)."""
        found = self._entry(model, provider)
        names = (model,) if isinstance(found, Unpriced) else (model, found[1].id)
        if own := self._declared(names, day):
            return _by_contract(own, model, processing)
        if isinstance(found, Unpriced):
            return found
        if self._costs.currency != LIST_CURRENCY:
            return Unpriced(
                f"{model}: list prices are in {LIST_CURRENCY} and costs in {self._costs.currency}, "
                f"{_DECLARE}"
            )
        return _by_list(*found, model, day, processing, service_tier, input_tokens)

    def _declared(self, names: tuple[str, ...], day: str) -> TokenPrice | None:
        """The price by contract that began last, of those that hold on a day."""
        for name in names:
            own = [p for p in self._costs.tokens if p.model.lower() == name.lower()]
            held = [p for p in own if _holds(p, day)]
            if held:
                return max(held, key=lambda price: price.since)
        return None

    def _entry(self, model: str, provider: str | None) -> tuple[Any, Any] | Unpriced:
        """Provider and model as the list knows them."""
        key = (model, provider)
        if key not in self._found:
            self._found[key] = _listed(model, provider)
        return self._found[key]


def tier_starts() -> tuple[int, ...]:
    """The lengths of input beyond which any listed model's price is another."""
    return _list_facts()[0]


def _holds(price: TokenPrice, day: str) -> bool:
    return price.since.isoformat() <= day and (price.until is None or day < price.until.isoformat())


def _by_contract(own: TokenPrice, model: str, processing: str | None) -> Rates:
    share = decimal_of(own.batch) if processing == BATCH else Decimal(1)
    base = decimal_of(own.input)

    def rate(declared: float | None) -> Decimal:
        return share * (base if declared is None else decimal_of(declared))

    return Rates(
        model,
        f"costs.tokens since {own.since.isoformat()}",
        share * base,
        rate(own.output),
        rate(own.cache_read),
        rate(own.cache_write),
        context=(("processing", BATCH),) if processing == BATCH else (),
    )


def _listed(model: str, provider: str | None) -> tuple[Any, Any] | Unpriced:
    snapshot = _snapshot()
    named = provider and _OTEL.get(provider.lower(), provider)
    try:
        found: tuple[Any, Any] = snapshot.find_provider_model(model, None, named, None)
    except LookupError:
        at = f" at {provider}" if provider else ""
        return Unpriced(f"{model}{at} is in no list of prices, {_DECLARE}")
    return found


def _by_list(
    provider: Any,
    model: Any,
    name: str,
    day: str,
    processing: str | None,
    service_tier: str | None,
    input_tokens: int,
) -> Rates | Unpriced:
    when = datetime.combine(date.fromisoformat(day), time(), tzinfo=UTC)
    known = _known_since(model)
    if known is None or when.date() < known:
        begins = f"before {known}" if known else "on any day"
        return Unpriced(f"{name} has no known price {begins} ({day} is asked), {_DECLARE}")
    if _changes_within_a_day(model):
        return Unpriced(f"the list price of {name} depends on the time of day, {_DECLARE}")
    context = _context(model, processing, service_tier)
    for key, value in context.items():
        if reason := _no_variant(provider, model, key, value, when):
            return Unpriced(f"{name} has no known price of {key} {value} {reason}, {_DECLARE}")
    prices = model.get_prices(when, context)
    rates = {key: _flat(getattr(prices, key), input_tokens) for key in _KEYS}
    base, output = rates["input_mtok"], rates["output_mtok"]
    if base is None:
        return Unpriced(f"{name}: its input has no price in the list, {_DECLARE}")
    calls = rates["requests_kcount"]
    read, write = rates["cache_read_mtok"], rates["cache_write_mtok"]
    return Rates(
        name,
        f"genai-prices {_version()}, {provider.id}: {model.id}",
        base,
        output,
        base if read is None else read,
        base if write is None else write,
        Decimal(0) if calls is None else calls / 1000,
        tuple(sorted(context.items())),
    )


_KEYS: Final = (
    "input_mtok",
    "output_mtok",
    "cache_read_mtok",
    "cache_write_mtok",
    "requests_kcount",
)


def _context(model: Any, processing: str | None, service_tier: str | None) -> dict[str, str]:
    """What the price hangs on besides the day: only what the list tells apart for this model."""
    context = {}
    if processing == BATCH and _variants(model, "processing", BATCH):
        context["processing"] = BATCH
    if service_tier and service_tier.lower() not in _USUAL_TIERS:
        context["service_tier"] = service_tier.lower()
    return context


def _no_variant(provider: Any, model: Any, key: str, value: str, when: datetime) -> str | None:
    """Why the list would answer with the usual price where another one was asked for."""
    variants = _variants(model, key, value)
    if not variants or not any(model is own for own in provider.models):
        return f"at {provider.id}"
    if any(one.constraint is None or one.constraint.active(when) for one in variants):
        return None
    begin = min(one.constraint.start_date for one in variants)
    return f"before {begin} ({when.date()} is asked)"


def _variants(model: Any, key: str, value: str) -> list[Any]:
    return [v for v in model.price_variants or () if v.when == {key: value}]


def _known_since(model: Any) -> date | None:
    """The first day of which the list knows a price: what has no date is as old as the list."""
    prices = model.prices if isinstance(model.prices, list) else None
    if prices is not None and not prices:
        return None
    first = prices[0].constraint if prices else None
    return getattr(first, "start_date", None) or _list_facts()[1]


def _changes_within_a_day(model: Any) -> bool:
    prices = model.prices if isinstance(model.prices, list) else ()
    return any(hasattr(one.constraint, "start_time") for one in prices)


def _flat(price: Any, input_tokens: int) -> Decimal | None:
    """The price of an input of that length: beyond a border all of it costs the other price."""
    if price is None or isinstance(price, Decimal):
        return price
    flat: Decimal = price.base
    for tier in price.tiers:
        if input_tokens > tier.start:
            flat = tier.price
    return flat


def _written(price: Decimal | None) -> str | None:
    return None if price is None else format(price.normalize(), "f")


# Imported when a token is priced: the list is large, and most features have no tokens.
def _snapshot() -> Any:
    from genai_prices.data_snapshot import get_snapshot

    return get_snapshot()


def _version() -> str:
    from genai_prices import __version__

    return __version__


@cache
def _list_facts() -> tuple[tuple[int, ...], date]:
    """Where prices change with the length of the input, and the first day that the list names."""
    starts: set[int] = set()
    days: set[date] = set()
    for provider in _snapshot().providers:
        for model in provider.models:
            dated = model.prices if isinstance(model.prices, list) else []
            tables = [one.prices for one in dated] or [model.prices]
            tables += [variant.prices for variant in model.price_variants or ()]
            for table in tables:
                for price in vars(table).values() if table else ():
                    starts |= {tier.start for tier in getattr(price, "tiers", ())}
            days |= {one.constraint.start_date for one in dated if _is_dated(one)}
    return tuple(sorted(starts)), min(days)


def _is_dated(one: Any) -> bool:
    return hasattr(one.constraint, "start_date")
