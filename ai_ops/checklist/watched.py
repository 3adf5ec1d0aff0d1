"""An item whose machinery is dead is not believed: nothing would have told that it went wrong."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.checklist.items import Item
from ai_ops.checklist.machinery import BOOKS, Sign, seen_before
from ai_ops.vocabulary.verdicts import Finding, Verdict

NAMED: Final = 3
"""So many dead sources are named in a reason; all of them are findings."""

LIVE: Final = "drift_ready"
"""The item that says that monitoring is live: it is not where no process was ever seen."""


def watched(item: Item, verdict: Verdict, evidence: ChecklistEvidence) -> Verdict:
    """The verdict, unless it is a pass that a dead source would have had to contradict; what is
    no pass stays what it is, and names the source as well.

    Where no process was ever seen, a log was judged by hand, and the lists stand on that alone.
    """
    dead = blind(item, evidence.machinery)
    if not dead or verdict.status == "waived":
        return verdict
    findings = [Finding("operations", "no_evidence", _told(one), begin=one.last_at) for one in dead]
    observed = {**verdict.observed, "dead_sources": len(dead)}
    reason = "; ".join(finding.reason for finding in findings[:NAMED])
    if (more := len(findings) - NAMED) > 0:
        reason += f"; and {more} more: ai-ops watchdog"
    if verdict.status != "pass":
        told = f"{verdict.reason}; {reason}"
        every = (*verdict.findings, *findings)
        return replace(verdict, reason=told, findings=every, observed=observed)
    return Verdict.lacking(
        reason,
        "operations",
        *findings,
        *verdict.findings,
        sample_size=verdict.sample_size,
        observed=observed,
        evidence=verdict.evidence,
    )


def blind(item: Item, machinery: Sequence[Sign]) -> list[Sign]:
    """The sources that an item needs and that are not at work."""
    own = [one for one in machinery if item.id in one.items]
    if seen_before(machinery):
        return [one for one in own if one.state == "dead"]
    if item.id == LIVE:
        return [one for one in own if one.state in ("dead", "never")]
    return [one for one in own if one.state == "dead" and one.source in BOOKS]


def _told(sign: Sign) -> str:
    state = "is dead" if sign.state == "dead" else "was never seen"
    return f"{sign.source} {state}: {sign.words}"
