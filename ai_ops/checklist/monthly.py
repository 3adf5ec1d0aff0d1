"""The four monthly items."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.call_sites import decided_sites
from ai_ops.checklist.combining import every_one, lacking, never_judged, unlooked
from ai_ops.checklist.declared import never_labelled, unwatched_model
from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.checklist.items import Item
from ai_ops.checklist.neglect import neglected, with_neglect
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Verdict
from ai_ops.vocabulary.words import FindingKind, OwnedDomain

HELD_OUT_CHECKS: Final = ("held_out", "held_out_accuracy", "evaluation_set_sufficient")
PLAUSIBLE: Final = "labels_plausible"
THRESHOLDS: Final = "drift_thresholds"
OPPORTUNITIES: Final = "cost_opportunities"
REVIEWED: Final = "cost_opportunities_reviewed"


def accuracy_on_held_out(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """The version in production was evaluated on the month's labelled set, of which no row was
    ever trained on, and which has labels enough: known correct answers find what a look at
    distributions cannot. Labels that look wrong call no version good or bad; drift that nobody
    answered for two weeks counts against it."""
    if not feature.labelled:
        return never_labelled(evidence.window)
    doubted = _doubted(evidence)
    verdict = _of_month(evidence, HELD_OUT_CHECKS, "labelled_evaluation_set", "accuracy", doubted)
    if verdict.status == "pass" and (
        missing := unlooked(feature, evidence, (PLAUSIBLE,), "labels")
    ):
        verdict = lacking(missing, "labels", verdict.sample_size, verdict.observed)
    return with_neglect(verdict, neglected(feature, evidence))


def thresholds_reviewed(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """The thresholds of drift were held against the month's alerts and against how usage has
    changed, and were kept or changed by the person who answers for them."""
    if (waived := unwatched_model(feature, evidence.window)) is not None:
        return waived
    verdict = _of_month(evidence, (THRESHOLDS,), THRESHOLDS, "drift")
    judged = evidence.in_window(THRESHOLDS).get(evidence.window.start.date().isoformat())
    if judged is None or verdict.status != "fail":
        return verdict
    for one in reversed(evidence.standing.threshold_changes):
        # Signed since the check failed for want of it: on that very proposal.
        if one.month == judged.partition and judged.as_of <= one.at <= evidence.as_of:
            did = "kept the thresholds" if one.decision == "keep" else f"changed {one.changed}"
            return Verdict.passing(
                f"{one.by} {did} on {one.at:%Y-%m-%d}: {one.reason}",
                sample_size=judged.verdict.sample_size,
                observed={**verdict.observed, "reviewed_by": one.by},
            )
    return verdict


def log_audited(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """The month's log was audited: complete, correctly structured, and a sample of its records
    compared with what users are known to have done."""
    return _of_month(evidence, ("log_audit",), "log_audit", "completeness")


def cost_opportunities_reviewed(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """What could cost less was looked for (caches, batches, the size of the model, machines that
    wait, the way of serving against the growth of traffic), and whoever answers for serving signed
    that they looked at it. Where calls could be batches, backend signed too: it decides that, for
    each call site or for the month. A call site that was signed for batches asks in batches."""
    verdict = _of_month(evidence, (OPPORTUNITIES,), OPPORTUNITIES, "cost")
    month = evidence.window.start.date().isoformat()
    judged = evidence.in_window(OPPORTUNITIES).get(month)
    if judged is None or verdict.status != "pass":
        return verdict
    needed: list[OwnedDomain] = ["inference_management"]
    sites = decided_sites(evidence, judged.verdict)
    if sites.open:
        needed.append("prediction_logging")
    signed = {domain: _reviewer(feature, evidence, domain, judged.as_of) for domain in needed}
    observed = {**verdict.observed, **{f"signed_{name}": by for name, by in signed.items()}}
    waiting = [domain for domain, by in signed.items() if by is None]
    if not waiting and not sites.against:
        people = ", ".join(dict.fromkeys(by for by in signed.values() if by))
        reason = "; ".join([f"{people} looked at it: {verdict.reason}", *sites.words])
        size = judged.verdict.sample_size
        return Verdict.passing(reason, sample_size=size, observed=observed)
    unsigned = [_unsigned(feature, month, domain, ", ".join(sites.open)) for domain in waiting]
    reason = "; ".join([*sites.against, *unsigned])
    finding = Finding("cost", "fail", reason, window=evidence.window)
    size = judged.verdict.sample_size
    return Verdict.failing(reason, finding, sample_size=size, observed=observed)


def _reviewer(
    feature: AiFeatureSpec, evidence: ChecklistEvidence, domain: OwnedDomain, since: datetime
) -> str | None:
    """Who signed the month's costs off for a domain since they were judged; None: nobody."""
    month = evidence.window.start.date().isoformat()
    owner = feature.owner_of(domain).accountable
    for one in reversed(evidence.standing.sign_offs):
        own = (one.item, one.cadence, one.partition) == (REVIEWED, "monthly", month)
        # Whoever answers for both signs once.
        if own and (one.domain == domain or one.by == owner) and since <= one.at <= evidence.as_of:
            return one.by
    return None


