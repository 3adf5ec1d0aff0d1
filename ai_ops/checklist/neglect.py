"""Drift that nobody answered for so long that the model counts as one that has under-performed."""

from dataclasses import replace

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.evidence import DRIFT_CHECKS, ChecklistEvidence
from ai_ops.storage.ageing import Waiting, waiting_of
from ai_ops.vocabulary.alerts import alerts_of
from ai_ops.vocabulary.verdicts import Finding, Verdict


def neglected(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> list[Finding]:
    """What of the window's model counts against its accuracy: each alert with its age."""
    alerts = [one for check in DRIFT_CHECKS for one in alerts_of(check, evidence.of(check))]
    waiting = waiting_of(feature, evidence.standing, evidence.as_of, alerts)
    return [
        _finding(one) for one in waiting if one.neglected and one.raised_at < evidence.window.end
    ]


def with_neglect(verdict: Verdict, findings: list[Finding]) -> Verdict:
    """The verdict on a model's accuracy, which fails while drift on it is neglected."""
    if not findings:
        return verdict
    said = "; ".join(finding.reason for finding in findings)
    return replace(
        verdict,
        status="fail",
        reason=f"{said}; {verdict.reason}",
        findings=(*findings, *verdict.findings),
    )


def _finding(one: Waiting) -> Finding:
    return Finding(
        "accuracy", "fail", f"{one.words} (critical)", begin=one.raised_at, size=one.days
    )
