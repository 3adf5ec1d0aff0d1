"""Is the version as good as at launch? The rules, on the numbers of an evaluation run.

A gap is *confirmed* when a metric is worse than at launch by more than the gate's margin, with
its whole interval, in the latest trailing week and in k of the last n of them. One bad day cannot
do that (see ``jackknife``). Discrimination (AUC) and calibration are told apart, for each can
fail while the other, and accuracy too, rises.
"""

from ai_ops.accuracy_evaluation.gaps import HEADLINES, Gap, measure_gaps, worst_recall
from ai_ops.accuracy_evaluation.records import DayCoverage, EvaluationRun, Measured, UnknownLabels
from ai_ops.accuracy_evaluation.slice_judgement import slice_gaps, worst_of
from ai_ops.ai_features.gate import Gate
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.vocabulary.counts import plural, told_of
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window


def judge_against_launch(
    run: EvaluationRun, gate: Gate, truth: GroundTruth, *columns: str
) -> Verdict:
    """The verdict on the week that an evaluation run measured; ``columns`` are the outputs."""
    window = Window(Window.of_day(run.week.first_day).start, Window.of_day(run.week.last_day).end)
    if unknown := _lacking(run, gate, truth, window):
        return unknown
    if run.launch is None:
        return Verdict.lacking(
            f"there is nothing to compare with: {run.no_launch}",
            "accuracy",
            window=window,
            sample_size=run.week.rows,
        )
    gaps, unjudged = measure_gaps(run.week, run.trailing, run.launch.measured, gate)
    lacking = [missing.finding(window) for missing in unjudged]
    lacking += [_undecided(gap, gate, window) for gap in gaps if gap.undecided(gate.k, gate.n)]
    findings = (*(_finding(gap, gate, window, columns) for gap in gaps), *lacking)
    failed = [finding for finding in findings if finding.status == "fail"]
    observed = _observed(run) | _worst_slice(run, gate)
    if failed:
        return Verdict.failing(
            f"version {run.version} is worse than at launch: "
            + "; ".join(finding.reason for finding in failed),
            *findings,
            sample_size=run.week.rows,
            observed=observed,
        )
    if lacking:
        return Verdict.lacking(
            f"version {run.version} cannot be judged whole on {_rows(run.week)}: "
            + "; ".join(finding.reason for finding in lacking),
            "accuracy",
            *findings,
            sample_size=run.week.rows,
            observed=observed,
        )
    return Verdict.passing(
        f"no confirmed gap of version {run.version} to its launch over {_rows(run.week)}: "
        + "; ".join(finding.reason for finding in findings),
        sample_size=run.week.rows,
        observed=observed,
        findings=findings,
    )


def judge_coverage(days: list[DayCoverage], unknown: UnknownLabels, truth: GroundTruth) -> Verdict:
    """Whether mature predictions of these days have their labels, and labels their predictions."""
    window = Window(Window.of_day(days[0].day).start, Window.of_day(days[-1].day).end)
    mature = sum(day.mature for day in days)
    observed: dict[str, Observed] = {
        "unknown_ids": unknown.unknown,
        "quarantined_ids": unknown.quarantined,
        "ids_from_before_the_log": unknown.before_log,
    }
    for day in days:
        share = day.coverage
        observed[f"coverage_{day.day}"] = None if share is None else round(share, 4)
    thin = [_thin(day, truth) for day in days if day.mature and not day.judged]
    if unknown.unknown:
        stranger = _stranger(unknown)
        reason = "; ".join(finding.reason for finding in (stranger, *thin))
        return Verdict.failing(
            reason, stranger, *thin, sample_size=unknown.labels, observed=observed
        )
    if not mature:
        return Verdict.lacking(
            f"no prediction from {days[0].day} to {days[-1].day} is old enough to have its label "
            f"({truth.mature_after_hours:g} hours)",
            "labels",
            window=window,
            observed=observed,
        )
    if thin:
        return Verdict.lacking(
            "labels are missing: " + "; ".join(finding.reason for finding in thin),
            "labels",
            *thin,
            sample_size=mature,
            observed=observed,
        )
    return Verdict.passing(
        "labels have come: " + "; ".join(f"{day.day}: {_share(day)}" for day in days if day.mature),
        sample_size=mature,
        observed=observed,
    )


def _thin(day: DayCoverage, truth: GroundTruth) -> Finding:
    window = Window.of_day(day.day)
    reason = f"{day.day}: {_share(day)}, at least {truth.minimum_coverage:.0%} are needed"
    return Finding(
        "labels", "no_evidence", reason, window=window, begin=window.start, size=day.coverage
    )


def _stranger(unknown: UnknownLabels) -> Finding:
    window = Window.of_day(unknown.day)
    reason = (
        f"{unknown.unknown:,} of {plural(unknown.labels, 'label')} that came on {unknown.day} "
        f"{'is for an id' if unknown.unknown == 1 else 'are for ids'} "
        f"that no readable logged prediction has, as {', '.join(unknown.examples)}"
    )
    if unknown.quarantined:
        stands = told_of(unknown.quarantined, "such id", "stands", "stand")
        reason += f"; {stands} in prediction_log/quarantine"
    return Finding(
        "labels", "fail", reason, window=window, begin=window.start, size=float(unknown.unknown)
    )


