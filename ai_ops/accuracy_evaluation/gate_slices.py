"""The gate by slices: better on the whole, and broken for one carrier.

Of hundreds of slices some look worse by chance alone. One refuses a candidate only when it is
worse by more than its margin so surely that the whole family of slices would be wrong about one of
them in 2.5 % of all candidates at most: Student's t of the jackknife over days, one-sided, stepped
down by Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure". Whole candidates must
show that they are no worse; a slice has too few rows to show that, so it must be shown worse.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from scipy.special import stdtr

from ai_ops.accuracy_evaluation.binary_sums import BinarySums
from ai_ops.accuracy_evaluation.candidate_records import (
    CandidateEvaluation,
    Compared,
    SliceCompared,
)
from ai_ops.accuracy_evaluation.class_sums import ClassSums
from ai_ops.accuracy_evaluation.gate_metrics import (
    AUC,
    METRICS,
    Criteria,
    Metric,
    apart,
    metrics_of,
    observed_of,
    rounded,
    told_of,
)
from ai_ops.accuracy_evaluation.intervals import CONFIDENCE, Estimate
from ai_ops.accuracy_evaluation.metrics import DaySums, rows_of
from ai_ops.vocabulary.verdicts import Finding, Verdict

DAYS: Final = 5
"""Over fewer days the jackknife's spread says nothing of a slice."""

OF_EACH: Final = 20
"""Positives and negatives that a slice's AUC takes: with fewer one day's positives are all."""

RECALL: Final = "recall_"

SHOWN: Final = 4


@dataclass(frozen=True)
class SliceTest:
    """One metric in one slice: by how much the candidate is better, how much worse it may be, and
    how likely its rows look as bad when it is not worse by more."""

    slice: SliceCompared
    metric: Metric
    margin: float

    @property
    def better(self) -> Estimate:
        """By how much the candidate is better there."""
        return self.metric.better_by(self.slice.difference)

    @property
    def chance(self) -> float:
        """One-sided, Student's t.

        >>> worse = {"auc": Estimate(-0.2, -0.25, -0.15, 0.02, 700, 7)}
        >>> test = SliceTest(SliceCompared("carrier", "EV", 700, 7, worse), AUC, 0.05)
        >>> round(test.chance, 5)
        0.00015
        """
        error = self.better.error or 0.0
        if not error:
            return 0.0 if self.better.value < -self.margin else 1.0
        t = (-self.margin - self.better.value) / error
        return float(stdtr(self.better.days - 1, -t))

    @property
    def told(self) -> str:
        """The slice, its metric and its difference."""
        difference = told_of(self.slice.difference[self.metric.name])
        return f"{self.slice} ({self.slice.rows} rows): {self.metric.words} {difference}"


def compare_slice(column: str, value: str, candidate: DaySums, champion: DaySums) -> SliceCompared:
    """Both versions on the rows of a slice; no difference of a metric that has too few."""
    metrics = METRICS[candidate.kind].in_slices
    found = apart(candidate, champion, metrics) if len(candidate.days) >= DAYS else {}
    kept = {metric.name: found[metric.name] for metric in metrics if metric.name in found}
    if isinstance(candidate, BinarySums):
        positives = candidate.plain[:, 1].sum()
        if min(positives, rows_of(candidate) - positives) < OF_EACH:
            kept.pop(AUC.name, None)
    kept = {name: one for name, one in kept.items() if _finite(one)}
    return SliceCompared(column, value, rows_of(candidate), len(candidate.days), kept)


def slices_by_label(candidate: DaySums, champion: DaySums) -> list[SliceCompared]:
    """Each class as a slice of its own, by its recall: a rare one is lost in any mean."""
    if not isinstance(candidate, ClassSums) or len(candidate.days) < DAYS:
        return []
    found = []
    for name, one in apart(candidate, champion, ()).items():
        if name.startswith(RECALL) and _finite(one):
            label = name.removeprefix(RECALL)
            labelled = candidate.by_class[:, candidate.classes.index(label), 0]
            days = int((labelled > 0).sum())
            found.append(SliceCompared("label", label, int(labelled.sum()), days, {name: one}))
    return found


