"""The six pre-launch items: none optional, each judged from the rehearsal and the books."""

from datetime import datetime
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.combining import every_day, every_one, never_judged
from ai_ops.checklist.declared import trained_elsewhere
from ai_ops.checklist.drift_live import DRIFT_CHECKS, REFERENCE, WELL_FORMED, drift_ready
from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.checklist.items import Item
from ai_ops.checklist.load import EXPIRES_DAYS, LOOKED, TESTED, still_speaks
from ai_ops.checklist.logged import LOG_CHECKS, judge_log
from ai_ops.vocabulary.verdicts import Verdict

REHEARSED_DAYS: Final = 7
"""How many whole days before the judgement are looked at; fewer where monitoring is younger."""

DRILLED: Final = "rollback_drill"
REGISTRY_CHECKS = ("version_registered", "registry_reconciled")


def logging_ready(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """Every prediction of the last seven whole days was logged, could be read, and belongs to a
    user action; every writer was there, and a witness counted nothing more: logging works before
    anybody relies on it."""
    return judge_log(feature, evidence)


def registry_ready(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """The version to launch stands in the registry with its metrics and the digest of its data,
    another one beside it to roll back to, and registry and ledger tell the same story."""
    if not feature.trained_here:
        what = "its versions stand in their registry, not here"
        return trained_elsewhere(feature, what, evidence.window)
    found = {check: evidence.newest(check) for check in REGISTRY_CHECKS}
    absent = {check: never_judged(check, "model_versions") for check in REGISTRY_CHECKS}
    return every_one(found, absent, "version")


def load_tested(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """The endpoint was tested at twice its declared peak or more: judged at the peak, with a cold
    start, memory, and synchronous beside batch requests; not longer ago than 90 days, and no
    version of another size is served by now."""
    return still_speaks(feature, evidence, _on_record(evidence, TESTED, "load_test"))


def rollback_rehearsed(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """A named person ran the rollback end to end, outside production, in minutes by the clock: a
    procedure that is only written down does not count."""
    if not feature.trained_here:
        what = "the way back is rehearsed by whoever serves it"
        return trained_elsewhere(feature, what, evidence.window)
    return _still_young(evidence, _on_record(evidence, DRILLED, "rollback_drill"))


def cost_tracked(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """What the predictions of the last seven whole days cost is known, with every price declared:
    a cost that nobody sees is the first that surprises."""
    return every_day(
        feature, evidence, ("cost_known",), "cost", wrong="the cost is not known", right="costed"
    )


PRE_LAUNCH = (
    Item(
        "logging_ready",
        "Predictions are logged",
        "pre_launch",
        "prediction_logging",
        "log_completeness",
        LOG_CHECKS,
        logging_ready,
        max_age_days=8,
    ),
    Item(
        "registry_ready",
        "The version stands in the registry",
        "pre_launch",
        "retraining_pipeline",
        "model_versions",
        REGISTRY_CHECKS,
        registry_ready,
        max_age_days=8,
    ),
    Item(
        "drift_ready",
        "Drift monitoring is live",
        "pre_launch",
        "drift_monitoring",
        "drift_report",
        (REFERENCE, *WELL_FORMED, *DRIFT_CHECKS),
        drift_ready,
        max_age_days=8,
    ),
    Item(
        "load_tested",
        "The endpoint is load tested",
        "pre_launch",
        "inference_management",
        "load_test",
        (TESTED,),
        load_tested,
        max_age_days=EXPIRES_DAYS,
        beside=(LOOKED,),
    ),
    Item(
        "rollback_rehearsed",
        "The rollback was rehearsed",
        "pre_launch",
        "inference_management",
        "rollback_drill",
        (DRILLED,),
        rollback_rehearsed,
        max_age_days=EXPIRES_DAYS,
    ),
    Item(
        "cost_tracked",
        "The cost of inference is tracked",
        "pre_launch",
        "inference_management",
        "cost_rollup",
        ("cost_known",),
        cost_tracked,
        max_age_days=8,
    ),
)


def _still_young(evidence: ChecklistEvidence, verdict: Verdict) -> Verdict:
    """The verdict of a drill, or no evidence when it was run too long ago, however lately the
    check judged it."""
    recorded = evidence.newest(DRILLED)
    told = None if recorded is None else recorded.verdict.observed.get("drilled_at")
    if verdict.status != "pass" or told is None:
        return verdict
    age = evidence.days_since(datetime.fromisoformat(str(told)))
    if age <= EXPIRES_DAYS:
        return verdict
    reason = f"the rollback was drilled {age:.0f} days ago; it speaks for {EXPIRES_DAYS}: drill it"
    return Verdict.lacking(
        f"{reason} again",
        "operations",
        sample_size=verdict.sample_size,
        observed=verdict.observed,
    )


def _on_record(evidence: ChecklistEvidence, check: str, asset: str) -> Verdict:
    return every_one(
        {check: evidence.newest(check)}, {check: never_judged(check, asset)}, "operations"
    )