def _lacking(run: EvaluationRun, gate: Gate, truth: GroundTruth, window: Window) -> Verdict | None:
    """Why the week cannot be judged, if it cannot."""
    week = [day for day in run.coverage if day.day >= run.week.first_day]
    thin = [day for day in week if day.mature and not day.judged]
    named = "; ".join(f"{day.day}: {_share(day)}" for day in thin)
    others = ", ".join(f"{n} rows by version {v}" for v, n in sorted(run.other_versions.items()))
    newest = run.coverage[-1].day
    if run.version is None:
        reason = "no prediction was answered in this month"
    elif not run.coverage[-1].answered:
        reason = f"no prediction was answered on {newest}: there is nothing new to judge"
    elif run.own_answers == 0:
        reason = (
            f"version {run.version} is live and answered nothing on {newest}, other versions did"
        )
        if newest != run.day:
            reason += f"; later answers are not old enough ({truth.mature_after_hours:g} hours)"
        reason += f" (in this month: {others})" if others else ""
    elif thin and thin[-1].day == newest:
        reason = f"the labels of the day itself are missing: {named}"
    elif run.week.days < gate.minimum_days:
        since = "" if run.live_since is None else f", live since {run.live_since:%Y-%m-%d %H:%M},"
        reason = (
            f"version {run.version}{since} can be judged on {run.week.days} of 7 days, "
            f"at least {gate.minimum_days} are needed"
        )
        reason += f"; too few labels: {named}" if named else ""
        reason += f"; not counted: {others}" if others else ""
    elif run.week.rows < truth.minimum_labels:
        reason = f"{run.week.rows} labelled predictions, at least {truth.minimum_labels} are needed"
    else:
        return None
    findings = [_thin(day, truth) for day in thin] or [
        Finding("labels", "no_evidence", reason, window=window)
    ]
    return Verdict.lacking(
        f"accuracy is not known: {reason}", "labels", *findings, sample_size=run.week.rows
    )


def _finding(gap: Gap, gate: Gate, window: Window, columns: tuple[str, ...]) -> Finding:
    confirmed = gap.confirmed(gate.k, gate.n)
    return Finding(
        "accuracy",
        "fail" if confirmed else "pass",
        _reason(gap, gate, confirmed),
        columns=columns,
        window=window,
        begin=Window.of_day(gap.begin).start if confirmed else None,
        size=None if gap.size is None else gap.size.value,
    )


def _undecided(gap: Gap, gate: Gate, window: Window) -> Finding:
    reason = (
        f"{_reason(gap, gate, False)}, for {gate.k} of {gate.n} trailing weeks cannot be counted: "
        "too many of them have no labels to be judged by"
    )
    return Finding("accuracy", "no_evidence", reason, window=window)


def _reason(gap: Gap, gate: Gate, confirmed: bool) -> str:
    text = f"{gap.words} {gap.now.value:.3f}, at launch {gap.launch.value:.3f}"
    exceeding = sum(gap.exceeds(week) for _, week in gap.by_week[-gate.n :])
    if gap.size is None or (gap.size.value <= gap.margin and not exceeding):
        return text
    low, high = gap.size.low, gap.size.high
    spread = "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"
    text += f", worse by {gap.size.value:.3f}{spread}"
    if exceeding:
        text += f", beyond the gate's {gap.margin:g} in {exceeding} of {gate.n} trailing weeks"
        return text if confirmed else f"{text}: not confirmed"
    return f"{text}: not surely beyond the gate's {gap.margin:g}"


def _observed(run: EvaluationRun) -> dict[str, Observed]:
    observed: dict[str, Observed] = {
        "version": run.version,
        "rows": run.week.rows,
        "days": run.week.days,
    }
    for name, estimate in run.week.metrics.items():
        observed[name] = round(estimate.value, 4)
        if estimate.low is not None and estimate.high is not None:
            observed[f"{name}_low"] = round(estimate.low, 4)
            observed[f"{name}_high"] = round(estimate.high, 4)
    if worst := worst_recall(run.week):
        observed["worst_class"] = worst[0]
    if run.launch:
        for name, estimate in run.launch.measured.metrics.items():
            observed[f"launch_{name}"] = round(estimate.value, 4)
    if run.beside:
        for name in HEADLINES[run.week.kind]:
            if name in run.beside.metrics:
                observed[f"version_{run.beside.version}_{name}"] = round(
                    run.beside.metrics[name].value, 4
                )
    return observed


def _worst_slice(run: EvaluationRun, gate: Gate) -> dict[str, Observed]:
    """The slice of the month that most surely lost more than all rows; ``slices_hold`` judges."""
    if run.slices is None or run.launch is None:
        return {}
    worst = worst_of(slice_gaps(run.slices, run.month, run.launch, gate))
    return {} if worst is None else {"worst_slice": worst.words}


def _share(day: DayCoverage) -> str:
    return f"{day.labelled} of {day.mature} mature predictions labelled ({day.coverage or 0:.0%})"


def _rows(week: Measured) -> str:
    return f"{week.rows} labelled predictions of {week.days} days"
