"""Prices of tokens: those by contract, those of the day's list, and those that nobody knows."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import genai_prices
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.ai_features.costs import Costs, TokenPrice
from ai_ops.inference_management.costs import nano_of
from ai_ops.inference_management.list_prices import tier_starts
from ai_ops.inference_management.token_prices import PriceList
from ai_ops.inference_management.token_rates import Rates, Unpriced
from ai_ops.inference_management.token_work import Tokens, TokenWork, price_tokens

pytestmark = pytest.mark.requirement("PL-21")

DAY = "2026-11-01"
LISTED = (
    ("gpt-4o-2024-08-06", "openai"),
    ("gpt-4.1-mini", None),
    ("claude-sonnet-4-5-20250929", "anthropic"),
    ("gemini-2.5-pro", "google"),
    ("mistralai/mistral-large-4-0", "openrouter"),
    ("text-embedding-3-small", "openai"),
)


def priced(model: str = "gpt-4o", provider: str | None = "openai", **asked: Any) -> Rates:
    found = PriceList(asked.pop("costs", Costs())).of(
        model=model, provider=provider, **{"day": DAY} | asked
    )
    assert isinstance(found, Rates), found
    return found


def refused(model: str = "gpt-4o", provider: str | None = "openai", **asked: Any) -> str:
    found = PriceList(asked.pop("costs", Costs())).of(
        model=model, provider=provider, **{"day": DAY} | asked
    )
    assert isinstance(found, Unpriced), found
    assert "declare it under costs.tokens" in found.reason
    return found.reason


def work(tokens: Tokens, model: str, provider: str | None, **said: Any) -> TokenWork:
    usual: dict[str, Any] = {
        "cell": ("1", model, "web", None, "sync"),
        "processing": None,
        "service_tier": None,
        "longest": tokens.input,
        "calls": 1,
        "retries": 0,
        "told": 1,
        "silent": 0,
        "endless": 0,
        "misfit": 0,
        "retried": Tokens(),
    }
    return TokenWork(model=model, provider=provider, tokens=tokens, **usual | said)


@given(
    st.sampled_from(LISTED),
    st.integers(0, 600_000),
    st.integers(0, 300_000),
    st.integers(0, 100_000),
    st.integers(0, 20_000),
)
@settings(max_examples=120, deadline=None)
def test_a_call_costs_what_the_library_says_to_the_last_billionth(
    listed: tuple[str, str | None], fresh: int, read: int, write: int, output: int
) -> None:
    model, provider = listed
    output = 0 if "embedding" in model else output
    tokens = Tokens(fresh + read + write, output, read, write)
    (cost,) = price_tokens(
        [work(tokens, model, provider)], DAY, Costs(), PriceList(Costs())
    ).values()
    theirs = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=tokens.input,
            output_tokens=output,
            cache_read_tokens=read,
            cache_write_tokens=write,
        ),
        model,
        provider_id=provider,
        genai_request_timestamp=datetime(2026, 11, 1, tzinfo=UTC),
    )
    assert cost.nano == nano_of(theirs.total_price)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
@settings(max_examples=50, deadline=None)
def test_tokens_of_a_group_are_summed_before_they_are_rounded(inputs: list[int]) -> None:
    costs = Costs(tokens=(TokenPrice(model="own", since=date(2021, 1, 1), input=0.15, output=0.6),))
    groups = [work(Tokens(one, 7), "own", None) for one in inputs]
    (cost,) = price_tokens(groups, "2021-03-04", costs, PriceList(costs)).values()
    exact = (Decimal("0.15") * sum(inputs) + Decimal("0.6") * 7 * len(inputs)) * 1000
    assert cost.nano == int(exact.to_integral_value())


def test_a_price_by_contract_goes_before_the_list_and_has_its_dates() -> None:
    was = TokenPrice(
        model="gpt-4o", since=date(2026, 1, 1), until=date(2026, 6, 1), input=1.0, output=4.0
    )
    costs = Costs(
        tokens=(was, was.model_copy(update={"since": was.until, "until": None, "input": 2.0}))
    )
    assert priced(costs=costs, day="2026-05-31").input == 1
    assert priced(costs=costs, day="2026-06-01").input == 2
    # As it answered, dated, it is the same model; before the contract the list holds.
    later = priced("gpt-4o-2024-08-06", costs=costs, day="2026-06-01")
    assert (later.input, later.source) == (Decimal(2), "costs.tokens since 2026-06-01")
    assert priced(costs=costs, day="2025-12-31").source.startswith("genai-prices ")


def test_a_price_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="a price ends after it begins"):
        TokenPrice(
            model="own", since=date(2026, 6, 1), until=date(2026, 6, 1), input=1.0, output=4.0
        )


def test_a_price_by_contract_knows_caches_and_batches() -> None:
    own = TokenPrice(
        model="own", since=date(2021, 1, 1), input=3.0, output=15.0, cache_read=0.3, batch=0.5
    )
    costs = Costs(tokens=(own,))
    once = priced("own", None, costs=costs, day="2021-03-04")
    assert (once.input, once.cache_read, once.cache_write) == (
        Decimal(3),
        Decimal("0.3"),
        Decimal(3),
    )
    batch = priced("own", None, costs=costs, day="2021-03-04", processing="batch")
    assert (batch.input, batch.output, batch.cache_read) == (
        Decimal("1.5"),
        Decimal("7.5"),
        Decimal("0.15"),
    )
    assert batch.as_data()["processing"] == "batch"


def test_a_price_that_changed_is_that_of_its_day() -> None:
    assert priced("o3", day="2025-06-09").input == 10
    assert priced("o3", day="2025-06-10").input == 2


@pytest.mark.parametrize("day", ["2013-04-03", "2024-06-01", "2025-05-21"])
def test_a_day_before_the_first_known_price_is_refused(day: str) -> None:
    # The library answers nevertheless, with its earliest price.
    when = datetime.fromisoformat(day).replace(tzinfo=UTC)
    usage = genai_prices.Usage(input_tokens=10**6)
    assert genai_prices.calc_price(usage, "gpt-4o", genai_request_timestamp=when).total_price > 0
    assert f"no known price before 2025-05-22 ({day} is asked)" in refused(day=day)


def test_a_model_or_a_provider_that_is_in_no_list_is_refused() -> None:
    assert refused("gpt-99-imaginary").startswith("gpt-99-imaginary at openai is in no list")
    assert "no list of prices knows its provider opnai, mend the name" in refused("gpt-4o", "opnai")
    assert "in no list" in refused("own-model-7", None)


def test_the_names_of_opentelemetry_find_the_providers() -> None:
    for name in ("azure.ai.openai", "azure.ai.inference", "openai"):
        assert priced("gpt-4o", name).input == Decimal("2.5")
    assert priced("gemini-2.5-flash", "gcp.gen_ai").output
    assert priced("grok-4.3", "x_ai").input


def test_a_batch_has_its_price_from_the_day_that_the_list_knows_one() -> None:
    assert priced(processing="batch").input == Decimal("1.25")
    assert "no known price of processing batch before" in refused(
        day="2026-01-01", processing="batch"
    )
    # A batch of the application's own, at a provider who has no price for batches.
    assert priced("sonar", "perplexity", processing="batch").context == ()


def test_a_service_tier_has_its_own_price_or_none() -> None:
    assert priced(service_tier="default").input == Decimal("2.5")
    assert priced(service_tier="priority").input == Decimal("4.25")
    assert "service_tier imaginary" in refused(service_tier="imaginary")


def test_a_price_that_hangs_on_the_hour_is_refused() -> None:
    assert "depends on the time of day" in refused("deepseek-chat", "deepseek")


def test_a_long_input_costs_its_own_price() -> None:
    assert 200_000 in tier_starts()
    short, long = (priced("gemini-2.5-pro", "google", input_tokens=n) for n in (200_000, 200_001))
    assert long.input == 2 * short.input


def test_list_prices_are_no_other_currency() -> None:
    euro = Costs(currency="EUR")
    assert "list prices are in USD and costs in EUR" in refused(costs=euro)
    own = TokenPrice(model="gpt-4o", since=date(2026, 1, 1), input=1.0, output=4.0)
    assert priced(costs=Costs(currency="EUR", tokens=(own,))).input == 1


def test_output_without_a_price_is_not_free() -> None:
    told = work(Tokens(10, 5), "text-embedding-3-small", "openai")
    (cost,) = price_tokens([told], DAY, Costs(), PriceList(Costs())).values()
    assert cost.nano is None and "its output has no price" in (cost.unpriced or "")
