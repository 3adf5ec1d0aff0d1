"""Whether a load test that passed still speaks for the endpoint: its age, its peak, its version."""

from datetime import datetime
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.vocabulary.size_classes import size_class
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict

TESTED: Final = "load_test"
LOOKED: Final = "version_registered"
TIMES: Final = 2.0
"""How many times the declared peak is to be tested."""
EXPIRES_DAYS: Final = 90


def still_speaks(feature: AiFeatureSpec, evidence: ChecklistEvidence, verdict: Verdict) -> Verdict:
    """The verdict of a test that passed, or no evidence when it was of something else than what is
    served and expected now."""
    recorded = evidence.newest(TESTED)
    if verdict.status != "pass" or recorded is None:
        return verdict
    reasons = [*_age(evidence, recorded), *_peak(feature, recorded)]
    if feature.trained_here:
        reasons += _version(evidence, recorded)
    if not reasons:
        return verdict
    findings = [Finding("operations", "no_evidence", f"{why}: test it again") for why in reasons]
    return Verdict.lacking(
        "; ".join(finding.reason for finding in findings),
        "operations",
        *findings,
        sample_size=verdict.sample_size,
        observed=verdict.observed,
    )


def _age(evidence: ChecklistEvidence, recorded: RecordedVerdict) -> list[str]:
    # The check may have judged an old test again: what counts is when it was run. (How old the
    # judgement itself is, every item looks at.)
    told = recorded.verdict.observed.get("tested_at")
    if told is None:
        return []
    age = evidence.days_since(datetime.fromisoformat(str(told)))
    if age <= EXPIRES_DAYS:
        return []
    return [f"the load test is {age:.0f} days old; it speaks for {EXPIRES_DAYS}"]


def _peak(feature: AiFeatureSpec, recorded: RecordedVerdict) -> list[str]:
    declared, tested = feature.serving.expected_peak, recorded.verdict.observed.get("tested_rate")
    if declared is None:
        return ["no peak is declared (serving.expected_peak)"]
    needed = TIMES * declared.requests_per_second
    if isinstance(tested, int | float) and tested >= needed * (1 - 1e-9):
        return []
    return [
        f"{tested or 0:g} requests a second were tested, {TIMES:g} times the peak is {needed:g}"
    ]


def _version(evidence: ChecklistEvidence, recorded: RecordedVerdict) -> list[str]:
    tested = recorded.verdict.observed.get("version")
    looked = evidence.last_seen(LOOKED)
    if looked is None and evidence.standing.live is None:
        return [f"{LOOKED} was never judged, so nobody knows which version would be served"]
    seen = {} if looked is None else looked.verdict.observed
    served = evidence.standing.live or seen.get("champion") or tested
    if served == tested:
        return []
    known, size = seen.get("champion") == served, seen.get("size_bytes")
    now = size_class(size) if known and isinstance(size, int) else None
    before = recorded.verdict.observed.get("size_class")
    if now is not None and now == before:
        return []
    return [
        f"version {served} ({now or 'of a size that nobody looked at'}) is served, and version "
        f"{tested} ({before or 'of unknown size'}) was tested"
    ]
