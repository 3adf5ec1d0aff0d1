"""An alert that reached nobody: what reads it is not believed to be in hand."""

from dataclasses import replace
from typing import Final

from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.checklist.items import Item
from ai_ops.vocabulary.verdicts import Finding, Verdict

DELIVERED: Final = "alerts_delivered"
"""The check whose verdict an item looks at that has it ``beside``."""


def delivered(item: Item, verdict: Verdict, evidence: ChecklistEvidence) -> Verdict:
    """The verdict, unless it is a pass while people were not told of an incident that is open.

    In a replay nobody is told anything; without an incident there was nothing to tell.
    """
    incidents = [one.id for one in evidence.standing.open_incidents]
    if DELIVERED not in item.beside or not evidence.live or not incidents:
        return verdict
    finding = _untold(evidence, incidents)
    if finding is None or verdict.status == "waived":
        return verdict
    if verdict.status != "pass":
        told = f"{verdict.reason}; {finding.reason}"
        return replace(verdict, reason=told, findings=(*verdict.findings, finding))
    return Verdict.lacking(
        finding.reason,
        "operations",
        finding,
        *verdict.findings,
        sample_size=verdict.sample_size,
        observed=verdict.observed,
        evidence=verdict.evidence,
    )


def _untold(evidence: ChecklistEvidence, incidents: list[str]) -> Finding | None:
    """What is missing so that people know of the incidents; None when they do."""
    last = evidence.last_seen(DELIVERED)
    if last is None:
        reason = (
            f"whether anybody was told of {', '.join(incidents)} is not known: {DELIVERED} was "
            "never judged; start the sensor of notifications, and set AI_OPS_NOTIFY"
        )
        return Finding("operations", "no_evidence", reason)
    if last.verdict.passed:
        return None
    return Finding(
        "operations",
        "no_evidence",
        f"{DELIVERED}: {last.verdict.reason}",
        begin=last.as_of,
    )
