"""Slices as a verdict: the values that drift by themselves, k of the last n days and the latest.

Pure: from the reports on slices to a ``Verdict``. What drifts in one tenant of many moves the whole
by less than its own weeks do.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from ai_ops.ai_features.drift import Drift
from ai_ops.drift_monitoring.effects import EffectHistory
from ai_ops.drift_monitoring.slice_comparison import SliceDrift, SliceReport, Unjudged
from ai_ops.drift_monitoring.slice_normals import SliceOf
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

NAMED: Final = 5
"""At most this many slices are named in a reason; the findings name all."""


def judge_slices(
    history: EffectHistory, reports: Mapping[str, SliceReport], rule: Drift
) -> Verdict:
    """Whether a slice drifted by itself, from the reports up to the judged day."""
    window = Window.trailing(history.day, days=rule.window_days)
    report = reports.get(history.day)
    if report is None:
        reason = f"nobody looked at the slices of {history.day}: materialise drift_report"
        return Verdict.lacking(reason, "drift", window=window)
    if not report.latest_rows:
        what = "hold no row" if not report.rows else f"end with {history.day}, which has no row"
        reason = f"the window's {rule.window_days} days {what}: there is nothing new to judge"
        return Verdict.lacking(reason, "volume", window=window, sample_size=report.rows)
    unjudged = [_not_judged(one, window) for one in report.unjudged]
    judged = [one for one in report.drifts if one.judged]
    if not judged:
        told = f": {unjudged[0].reason}" if unjudged else ""
        reason = f"no value of {', '.join(rule.slices)} can be judged by itself{told}"
        missing = unjudged or [Finding("drift", "no_evidence", reason, window=window)]
        return Verdict.lacking(reason, "drift", *missing, sample_size=report.rows)
    drifted, undecided = [], []
    for one in (drift for drift in judged if drift.beyond):
        lasts = history.sustained(one, rule)
        if lasts:
            drifted.append(one)
        elif lasts is None:
            undecided.append(one)
    return _verdict(report, rule, window, judged, drifted, undecided, unjudged)


def _verdict(
    report: SliceReport,
    rule: Drift,
    window: Window,
    judged: Sequence[SliceDrift],
    drifted: Sequence[SliceDrift],
    undecided: Sequence[SliceDrift],
    unjudged: Sequence[Finding],
) -> Verdict:
    slices = {one.of for one in judged}
    nearest = max(judged, key=lambda one: one.ratio or 0)
    observed: dict[str, Observed] = {
        "max_ratio": round(nearest.ratio or 0, 4),
        "slices_drifted": len({one.of for one in drifted}),
        "slices_judged": len(slices),
        "slices_unjudged": len(report.unjudged),
        "rows": report.rows,
    }
    if drifted:
        by_slice: dict[SliceOf, list[SliceDrift]] = defaultdict(list)
        for one in sorted(drifted, key=lambda one: -(one.ratio or 0)):
            by_slice[one.of].append(one)
        words = "; ".join(_words(of, own) for of, own in list(by_slice.items())[:NAMED])
        reason = f"{len(by_slice)} of {len(slices)} slices drifted by themselves: {words}"
        findings = [_drift(one, report, window) for own in by_slice.values() for one in own]
        return Verdict.failing(
            reason, *findings, *unjudged, sample_size=report.rows, observed=observed
        )
    if undecided:
        lost = [_undecided(one, rule, window) for one in undecided]
        return Verdict.lacking(
            lost[0].reason, "drift", *lost, *unjudged, sample_size=report.rows, observed=observed
        )
    reason = (
        f"none of {len(slices)} slices drifted by itself: {nearest.name} comes nearest, at "
        f"{nearest.ratio or 0:.2f} of its threshold, over {report.rows:,} rows"
    )
    if beyond := [one.name for one in judged if one.beyond]:
        reason = f"not sustained for {rule.k} of {rule.n} days: {', '.join(beyond[:NAMED])}"
    if unjudged:
        names = ", ".join(f"{one.dimension} {one.value}" for one in report.unjudged[:NAMED])
        reason += f"; not judged: {names}{', …' if len(unjudged) > NAMED else ''}"
    return Verdict.passing(
        reason, sample_size=report.rows, observed=observed, findings=tuple(unjudged)
    )


def _words(of: SliceOf, drifts: Sequence[SliceDrift]) -> str:
    told = ", ".join(f"{one.column} at {one.ratio or 0:.1f}" for one in drifts[:3])
    more = f" and {len(drifts) - 3} more" if len(drifts) > 3 else ""
    return f"{of} in {told}{more} times its threshold"


def _drift(one: SliceDrift, report: SliceReport, window: Window) -> Finding:
    begin = one.beyond_since or list(window.days())[-1]
    share = one.n_current / max(report.rows, 1)
    reason = (
        f"{one.of}: {one.column} is {one.ratio or 0:.1f} times its threshold by {one.test}, in "
        f"{one.n_current:,} rows ({share:.0%} of all), since {begin}. Its normal is {one.source}."
    )
    told = _of(one.of)
    return Finding(
        "drift",
        "fail",
        reason,
        columns=(one.column,),
        call_site=told.get("call_site"),
        tenant=told.get("tenant"),
        slice=str(one.of),
        window=window,
        begin=Window.of_day(begin).start,
        size=one.ratio,
    )


def _undecided(one: SliceDrift, rule: Drift, window: Window) -> Finding:
    reason = (
        f"{one.name} is beyond its threshold, but not enough of the last {rule.n} days are known "
        f"to count {rule.k}"
    )
    return _finding(one.of, reason, window, columns=(one.column,))


def _not_judged(one: Unjudged, window: Window) -> Finding:
    of = SliceOf(one.dimension, one.value)
    return _finding(of, f"{of} ({one.rows:,} rows): {one.reason}", window)


def _finding(of: SliceOf, reason: str, window: Window, columns: tuple[str, ...] = ()) -> Finding:
    told = _of(of)
    return Finding(
        "drift",
        "no_evidence",
        reason,
        columns=columns,
        call_site=told.get("call_site"),
        tenant=told.get("tenant"),
        slice=str(of),
        window=window,
    )


def _of(of: SliceOf) -> dict[str, str]:
    return {of.dimension: of.value}
