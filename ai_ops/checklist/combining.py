"""From the verdicts of checks to the verdict of the item that reads them."""

from collections.abc import Mapping, Sequence

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Observed, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import FindingKind


def every_day(
    feature: AiFeatureSpec,
    evidence: ChecklistEvidence,
    checks: tuple[str, ...],
    kind: FindingKind,
    *,
    wrong: str,
    right: str,
) -> Verdict:
    """Whether each check passes on every monitored day of the window.

    ``wrong`` introduces what failed, ``right`` says what was done to the predictions otherwise;
    the first check's sample is the number of predictions.
    """
    missing = without_verdict(feature, evidence, checks, kind)
    broken = failing_days(evidence, checks)
    judged = sum(len(evidence.in_window(check)) for check in checks)
    first = evidence.in_window(checks[0])
    rows = sum(recorded.verdict.sample_size for recorded in first.values())
    observed = {"predictions": rows, "verdicts": judged, "failing": len(broken)}
    if broken:
        return Verdict.failing(
            f"{wrong}: {broken[0].reason}",
            *broken,
            *missing,
            sample_size=rows,
            observed=observed,
        )
    if missing:
        return lacking(missing, kind, judged, observed)
    return Verdict.passing(
        f"{rows} predictions were {right} on {plural(len(first), 'day')}, none is missing",
        sample_size=rows,
        observed=observed,
    )


def every_one(
    found: Mapping[str, RecordedVerdict | None], absent: Mapping[str, str], kind: FindingKind
) -> Verdict:
    """Whether each of some verdicts passes; ``absent`` says for each check what its lack means."""
    wrong: list[Finding] = []
    missing: list[Finding] = []
    for check, recorded in found.items():
        if recorded is None:
            missing.append(Finding(kind, "no_evidence", absent[check]))
        elif recorded.verdict.status == "fail":
            wrong.extend(recorded.verdict.findings)
        elif recorded.verdict.status == "no_evidence":
            reason = f"{check}: {recorded.verdict.reason}"
            missing.append(Finding(kind, "no_evidence", reason, window=recorded.window))
    judged = [recorded for recorded in found.values() if recorded is not None]
    rows = sum(recorded.verdict.sample_size for recorded in judged)
    observed: dict[str, Observed] = {
        f"{recorded.item}_status": recorded.verdict.status for recorded in judged
    }
    reasons = [r.verdict.reason for r in judged if r.verdict.status == "fail"]
    if wrong:
        reason = "; ".join(reasons)
        return Verdict.failing(reason, *wrong, *missing, sample_size=rows, observed=observed)
    if missing:
        return lacking(missing, kind, rows, observed)
    reason = "; ".join(recorded.verdict.reason for recorded in judged)
    return Verdict.passing(reason, sample_size=rows, observed=observed)


def without_verdict(
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
                reason = f"{check} was not judged on {day}{_last_seen(evidence, check)}"
            elif recorded.verdict.status == "no_evidence":
                reason = f"{check} on {day}: {recorded.verdict.reason}"
            else:
                continue
            findings.append(Finding(kind, "no_evidence", reason, window=Window.of_day(day)))
    return findings


def unlooked(
    feature: AiFeatureSpec,
    evidence: ChecklistEvidence,
    checks: tuple[str, ...],
    kind: FindingKind,
) -> list[Finding]:
    """A finding for every monitored day on which a check never ran: that it had nothing to judge
    by is on record where it did, and is held against nobody."""
    return [
        Finding(
            kind,
            "no_evidence",
            f"{check} was not judged on {day}{_last_seen(evidence, check)}",
            window=Window.of_day(day),
        )
        for check in checks
        for day in evidence.monitored_days(feature)
        if day not in evidence.in_window(check)
    ]


def failing_days(evidence: ChecklistEvidence, checks: tuple[str, ...]) -> list[Finding]:
    """What the checks found on the days of the window on which they failed."""
    return [
        finding
        for check in checks
        for recorded in evidence.in_window(check).values()
        for finding in recorded.verdict.findings
        if recorded.verdict.status == "fail"
    ]


def lacking(
    findings: Sequence[Finding], kind: FindingKind, judged: int, observed: Mapping[str, Observed]
) -> Verdict:
    """No evidence: the first of what is missing in words, all of it as findings."""
    more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
    return Verdict.lacking(
        f"{findings[0].reason}{more}", kind, *findings, sample_size=judged, observed=observed
    )


def never_judged(check: str, asset: str, when: str = "") -> str:
    """That nothing is on record of a check, with the asset that would bring it.

    >>> never_judged("accuracy", "evaluation_run", " on 2021-03-04")
    'accuracy was not judged on 2021-03-04: materialise evaluation_run'
    """
    return f"{check} was {'not' if when else 'never'} judged{when}: materialise {asset}"


def _last_seen(evidence: ChecklistEvidence, check: str) -> str:
    """When a check that judged no day of the window judged last."""
    seen = None if evidence.in_window(check) else evidence.last_seen(check)
    return f" (it judged last {evidence.days_since(seen.as_of):.0f} days ago)" if seen else ""
