"""What could cost less: caches replayed, near texts, batches, versions, machines, growth."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ai_ops
from ai_ops.ai_features.costs import Costs, TokenPrice
from ai_ops.ai_features.logged import Privacy
from ai_ops.inference_management.asked_log import ROWS_KEPT, TOGETHER, WINDOWS, AskedLog
from ai_ops.inference_management.cache_lines import NO_TEXTS
from ai_ops.inference_management.cost_rollup import compute_cost_rollup
from ai_ops.inference_management.near_duplicates import ALIKE, TEXTS, measure_near
from ai_ops.inference_management.opportunities import Opportunities
from ai_ops.inference_management.opportunity_picture import draw_opportunities
from ai_ops.inference_management.opportunity_report import find_opportunities
from ai_ops.inference_management.repeated_queries import (
    TOLERANCE,
    WRONG_ALLOWED,
    measure_repeats,
    whole,
)
from ai_ops.inference_management.serving_lines import (
    architecture_line,
    batch_discount,
    idle_line,
)
from ai_ops.inference_management.serving_room import Room, rate_held
from ai_ops.inference_management.spending import Spending, read_spending, weeks_before
from ai_ops.inference_management.traffic_growth import WEEKS, WEEKS_NEEDED, growth_of
from ai_ops_tests.inference_management import provider_logs
from ai_ops_tests.inference_management.asked_world import (
    FIRST,
    MOMENT,
    Row,
    asked,
    line,
    message,
    opportunities,
    sorting,
    write_logs,
)
from ai_ops_tests.inference_management.served import of_day, open_root, with_costs, write_day

HOUR, DAY = 3_600, 86_400
TABLE = """
CREATE TABLE asked (moment BIGINT, id VARCHAR, call_site VARCHAR, tenant VARCHAR, us DOUBLE,
  tokens BIGINT, cached BOOLEAN, told BOOLEAN, decision UBIGINT, said UBIGINT, number_0 DOUBLE,
  exact UBIGINT, normal UBIGINT)
