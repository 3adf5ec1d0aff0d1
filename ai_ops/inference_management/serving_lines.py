"""What another way of serving would save, as lines: batches, other versions, fewer machines."""

from collections.abc import Iterator
from typing import Final

from ai_ops.ai_features.costs import Costs
from ai_ops.inference_management.batch_fit import CallSite
from ai_ops.inference_management.opportunities import Opportunity, Told
from ai_ops.inference_management.other_versions import OtherVersion, Versions
from ai_ops.inference_management.serving_room import ROOM, Room
from ai_ops.inference_management.spending import Spending
from ai_ops.inference_management.traffic_growth import WEEKS_NEEDED, Growth, Lasts

SOON: Final = 26
"""Weeks: a limit that may be reached within them is due."""
HOW: Final = "test twice the expected peak again, then a machine more or a faster version"


def batch_lines(
    sites: tuple[CallSite, ...], spent: Spending, costs: Costs
) -> Iterator[Opportunity]:
    """A line for each call site whose calls come together; one that says so if none do."""
    fitting = [one for one in sites if one.fit == "batch fits"]
    for site in fitting:
        yield _batch_line(site, spent, costs)
    if not fitting:
        calls = sum(one.calls for one in sites)
        words = f"no call site asks in bursts: {calls} single calls of {len(sites)} call sites"
        told: Told = "none" if sites else "no_evidence"
        yield Opportunity("batch", told, words if sites else "nothing was asked", rows=calls)


def _batch_line(site: CallSite, spent: Spending, costs: Costs) -> Opportunity:
    burst = site.burst
    assert burst is not None
    share, name = burst.together / site.calls, site.call_site or "that the log does not name"
    when = ""
    if site.hour is not None and site.in_hour / site.calls >= 0.5:
        when = f", {site.in_hour / site.calls:.0%} of them between {site.hour:02}:00 and "
        when += f"{(site.hour + 1) % 24:02}:00 UTC"
    words = (
        f"{share:.0%} of {site.calls} single calls of call site {name} come eight or more within "
        f"{burst.seconds} s{when}; they would be {burst.requests} requests"
    )
    saved = site.saved_us
    if saved is None:
        words += "; what a row takes in a batch is not in the log"
    else:
        place = " (measured at other call sites)" if site.batch_elsewhere else ""
        words += f"; a row takes {_ms(site.sync_us)} alone and {_ms(site.batch_us)} in a batch"
        words += place
    discount = batch_discount(spent, costs, site.call_site)
    paid = sum(cost for (where, _), cost in spent.tokens_cost.items() if where == site.call_site)
    cash = None if discount is None else round(paid * share * discount)
    worth = (saved or 0.0) > 0 or (cash or 0) > 0
    return Opportunity(
        "batch",
        "saving" if worth else ("no_evidence" if saved is None and cash is None else "none"),
        words,
        risk=f"each call waits up to {burst.seconds} s longer; whether its caller can is not in "
        "the log: backend decides",
        how=f"gather the calls of {burst.seconds} s, or ask the whole job at once: /predict/batch",
        rows=site.calls,
        cash_nano=cash,
        capacity_nano=None if saved is None else spent.worth(max(0.0, saved)),
        freed_us=saved,
        call_site=site.call_site,
    )


def batch_discount(spent: Spending, costs: Costs, call_site: str | None) -> float | None:
    """The share of a token's price that batches save surely, of every model that a call site paid
    for: as paid in these days for the same model, else as declared; None where neither tells, or
    no token was paid for. (That another model is asked in batches is no discount.)"""
    declared = min((1 - one.batch for one in costs.tokens), default=None)
    saved: list[float] = []
    for model in spent.models.get(call_site, ()):
        rates = spent.rates[model]
        if rates.get("sync") and "batch" in rates:
            saved.append(max(0.0, 1 - rates["batch"] / rates["sync"]))
        elif model in spent.contracted and declared is not None:
            saved.append(declared)
        else:
            return None
    return min(saved, default=None)


def version_lines(versions: Versions, spent: Spending) -> Iterator[Opportunity]:
    """A line for each smaller or older version; one that says so if there is none."""
    if spent.by_model and any(spent.by_model.values()):
        yield _models_line(spent)
    elif versions.problem:
        told: Told = "no_evidence" if versions.unknown else "none"
        yield Opportunity("smaller_version", told, versions.problem)
    elif not versions.others:
        words = f"no registered version is smaller or older than version {versions.live}"
        yield Opportunity("smaller_version", "none", words)
    for one in versions.others:
        yield _version_line(one, versions, spent)


def _models_line(spent: Spending) -> Opportunity:
    paid = sum(spent.by_model.values())
    by_cost = sorted(spent.by_model.items(), key=lambda item: (-item[1], item[0]))
    shares = ", ".join(f"{model} {cost / paid:.0%}" for model, cost in by_cost[:4])
    return Opportunity(
        "smaller_version",
        "no_evidence",
        f"of what tokens cost: {shares}; no smaller model was evaluated on this task",
        how="ask a smaller model the labelled set, and hold it against the gate",
        rows=spent.answered,
    )


