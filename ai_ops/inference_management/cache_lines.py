"""What caches would save, as lines: of queries asked again, and of texts nearly the same."""

from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.near_duplicates import Near
from ai_ops.inference_management.opportunities import Opportunity, Told
from ai_ops.inference_management.repeated_queries import (
    WRONG_ALLOWED,
    Emptied,
    Hits,
    Repeats,
    Tier,
    whole,
)
from ai_ops.inference_management.spending import Spending

WORTH: Final = 0.01
"""A cache that answers a smaller share of the queries is no opportunity."""
_LIVES: Final[dict[Emptied, str]] = {
    "hourly": "emptied every hour",
    "daily": "emptied every day",
    "never": "never emptied",
}
_KEYS: Final[dict[Tier, str]] = {
    "exact": "the same inputs",
    "normalised": "the same normalised inputs",
}
NO_TEXTS: Final = (
    "no input is a free text: numbers have no near-identical queries, a tolerance on them would be "
    "another model that nobody evaluated"
)


def incomparable(feature: AiFeatureSpec) -> str:
    """Why the log cannot tell whether two queries are the same; empty when it can."""
    rules = feature.privacy.fields
    hidden = [c.name for c in feature.inputs if rules.get(c.name) in ("drop", "encrypt")]
    if not hidden:
        return ""
    return f"{', '.join(hidden)} cannot be compared: the log holds it encrypted, or not at all"


def cache_line(repeats: Repeats, spent: Spending, compared: str) -> Opportunity:
    """The cache that answers most and is surely right; or why there is none."""
    if compared or not repeats.rows:
        return Opportunity("cache", "no_evidence", compared or "no query was answered")
    best = repeats.best()
    if best is None:
        return _unsafe(repeats)
    parts = repeats.of(best.tier, best.emptied)
    top = max(parts, key=lambda one: (one.hits, one.us))
    share, theirs = best.hits / repeats.rows, top.hits / best.hits
    cash = sum(spent.price_of((one.call_site, one.tenant), one.tokens) for one in parts)
    told: Told = "saving" if share >= WORTH else "none"
    return Opportunity(
        "cache",
        told,
        f"{share:.1%} of {repeats.rows} queries asked {_KEYS[best.tier]} again of a cache that is "
        f"{_LIVES[best.emptied]}; {theirs:.0%} of these came {_who(top)}",
        risk=_risk(best.wrong, best.judged, best.wrong_bounds)
        + f" ({best.decisions} in the decision, {best.numbers} in a number, {best.words} in words)",
        how=f"keep answers by version, tenant and {_KEYS[best.tier]}, {_LIVES[best.emptied]}",
        rows=repeats.rows,
        cash_nano=cash * repeats.one_in,
        capacity_nano=spent.worth(best.us * repeats.one_in),
        freed_us=best.us * repeats.one_in,
        call_site=top.call_site,
        tenant=top.tenant,
    )


def near_line(near: Near | None, spent: Spending, compared: str) -> Opportunity:
    """What a cache of near texts would answer besides; or why there is none."""
    if compared:
        return Opportunity("near_cache", "no_evidence", compared)
    if near is None:
        return Opportunity("near_cache", "none", NO_TEXTS)
    drawn = "" if near.compared == near.distinct else f", {near.compared} of them drawn"
    if not near.hits:
        words = f"none of {near.distinct} distinct texts{drawn} is near another"
        return Opportunity("near_cache", "none", words, rows=near.compared)
    share = near.hits / near.compared
    said = (
        f"{near.hits} of {near.distinct} distinct texts{drawn} are near an earlier one; "
        f"{near.theirs / near.hits:.0%} of these came {_asker(near.call_site, near.tenant)}"
    )
    return Opportunity(
        "near_cache",
        "saving" if near.safe and share >= WORTH else "none",
        said if near.safe else f"{said}; too many of their answers differ, or too few are known",
        risk=_risk(near.wrong, near.judged, near.wrong_bounds),
        how="look a text up by MinHash when its own key is not there, and measure wrong hits on",
        rows=near.compared,
        cash_nano=_tokens(near, spent),
        capacity_nano=spent.worth(near.us),
        freed_us=near.us,
        call_site=near.call_site,
        tenant=near.tenant,
    )


def _unsafe(repeats: Repeats) -> Opportunity:
    most = max(
        (one for tier in _KEYS for life in _LIVES if (one := whole(repeats.of(tier, life)))),
        key=lambda one: one.hits,
        default=None,
    )
    if most is None:
        words = f"none of {repeats.rows} queries was asked again"
        return Opportunity("cache", "none", words, rows=repeats.rows)
    top = max(repeats.of(most.tier, most.emptied), key=lambda one: one.hits)
    return Opportunity(
        "cache",
        "none",
        f"{most.hits / repeats.rows:.1%} of {repeats.rows} queries were asked again, most "
        f"{_who(top)}; no cache is surely right in {1 - WRONG_ALLOWED:.0%} of its answers",
        risk=_risk(most.wrong, most.judged, most.wrong_bounds),
        rows=repeats.rows,
        call_site=top.call_site,
        tenant=top.tenant,
    )


def _tokens(near: Near, spent: Spending) -> int:
    used, paid = sum(spent.tokens.values()), sum(spent.tokens_cost.values())
    return round(near.tokens * paid / used) if used else 0


def _risk(wrong: int, judged: int, bounds: tuple[float, float] | None) -> str:
    if bounds is None:
        return "how many of its answers would be wrong is not known: no answer is in the log"
    return f"{wrong} of {judged} answers would have been wrong, at most {bounds[1]:.2%} (95 %)"


def _who(one: Hits) -> str:
    return _asker(one.call_site, one.tenant)


def _asker(call_site: str | None, tenant: str | None) -> str:
    """
    >>> _asker("web", None), _asker(None, None)
    ('from call site web', 'from callers that the log does not name')
    """
    named = [f"call site {call_site}" if call_site else "", f"tenant {tenant}" if tenant else ""]
    told = ", ".join(one for one in named if one)
    return f"from {told}" if told else "from callers that the log does not name"
