"""The gate: may a candidate replace the version in production? The rules, on its evaluation.

A verdict for each of ``GATE_CHECKS``, each with its own reason. The comparison itself must hold
(``gate_evidence``) and be one of two versions (``gate_sanity``); the candidate must surely be not
worse by more than a margin in discrimination and, for itself, in calibration, beside the version
in production and beside the one launched first (``gate_baseline``); no slice may be broken; an
answer may not take too long; and it must surely be better in something. Not to be worse takes
evidence too: an interval that reaches beyond the margin is a refusal, or a thin hold-out would let
a worse one through.
"""

from collections.abc import Iterator
from datetime import datetime

from ai_ops.accuracy_evaluation.candidate_records import EXPIRES_AFTER, CandidateEvaluation
from ai_ops.accuracy_evaluation.gate_budget import judge_budget
from ai_ops.accuracy_evaluation.gate_margins import (
    judge_baseline,
    judge_improvement,
    judge_not_worse,
)
from ai_ops.accuracy_evaluation.gate_metrics import (
    Criteria,
    metrics_of,
    observed_of,
    rows_in_words,
)
from ai_ops.accuracy_evaluation.gate_sanity import judge_sanity
from ai_ops.accuracy_evaluation.gate_slices import judge_slices
from ai_ops.ai_features.gate import CandidateGate
from ai_ops.vocabulary.verdicts import Finding, Verdict
from ai_ops.vocabulary.words import GATE_CHECKS, FindingKind

__all__ = ["Criteria", "judge_candidate", "without_criteria"]


def judge_candidate(
    evaluation: CandidateEvaluation, criteria: Criteria, live: str | None, as_of: datetime
) -> dict[str, Verdict]:
    """The gate's verdicts, by the names of their checks.

    ``live`` is the version in production at the moment ``as_of``. The numbers of a comparison
    that does not hold are evidence for nothing.
    """
    evidence = _judge_evidence(evaluation, criteria, live, as_of)
    compared = evaluation.compared
    if compared is None or not evidence.passed:
        words = f"not judged, for the comparison does not hold: {evidence.reason}"
        return _lacking_all(evaluation, words, criteria.hash) | {"gate_evidence": evidence}
    metrics = metrics_of(compared)
    said = {
        "gate_evidence": evidence,
        "gate_sanity": judge_sanity(evaluation, compared, criteria),
        "gate_discrimination": judge_not_worse(
            evaluation, compared, criteria, metrics.discrimination
        ),
        "gate_calibration": judge_not_worse(evaluation, compared, criteria, metrics.calibration),
        "gate_slices": judge_slices(evaluation, compared, criteria),
        "gate_baseline": judge_baseline(evaluation, compared, criteria),
        "gate_budget": judge_budget(evaluation, criteria),
        "gate_improvement": judge_improvement(evaluation, compared, criteria),
    }
    return {check: said[check] for check in GATE_CHECKS}


def without_criteria(evaluation: CandidateEvaluation, reason: str) -> dict[str, Verdict]:
    """The gate's verdicts where no criteria are in force: then nothing can be passed."""
    return _lacking_all(evaluation, reason, "")


def _lacking_all(
    evaluation: CandidateEvaluation, reason: str, gate_hash: str
) -> dict[str, Verdict]:
    lacking = Verdict.lacking(
        reason,
        "accuracy",
        window=evaluation.window,
        sample_size=evaluation.rows,
        observed=observed_of(evaluation, gate_hash),
    )
    return dict.fromkeys(GATE_CHECKS, lacking)