def _version_line(one: OtherVersion, versions: Versions, spent: Spending) -> Opportunity:
    size = "" if one.size_ratio is None else f", {one.size_ratio:.0%} of its size"
    about = f"version {one.version} instead of {versions.live}{size}"
    if one.standing != "within the margin":
        told: Told = "no_evidence" if one.standing == "not evaluated" else "none"
        words = f"{about}: {one.standing}: {one.words}"
        return Opportunity("smaller_version", told, words, rows=one.rows, version=one.version)
    if one.time_ratio is None:
        freed, took = None, "what its answers take was not measured beside the one that serves"
    else:
        freed = spent.busy_us * (1 - one.time_ratio)
        took = f"a row takes {one.time_ratio:.2f} times as long"
    worth = freed is not None and freed > 0
    return Opportunity(
        "smaller_version",
        "saving" if worth else "none",
        f"{about}: within the gate's margin ({one.words}); {took}",
        risk="the margin is what the gate allows to be lost; newer data may need what was learnt",
        how=f"approve and promote version {one.version}: it goes the way of every candidate",
        rows=one.rows,
        capacity_nano=spent.worth(freed) if freed is not None and worth else None,
        freed_us=freed,
        version=one.version,
    )


def idle_line(room: Room, spent: Spending) -> Opportunity:
    """What waiting machines cost, and how many fewer would hold twice the busiest minute."""
    rent = spent.busy_nano + spent.idle_nano
    if not room.machines or not rent:
        return Opportunity("idle_capacity", "none", "no machine is paid for", rows=spent.rows)
    words = (
        f"{spent.idle_nano / rent:.1%} of the rent of {room.machines} machine"
        f"{'s' if room.machines > 1 else ''} pays for waiting"
    )
    risk = "the test ran on one machine, which may be another kind than those that are paid for"
    if room.machines == 1:
        words += "; there is no smaller number: a smaller kind, or one shared with other features"
        return Opportunity(
            "idle_capacity", "none", f"{words} ({room.tested})", risk=risk, rows=spent.rows
        )
    if room.needed is None:
        words += f"; how many would do is not known: {room.tested}"
        return Opportunity("idle_capacity", "no_evidence", words, rows=spent.rows)
    fewer = room.machines - room.needed
    said = f"{words}; {room.needed} hold {ROOM:g} times the busiest minute ({room.peak:.2f} a "
    said += f"second): {room.tested}"
    if fewer <= 0:
        return Opportunity("idle_capacity", "none", said, risk=risk, rows=spent.rows)
    return Opportunity(
        "idle_capacity",
        "saving",
        said,
        risk=risk,
        how=f"serve with {room.needed} instead of {room.machines} machines, and test that again",
        rows=spent.rows,
        cash_nano=rent * fewer // room.machines,
    )


def architecture_line(growth: Growth | None, limits: tuple[Lasts, ...], rows: int) -> Opportunity:
    """When traffic reaches what was tested, or what the machines can do: with its uncertainty."""
    used = [
        f"{one.used:.1%} of {one.limit} ({one.known})"
        if one.used is not None
        else f"{one.limit}: not known, {one.known}"
        for one in limits
    ]
    full = [one for one in limits if one.used is not None and one.used >= 1]
    if growth is None and full:
        words = f"reached already: {', '.join(one.limit for one in full)}; used are "
        return Opportunity("architecture", "due", words + ", ".join(used), how=HOW, rows=rows)
    if growth is None:
        words = f"fewer than {WEEKS_NEEDED} whole weeks before show no trend; used are "
        return Opportunity("architecture", "no_evidence", words + ", ".join(used), rows=rows)
    words = (
        f"traffic changes by {growth.a_week:+.1%} a week ({growth.low:+.1%} to {growth.high:+.1%}, "
        f"{growth.weeks} weeks); used are {', '.join(used)}"
    )
    due = [one for one in limits if one.earliest is not None and one.earliest <= SOON]
    for one in due:
        likely = "not at this growth" if one.weeks is None else f"{one.weeks:.0f}"
        words += f"; {one.limit} is reached in {likely} weeks, {one.earliest:.0f} at the earliest"
    known = [one for one in limits if one.used is not None]
    return Opportunity(
        "architecture",
        "due" if due else ("none" if known else "no_evidence"),
        words if due or not known else f"{words}; nothing is reached within {SOON} weeks",
        risk="a trend of past weeks knows nothing of a launch, or of a season",
        how=HOW if due else "",
        rows=rows,
    )


def _ms(us: float | None) -> str:
    """
    >>> _ms(4_210.0), _ms(40_000_000.0)
    ('4.21 ms', '40,000 ms')
    """
    if us is None:
        return "an unknown time"
    return f"{us / 1000:,.0f} ms" if us >= 10**6 else f"{us / 1000:.3g} ms"