def _unsigned(feature: AiFeatureSpec, month: str, domain: OwnedDomain, sites: str) -> str:
    owner = feature.owner_of(domain).accountable
    command = f"ai-ops sign-off {feature.name} {REVIEWED} --partition {month}"
    if domain == "inference_management":
        return (
            f"nobody who answers for serving looked at what {month[:7]} could have cost less: "
            f"ai-ops costs opportunities {feature.name}, then {command} --by {owner}"
        )
    return (
        f"{owner} did not decide yet whether {sites} should ask in batches: "
        f"ai-ops call-sites sign {feature.name} SITE --as sync|batch, or for this month "
        f"{command} --domain {domain} --by {owner}"
    )


MONTHLY = (
    Item(
        "accuracy_on_held_out",
        "Accuracy is evaluated on held-out ground truth",
        "monthly",
        "drift_monitoring",
        "labelled_evaluation_set",
        (*HELD_OUT_CHECKS, PLAUSIBLE),
        accuracy_on_held_out,
        max_age_days=45,
    ),
    Item(
        "thresholds_reviewed",
        "The thresholds of drift are reviewed",
        "monthly",
        "drift_monitoring",
        THRESHOLDS,
        (THRESHOLDS,),
        thresholds_reviewed,
        max_age_days=45,
    ),
    Item(
        "log_audited",
        "The prediction log is audited",
        "monthly",
        "prediction_logging",
        "log_audit",
        ("log_audit",),
        log_audited,
        max_age_days=45,
    ),
    Item(
        REVIEWED,
        "Opportunities to spend less are reviewed",
        "monthly",
        "inference_management",
        OPPORTUNITIES,
        (OPPORTUNITIES,),
        cost_opportunities_reviewed,
        max_age_days=45,
    ),
)


def _doubted(evidence: ChecklistEvidence) -> dict[str, str]:
    """Why nothing is said of the accuracy on the month's labels, if they look wrong."""
    days = {
        day: recorded
        for day, recorded in evidence.in_window(PLAUSIBLE).items()
        if recorded.verdict.status == "fail"
    }
    if not days:
        return {}
    words = (
        f"accuracy is not known: the labels look wrong in the runs of {plural(len(days), 'day')} "
        f"({min(days)} to {max(days)}): {days[max(days)].verdict.reason}"
    )
    return {"held_out_accuracy": words}


def _of_month(
    evidence: ChecklistEvidence,
    checks: tuple[str, ...],
    asset: str,
    kind: FindingKind,
    doubted: Mapping[str, str] | None = None,
) -> Verdict:
    """The verdict on the month's verdicts; what is ``doubted``, and why, counts as not judged."""
    first = evidence.window.start.date()
    found = {check: evidence.in_window(check).get(first.isoformat()) for check in checks}
    absent = {check: never_judged(check, asset, f" for {first:%Y-%m}") for check in checks}
    for check, words in (doubted or {}).items():
        found[check], absent[check] = None, words
    return every_one(found, absent, kind)