def _judge_evidence(
    evaluation: CandidateEvaluation, criteria: Criteria, live: str | None, as_of: datetime
) -> Verdict:
    unfair = list(_unfair(evaluation))
    lacking = [
        Finding(kind, "no_evidence", reason, window=evaluation.window)
        for kind, reason in (
            *_out_of_date(evaluation, live, as_of),
            *_unreadable(evaluation),
            *_too_little(evaluation, criteria.gate),
        )
    ]
    observed = observed_of(evaluation, criteria.hash)
    about = f"version {evaluation.version} cannot be judged: "
    reason = about + "; ".join(finding.reason for finding in (*unfair, *lacking))
    if unfair:
        return Verdict.failing(
            reason, *unfair, *lacking, sample_size=evaluation.rows, observed=observed
        )
    if lacking:
        return Verdict.lacking(
            reason, "accuracy", *lacking, sample_size=evaluation.rows, observed=observed
        )
    return Verdict.passing(
        f"version {evaluation.version} and version {evaluation.champion}, which is in production, "
        f"on the same {rows_in_words(evaluation)}{_outcomes(evaluation)}; none is among "
        f"the {evaluation.learnt.rows} rows that version {evaluation.version} learnt from",
        sample_size=evaluation.rows,
        observed=observed,
    )


def _unfair(evaluation: CandidateEvaluation) -> Iterator[Finding]:
    """What makes it no comparison, or one that the candidate cannot lose."""
    learnt, window = evaluation.learnt, evaluation.window
    if evaluation.version == evaluation.champion:
        words = f"version {evaluation.version} is in production: it was held against itself"
        yield Finding("version", "fail", words, window=window)
    if learnt.seen:
        words = f"it learnt from {learnt.seen} rows of the hold-out, as {learnt.examples[0]}"
        yield Finding("data_quality", "fail", words, window=window, size=float(learnt.seen))


def _out_of_date(
    evaluation: CandidateEvaluation, live: str | None, as_of: datetime
) -> Iterator[tuple[FindingKind, str]]:
    if evaluation.champion is None:
        yield "version", "no version was in production to compare with"
    elif live != evaluation.champion:
        words = f"it was held against version {evaluation.champion}, in production is {live}"
        yield "version", f"{words}: evaluate it again"
    if (age := as_of - evaluation.window.end) > EXPIRES_AFTER:
        words = f"its hold-out ended {age.days} days ago, with {evaluation.last_day}"
        yield "accuracy", f"{words}: train and evaluate a candidate of today"


def _unreadable(evaluation: CandidateEvaluation) -> Iterator[tuple[FindingKind, str]]:
    if evaluation.learnt.problem:
        yield "data_quality", evaluation.learnt.problem
    if evaluation.missing:
        yield "completeness", f"{', '.join(evaluation.missing)} was not there to be read"
    if evaluation.compared is None:
        yield "accuracy", evaluation.no_comparison or "nothing was compared"
        return
    compared = evaluation.compared
    on = {compared.candidate.rows, compared.champion.rows}
    if on != {evaluation.rows}:
        told = " and ".join(str(rows) for rows in sorted(on))
        yield "accuracy", f"the metrics are of {told} rows, not of the {evaluation.rows} labelled"
    metrics = metrics_of(compared).all
    if unknown := [one.words for one in metrics if not one.usable(compared)]:
        words = f"the difference in {', '.join(unknown)} has no finite value with an interval"
        yield "accuracy", words


def _too_little(
    evaluation: CandidateEvaluation, gate: CandidateGate
) -> Iterator[tuple[FindingKind, str]]:
    if evaluation.rows < gate.minimum_rows or evaluation.days < gate.minimum_days:
        words = (
            f"{evaluation.rows} labelled rows of {evaluation.days} days, needed are "
            f"{gate.minimum_rows} of {gate.minimum_days}"
        )
        thin = [day for day in evaluation.coverage if not day.judged]
        named = ", ".join(f"{day.day} ({day.coverage or 0:.0%})" for day in thin)
        yield "labels", words + (f"; too few labels on {named}" if named else "")
    if evaluation.rows and _of_one_outcome(evaluation):
        label = str(evaluation.positives > 0).lower() if _binary(evaluation) else "the same"
        yield "labels", f"every one of its {evaluation.rows} labels is {label}"


def _of_one_outcome(evaluation: CandidateEvaluation) -> bool:
    if _binary(evaluation):
        return evaluation.positives in (0, evaluation.rows)
    return evaluation.outcomes < 2


def _binary(evaluation: CandidateEvaluation) -> bool:
    compared = evaluation.compared
    return compared is None or compared.candidate.kind in ("score", "decision")


def _outcomes(evaluation: CandidateEvaluation) -> str:
    return f", {evaluation.positives} of them true" if _binary(evaluation) else ""
