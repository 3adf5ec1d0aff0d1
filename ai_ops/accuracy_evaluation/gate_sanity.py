"""The gate's sanity: a candidate that is one, and that did not read the answer off its inputs."""

from collections.abc import Iterator
from math import isfinite

from ai_ops.accuracy_evaluation.candidate_records import (
    CandidateEvaluation,
    Compared,
    Sameness,
    Telling,
)
from ai_ops.accuracy_evaluation.gate_metrics import Criteria, metrics_of, observed_of, rounded
from ai_ops.vocabulary.verdicts import Finding, Verdict


def judge_sanity(
    evaluation: CandidateEvaluation, compared: Compared, criteria: Criteria
) -> Verdict:
    """Not the version in production under another number, not learnt from the same rows, and no
    input tells the label by itself."""
    observed = observed_of(evaluation, criteria.hash)
    same, told = evaluation.sameness, evaluation.told
    if same is not None:
        observed |= {
            "same_files": same.same_files,
            "same_data": same.same_data,
            "rows_answered_differently": same.differing,
        }
    if told:
        observed |= {"strongest_input": told[0].column, "strongest_input_tells": told[0].value}
    findings = [
        *_same(evaluation, same),
        *_leaks(evaluation, criteria),
        *_too_good(evaluation, compared, criteria),
    ]
    about = f"version {evaluation.version}: "
    if findings:
        reason = about + "; ".join(finding.reason for finding in findings)
        return Verdict.failing(reason, *findings, sample_size=evaluation.rows, observed=observed)
    if lacking := list(_unknown(evaluation)):
        return Verdict.lacking(
            about + "; ".join(lacking),
            "data_quality",
            window=evaluation.window,
            sample_size=evaluation.rows,
            observed=observed,
        )
    differing = same.differing if same else 0
    strongest = told[0]
    return Verdict.passing(
        f"{about}it answers {differing} of {evaluation.rows} rows otherwise than version "
        f"{evaluation.champion}, and learnt from other rows; the input that tells the label best "
        f"by itself is {_tells(strongest)}",
        sample_size=evaluation.rows,
        observed=observed,
    )


def _same(evaluation: CandidateEvaluation, same: Sameness | None) -> Iterator[Finding]:
    if same is None:
        return
    champion, window = evaluation.champion, evaluation.window
    if same.same_files:
        words = f"its model and encoder are those of version {champion}, under another number"
        yield Finding("version", "fail", words, window=window)
    elif same.differing == 0:
        words = f"it answers every one of {evaluation.rows} rows as version {champion} does"
        yield Finding("version", "fail", words, window=window)
    if same.same_data:
        words = f"it learnt from the very rows that version {champion} learnt from"
        yield Finding("data_quality", "fail", words, window=window)


def _leaks(evaluation: CandidateEvaluation, criteria: Criteria) -> Iterator[Finding]:
    limit = criteria.gate.leak_auc
    for one in evaluation.told:
        if one.low > limit:
            words = f"{_tells(one)}: surely above {limit:g}, it tells the label by itself"
            yield Finding(
                "data_quality",
                "fail",
                words,
                columns=(one.column,),
                window=evaluation.window,
                size=one.value,
            )


def _too_good(
    evaluation: CandidateEvaluation, compared: Compared, criteria: Criteria
) -> Iterator[Finding]:
    """Where the version in production is as good, such answers are what the task allows."""
    name, limit = metrics_of(compared).too_good, criteria.gate.leak_auc
    own, other = compared.candidate.metrics.get(name), compared.champion.metrics.get(name)
    if own is None or own.low is None or not own.low > limit:
        return
    if other is not None and other.value > limit:
        return
    than = "" if other is None else f" (version {evaluation.champion}: {other.value:.4f})"
    words = f"{name} {own.value:.4f} on the hold-out{than} is too good to be true"
    strongest = evaluation.told[:1]
    for one in strongest:
        words += f"; look at {_tells(one)}"
    columns = tuple(one.column for one in strongest)
    yield Finding(
        "data_quality", "fail", words, columns=columns, window=evaluation.window, size=own.value
    )


def _unknown(evaluation: CandidateEvaluation) -> Iterator[str]:
    if evaluation.sameness is None:
        why = evaluation.no_sameness or "nothing was compared"
        yield f"whether it is another version than {evaluation.champion} is not known: {why}"
    unread = [one for one in evaluation.told if not (isfinite(one.value) and isfinite(one.low))]
    if evaluation.no_told or not evaluation.told or unread:
        why = evaluation.no_told or "no input could be looked at"
        yield f"whether an input tells the label is not known: {why}"


def _tells(one: Telling) -> str:
    return f"{one.column} ({one.measure} {rounded(one.value)} on {one.rows} rows of {one.where})"
