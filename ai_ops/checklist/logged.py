"""Whether the log is whole: what the items on logging are judged from, week by week."""

from dataclasses import replace
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.applying import judged_of
from ai_ops.checklist.combining import every_day, without_verdict
from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Verdict

COMPLETE: Final = "log_complete"
LOG_CHECKS: Final = (
    "log_written",
    COMPLETE,
    "user_actions_present",
    "log_recent",
    "writers_present",
    "witness_agrees",
    "log_unsampled",
    "schema_conforms",
    "version_is_champion",
)
"""What proves a day's log: it was written by everybody, whole, as declared, and nobody saw more."""

_WRONG: Final = "the log is not whole"


def judge_log(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """Whether every day's log passes every check that the feature can have.

    A log that something else wrote never does: nobody counted while it was written.
    """
    checks = judged_of(LOG_CHECKS, feature)
    verdict = every_day(feature, evidence, checks, "completeness", wrong=_WRONG, right="logged")
    if feature.source is None:
        return verdict
    verdict = replace(verdict, observed={**verdict.observed, "completeness": "unprovable"})
    others = tuple(check for check in checks if check != COMPLETE)
    if verdict.status != "no_evidence" or without_verdict(
        feature, evidence, others, "completeness"
    ):
        return verdict
    days = plural(len(evidence.in_window(others[0])), "day")
    rows = verdict.observed.get("predictions")
    reason = (
        f"completeness is unprovable: {rows} predictions of {days} could be read, and nobody "
        "counted them while they were written; log with ai_ops.client to prove that none is missing"
    )
    found = Finding("completeness", "no_evidence", reason, window=evidence.window)
    return replace(verdict, reason=reason, findings=(found, *verdict.findings))
