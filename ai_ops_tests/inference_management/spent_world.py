"""A service that rents a machine and asks models of a provider, and what can befall its cost."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.costs import TokenPrice
from ai_ops_tests.inference_management.served import Change, Row, declared, row, with_costs

ROWS = 64
SINCE = date(2013, 1, 1)
Edit = Callable[[AiFeatureSpec], AiFeatureSpec]


def price(model: str, times: float = 1.0) -> TokenPrice:
    return TokenPrice(
        model=model,
        since=SINCE,
        input=10 * times,
        output=40 * times,
        cache_read=1 * times,
        batch=0.5,
    )


def service() -> AiFeatureSpec:
    """A machine and two models of a provider: what is paid is half rent and half tokens."""
    return with_costs(declared(), tokens=(price("small"), price("large", 5)))


def call(one: Row, **drivers: Any) -> Row:
    """The row with other cost drivers, or other fields where it has them."""
    fields = {name: drivers.pop(name) for name in list(drivers) if name in one}
    return one | fields | {"cost": json.dumps(json.loads(one["cost"]) | drivers)}


def usual(one: Row, number: int) -> Row:
    """At ``web`` one by one, half of it answered by a cache, and ``bolt`` asks more than the other
    tenant; at ``app`` in batches."""
    drivers = {
        "model": "small",
        "compute_ms": 350_000,
        "input_tokens": 2000 if one["tenant"] == "acme" else 4000,
        "cache_read_tokens": 1000,
        "output_tokens": 200,
    }
    if one["call_site"] == "web" and number % 8 in (0, 2):
        drivers = {"model": "small", "compute_ms": 10, "cached": True}
    elif one["call_site"] == "app":
        drivers["compute_ms"] = 300_000
    mode = "sync" if one["call_site"] == "web" else "batch"
    return one | {"mode": mode, "cost": json.dumps(drivers)}


def where(chosen: Callable[[Row], bool], **drivers: Any) -> Change:
    """What is usual, but for the calls that are chosen; what a cache answered is no call."""

    def changed(one: Row, number: int) -> Row:
        row = usual(one, number)
        if not chosen(row):
            return row
        fields = drivers
        if "cached" in json.loads(row["cost"]):
            fields = {name: drivers[name] for name in drivers if name in row or name == "model"}
        return call(row, **fields)

    return changed


def at(call_site: str) -> Callable[[Row], bool]:
    return lambda row: bool(row["call_site"] == call_site)


def everywhere(row: Row) -> bool:
    return True


def without_the_cache(one: Row, number: int) -> Row:
    return usual(one, 4)


def asked_again(one: Row, number: int) -> Row:
    """Each request fails once at first: twice the rows, as many answers."""
    asked = usual(row(number // 2), number // 2)
    return asked | {"id": one["id"], "status": ("error", "ok")[number % 2]}


def app_fails(one: Row, number: int) -> Row:
    """Four in five requests of ``app`` get no answer."""
    failed = one["call_site"] == "app" and number % 10 != 1
    return usual(one, number) | ({"status": "error"} if failed else {})


def three_times_slower(one: Row, number: int) -> Row:
    asked = usual(one, number)
    return call(asked, compute_ms=3 * json.loads(asked["cost"])["compute_ms"])


def a_slower_version(one: Row, number: int) -> Row:
    return three_times_slower(one, number) | {"model_version": "2"}


def bolt_asks_its_query_again(one: Row, number: int) -> Row:
    """Most of what is asked is what one tenant always asks, again and again."""
    place = number if number < ROWS // 4 else (2, 6)[number % 2]
    return usual(row(place), place) | {"id": one["id"], "request_id": one["request_id"]}


def bolt_asks_a_long_one_again(one: Row, number: int) -> Row:
    """From row ``ROWS`` on it is one query that it did not ask before."""
    if number < ROWS:
        return usual(one, number)
    asked = usual(row(6), 6) | {"id": one["id"], "request_id": one["request_id"]}
    return call(asked, input_tokens=12_000, cache_read_tokens=0)


def together(*changes: Change) -> Change:
    """The cost drivers that any of the changes changes."""

    def changed(one: Row, number: int) -> Row:
        plain = usual(one, number)
        row, usually = plain, json.loads(plain["cost"])
        for change in changes:
            own = json.loads(change(one, number)["cost"])
            row = call(row, **{key: own[key] for key in own if own[key] != usually.get(key)})
        return row

    return changed


def rented(**changes: Any) -> Edit:
    def edit(feature: AiFeatureSpec) -> AiFeatureSpec:
        (machine,) = feature.costs.compute
        return with_costs(feature, compute=(machine.model_copy(update=changes),))

    return edit


def dearer_tokens(feature: AiFeatureSpec) -> AiFeatureSpec:
    return with_costs(feature, tokens=(price("small", 2), price("large", 5)))