"""


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3 * DAY), st.integers(0, 4), st.integers(0, 1), st.booleans()),
        max_size=40,
    )
)
def test_caches_answer_what_a_cache_in_plain_words_answers(
    queries: list[tuple[int, int, int, bool]],
) -> None:
    ordered = sorted(
        (at * 10**6, f"{place:03}", key, answer, cached)
        for place, (at, key, answer, cached) in enumerate(queries)
    )
    rows = [
        [at, name, "web", None, 5.0, 2, cached, True, int(answer), 0, 0.5, key, key // 2]
        for at, name, key, answer, cached in ordered
    ]
    with duckdb.connect(config={"threads": 1}) as engine:
        engine.execute(TABLE)
        if rows:
            values = ", ".join(f"({', '.join('?' * len(row))})" for row in rows)
            engine.execute(f"INSERT INTO asked VALUES {values}", [v for row in rows for v in row])
        found = measure_repeats(engine, ["output_sure"])
    assert found.rows == sum(not cached for *_, cached in ordered)
    for tier, divisor in (("exact", 1), ("normalised", 2)):
        for emptied, seconds in (("hourly", HOUR), ("daily", DAY), ("never", 10**9)):
            cache: dict[tuple[int, int], int] = {}
            hits = wrong = 0
            for at, _, key, answer, cached in ordered:
                if cached:
                    continue
                place = key // divisor, at // 10**6 // seconds
                hits += place in cache
                wrong += cache.setdefault(place, answer) != answer
            answered = whole(found.of(tier, emptied))  # type: ignore[arg-type]
            assert (answered.hits if answered else 0, answered.wrong if answered else 0) == (
                hits,
                wrong,
            )
            if answered:
                assert (answered.us, answered.tokens) == (5.0 * hits, 2 * hits)


def test_a_cache_whose_answers_differ_is_not_proposed_and_its_wrong_hits_are_counted(
    tmp_path: Path,
) -> None:
    def restless(day: int, number: int) -> Row:
        kinds = ("complaint", "praise") if number % 10 == 0 else ("complaint",)
        return asked(
            day, number, text="the same old story", output_kind=kinds[number // 10 % len(kinds)]
        )

    _, _, found = opportunities(tmp_path, restless, rows=400)
    cache = line(found, "cache")
    assert cache.told == "none" and "no cache is surely right in 99%" in cache.words
    assert "140 of 2798 answers would have been wrong" in cache.risk


def test_normalised_texts_tell_case_and_punctuation_apart_from_other_words(tmp_path: Path) -> None:
    texts = ("Where is my parcel", "where is  my PARCEL?!", "where was my parcel")
    _, _, found = opportunities(
        tmp_path, lambda day, number: asked(day, number, text=texts[number % 3])
    )
    exact, normal = (whole(found.repeats.of(tier, "never")) for tier in ("exact", "normalised"))
    assert exact is not None and normal is not None
    # Four callers' tenants, two of them, each keep their own: 3 texts, or 2, for each of them.
    assert (exact.hits, normal.hits) == (1400 - 2 * 3, 1400 - 2 * 2)


def test_another_tenant_or_version_is_never_answered_from_the_same_entry(tmp_path: Path) -> None:
    def apart(day: int, number: int) -> Row:
        return asked(
            day,
            number,
            text="the same old story",
            tenant=f"t{day}-{number % 100}",
            model_version=str(number // 100),
        )

    _, _, found = opportunities(tmp_path, apart)
    assert found.repeats.hits == ()
    assert line(found, "cache").words == "none of 1400 queries was asked again"


def test_a_value_that_two_columns_share_does_not_cancel_itself(tmp_path: Path) -> None:
    def alike(day: int, number: int) -> Row:
        return asked(day, number, text=f"k{day}-{number}", tenant=f"k{day}-{number}")

    _, _, found = opportunities(tmp_path, alike)
    assert found.repeats.rows == 1400 and found.repeats.hits == ()


def test_what_was_answered_from_a_cache_already_and_what_failed_saves_nothing(
    tmp_path: Path,
) -> None:
    def made(day: int, number: int) -> Row:
        if number % 2:
            return asked(day, number, text="the same old story", cost='{"cached": true}')
        return asked(day, number, text="the same old story", status="failed", output_kind=None)

    _, _, found = opportunities(tmp_path, made)
    assert found.repeats.asked == () and line(found, "cache").told == "no_evidence"


@pytest.mark.requirement("PB-23")
def test_tokens_that_a_cache_saves_are_cash_and_the_machines_time_is_not(tmp_path: Path) -> None:
    price = TokenPrice(model="small", since=FIRST, input=10.0, output=30.0)
    costs = sorting().costs.model_copy(update={"tokens": (price,)})

    def paid(day: int, number: int) -> Row:
        told = {"model": "small", "input_tokens": 1000, "output_tokens": 100}
        text = "the same old story" if number % 2 else None
        return asked(day, number, text=text, cost=json.dumps(told))

    _, _, found = opportunities(tmp_path, paid, feature=sorting(costs=costs))
    cache = line(found, "cache")
    hits = whole(found.repeats.of("exact", "daily"))
    assert hits is not None and cache.cash_nano == hits.hits * 13_000_000
    assert found.spent.tokens_nano == 1400 * 13_000_000
    assert 0 < (cache.capacity_nano or 0) < found.spent.busy_nano
    assert "small 100%" in line(found, "smaller_version").words


@pytest.mark.requirement("PB-23")
def test_texts_with_slips_are_near_and_what_is_near_but_means_another_thing_is_wrong(
    tmp_path: Path,
) -> None:
    def slipping(day: int, number: int) -> Row:
        base = f"my order of {message(4000 + day * 2000 + number // 4 * 37)} did not arrive"
        slip = base.replace("order", "ordre") if number % 4 == 2 else base
        return asked(day, number, text=slip, tenant="acme", call_site="web")

    _, _, found = opportunities(tmp_path, slipping, rows=200, days=3)
    assert found.near is not None
    assert found.near.distinct == 2 * 150 and found.near.hits >= 135
    assert found.near.wrong == 0 and line(found, "near_cache").tenant == "acme"
    assert "at most 2.5" in line(found, "near_cache").risk


def test_of_many_texts_some_are_drawn_and_the_line_says_so(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), sorting(1)
    days = write_logs(root, feature, rows=100, days=1)
    with AskedLog(root.lake, feature, days) as log:
        assert log.texts == ("input_message",)
        near = measure_near(log.engine, log.numbers, at_most=30)
    assert (near.distinct, near.compared) == (100, 30)


def test_numbers_have_no_near_queries_and_hidden_inputs_no_cache(tmp_path: Path) -> None:
    _, _, found = opportunities(
        tmp_path, lambda day, number: asked(day, number, text=f"k{number % 7}"), rows=20
    )
    assert line(found, "near_cache").words == NO_TEXTS
    hidden = sorting(privacy=Privacy(fields={"message": "encrypt"}))
    _, _, found = opportunities(tmp_path / "hidden", feature=hidden, rows=20)
    for kind in ("cache", "near_cache"):
        assert line(found, kind).told == "no_evidence"
        assert "message cannot be compared" in line(found, kind).words


def test_of_a_log_that_outgrows_the_memory_queries_are_drawn_with_all_their_askings(
    tmp_path: Path,
) -> None:
    root, feature = open_root(tmp_path), sorting(2)
    days = write_logs(
        root, feature, lambda day, number: asked(day, number, text=message(number % 50)), days=2
    )
    with AskedLog(root.lake, feature, days, one_in=3) as log:
        drawn = log.engine.execute("SELECT normal, count(*) FROM asked GROUP BY ALL").fetchall()
        calls = log.engine.execute("SELECT sum(calls) FROM hours").fetchall()
    assert 15 < len(drawn) < 55 and {count for _, count in drawn} == {4}
    assert calls == [(400,)], "how calls arrive is read from all of them"


@pytest.mark.requirement("MO-11")
def test_growth_tells_when_the_rate_held_runs_out_at_the_earliest(tmp_path: Path) -> None:
    weeks = [(f"week {k}", round(1000 * 1.1**k * (1.1 if k % 2 else 0.9))) for k in range(10)]
    growth = growth_of(weeks)
    assert growth is not None and growth.low < 0.1 < growth.high
    room = Room(machines=1, peak=20.0, busy=0.1, held=100.0, tested="the load test held 100")
    told = architecture_line(growth, room.lasts(growth), 900)
    assert told.told == "due"
    assert "2 times the busiest minute is reached in 9 weeks, 7 at the earliest" in told.words
    steady = growth_of([(f"week {k}", 1000 + k % 2) for k in range(10)])
    assert architecture_line(steady, room.lasts(steady), 900).told == "none"
    assert growth_of(weeks[:5]) is None and growth_of([*weeks, ("empty", 0)]) is None
    assert architecture_line(None, room.lasts(None), 900).told == "no_evidence"
    full = Room(machines=1, peak=20.0, busy=0.9, held=None, tested="no load test")
    assert architecture_line(None, full.lasts(None), 900).told == "due"


def test_weeks_before_are_whole_ones_and_a_gap_begins_anew(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), sorting(28)
    write_logs(root, feature, rows=3, days=28)
    end = FIRST + timedelta(days=28)
    found = weeks_before(root.lake, feature.name, end, FIRST)
    assert [rows for _, rows in found] == [21] * 4
    Path(root.lake.path(feature.name, "cost_rollup", "2021-03-09")).unlink()
    assert len(weeks_before(root.lake, feature.name, end, FIRST)) == 2
    assert weeks_before(root.lake, feature.name, FIRST, FIRST) == []


def test_fewer_machines_are_proposed_by_what_a_load_test_held_and_by_nothing_else() -> None:
    spent = Spending(rows=900, busy_nano=1, idle_nano=3 * 10**9 - 1)
    held = Room(machines=3, peak=20.0, busy=0.1, held=50.0, tested="the load test held 50")
    told = idle_line(held, spent)
    assert (told.told, told.cash_nano) == ("saving", 2 * 10**9)
    untested = Room(machines=3, peak=20.0, busy=0.1, held=None, tested="no load test")
    assert idle_line(untested, spent).told == "no_evidence"
    assert idle_line(Room(1, 20.0, 0.1, 50.0, "held"), spent).told == "none"
    assert idle_line(Room(3, 70.0, 0.1, 50.0, "held"), spent).told == "none"


def test_the_newest_load_test_of_the_last_90_days_tells_the_rate(tmp_path: Path) -> None:
    root, now = open_root(tmp_path), datetime(2021, 4, 1, tzinfo=UTC)

    def test_at(at: datetime, *rates: tuple[float, str | None]) -> None:
        steps = [{"traffic": {"rate": rate}, "limit": limit} for rate, limit in rates]
        data: dict[str, Any] = {"at": at.isoformat(), "saturation": {"steps": steps}}
        root.lake.write_json(root.lake.path("f", "load_test", f"{at:%Y%m%d}", "json"), data)

    assert rate_held(root.lake, "f", now)[0] == (None, "no load test of the last 90 days")
    test_at(now - timedelta(days=100), (900.0, None))
    assert rate_held(root.lake, "f", now)[0][0] is None
    test_at(now - timedelta(days=9), (50.0, None), (100.0, None), (200.0, "latency"))
    test_at(now + timedelta(days=9), (700.0, None))
    (held, words), read = rate_held(root.lake, "f", now)
    assert held == 100.0 and "2021-03-23" in words and len(read) == 1


def test_the_discount_of_a_batch_is_the_one_that_was_paid_else_the_one_by_contract() -> None:
    assert batch_discount(Spending(), Costs(), "web") is None, "nobody paid for a token"
    paid = Spending(models={"web": {"m"}}, rates={"m": {"sync": 10.0, "batch": 5.0}})
    assert batch_discount(paid, Costs(), "web") == 0.5
    only = Spending(models={"web": {"m"}}, rates={"m": {"sync": 10.0}}, contracted={"m"})
    assert batch_discount(only, Costs(), "web") is None
    price = TokenPrice(model="m", since=FIRST, input=1.0, output=1.0, batch=0.6)
    assert batch_discount(only, Costs(tokens=(price,)), "web") == pytest.approx(0.4)


def test_a_cheaper_model_that_is_asked_in_batches_is_no_discount(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), provider_logs.assistant()
    dear = TokenPrice(model="dear", since=FIRST, input=10.0, output=10.0)
    cheap = TokenPrice(model="cheap", since=FIRST, input=1.0, output=1.0, batch=0.5)
    priced = with_costs(feature, tokens=(dear, cheap))
    rows = [
        provider_logs.call(n, model="cheap" if n % 2 else "dear")
        | {"call_site": "job" if n % 2 else "web", "mode": "batch" if n % 2 else "sync"}
        for n in range(40)
    ]
    write_day(root, priced, provider_logs.DAY, rows)
    compute_cost_rollup(root, priced, [of_day(provider_logs.DAY)])
    spent = read_spending(root.lake, priced.name, [provider_logs.DAY])
    assert spent.models == {"web": {"dear"}, "job": {"cheap"}}
    assert spent.rates == {"dear": {"sync": 10.0}, "cheap": {"batch": 0.5}}
    assert batch_discount(spent, priced.costs, "web") == 0.0, "by contract it has none"


def test_the_picture_shows_the_bill_and_the_savings_whatever_their_callers_are_called(
    tmp_path: Path,
) -> None:
    root, feature, found = opportunities(
        tmp_path,
        lambda day, number: asked(day, number, text="the same", call_site="$web_{x}"),
        rows=150,
    )
    picture = draw_opportunities(found)
    assert picture is not None and picture[:4] == b"\x89PNG"
    nothing = Opportunities("f", "a", "b", 1, 0, found.spent)
    assert draw_opportunities(nothing) is None
    assert find_opportunities(root, feature, MOMENT) == found, "the same log says the same"


def test_the_page_names_what_the_code_does() -> None:
    page = Path(ai_ops.__file__).parents[1] / "docs" / "costs.md"
    told = " ".join(page.read_text(encoding="utf-8").split())
    assert f"more than {TEXTS:,} distinct texts" in told and f"{ALIKE} in common" in told
    assert f"more than {ROWS_KEPT // 10**6} million answers" in told
    assert f"no more than {WRONG_ALLOWED:.0%}".replace("%", " %") in told
    assert f"by more than {TOLERANCE} or 1 %" in told
    assert f"(log-linear, {WEEKS} at most, {WEEKS_NEEDED} at least)" in told
    assert f"within {WINDOWS[0]}, {WINDOWS[1]} or {WINDOWS[2]} s" in told and TOGETHER == 8
