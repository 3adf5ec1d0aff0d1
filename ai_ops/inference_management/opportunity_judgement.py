"""Whether what could cost less was looked for, on evidence for every day: the verdict."""

from ai_ops.inference_management.opportunities import NANO, Opportunities, Opportunity
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window


def judge_opportunities(found: Opportunities, window: Window) -> Verdict:
    """A pass when every monitored day had its log and its known cost, and something was asked."""
    if lacking := _why_not(found):
        return Verdict.lacking(lacking, "cost", window=window, sample_size=found.rows)
    savings = found.savings
    observed: dict[str, Observed] = {
        "rows": found.rows,
        "currency": found.spent.currency,
        "total": round(found.spent.total_nano / NANO, 6),
        "savings": len(savings),
        "batch_fits": ", ".join(one.call_site or "?" for one in found.fitting) or None,
    }
    told = f"{found.rows} predictions of {found.days} days were looked at"
    if not savings:
        told += "; nothing that could be saved was found"
    return Verdict.passing(
        "; ".join([told, *(f"{in_words(one, found.spent.currency)}" for one in savings[:3])]),
        sample_size=found.rows,
        observed=observed,
        findings=tuple(_finding(one, window) for one in (*savings, *_due(found))),
    )


def in_words(one: Opportunity, currency: str) -> str:
    """One saving with what it is worth.

    >>> line = Opportunity("cache", "saving", "half of it again", cash_nano=2 * 10**9)
    >>> in_words(line, "USD")
    'cache: half of it again (saves 2.00 USD)'
    """
    parts = []
    if one.cash_nano:
        parts.append(f"saves {amount(one.cash_nano)} {currency}")
    if one.capacity_nano:
        parts.append(f"frees capacity worth {amount(one.capacity_nano)} {currency}")
    elif one.freed_us and one.freed_us > 0:
        parts.append(f"frees {one.freed_us / 10**6:.3g} s of the machines' time")
    worth = f" ({', '.join(parts)})" if parts else ""
    return f"{one.kind.replace('_', ' ')}: {one.words}{worth}"


def amount(nano: int) -> str:
    """An amount with two digits, or as many as tell something.

    >>> amount(1_234_000_000), amount(1_200), amount(0)
    ('1.23', '0.0000012', '0.00')
    """
    value = nano / NANO
    return f"{value:.2f}" if abs(value) >= 0.1 or not nano else f"{value:.9f}".rstrip("0")


def _due(found: Opportunities) -> tuple[Opportunity, ...]:
    return tuple(one for one in found.found if one.told == "due")


def _finding(one: Opportunity, window: Window) -> Finding:
    return Finding(
        "cost",
        "pass",
        f"{one.kind.replace('_', ' ')}: {one.words}" + (f"; risk: {one.risk}" if one.risk else ""),
        call_site=one.call_site,
        tenant=one.tenant,
        window=window,
        size=one.worth_nano / NANO,
    )


def _why_not(found: Opportunities) -> str | None:
    if not found.days:
        return "no day of this month was monitored"
    if found.missing:
        return (
            f"no log or no cost_rollup of {', '.join(found.missing[:3])}"
            f"{' …' if len(found.missing) > 3 else ''}: materialise them, then this"
        )
    if found.unknown:
        return f"what a prediction costs is unknown: {'; '.join(found.unknown[:3])}"
    if not found.rows:
        return "nothing was asked in these days"
    return None
