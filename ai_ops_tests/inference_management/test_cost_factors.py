"""The division of a week's change among its factors, on any two weeks."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

import ai_ops
from ai_ops.inference_management.cost_factors import NAMES, Change, FactorName, Share
from ai_ops.inference_management.week_cost import Rates, Source, WeekCost

pytestmark = pytest.mark.requirement("WK-05", "PB-20")

QUICKLY = settings(max_examples=60, phases=set(Phase) - {Phase.explain})
RATES: Rates = (10_000.0, 1_000.0, 12_500.0, 40_000.0, 0.0)
COUNTS = (
    "rows",
    "repeats",
    "cached",
    "calls",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "tokens_nano",
    "busy_us",
)
NUMBERS = ("paid_nano", "paid_per_1000_nano", "work_nano", "work_per_1000_nano")


@st.composite
def sources(draw: st.DrawFn) -> tuple[Source, ...]:
    cells = draw(
        st.lists(
            st.tuples(
                st.sampled_from(("web", "app", None)),
                st.sampled_from(("acme", None)),
                st.sampled_from(("sync", "batch")),
                st.sampled_from(("small", "large")),
            ),
            min_size=1,
            max_size=5,
            unique=True,
        )
    )
    return tuple(draw(source(*cell)) for cell in cells)


@st.composite
def source(
    draw: st.DrawFn, call_site: str | None, tenant: str | None, mode: str, model: str
) -> Source:
    rows = draw(st.integers(1, 5000))
    cached = draw(st.sampled_from((0, rows // 2, rows)))
    calls = rows - cached + draw(st.sampled_from((0, rows // 3)))
    read, wrote = (draw(st.integers(0, 10**6)) if calls else 0 for _ in range(2))
    fresh, output = (draw(st.integers(0, 10**6)) if calls else 0 for _ in range(2))
    told = draw(st.sampled_from((None, RATES)))
    amount = fresh * 10_000 + read * 1_000 + wrote * 12_500 + output * 40_000
    return Source(
        call_site,
        tenant,
        mode,
        rows,
        busy_us=draw(st.integers(0, 10**9)),
        typical_us=None,
        model=model,
        repeats=draw(st.integers(0, rows)),
        cached=cached,
        calls=calls,
        input_tokens=fresh + read + wrote,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=wrote,
        tokens_nano=amount if told else draw(st.integers(0, 10**11)) if amount else 0,
        rates=told,
    )


@st.composite
def weeks(draw: st.DrawFn) -> WeekCost:
    own = draw(sources())
    return WeekCost(
        "2021-03-01",
        days=draw(st.integers(1, 7)),
        answered=draw(st.integers(1, sum(one.rows for one in own))),
        rent_nano=draw(st.integers(0, 10**13)),
        busy_nano=0,
        storage_nano=draw(st.integers(0, 10**9)),
        currency="USD",
        sources=own,
        tokens_nano=sum(one.tokens_nano for one in own),
        machines=draw(st.sampled_from((None, 1.0, 2.0, 3.5))),
        storage_price=draw(st.sampled_from((None, 0.023, 0.03))),
    )


def numbers(shares: tuple[Share, ...]) -> list[tuple[int, ...]]:
    return [tuple(getattr(share, name) for name in NUMBERS) for share in shares]


@QUICKLY
@given(weeks(), weeks())
def test_the_shares_sum_exactly_and_the_model_is_each_week(before: WeekCost, now: WeekCost) -> None:
    change = Change(before, now)
    shares = change.shares()
    assert [share.factor for share in shares] == list(NAMES)
    assert sum(one.paid_nano for one in shares) == now.total_nano - before.total_nano
    each = sum(one.paid_per_1000_nano for one in shares)
    assert each == now.per_1000_nano - before.per_1000_nano
    # Without any factor it is the earlier week, with all the later one: nothing is left over.
    for week, place in ((before, 0), (now, -1)):
        assert change.paid[place] == pytest.approx(week.total_nano, rel=1e-9, abs=1)
        assert change.answers[place] == pytest.approx(week.answered, rel=1e-9)


@QUICKLY
@given(weeks(), weeks())
def test_the_weeks_swapped_negate_every_share(before: WeekCost, now: WeekCost) -> None:
    there, back = Change(before, now).shares(), Change(now, before).shares()
    assert numbers(back) == [tuple(-one for one in share) for share in numbers(there)]


@QUICKLY
@given(weeks(), weeks(), st.randoms(use_true_random=False))
def test_the_order_of_the_cells_is_of_no_account(
    before: WeekCost, now: WeekCost, chance: random.Random
) -> None:
    mixed = replace(now, sources=tuple(chance.sample(now.sources, len(now.sources))))
    assert Change(before, mixed).shares() == Change(before, now).shares()


@QUICKLY
@given(weeks(), st.integers(2, 9))
def test_more_of_the_same_traffic_is_traffic_alone(week: WeekCost, times: int) -> None:
    assume(all(one.repeats < one.rows for one in week.sources))
    more = replace(
        week,
        answered=week.answered * times,
        storage_nano=week.storage_nano * times,
        tokens_nano=week.tokens_nano * times,
        sources=tuple(
            replace(one, **{name: getattr(one, name) * times for name in COUNTS})
            for one in week.sources
        ),
    )
    others = [share for share in Change(week, more).shares() if share.factor != "traffic"]
    # The price of tokens that nobody told is the amount's, which floats know to a billionth.
    for share in numbers(tuple(others)):
        assert share == pytest.approx((0,) * 4, abs=max(2.0, 1e-8 * more.total_nano))


def only(name: FactorName, before: WeekCost, now: WeekCost) -> Share:
    """The share of the one factor that changed; all others have none."""
    shares = {share.factor: share for share in Change(before, now).shares()}
    own = shares.pop(name)
    assert not np.any(numbers(tuple(shares.values())))
    return own


@QUICKLY
@given(weeks())
def test_a_factor_that_changed_alone_has_all(week: WeekCost) -> None:
    rented = replace(week, machines=2.0)
    share = only("machines", rented, replace(rented, machines=4.0, rent_nano=2 * week.rent_nano))
    assert share.paid_nano == week.rent_nano and share.work_nano == 0
    dearer = replace(rented, rent_nano=3 * week.rent_nano)
    assert only("price", rented, dearer).paid_nano == 2 * week.rent_nano
    longer = tuple(replace(one, busy_us=2 * one.busy_us) for one in week.sources if one.calls)
    if longer and any(one.busy_us for one in longer) and len(longer) == len(week.sources):
        share = only("per_call", week, replace(week, sources=longer))
        assert share.paid_nano == 0 and share.work_nano >= 0


def test_the_page_tells_every_factor() -> None:
    page = Path(ai_ops.__file__).parents[1] / "docs" / "costs.md"
    told = [line for line in page.read_text(encoding="utf-8").splitlines() if "| `" in line]
    assert [name for name in NAMES if any(line.startswith(f"| `{name}` |") for line in told)] == [
        *NAMES
    ]
