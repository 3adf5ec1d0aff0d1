"""Whether a person reviewed the thresholds of drift within a month: the judgement of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.standing import ThresholdChange
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window


@dataclass(frozen=True, slots=True)
class Reviewable:
    """A stored proposal and what is known of reviews: those that were signed, oldest first, rows
    that nobody signed who may, and the launch."""

    proposal: Mapping[str, Any]
    changes: tuple[ThresholdChange, ...]
    void: tuple[str, ...]
    launched_at: datetime | None


def judge_reviewed(feature: AiFeatureSpec, known: Reviewable, moment: Moment) -> Verdict:
    """Who reviewed the thresholds, when, and what changed; or for how long nobody has."""
    last = known.changes[-1] if known.changes else None
    owner = feature.owner_of("drift_monitoring").accountable
    days = int(known.proposal["days"]["judged"])
    waiting = _waiting(known.proposal)
    observed: dict[str, Observed] = {
        "days": days,
        "reviewed_by": last.by if last else None,
        "reviewed_at": last.at.isoformat() if last else None,
        "factors_in_force": len(known.proposal["in_force"]),
        "proposed": bool(known.proposal["changes"]),
    }
    if last is not None and last.at >= moment.window.start:
        reason = f"{review_in_words(last)}; {waiting}"
        return Verdict.passing(reason, sample_size=days, observed=observed)
    since = last.at if last else known.launched_at or _start(feature)
    if last is None and since >= moment.window.start:
        begun = "it was launched" if known.launched_at else "its monitoring began"
        reason = (
            f"the thresholds are those of the reference since {begun} on {since:%Y-%m-%d}: "
            f"the first review is due within the next month; {waiting}"
        )
        return Verdict.passing(reason, sample_size=days, observed=observed)
    age = (moment.as_of - since) / timedelta(days=1)
    reason = (
        f"nobody has reviewed the thresholds of drift since {since:%Y-%m-%d}, {age:.0f} days: "
        f"{waiting}, for {owner} to approve or keep"
    )
    if known.void:
        reason += f"; {'; '.join(known.void)}"
    finding = Finding("drift", "fail", reason, window=moment.window, begin=since, size=age)
    return Verdict.failing(reason, finding, sample_size=days, observed=observed)


def review_in_words(change: ThresholdChange) -> str:
    """Who reviewed the thresholds, when, and what changed."""
    did = "kept the thresholds" if change.decision == "keep" else f"changed {change.changed}"
    return f"{change.by} {did} on {change.at:%Y-%m-%d}, by the proposal of {change.month[:7]}"


def _waiting(proposal: Mapping[str, Any]) -> str:
    """What the newest proposal says."""
    month, tested = str(proposal["month"])[:7], proposal["back_test"]
    alerts = len(tested["vanished"]) + len(tested["remaining"])
    looks = "".join(f"; {one}" for one in proposal["looks"])
    if proposal["changes"]:
        return f"the proposal of {month}: {tested['words']}{looks}"
    return f"{month} proposes no change after {plural(alerts, 'alert')}{looks}"


def _start(feature: AiFeatureSpec) -> datetime:
    return Window.of_day(feature.monitoring.start).start
