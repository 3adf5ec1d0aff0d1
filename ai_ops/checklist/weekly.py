"""The four weekly items."""

from collections.abc import Mapping
from datetime import timedelta

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.checklist.items import Item
from ai_ops.vocabulary.alerts import Alert, alerts_of
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import FindingKind

DRIFT_CHECKS = ("input_drift", "output_drift")
LOG_CHECKS = ("log_written", "log_complete", "user_actions_present")


def drift_reviewed(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """Drift was judged on every day of the week, and no drift alert is older than a week without
    a person's review: a flag left alone is a model left alone."""
    unjudged = _without_verdict(feature, evidence, DRIFT_CHECKS, "drift")
    alerts = [
        alert
        for check in DRIFT_CHECKS
        for alert in alerts_of(check, evidence.of(check))
        if (alert.item, alert.begin) not in evidence.reviewed
    ]
    limit = timedelta(days=feature.drift.review_within_days)
    overdue = [alert for alert in alerts if evidence.as_of - alert.raised_at > limit]
    judged = sum(len(evidence.in_window(check)) for check in DRIFT_CHECKS)
    observed = {
        "alerts_without_review": len(alerts),
        "overdue": len(overdue),
        "oldest_days": max((_age(evidence, a) for a in alerts), default=None),
    }
    if overdue:
        return Verdict.failing(
            f"{_plural(len(overdue), 'drift alert')} older than {limit.days} days, reviewed by "
            f"nobody; the oldest for {observed['oldest_days']:.0f} days",
            *[_overdue(evidence, alert) for alert in overdue],
            *unjudged,
            sample_size=judged,
            observed=observed,
        )
    if unjudged:
        return _lacking(unjudged, "drift", judged, observed)
    waiting = f"; {_plural(len(alerts), 'younger alert')} to review" if alerts else ""
    return Verdict.passing(
        f"drift was judged on all {len(evidence.monitored_days(feature))} days{waiting}",
        sample_size=judged,
        observed=observed,
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


def retraining_verified(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """Where retraining is automated, its last run succeeded; and no drift or accuracy gap was
    seen while the model stayed as it was."""
    seen = [
        alert
        for check in (*DRIFT_CHECKS, "accuracy")
        for alert in alerts_of(check, evidence.of(check))
        if alert.open
    ]
    stale = [
        Finding(
            "operations",
            "no_evidence",
            f"{alert.item} has failed since {alert.begin} and the model was not updated",
            columns=alert.columns,
            begin=alert.raised_at,
            size=_age(evidence, alert),
        )
        for alert in seen
    ]
    reason = (
        "retraining is automated and no run of it is on record"
        if feature.retraining.automated
        else "retraining is not automated yet: nothing verifies that the model follows its world"
    )
    missing = Finding("operations", "no_evidence", reason, window=evidence.window)
    if seen:
        oldest = min(seen, key=lambda alert: alert.begin)
        reason += f"; {oldest.item} has failed since {oldest.begin} and the model was not updated"
    return Verdict.lacking(
        reason, "operations", missing, *stale, observed={"alerts_unanswered": len(seen)}
    )


def logs_written(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """Predictions were logged on every day of the week, every record could be read, and every
    known user action has its prediction."""
    missing = _without_verdict(feature, evidence, LOG_CHECKS, "completeness")
    broken = [
        finding
        for check in LOG_CHECKS
        for recorded in evidence.in_window(check).values()
        for finding in recorded.verdict.findings
        if recorded.verdict.status == "fail"
    ]
    judged = sum(len(evidence.in_window(check)) for check in LOG_CHECKS)
    rows = sum(v.verdict.sample_size for v in evidence.in_window("log_written").values())
    observed = {"predictions": rows, "verdicts": judged, "failing": len(broken)}
    if broken:
        return Verdict.failing(
            f"the log is not whole: {broken[0].reason}",
            *broken,
            *missing,
            sample_size=rows,
            observed=observed,
        )
    if missing:
        return _lacking(missing, "completeness", judged, observed)
    return Verdict.passing(
        f"{rows} predictions were logged on {len(evidence.in_window('log_written'))} days, "
        "none is missing",
        sample_size=rows,
        observed=observed,
    )


WEEKLY = (
    Item(
        "drift_reviewed",
        "Drift alerts are reviewed",
        "weekly",
        "drift_monitoring",
        "drift_report",
        DRIFT_CHECKS,
        drift_reviewed,
    ),
    Item(
        "cost_trend_checked",
        "The trend of the cost per prediction is checked",
        "weekly",
        "inference_management",
        "cost_trend",
        ("cost_trend",),
        cost_trend_checked,
    ),
    Item(
        "retraining_verified",
        "Automated retraining is verified",
        "weekly",
        "retraining_pipeline",
        "model_versions",
        (*DRIFT_CHECKS, "accuracy"),
        retraining_verified,
    ),
    Item(
        "logs_written",
        "Prediction logs are being written",
        "weekly",
        "prediction_logging",
        "log_completeness",
        LOG_CHECKS,
        logs_written,
    ),
)


def _without_verdict(
    feature: AiFeatureSpec,
    evidence: ChecklistEvidence,
    checks: tuple[str, ...],
    kind: FindingKind,
) -> list[Finding]:
    """A finding for every monitored day that a check did not judge, or could not."""
    findings = []
    for check in checks:
        verdicts = evidence.in_window(check)
        for day in evidence.monitored_days(feature):
            recorded = verdicts.get(day)
            if recorded is None:
                reason = f"{check} was not judged on {day}"
            elif recorded.verdict.status == "no_evidence":
                reason = f"{check} on {day}: {recorded.verdict.reason}"
            else:
                continue
            findings.append(Finding(kind, "no_evidence", reason, window=Window.of_day(day)))
    return findings


def _lacking(
    findings: list[Finding], kind: FindingKind, judged: int, observed: Mapping[str, Observed]
) -> Verdict:
    more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
    return Verdict.lacking(
        f"{findings[0].reason}{more}", kind, *findings, sample_size=judged, observed=observed
    )


def _overdue(evidence: ChecklistEvidence, alert: Alert) -> Finding:
    age = _age(evidence, alert)
    return Finding(
        "drift",
        "fail",
        f"{alert.item} alerts since {alert.begin}, {age:.0f} days without a review",
        columns=alert.columns,
        begin=alert.raised_at,
        size=age,
    )


def _age(evidence: ChecklistEvidence, alert: Alert) -> float:
    return (evidence.as_of - alert.raised_at) / timedelta(days=1)


def _monday(evidence: ChecklistEvidence) -> str:
    return evidence.window.start.date().isoformat()


def _plural(count: int, thing: str) -> str:
    return f"{count} {thing}" + ("s" if count != 1 else "")
