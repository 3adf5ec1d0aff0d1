"""What a course of requests broke, and whether it can say anything: the rules, on its counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ai_ops.ai_features.serving import Slo
from ai_ops.inference_management.load_test_records import Limit, Phase, Traffic
from ai_ops.inference_management.service_levels import P99_SLOW, wilson
from ai_ops.vocabulary.words import Status

MINIMUM_REQUESTS: Final = 100
"""Of fewer single requests a single slow one would break a p99."""
MINIMUM_BATCHES: Final = 20
GENERATOR_SHARE: Final = 0.7
"""Above this share of a core the generator is what is measured."""
OTHERS_SHARE: Final = 0.3
"""Above this share of the machine's CPU others may be what made the endpoint slow."""
LATE_SHARE: Final = 0.2
"""By what share of the promised time the generator may send late (99 %)."""
LASTS_SECONDS: Final = 5.0
"""How long the phases last at least, one with another: an endpoint that stalls now and then, every
twenty seconds or so, is seen to in the four of them."""
KEEPS_UP: Final = 0.95
"""The share of the target rate that is to be achieved: what is left is the ends of the course."""


@dataclass(frozen=True, slots=True)
class Broken:
    """One promise that a course broke (``fail``), or may have (``no_evidence``): by what size."""

    limit: Limit
    status: Status
    reason: str
    size: float


def too_short(phases: Sequence[Phase]) -> str | None:
    """Why the phases say nothing together of an endpoint that stalls now and then."""
    lasted = sum(max(one.requests / one.rate for one in phase.traffic) for phase in phases)
    needed = LASTS_SECONDS * len(phases)
    if lasted >= needed:
        return None
    return (
        f"the phases lasted {lasted:.1f} s together, and an endpoint that stalls now and then is "
        f"seen to in {needed:g}: test it longer (--seconds)"
    )


def generator_limit(seen: Traffic) -> str | None:
    """Why a course says nothing of the endpoint's speed: the generator was itself the limit."""
    if seen.generator_share <= GENERATOR_SHARE:
        return None
    return (
        f"the generator took {seen.generator_share:.0%} of a core, and above "
        f"{GENERATOR_SHARE:.0%} it is what is measured: run it where there is more CPU"
    )


def too_few(seen: Traffic) -> str | None:
    """Why a course is too short to judge, None when it is not."""
    needed = MINIMUM_REQUESTS if seen.mode == "sync" else MINIMUM_BATCHES
    if seen.requests >= needed:
        return None
    what = "requests" if seen.mode == "sync" else "batches"
    return f"{seen.requests} {what} are too few to judge, {needed} are needed: let it run longer"


def broken(seen: Traffic, slo: Slo, others: float | None = None) -> Iterator[Broken]:
    """The promises that a course broke, those of failures first.

    A share beyond what is promised is a failure when its lower bound is beyond it too (Wilson), and
    no pass otherwise: more requests would tell. ``others`` is the share of the machine that took
    part in neither end: a server that is slow while others take its CPU may be well.
    """
    yield from _failures(seen, slo)
    if generator_limit(seen):
        return
    for one in (*_rate(seen), *_latency(seen)):
        if others is None or others <= OTHERS_SHARE:
            yield one
        else:
            busy = f"; but other processes took {others:.0%} of this machine meanwhile"
            yield replace(one, status="no_evidence", reason=f"{one.reason}{busy}: run it again")


def _failures(seen: Traffic, slo: Slo) -> Iterator[Broken]:
    share = seen.failed / seen.requests if seen.requests else 1.0
    if share <= slo.failed_share:
        return
    low, high = wilson(seen.failed, seen.requests) if seen.requests else (1.0, 1.0)
    told = ", ".join(f"{count} x {error}" for error, count in seen.errors.items())
    sure = low > slo.failed_share
    reason = (
        f"{seen.failed} of {seen.requests} requests failed ({share:.1%}, {low:.1%} to {high:.1%}; "
        f"{told}), {slo.failed_share:.1%} are promised"
    )
    status: Status = "fail" if sure else "no_evidence"
    yield Broken("failures", status, reason if sure else reason + _CHANCE, share)


def _rate(seen: Traffic) -> Iterator[Broken]:
    answered = seen.requests - seen.failed
    if answered <= 0 or (answered - seen.behind) / answered >= KEEPS_UP:
        return
    sure = not is_late(seen)
    reason = (
        f"the endpoint fell behind: {seen.rate:g} requests a second were sent and "
        f"{seen.achieved_rate:.1f} a second answered in that time"
    )
    share = seen.achieved_rate / seen.rate
    yield Broken("rate", "fail" if sure else "no_evidence", reason + _unless(seen, sure), share)


def _latency(seen: Traffic) -> Iterator[Broken]:
    answered = seen.requests - seen.failed
    if answered <= 0 or seen.slow / answered <= P99_SLOW:
        return
    # What was slow from the moment of really sending is the endpoint's own, whoever was late.
    sure = wilson(seen.slow_when_sent, answered)[0] > P99_SLOW
    rows = f" ({seen.rows_per_request} rows)" if seen.mode == "batch" else ""
    reason = (
        f"p99 is {seen.p99_ms:.0f} ms and {seen.promised_ms:g} ms are promised{rows}: {seen.slow} "
        f"of {answered} answers took longer, from the moment they were to be asked for"
    )
    unless = _unless(seen, sure)
    yield Broken("latency", "fail" if sure else "no_evidence", reason + unless, seen.p99_ms)


def is_late(seen: Traffic) -> bool:
    """Whether the generator sent so late that what it saw may be its own slowness."""
    return seen.lag_ms > LATE_SHARE * seen.promised_ms


def _unless(seen: Traffic, sure: bool) -> str:
    if sure:
        return ""
    if is_late(seen):
        return f"; but the generator itself sent up to {seen.lag_ms:.0f} ms late: run it again"
    return _CHANCE


_CHANCE: Final = "; of so few requests that may be chance: let it run longer"
