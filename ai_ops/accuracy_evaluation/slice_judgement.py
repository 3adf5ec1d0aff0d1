"""Is every slice as good as at launch? The rules, on the slices of an evaluation run.

Of a hundred slices some look worse by chance: the interval of each is as wide as all comparisons
together allow (Bonferroni; Dunn 1961). What all rows lost, their own slices lost as well:
``accuracy`` judges that, and a slice is found when it lost more than the whole by the margin.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import hypot
from typing import Final

from scipy.special import stdtrit

from ai_ops.accuracy_evaluation.gaps import DIMENSIONS, Dimension
from ai_ops.accuracy_evaluation.intervals import CONFIDENCE, Estimate
from ai_ops.accuracy_evaluation.records import (
    EvaluationRun,
    Launch,
    Measured,
    SliceMeasured,
    Slices,
    Then,
)
from ai_ops.ai_features.gate import Gate
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

FEW: Final = 3
FINDINGS: Final = 8
"""So many slices are told as findings, the worst first; a whole that falls apart has many."""


@dataclass(frozen=True)
class SliceGap:
    """How much more than the whole a slice lost since launch in one metric.

    ``low`` is the lower end of its interval, corrected for all that were compared; None where
    that is not known.
    """

    sliced: SliceMeasured
    dimension: Dimension
    size: float
    low: float | None
    margin: float

    @property
    def sure(self) -> bool:
        """Whether it lost more than the margin with its whole interval."""
        return self.low is not None and self.low > self.margin

    @property
    def words(self) -> str:
        """The slice, its metric now and at launch, and what it lost more than all rows did."""
        name, then = self.dimension.metric, self.sliced.launch
        at_launch = "unknown" if then is None else f"{then.values[name]:.3f}"
        return (
            f"{self.sliced} ({self.sliced.rows} rows): {self.dimension.words} "
            f"{self.sliced.values[name]:.3f}, at launch {at_launch}: worse by {self.size:.3f} "
            "than what all rows lost"
        )


def judge_slices(run: EvaluationRun, gate: Gate, window: Window) -> Verdict:
    """The verdict on the slices of an evaluation run's month."""
    slices = run.slices
    if slices is None or run.launch is None:
        reason = run.no_slices or f"there is nothing to compare with: {run.no_launch}"
        return _lacking(run, f"slices are not known: {reason}", window)
    if run.month.days < gate.minimum_days:
        reason = f"{run.month.days} days of the month can be judged, {gate.minimum_days} are needed"
        return _lacking(run, reason, window)
    gaps = slice_gaps(slices, run.month, run.launch, gate)
    observed = _observed(slices, gaps)
    if not any(gap.low is not None for gap in gaps):
        if slices.judged or slices.small or slices.fresh:
            reason = (
                f"no slice can be compared with launch: {_not_judged(slices) or 'too few days'}"
            )
        else:
            reason = "no column that the feature is sliced by divides its rows"
        return _lacking(run, reason, window, observed)
    failed = sorted(
        (gap for gap in gaps if gap.sure), key=lambda gap: -(gap.low or 0.0) / gap.margin
    )
    told = f"{plural(len(slices.judged), 'slice')} of version {run.version} over the month"
    if failed:
        named = list(dict.fromkeys(str(gap.sliced) for gap in failed))
        more = f" and {len(named) - FINDINGS} more" if len(named) > FINDINGS else ""
        findings = [_finding(gap, window) for gap in failed[:FINDINGS]]
        return Verdict.failing(
            f"{told}: {plural(len(named), 'slice')} surely worse than at launch, corrected for "
            f"{len(gaps)} comparisons: {', '.join(named[:FINDINGS])}{more}; {failed[0].words}",
            *findings,
            sample_size=run.month.rows,
            observed=observed,
        )
    worst = worst_of(gaps)
    words = f"; the worst is {worst.words}: not surely beyond {worst.margin:g}" if worst else ""
    left = _not_judged(slices)
    return Verdict.passing(
        f"{told}: none is surely worse than at launch by more than all rows{words}"
        + (f"; {left}" if left else ""),
        sample_size=run.month.rows,
        observed=observed,
    )


def slice_gaps(slices: Slices, month: Measured, launch: Launch, gate: Gate) -> list[SliceGap]:
    """How much more than all rows each slice lost in each metric that is gated."""
    compared = [
        (one, one.launch, dimension)
        for one in slices.judged
        for dimension in DIMENSIONS[month.kind]
        if one.launch is not None
        and dimension.metric in one.values
        and dimension.metric in one.launch.values
        and dimension.metric in month.metrics
        and dimension.metric in launch.measured.metrics
    ]
    sure = 1 - (1 - CONFIDENCE) / max(len(compared), 1)
    return [_gap(one, then, by, month, launch, gate, sure) for one, then, by in compared]


