"""Is it known what a day's predictions cost? The verdict."""

from collections.abc import Iterator, Sequence

from ai_ops.inference_management.costs import NANO, Cost
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

SHOWN = 5
"""So many reasons stand in the sentence of a verdict; the findings hold all of them."""


def judge_known(day: str, costs: Sequence[Cost], currency: str) -> Verdict:
    """The verdict on a day's costs: known, with predictions to have been spent on.

    A price that nobody declared is no evidence; a call that cannot be priced is a failure, and is
    never counted as free.
    """
    window = Window.of_day(day)
    rows, answered = (sum(getattr(c.work, n) for c in costs) for n in ("rows", "answered"))
    if unknown := list(_unknown(costs, window)):
        reasons = list(dict.fromkeys(finding.reason for finding in unknown))
        more = f" (and {len(reasons) - SHOWN} more)" if len(reasons) > SHOWN else ""
        reason = f"what {rows} predictions cost is unknown: " + "; ".join(reasons[:SHOWN]) + more
        if any(finding.status == "fail" for finding in unknown):
            return Verdict.failing(reason, *unknown, sample_size=rows)
        return Verdict.lacking(reason, "cost", *unknown, sample_size=rows)
    return _of_known(day, costs, currency, answered, rows)


def _of_known(day: str, costs: Sequence[Cost], currency: str, answered: int, rows: int) -> Verdict:
    total = sum(cost.total_nano or 0 for cost in costs) / NANO
    idle = sum(cost.idle_nano or 0 for cost in costs) / NANO
    observed: dict[str, Observed] = {
        "rows": rows,
        "answered": answered,
        "currency": currency,
        "total": round(total, 6),
        "idle": round(idle, 6),
        "per_1000": round(total / answered * 1000, 6) if answered else None,
    }
    tokens = sum(cost.tokens_nano or 0 for cost in costs) / NANO
    if any(cost.work.input_tokens or cost.work.output_tokens for cost in costs):
        observed["tokens"] = round(tokens, 6)
    if not answered:
        return Verdict.lacking(
            f"{total:.4f} {currency} were spent and no prediction was answered on {day}",
            "cost",
            window=Window.of_day(day),
            observed=observed,
        )
    untimed = sum(cost.work.untimed for cost in costs)
    said = f"; {untimed} rows do not say how long they took" if untimed else ""
    return Verdict.passing(
        f"{answered} predictions cost {total:.4f} {currency}, {total / answered * 1000:.4f} per "
        f"1,000; {idle / total if total else 0:.1%} of it is idle time{said}",
        sample_size=answered,
        observed=observed,
    )


def _unknown(costs: Sequence[Cost], window: Window) -> Iterator[Finding]:
    """Each reason once; one that is about a call names its call site."""
    told = set()
    for cost in costs:
        if cost.total_nano is not None:
            continue
        reason = cost.unpriced or "its price is unknown"
        called = cost.tokens_nano is None
        call_site = cost.work.call_site if called else None
        if (reason, call_site) not in told:
            told.add((reason, call_site))
            yield Finding(
                "cost",
                "fail" if called else "no_evidence",
                reason,
                call_site=call_site,
                window=window,
                begin=window.start,
            )
