"""The gate's budget: what an answer of the candidate takes, beside the version in production."""

from collections.abc import Iterator
from math import isfinite

from ai_ops.accuracy_evaluation.candidate_records import Budgeted, CandidateEvaluation
from ai_ops.accuracy_evaluation.gate_metrics import Criteria, observed_of
from ai_ops.ai_features.gate import CandidateGate
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict

MB = 1e6


def judge_budget(evaluation: CandidateEvaluation, criteria: Criteria) -> Verdict:
    """Within the latency and the size that were frozen, both versions measured in turn."""
    observed = observed_of(evaluation, criteria.hash)
    found = evaluation.budget
    if found is None or not _usable(found):
        why = evaluation.no_budget or "no finite time or size was measured"
        return Verdict.lacking(
            f"what version {evaluation.version} takes to answer is not known: {why}",
            "operations",
            window=evaluation.window,
            observed=observed,
        )
    observed |= numbers(found)
    told = _told(evaluation, found)
    over = [
        Finding("operations", "fail", words, window=evaluation.window, size=size)
        for words, size in _over(found, criteria.gate)
    ]
    if over:
        reason = f"{told}: {'; '.join(finding.reason for finding in over)}"
        return Verdict.failing(reason, *over, sample_size=found.repeats, observed=observed)
    return Verdict.passing(told, sample_size=found.repeats, observed=observed)


def numbers(found: Budgeted) -> dict[str, Observed]:
    """What was measured of both, and the ratios."""
    own, other = found.candidate, found.champion
    return {
        "one_row_ms": round(own.one_ms, 3),
        "champion_one_row_ms": round(other.one_ms, 3),
        "one_row_ratio": round(own.one_ms / other.one_ms, 2),
        "batch_row_ms": round(own.batch_row_ms, 4),
        "champion_batch_row_ms": round(other.batch_row_ms, 4),
        "batch_row_ratio": round(own.batch_row_ms / other.batch_row_ms, 2),
        "size_mb": round(own.size_bytes / MB, 3),
        "champion_size_mb": round(other.size_bytes / MB, 3),
    }


def _over(found: Budgeted, gate: CandidateGate) -> Iterator[tuple[str, float]]:
    own, other = found.candidate, found.champion
    for what, one, beside in (
        ("a row by itself", own.one_ms, other.one_ms),
        (f"a row among {found.batch}", own.batch_row_ms, other.batch_row_ms),
    ):
        if not one / beside <= gate.latency_ratio:
            words = f"{what} takes {one / beside:.1f} times as long, more than the gate's "
            yield f"{words}{gate.latency_ratio:g}", one / beside
    if gate.latency_ms is not None and not own.one_ms <= gate.latency_ms:
        words = f"a row takes {own.one_ms:.2f} ms, more than the gate's {gate.latency_ms:g}"
        yield words, own.one_ms
    size, ratio = own.size_bytes / MB, own.size_bytes / other.size_bytes
    if not ratio <= gate.size_ratio:
        yield f"it is {ratio:.1f} times as large, more than the gate's {gate.size_ratio:g}", ratio
    if gate.size_mb is not None and not size <= gate.size_mb:
        yield f"it takes {size:.1f} MB, more than the gate's {gate.size_mb:g}", size


def _told(evaluation: CandidateEvaluation, found: Budgeted) -> str:
    own, other = found.candidate, found.champion
    return (
        f"version {evaluation.version} answers a row in {own.one_ms:.2f} ms against "
        f"{other.one_ms:.2f} ms of version {evaluation.champion}, a row among {found.batch} in "
        f"{own.batch_row_ms:.3f} ms against {other.batch_row_ms:.3f} ms (medians of "
        f"{found.repeats}, in turn), and takes {own.size_bytes / MB:.2f} MB against "
        f"{other.size_bytes / MB:.2f} MB"
    )


def _usable(found: Budgeted) -> bool:
    measured = (
        number
        for one in (found.candidate, found.champion)
        for number in (one.one_ms, one.batch_row_ms, one.size_bytes)
    )
    return found.repeats > 0 and all(isfinite(number) and number > 0 for number in measured)