def worst_of(gaps: list[SliceGap]) -> SliceGap | None:
    """The slice that most surely lost most: a small one is far off by chance."""
    return next(iter(worst_first(gaps)), None)


def worst_first(gaps: list[SliceGap]) -> list[SliceGap]:
    """Each slice in the metric in which it most surely lost most, the worst slice first."""
    found: dict[str, SliceGap] = {}
    for gap in sorted((gap for gap in gaps if gap.low is not None), key=_surely, reverse=True):
        found.setdefault(str(gap.sliced), gap)
    return list(found.values())


def told_of(gap: SliceGap) -> dict[str, Observed]:
    """A slice as a row of a table."""
    then = gap.sliced.launch
    return {
        "slice": str(gap.sliced),
        "rows": gap.sliced.rows,
        "metric": gap.dimension.metric,
        "now": round(gap.sliced.values[gap.dimension.metric], 4),
        "at launch": round(then.values[gap.dimension.metric], 4) if then else None,
        "lost more than all": round(gap.size, 4),
        "surely": None if gap.low is None else round(gap.low, 4),
        "margin": gap.margin,
    }


def _gap(
    one: SliceMeasured,
    then: Then,
    dimension: Dimension,
    month: Measured,
    launch: Launch,
    gate: Gate,
    sure: float,
) -> SliceGap:
    name, margin = dimension.metric, dimension.margin(gate)
    now, before = one.values[name], then.values[name]
    lost = dimension.worse_by(_point(now), _point(before)).value
    # What the whole moved counts by its direction: a slice that moved the other way lost it all.
    moved = month.metrics[name].value - launch.measured.metrics[name].value
    towards = 1.0 if (lost >= 0) == (now >= before) else -1.0
    size, share = lost - max(0.0, towards * moved), 1.0
    if dimension.share_of is not None:
        share = then.values.get(dimension.share_of, 0.0)
        if share <= 0:
            return SliceGap(one, dimension, 0.0, None, margin)
    size, days = size / share, min(one.days, then.days)
    if days < 2 or name not in one.errors or name not in then.errors:
        return SliceGap(one, dimension, size, None, margin)
    error = hypot(one.errors[name], then.errors[name]) / share
    return SliceGap(one, dimension, size, size - _quantile(days, sure) * error, margin)


def _surely(gap: SliceGap) -> float:
    """How much it surely lost, in margins."""
    return (gap.low or 0.0) / max(gap.margin, 1e-9)


@cache
def _quantile(days: int, sure: float) -> float:
    return float(stdtrit(days - 1, sure))


def _point(value: float) -> Estimate:
    return Estimate(value, None, None, None, 0, 0)


def _finding(gap: SliceGap, window: Window) -> Finding:
    return Finding(
        "accuracy",
        "fail",
        f"{gap.words}, surely beyond the gate's {gap.margin:g}",
        columns=(gap.sliced.column,),
        slice=str(gap.sliced),
        tenant=gap.sliced.value if gap.sliced.column == "tenant" else None,
        call_site=gap.sliced.value if gap.sliced.column == "call_site" else None,
        window=window,
        size=gap.size,
    )


def _observed(slices: Slices, gaps: list[SliceGap]) -> dict[str, Observed]:
    observed: dict[str, Observed] = {
        "slices": len(slices.judged),
        "slices_too_small": slices.small,
        "slices_absent_at_launch": len(slices.fresh),
        "comparisons": len(gaps),
    }
    if worst := worst_of(gaps):
        observed |= {
            "worst_slice": str(worst.sliced),
            "worst_metric": worst.dimension.metric,
            "worst_slice_lost": round(worst.size, 4),
        }
    return observed


def _not_judged(slices: Slices) -> str:
    def told() -> Iterator[str]:
        if slices.small:
            few = ", ".join(slices.some_small)
            yield f"{plural(slices.small, 'slice')} too small to be judged, as {few}"
        if slices.fresh:
            few, more = ", ".join(slices.fresh[:FEW]), len(slices.fresh) - FEW
            yield f"not known at launch: {few}" + (f" and {more} more" if more > 0 else "")

    return "; ".join(told())


def _lacking(
    run: EvaluationRun, reason: str, window: Window, observed: dict[str, Observed] | None = None
) -> Verdict:
    return Verdict.lacking(
        reason, "accuracy", window=window, sample_size=run.month.rows, observed=observed or {}
    )
