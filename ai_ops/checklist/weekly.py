"""The four weekly items."""

from dataclasses import replace
from datetime import timedelta

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.applying import judged_of
from ai_ops.checklist.combining import lacking, unlooked, without_verdict
from ai_ops.checklist.declared import unwatched_model
from ai_ops.checklist.delivered import DELIVERED
from ai_ops.checklist.evidence import (
    ALERTING,
    DRIFT_CHECKS,
    FEED_CHECKS,
    ChecklistEvidence,
)
from ai_ops.checklist.items import Item
from ai_ops.checklist.logged import LOG_CHECKS, judge_log
from ai_ops.checklist.retraining import retraining_verified
from ai_ops.vocabulary.alerts import Alert, column_alerts_of
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Verdict


def drift_reviewed(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """Drift and the feed were judged on every day of the week, and no drift alert is older than a
    week without a person's review: a flag left alone is a model left alone, and after two weeks it
    counts as one that has under-performed as long. What drifted in the week is named, reviewed or
    not."""
    if (waived := unwatched_model(feature, evidence.window)) is not None:
        return waived
    checks = judged_of(DRIFT_CHECKS, feature)
    unjudged = [
        *without_verdict(feature, evidence, checks, "drift"),
        *unlooked(feature, evidence, judged_of(FEED_CHECKS, feature), "volume"),
    ]
    alerts = [
        alert
        for check in ALERTING
        for alert in column_alerts_of(check, evidence.of(check))
        if not evidence.reviewed(alert, "drift_monitoring")
    ]
    limit = timedelta(days=feature.drift.review_within_days)
    overdue = [alert for alert in alerts if evidence.as_of - alert.raised_at > limit]
    judged = sum(len(evidence.in_window(check)) for check in DRIFT_CHECKS)
    seen = _seen(evidence)
    left = timedelta(days=feature.drift.neglected_after_days)
    neglected = [alert for alert in overdue if evidence.as_of - alert.raised_at > left]
    observed = {
        "alerts_without_review": len(alerts),
        "overdue": len(overdue),
        "neglected": len(neglected),
        "oldest_days": max((_age(evidence, a) for a in alerts), default=None),
    }
    if overdue:
        counted = [_neglected(feature, evidence, alert) for alert in neglected]
        return Verdict.failing(
            f"{plural(len(overdue), 'drift alert')} older than {limit.days} days, reviewed by "
            f"nobody; the oldest for {observed['oldest_days']:.0f} days"
            + "".join(f"; {one.reason}" for one in counted[:1]),
            *[_overdue(evidence, alert) for alert in overdue],
            *counted,
            *unjudged,
            *seen,
            sample_size=judged,
            observed=observed,
        )
    if unjudged:
        verdict = lacking(unjudged, "drift", judged, observed)
        return replace(verdict, findings=(*verdict.findings, *seen))
    waiting = f"; {plural(len(alerts), 'younger alert')} to review" if alerts else ""
    return Verdict.passing(
        f"drift was judged on all {len(evidence.monitored_days(feature))} days{waiting}",
        sample_size=judged,
        observed=observed,
        findings=seen,
    )


def cost_trend_checked(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """The cost per prediction was compared with the week before, and no rise is left that the
    traffic does not explain, nor a small one that compounds."""
    recorded = evidence.in_window("cost_trend").get(_monday(evidence))
    if recorded is None:
        return Verdict.lacking(
            f"cost_trend was not judged for the week of {_monday(evidence)}: materialise it",
            "cost",
            window=evidence.window,
        )
    return recorded.verdict


def logs_written(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """Predictions were logged on every day of the week, by every writer and without a gap; every
    record could be read and names the version that was live, every known user action has its
    prediction, and a witness counted nothing more."""
    return judge_log(feature, evidence)


WEEKLY = (
    Item(
        "drift_reviewed",
        "Drift alerts are reviewed",
        "weekly",
        "drift_monitoring",
        "drift_report",
        ALERTING,
        drift_reviewed,
        max_age_days=14,
        beside=(DELIVERED,),
    ),
    Item(
        "cost_trend_checked",
        "The trend of the cost per prediction is checked",
        "weekly",
        "inference_management",
        "cost_trend",
        ("cost_trend",),
        cost_trend_checked,
        max_age_days=14,
        beside=(DELIVERED,),
    ),
    Item(
        "retraining_verified",
        "Automated retraining is verified",
        "weekly",
        "retraining_pipeline",
        "model_versions",
        (*DRIFT_CHECKS, "accuracy"),
        retraining_verified,
        max_age_days=14,
        beside=(DELIVERED,),
    ),
    Item(
        "logs_written",
        "Prediction logs are being written",
        "weekly",
        "prediction_logging",
        "log_completeness",
        LOG_CHECKS,
        logs_written,
        max_age_days=14,
    ),
)


def _seen(evidence: ChecklistEvidence) -> tuple[Finding, ...]:
    """What drifted in the week, and what the feed lost: of each check, column and part as it was
    found last."""
    latest: dict[tuple[object, ...], Finding] = {}
    for check in ALERTING:
        for _, recorded in sorted(evidence.in_window(check).items()):
            if recorded.verdict.status == "fail":
                found = [one for one in recorded.verdict.findings if one.status == "fail"]
                latest |= {
                    (check, one.columns, one.slice, one.call_site, one.tenant): one for one in found
                }
    return tuple(latest.values())


def _overdue(evidence: ChecklistEvidence, alert: Alert) -> Finding:
    age = _age(evidence, alert)
    return Finding(
        "drift",
        "fail",
        f"{alert.item} alerts since {alert.begin}{_by(alert)}, {age:.0f} days without a review",
        columns=alert.columns,
        begin=alert.raised_at,
        size=age,
    )


def _neglected(feature: AiFeatureSpec, evidence: ChecklistEvidence, alert: Alert) -> Finding:
    """An alert that was left alone for so long that it counts as an under-performing model."""
    age = _age(evidence, alert)
    owner = feature.owner_of("drift_monitoring").accountable
    reason = (
        f"the model has counted as under-performing since {alert.raised_at:%Y-%m-%d} (critical): "
        f"{alert.item}{_by(alert)} was left alone for {age:.0f} days; {owner} is accountable"
    )
    return Finding(
        "accuracy", "fail", reason, columns=alert.columns, begin=alert.raised_at, size=age
    )


def _by(alert: Alert) -> str:
    return f" by {', '.join(alert.columns)}" if alert.columns else ""


def _age(evidence: ChecklistEvidence, alert: Alert) -> float:
    return (evidence.as_of - alert.raised_at) / timedelta(days=1)


def _monday(evidence: ChecklistEvidence) -> str:
    return evidence.window.start.date().isoformat()
