"""List prices of providers' tokens: those of genai-prices, as it was installed.

Nothing is fetched. The list answers with its earliest price for a day before any that it knows, and
with the usual one where the price of a batch or of a service tier begins later or is not known;
here such a day has no price.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any, Final

from ai_ops.inference_management.token_rates import BATCH, DECLARE, Rates, Unpriced

_USUAL_TIERS: Final = ("default", "standard", "auto", "on_demand")
_CONVENTIONS: Final[Mapping[str, str]] = {
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gen_ai": "google",
    "x_ai": "x-ai",
}
"""Names of providers in OpenTelemetry's conventions that the list knows by another."""
_KEYS: Final = (
    "input_mtok",
    "output_mtok",
    "cache_read_mtok",
    "cache_write_mtok",
    "requests_kcount",
)


@dataclass(frozen=True)
class Listed:
    """A model of a provider as the list knows it."""

    provider: Any
    model: Any

    @property
    def name(self) -> str:
        """What the list calls the model."""
        return str(self.model.id)


def find_listed(model: str, provider: str | None) -> Listed | Unpriced:
    """The model that a name means, at a provider or at whichever serves it first."""
    named = provider and _CONVENTIONS.get(provider.lower(), provider)
    snapshot = _snapshot()
    try:
        return Listed(*snapshot.find_provider_model(model, None, named, None))
    except LookupError:
        at = f" at {provider}" if provider else ""
    try:
        snapshot.find_provider(model, named, None)
    except LookupError:
        if provider:
            words = f"{model}: no list of prices knows its provider {provider}"
            return Unpriced(f"{words}, mend the name or {DECLARE}")
    return Unpriced(f"{model}{at} is in no list of prices, {DECLARE}")


def list_price(
    listed: Listed,
    name: str,
    day: date,
    processing: str | None = None,
    service_tier: str | None = None,
    input_tokens: int = 0,
) -> Rates | Unpriced:
    """The price on a day of a call with so long an input."""
    when = datetime.combine(day, time(), tzinfo=UTC)
    model = listed.model
    known = _known_since(model)
    if known is None or day < known:
        begins = f"before {known}" if known else "on any day"
        return Unpriced(f"{name} has no known price {begins} ({day} is asked), {DECLARE}")
    if any(hasattr(one.constraint, "start_time") for one in _dated(model)):
        return Unpriced(f"the list price of {name} depends on the time of day, {DECLARE}")
    context = _context(model, processing, service_tier)
    for key, value in context.items():
        if unknown := _unknown_variant(listed, key, value, when):
            return Unpriced(f"{name} has no known price of {key} {value} {unknown}, {DECLARE}")
    prices = model.get_prices(when, context)
    rates = {key: _flat(getattr(prices, key), input_tokens) for key in _KEYS}
    base, calls = rates["input_mtok"], rates["requests_kcount"]
    if base is None:
        return Unpriced(f"{name}: its input has no price in the list, {DECLARE}")
    read, write = rates["cache_read_mtok"], rates["cache_write_mtok"]
    return Rates(
        name,
        f"genai-prices {_version()}, {listed.provider.id}: {model.id}",
        base,
        rates["output_mtok"],
        base if read is None else read,
        base if write is None else write,
        Decimal(0) if calls is None else calls / 1000,
        tuple(sorted(context.items())),
    )


def tier_starts() -> tuple[int, ...]:
    """The lengths of input beyond which any listed model's price is another."""
    return _list_facts()[0]


def first_listed_day() -> date:
    """The first day that the list names: of days before it no price is known."""
    return _list_facts()[1]


def _context(model: Any, processing: str | None, service_tier: str | None) -> dict[str, str]:
    """What the price hangs on besides the day. A batch is the application's own, and costs what
    single calls cost, where the provider has no price for batches."""
    if processing == BATCH and _variants(model, "processing", BATCH):
        return {"processing": BATCH}
    if service_tier and service_tier.lower() not in _USUAL_TIERS:
        return {"service_tier": service_tier.lower()}
    return {}


def _unknown_variant(listed: Listed, key: str, value: str, when: datetime) -> str | None:
    """Why the list would answer with the usual price where another one was asked for."""
    variants = _variants(listed.model, key, value)
    if not variants or not any(listed.model is own for own in listed.provider.models):
        return f"at {listed.provider.id}"
    if any(one.constraint is None or one.constraint.active(when) for one in variants):
        return None
    begin = min(one.constraint.start_date for one in variants)
    return f"before {begin} ({when.date()} is asked)"


def _variants(model: Any, key: str, value: str) -> list[Any]:
    return [one for one in model.price_variants or () if one.when == {key: value}]


def _known_since(model: Any) -> date | None:
    """The first day of which the list knows a price: what has no date is as old as the list."""
    if isinstance(model.prices, list) and not model.prices:
        return None
    first = next(iter(_dated(model)), None)
    own: date | None = getattr(first and first.constraint, "start_date", None)
    return own or first_listed_day()


def _dated(model: Any) -> list[Any]:
    """The prices of a model, where it has several."""
    return model.prices if isinstance(model.prices, list) else []


def _flat(price: Any, input_tokens: int) -> Decimal | None:
    """The price for an input of that length: beyond a border all of it costs the other price."""
    if price is None or isinstance(price, Decimal):
        return price
    flat: Decimal = price.base
    for tier in price.tiers:
        if input_tokens > tier.start:
            flat = tier.price
    return flat


# Imported when a token is priced: the list is large, and many features have no tokens.
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
    models = [model for provider in _snapshot().providers for model in provider.models]
    for model in models:
        tables = [one.prices for one in _dated(model)] or [model.prices]
        tables += [variant.prices for variant in model.price_variants or ()]
        for price in (price for table in tables for price in vars(table).values()):
            starts |= {tier.start for tier in getattr(price, "tiers", ())}
        own = (getattr(one.constraint, "start_date", None) for one in _dated(model))
        days |= {day for day in own if day}
    return tuple(sorted(starts)), min(days)