def judge_slices(
    evaluation: CandidateEvaluation, compared: Compared, criteria: Criteria
) -> Verdict:
    """No slice is surely worse than with the version in production, beyond its margin."""
    observed = observed_of(evaluation, criteria.hash)
    sliced = evaluation.sliced
    slices = sliced.slices
    if sliced.problem:
        return _lacking(evaluation, criteria, f"the slices cannot be told: {sliced.problem}")
    if not slices and sliced.undivided:
        return Verdict.passing(
            f"{', '.join(sliced.undivided)}: of one value in the hold-out, or of too many to be "
            "slices; the whole is the only slice, and gate_discrimination tells of it",
            sample_size=evaluation.rows,
            observed=observed | {"slices": 0},
        )
    tests = list(slice_tests(slices, compared, criteria))
    judged = {str(test.slice) for test in tests}
    thin = [one for one in slices if str(one) not in judged]
    if not tests:
        least = criteria.gate.slice_minimum_rows
        words = f"no slice has {least} labelled rows of {DAYS} days{_named(thin)}"
        return _lacking(evaluation, criteria, words)
    worst = min(tests, key=lambda test: test.better.value / test.margin if test.margin else 0.0)
    broken = surely_worse(tests)
    observed |= {
        "sliced_by": ", ".join(dict.fromkeys(one.column for one in slices)),
        "slices": len(judged),
        "slices_not_judged": len(thin),
        "worst_slice": str(worst.slice),
        "worst_slice_metric": worst.metric.words,
        "worst_slice_better_by": rounded(worst.better.value),
        "worst_slice_margin": worst.margin,
    }
    about = f"{len(judged)} slices of version {evaluation.version} beside {evaluation.champion}"
    not_judged = f"; not judged, with too few rows: {len(thin)}{_named(thin)}" if thin else ""
    if sliced.undivided:
        not_judged += f"; no slices of {', '.join(sliced.undivided)}: of one value, or of too many"
    if broken:
        told = "; ".join(
            f"{test.told}, surely worse by more than {test.margin:g}" for test in broken
        )
        findings = [_finding(evaluation, test) for test in broken]
        reason = f"{about}: {told}{not_judged}"
        return Verdict.failing(reason, *findings, sample_size=evaluation.rows, observed=observed)
    return Verdict.passing(
        f"{about}: none is surely worse beyond its margin, corrected for {len(tests)} comparisons; "
        f"the worst is {worst.told} by itself, margin {worst.margin:g}{not_judged}",
        sample_size=evaluation.rows,
        observed=observed,
    )


def slice_tests(
    slices: Sequence[SliceCompared], compared: Compared, criteria: Criteria
) -> Iterator[SliceTest]:
    """What can be said of each slice, in each metric."""
    gate = criteria.gate
    for one in slices:
        if one.rows < gate.slice_minimum_rows or one.days < DAYS:
            continue
        for metric in _of_slice(one, compared):
            if metric.name not in one.difference or not _finite(one.difference[metric.name]):
                continue
            margin = gate.slice_margin * metric.margin(gate, compared)
            yield SliceTest(one, metric, margin)


def surely_worse(tests: Sequence[SliceTest]) -> list[SliceTest]:
    """Those that are worse beyond their margins, by Holm's steps; the surest first."""
    found: list[SliceTest] = []
    for place, test in enumerate(sorted(tests, key=lambda one: one.chance)):
        if test.chance > (1 - CONFIDENCE) / (len(tests) - place):
            break
        found.append(test)
    return found


def _of_slice(one: SliceCompared, compared: Compared) -> tuple[Metric, ...]:
    recalls = tuple(
        Metric(name, "recall", more_is_better=True, criterion="f1")
        for name in one.difference
        if name.startswith(RECALL)
    )
    return recalls or metrics_of(compared).in_slices


def _finding(evaluation: CandidateEvaluation, test: SliceTest) -> Finding:
    return Finding(
        "accuracy",
        "fail",
        f"{test.told}, surely worse by more than {test.margin:g}",
        columns=(test.slice.column,),
        slice=str(test.slice),
        window=evaluation.window,
        size=test.better.value,
    )


def _named(thin: Sequence[SliceCompared]) -> str:
    """The largest of the slices that are too small."""
    largest = sorted(thin, key=lambda one: (-one.rows, str(one)))[:SHOWN]
    told = ", ".join(f"{one}: {one.rows} rows of {one.days} days" for one in largest)
    more = ", …" if len(thin) > SHOWN else ""
    return f" ({told}{more})" if thin else ""


def _finite(one: Estimate) -> bool:
    return one.error is not None and isfinite(one.value) and isfinite(one.error)


def _lacking(evaluation: CandidateEvaluation, criteria: Criteria, words: str) -> Verdict:
    return Verdict.lacking(
        f"version {evaluation.version}: {words}",
        "accuracy",
        window=evaluation.window,
        sample_size=evaluation.rows,
        observed=observed_of(evaluation, criteria.hash),
    )
