"""Whether drift monitoring is live: what the pre-launch item on it is judged from."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.applying import judged_of
from ai_ops.checklist.combining import lacking, never_judged, without_verdict
from ai_ops.checklist.declared import unwatched_model
from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Observed, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window

DRIFT_CHECKS: Final = ("input_drift", "output_drift", "joint_drift")
"""What a launch waits for; a slice may take weeks until its own rows tell what is normal for it."""
REFERENCE: Final = "reference_present"
WELL_FORMED: Final = ("inputs_well_formed",)


def drift_ready(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """Drift monitoring is live: the version's reference stands, every day's inputs and drift were
    really judged, and the criteria that a later version must meet are frozen. What was found on
    those days is answered elsewhere: an alert shows that the monitoring works."""
    if (waived := unwatched_model(feature, evidence.window)) is not None:
        return waived
    days = _DriftDays.of(feature, evidence)
    wrong = [*_broken(evidence), *_gate_changed(feature, evidence)]
    missing = [
        *_without_reference(evidence),
        *without_verdict(feature, evidence, WELL_FORMED, "data_quality"),
        *days.missing,
        *_gate_missing(feature, evidence),
    ]
    observed: dict[str, Observed] = {
        "days_judged": len(days.judged),
        "days_without_whole_window": len(days.filling),
        "drift_alerts": days.alerts,
        "malformed_days": _malformed(evidence),
        "gate": evidence.standing.gate.hash if evidence.standing.gate else None,
    }
    rows = sum(v.verdict.sample_size for v in evidence.in_window(WELL_FORMED[0]).values())
    if wrong:
        reason = f"drift monitoring is not fit to launch: {wrong[0].reason}"
        return Verdict.failing(reason, *wrong, *missing, sample_size=rows, observed=observed)
    if missing:
        return lacking(missing, "drift", rows, observed)
    return Verdict.passing(days.words(evidence), sample_size=rows, observed=observed)


@dataclass(frozen=True, slots=True)
class _DriftDays:
    """The days of the rehearsal by what became of drift: judged over a whole window, or reported
    while the first window was still filling; alerts among them, and what is missing."""

    judged: tuple[str, ...]
    filling: tuple[str, ...]
    alerts: int
    missing: tuple[Finding, ...]
    own: bool = True

    @classmethod
    def of(cls, feature: AiFeatureSpec, evidence: ChecklistEvidence) -> "_DriftDays":
        whole = feature.monitoring.start + timedelta(days=feature.drift.window_days - 1)
        judged: list[str] = []
        filling: list[str] = []
        alerts = 0
        missing: list[Finding] = []
        checks = judged_of(DRIFT_CHECKS, feature)
        for day in evidence.monitored_days(feature):
            found = {check: evidence.in_window(check).get(day) for check in checks}
            if lacks := [
                _lack(check, day, recorded)
                for check, recorded in found.items()
                if not _looked(recorded, first_days=day < whole.isoformat())
            ]:
                missing += lacks
                continue
            statuses = {recorded.verdict.status for recorded in found.values() if recorded}
            alerts += "fail" in statuses
            (filling if "no_evidence" in statuses else judged).append(day)
        if not judged and not missing:
            reason = f"drift was judged over no whole window yet; the first ends with {whole}"
            missing.append(Finding("drift", "no_evidence", reason, window=evidence.window))
        return cls(tuple(judged), tuple(filling), alerts, tuple(missing), feature.trained_here)

    def words(self, evidence: ChecklistEvidence) -> str:
        reference, gate = evidence.newest(REFERENCE), evidence.standing.gate
        version = reference.verdict.observed.get("version") if reference else None
        against = f"the reference of version {version}" if self.own else "the declared reference"
        parts = [f"drift was judged on {_named(self.judged)} against {against}"]
        if self.filling:
            parts.append(f"{_named(self.filling)} had no whole window yet")
        if self.alerts:
            parts.append(f"it alerts on {plural(self.alerts, 'day')}")
        if malformed := _malformed(evidence):
            parts.append(f"inputs were not well formed on {plural(malformed, 'day')}")
        parts.append(f"the criteria were frozen by {gate.by if gate else 'nobody'}")
        return "; ".join(parts)


def _broken(evidence: ChecklistEvidence) -> list[Finding]:
    reference = evidence.newest(REFERENCE)
    failed = reference is not None and reference.verdict.status == "fail"
    return list(reference.verdict.findings) if reference and failed else []


def _malformed(evidence: ChecklistEvidence) -> int:
    """The days on which the inputs were judged and found wanting."""
    judged = evidence.in_window(WELL_FORMED[0]).values()
    return sum(recorded.verdict.status == "fail" for recorded in judged)


def _looked(recorded: RecordedVerdict | None, *, first_days: bool) -> bool:
    """Whether drift was looked at: judged, or reported on rows while the first window filled."""
    if recorded is None:
        return False
    verdict = recorded.verdict
    return verdict.status != "no_evidence" or (first_days and verdict.sample_size > 0)


def _lack(check: str, day: str, recorded: RecordedVerdict | None) -> Finding:
    reason = (
        f"{check} was not judged on {day}"
        if recorded is None
        else f"{check} on {day}: {recorded.verdict.reason}"
    )
    return Finding("drift", "no_evidence", reason, window=Window.of_day(day))


def _without_reference(evidence: ChecklistEvidence) -> list[Finding]:
    recorded = evidence.newest(REFERENCE)
    if recorded is not None and recorded.verdict.status != "no_evidence":
        return []
    absent = never_judged(REFERENCE, "reference_profile")
    return [Finding("drift", "no_evidence", recorded.verdict.reason if recorded else absent)]


def _gate_missing(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> list[Finding]:
    if evidence.standing.gate is not None or not feature.labelled:
        return []  # where no answer is ever known, no criterion can be held against one
    reason = "the criteria of the gate are frozen by nobody: a later version could be measured by "
    return [Finding("operations", "no_evidence", reason + "any; sign them with ai-ops freeze-gate")]


def _gate_changed(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> list[Finding]:
    gate = evidence.standing.gate
    if gate is None or gate.hash == feature.gate.digest:
        return []
    reason = (
        f"the file's gate ({feature.gate.digest[:12]}…) is not the one that {gate.by} signed on "
        f"{gate.at:%Y-%m-%d} ({gate.hash[:12]}…); amend it, signed, or undo the change"
    )
    return [Finding("operations", "fail", reason)]


def _named(days: tuple[str, ...]) -> str:
    """Days as words: ``2021-03-04``, or ``6 days (2021-03-01 … 2021-03-06)``."""
    return days[0] if len(days) == 1 else f"{len(days)} days ({days[0]} … {days[-1]})"
