"""Is the cost going where traffic takes it? The verdict."""

from collections.abc import Mapping
from typing import Final

from ai_ops.ai_features.costs import Costs
from ai_ops.inference_management.cost_factors import FactorName
from ai_ops.inference_management.cost_trend import Cause, CostTrend, Driver, Rise, Spike
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

WORDS: Final[Mapping[FactorName, str]] = {
    "traffic": "traffic",
    "price": "prices of machines, tokens or storage",
    "machines": "machines that are rented",
    "call_site_mix": "the mix of call sites and tenants",
    "mode": "what is asked one by one instead of in batches, or the other way",
    "model_mix": "the mix of models and versions",
    "per_call": "time, tokens or stored bytes of a call",
    "retries": "calls that are repeated or fail",
    "cache": "what caches answer",
}


def judge_trend(trend: CostTrend, costs: Costs) -> Verdict:
    """The verdict on a week's cost per 1,000 predictions."""
    window = Window.of_week(trend.monday)
    if lacking := _why_not(trend):
        return Verdict.lacking(lacking, "cost", window=window)
    assert trend.rise is not None
    now, limit = trend.weeks[-1], costs.weekly_rise
    observed = _observed(trend)
    findings = [
        finding
        for judged in (trend.rise, trend.compounded)
        if judged is not None
        for finding in _findings(judged, trend, limit, window)
    ]
    findings += [_spike_finding(spike, window) for spike in trend.spikes]
    said = f"1,000 predictions cost {now.per_1000:.4f} {now.currency}, {trend.rise.total:+.1%}"
    said += " on the week before"
    if findings:
        return Verdict.failing(
            f"{said}; " + "; ".join(f.reason for f in findings),
            *findings,
            sample_size=now.answered,
            observed=observed,
        )
    silent = now.untimed_share
    if silent > limit and now.rent_nano:
        return Verdict.lacking(
            f"{said}; but {silent:.0%} of the predictions do not say how long they took: more work "
            f"than the allowed {limit:.0%} would not show",
            "cost",
            window=window,
            sample_size=now.answered,
            observed=observed,
        )
    young = "" if trend.compounded else "; too young to be judged over several weeks"
    return Verdict.passing(
        f"{said}, of which traffic explains {trend.rise.traffic:+.1%}{young}",
        sample_size=now.answered,
        observed=observed,
    )


def _why_not(trend: CostTrend) -> str | None:
    if trend.unknown:
        return f"the cost of {', '.join(trend.unknown)} is unknown: declare the prices under costs"
    if trend.missing:
        return f"no cost_rollup of {', '.join(trend.missing)}, or none of a log: materialise them"
    if not trend.weeks or not trend.weeks[-1].answered:
        return f"no prediction was answered in the week of {trend.monday}"
    if trend.first:
        return (
            f"the week of {trend.monday} is the first of this feature: there is no week to "
            "compare with yet"
        )
    if trend.rise is None:
        return (
            f"the week before {trend.monday} answered no prediction, or cost nothing: a rise from "
            "nothing has no share"
        )
    return None


def _findings(judged: Rise, trend: CostTrend, limit: float, window: Window) -> list[Finding]:
    since = "a week" if judged.weeks == 1 else f"{judged.weeks} weeks"
    found = []
    if judged.unexplained > limit:
        size = judged.unexplained
        reason = (
            f"a prediction is billed {size:.1%} more than {since} ago and traffic does not explain "
            f"it; {limit:.0%} are allowed"
        )
        found.append(_finding(reason, judged.bill_cause, size, window, judged))
    if judged.work > limit:
        reason = (
            f"a prediction takes more of the machines' time than {since} ago, worth "
            f"{judged.work:.1%} of its cost, and traffic does not explain it; {limit:.0%} are "
            "allowed"
        )
        found.append(_finding(reason, judged.work_cause, judged.work, window, judged))
    return found


def _finding(
    reason: str, cause: Cause | None, size: float, window: Window, judged: Rise
) -> Finding:
    driver = Driver() if cause is None else cause.driver
    parts = (("mode", driver.mode), ("model", driver.model))
    return Finding(
        "cost",
        "fail",
        reason + _why(cause),
        call_site=driver.call_site,
        tenant=driver.tenant,
        slice=" and ".join(f"{word} = {name}" for word, name in parts if name) or None,
        window=window,
        begin=Window.of_week(judged.since).end,
        size=size,
    )


def _why(cause: Cause | None) -> str:
    """The cause as a sentence goes on to tell it."""
    if cause is None:
        return ""
    return f"; most of it by {WORDS[cause.factor]} ({cause.size:+.1%}){_where(cause.driver)}"


def _where(driver: Driver) -> str:
    parts = (
        ("call site", driver.call_site),
        ("tenant", driver.tenant),
        ("mode", driver.mode),
        ("model", driver.model),
    )
    named = ", ".join(f"{word} {name}" for word, name in parts if name)
    return f", {driver.share:.0%} of that from {named}" if named else ""


def _spike_finding(spike: Spike, window: Window) -> Finding:
    return Finding(
        "cost",
        "fail",
        f"a typical {spike.mode} prediction at call site {spike.call_site} takes {spike.times:.1f} "
        f"times as long as a week ago ({spike.rows} rows), the others do not",
        call_site=spike.call_site,
        slice=f"mode = {spike.mode}",
        window=window,
        begin=window.start,
        size=spike.times,
    )


def _observed(trend: CostTrend) -> dict[str, Observed]:
    now = trend.weeks[-1]
    observed: dict[str, Observed] = {
        "per_1000": round(now.per_1000, 6),
        "currency": now.currency,
        "answered": now.answered,
    }
    for name, judged in (("", trend.rise), ("compounded_", trend.compounded)):
        if judged is not None:
            for part in ("total", "traffic", "bill", "work"):
                observed[f"{name}rise_{part}"] = round(getattr(judged, part), 4)
            for part, cause in (("bill", judged.bill_cause), ("work", judged.work_cause)):
                observed[f"{name}{part}_cause"] = cause.factor if cause else None
    return observed
