"""The gate's margins and gains: surely not worse than a version, surely better in something."""

from collections.abc import Sequence

from ai_ops.accuracy_evaluation.candidate_records import CandidateEvaluation, Compared
from ai_ops.accuracy_evaluation.gate_metrics import (
    ECE,
    Criteria,
    Metric,
    finding_of,
    metrics_of,
    numbers_of,
    observed_of,
    rows_in_words,
)
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict


def judge_not_worse(
    evaluation: CandidateEvaluation,
    compared: Compared,
    criteria: Criteria,
    metrics: tuple[Metric, ...],
) -> Verdict:
    """Surely within the margin of each of these metrics, beside the version in production."""
    findings = margin_findings(evaluation, compared, criteria, metrics, evaluation.champion)
    observed = observed_of(evaluation, criteria.hash) | numbers_of(compared)
    observed |= _margins(compared, criteria, metrics)
    failed = [finding for finding in findings if finding.status == "fail"]
    told = "; ".join(finding.reason for finding in failed or findings)
    about = f"version {evaluation.version} on {rows_in_words(evaluation)}: {told}"
    if failed:
        about += _disagreeing(evaluation, compared, metrics, better=True)
        return Verdict.failing(about, *findings, sample_size=evaluation.rows, observed=observed)
    return Verdict.passing(
        about, sample_size=evaluation.rows, observed=observed, findings=tuple(findings)
    )


def margin_findings(
    evaluation: CandidateEvaluation,
    compared: Compared,
    criteria: Criteria,
    metrics: Sequence[Metric],
    other: str | None,
) -> list[Finding]:
    """Each metric's comparison with another version, and whether it surely is within its margin."""
    findings = []
    for metric in metrics:
        better = metric.better_by(compared.difference)
        margin = metric.margin(criteria.gate, compared)
        words = metric.told(compared, other)
        if better.low is not None and better.low >= -margin:
            findings.append(finding_of(evaluation, "pass", words, better))
        elif better.value < -margin:
            words += f": worse by more than the gate's {margin:g}"
            findings.append(finding_of(evaluation, "fail", words, better))
        elif (at_most := _at_most(metric, compared)) is not None and at_most <= margin:
            words += (
                f"; whatever the labels, worse by {at_most:.4f} at most among rows alike: so near "
                "lie the scores"
            )
            findings.append(finding_of(evaluation, "pass", words, better))
        else:
            words += f": not surely within the gate's {margin:g}"
            findings.append(finding_of(evaluation, "fail", words, better))
    return findings


def _at_most(metric: Metric, compared: Compared) -> float | None:
    """By how much calibration can be worse at most, told by the scores and by no label."""
    if metric is not ECE or compared.moved is None or compared.moved.high is None:
        return None
    return compared.moved.high


def judge_improvement(
    evaluation: CandidateEvaluation, compared: Compared, criteria: Criteria
) -> Verdict:
    """Surely better than the version in production in one metric, by more than its gain."""
    gained, rest, gains = [], [], dict[str, Observed]()
    metrics = metrics_of(compared).all
    for metric in metrics:
        better = metric.better_by(compared.difference)
        gain = metric.gain(criteria.gate, compared)
        if gain is None:
            continue
        gains[f"{metric.name}_gain"] = gain
        words = metric.told(compared, evaluation.champion)
        if better.beyond(gain):
            gained.append((metric, finding_of(evaluation, "pass", words, better)))
        else:
            words += f": not surely better by {gain:g}"
            rest.append(finding_of(evaluation, "fail", words, better))
    observed = observed_of(evaluation, criteria.hash) | numbers_of(compared) | gains
    if not gained:
        return Verdict.failing(
            f"version {evaluation.version} is no better than version {evaluation.champion} on "
            f"{rows_in_words(evaluation)}: {'; '.join(finding.reason for finding in rest)}",
            *rest,
            sample_size=evaluation.rows,
            observed=observed,
        )
    told = "; ".join(finding.reason for _, finding in gained)
    told += _disagreeing(evaluation, compared, tuple(one for one, _ in gained), better=False)
    return Verdict.passing(
        f"version {evaluation.version} is better on {rows_in_words(evaluation)}: {told}",
        sample_size=evaluation.rows,
        observed=observed,
        findings=tuple(finding for _, finding in gained),
    )


def judge_baseline(
    evaluation: CandidateEvaluation, compared: Compared, criteria: Criteria
) -> Verdict:
    """Surely within every margin beside the version that was launched first."""
    first, observed = evaluation.first, observed_of(evaluation, criteria.hash)
    observed["first"] = first
    if not criteria.gate.held_to_first:
        return Verdict.passing(
            "the criteria in force hold no candidate against the version launched first "
            "(held_to_first: false)",
            sample_size=evaluation.rows,
            observed=observed,
        )
    if first is not None and first in (evaluation.champion, evaluation.version):
        held = "is in production: gate_discrimination and gate_calibration tell of it"
        itself = "is the candidate itself: nothing was given up since"
        return Verdict.passing(
            f"version {first}, launched first, {held if first == evaluation.champion else itself}",
            sample_size=evaluation.rows,
            observed=observed,
        )
    found, metrics = evaluation.beside_first, metrics_of(compared).all
    if found is None or found.candidate.kind != compared.candidate.kind:
        return _no_baseline(evaluation, observed, evaluation.no_first or "nothing was compared")
    unknown = [metric.words for metric in metrics if not metric.usable(found)]
    if unknown:
        words = f"the difference in {', '.join(unknown)} has no finite value with an interval"
        return _no_baseline(evaluation, observed, words)
    findings = margin_findings(evaluation, found, criteria, metrics, first)
    observed |= numbers_of(found, "first") | _margins(found, criteria, metrics)
    failed = [finding for finding in findings if finding.status == "fail"]
    told = "; ".join(finding.reason for finding in failed or findings)
    about = (
        f"version {evaluation.version} beside the version launched first, on "
        f"{rows_in_words(evaluation)}: {told}"
    )
    make = Verdict.failing if failed else _passing
    return make(about, *findings, sample_size=evaluation.rows, observed=observed)


def _passing(
    reason: str, *findings: Finding, sample_size: int, observed: dict[str, Observed]
) -> Verdict:
    return Verdict.passing(
        reason, sample_size=sample_size, observed=observed, findings=tuple(findings)
    )


def _no_baseline(
    evaluation: CandidateEvaluation, observed: dict[str, Observed], why: str
) -> Verdict:
    who = f"version {evaluation.first}, launched first," if evaluation.first else "the first launch"
    return Verdict.lacking(
        f"version {evaluation.version} cannot be held against {who}: {why}",
        "version",
        window=evaluation.window,
        sample_size=evaluation.rows,
        observed=observed,
    )


def _margins(
    compared: Compared, criteria: Criteria, metrics: Sequence[Metric]
) -> dict[str, Observed]:
    return {f"{metric.name}_margin": metric.margin(criteria.gate, compared) for metric in metrics}


def _disagreeing(
    evaluation: CandidateEvaluation,
    compared: Compared,
    judged: Sequence[Metric],
    *,
    better: bool,
) -> str:
    """What speaks the other way stands beside the judgement: a person sees both."""
    told, sign = "", 1 if better else -1
    for metric in metrics_of(compared).all:
        if metric not in judged and sign * metric.better_by(compared.difference).value > 0:
            word = "better" if better else "worse"
            told += f"; although it is {word} in {metric.told(compared, evaluation.champion)}"
    return told
