"""The gate: may a candidate replace the version in production? The rules, on its evaluation.

Four verdicts, each with its own reason. The comparison itself must hold (``gate_evidence``); the
candidate must surely be not worse by more than a margin in discrimination and, for itself, in
calibration; and surely better in one of them. Not to be worse takes evidence too: an interval
that reaches beyond the margin is a refusal, or a thin hold-out would let a worse one through.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ai_ops.accuracy_evaluation.candidate_records import (
    EXPIRES_AFTER,
    CandidateEvaluation,
    Compared,
)
from ai_ops.accuracy_evaluation.gate_metrics import (
    CALIBRATION,
    COMPARED,
    DISCRIMINATION,
    Metric,
    finding_of,
    numbers_of,
    observed_of,
    rows_of,
)
from ai_ops.ai_features.gate import CandidateGate
from ai_ops.vocabulary.verdicts import Finding, Verdict
from ai_ops.vocabulary.words import GATE_CHECKS, FindingKind


@dataclass(frozen=True)
class Criteria:
    """The criteria in force, and their hash in the ledger."""

    gate: CandidateGate
    hash: str


def judge_candidate(
    evaluation: CandidateEvaluation, criteria: Criteria, live: str | None, as_of: datetime
) -> dict[str, Verdict]:
    """The gate's four verdicts, by the names of their checks.

    ``live`` is the version in production at the moment ``as_of``. The numbers of a comparison
    that does not hold are evidence for nothing.
    """
    evidence = _judge_evidence(evaluation, criteria, live, as_of)
    compared = evaluation.compared
    if compared is None or not evidence.passed:
        words = f"not judged, for the comparison does not hold: {evidence.reason}"
        return _lacking_all(evaluation, words, criteria.hash) | {"gate_evidence": evidence}
    return {
        "gate_evidence": evidence,
        "gate_discrimination": _judge_not_worse(evaluation, compared, criteria, DISCRIMINATION),
        "gate_calibration": _judge_not_worse(evaluation, compared, criteria, CALIBRATION),
        "gate_improvement": _judge_improvement(evaluation, compared, criteria),
    }


def without_criteria(evaluation: CandidateEvaluation, reason: str) -> dict[str, Verdict]:
    """The gate's four verdicts where no criteria are in force: then nothing can be passed."""
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
        f"on the same {rows_of(evaluation)}, {evaluation.positives} of them true; none is among "
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
    unknown = [m.words for m in COMPARED if not m.usable(evaluation.compared)]
    if unknown:
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
    if evaluation.rows and evaluation.positives in (0, evaluation.rows):
        words = f"every one of its {evaluation.rows} labels is {evaluation.positives > 0}"
        yield "labels", words.lower()


def _judge_not_worse(
    evaluation: CandidateEvaluation,
    compared: Compared,
    criteria: Criteria,
    metrics: tuple[Metric, ...],
) -> Verdict:
    findings = []
    for metric in metrics:
        better, margin = metric.better_by(compared), metric.margin(criteria.gate)
        words = metric.told(evaluation, compared)
        if better.low is not None and better.low >= -margin:
            findings.append(finding_of(evaluation, "pass", words, better))
        elif better.value < -margin:
            words += f": worse by more than the gate's {margin:g}"
            findings.append(finding_of(evaluation, "fail", words, better))
        else:
            words += f": not surely within the gate's {margin:g}"
            findings.append(finding_of(evaluation, "fail", words, better))
    observed = observed_of(evaluation, criteria.hash) | numbers_of(compared)
    observed |= {f"{metric.name}_margin": metric.margin(criteria.gate) for metric in metrics}
    failed = [finding for finding in findings if finding.status == "fail"]
    told = "; ".join(finding.reason for finding in failed or findings)
    about = f"version {evaluation.version} on {rows_of(evaluation)}: {told}"
    if failed:
        # What speaks for the candidate stands beside what refuses it: a person sees both.
        for metric in COMPARED:
            if metric not in metrics and metric.better_by(compared).value > 0:
                about += f"; although it is better in {metric.told(evaluation, compared)}"
        return Verdict.failing(about, *findings, sample_size=evaluation.rows, observed=observed)
    return Verdict.passing(
        about, sample_size=evaluation.rows, observed=observed, findings=tuple(findings)
    )


def _judge_improvement(
    evaluation: CandidateEvaluation, compared: Compared, criteria: Criteria
) -> Verdict:
    gained, rest = [], []
    for metric in COMPARED:
        better, gain = metric.better_by(compared), metric.gain(criteria.gate)
        words = metric.told(evaluation, compared)
        if better.beyond(gain):
            gained.append(finding_of(evaluation, "pass", words, better))
        else:
            words += f": not surely better by {gain:g}"
            rest.append(finding_of(evaluation, "fail", words, better))
    observed = observed_of(evaluation, criteria.hash) | numbers_of(compared)
    observed |= {f"{metric.name}_gain": metric.gain(criteria.gate) for metric in COMPARED}
    told = "; ".join(finding.reason for finding in gained or rest)
    if not gained:
        return Verdict.failing(
            f"version {evaluation.version} is no better than version {evaluation.champion} on "
            f"{rows_of(evaluation)}: {told}",
            *rest,
            sample_size=evaluation.rows,
            observed=observed,
        )
    return Verdict.passing(
        f"version {evaluation.version} is better on {rows_of(evaluation)}: {told}",
        sample_size=evaluation.rows,
        observed=observed,
        findings=tuple(gained),
    )
