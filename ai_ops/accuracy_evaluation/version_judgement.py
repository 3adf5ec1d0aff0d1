"""One registered version on labelled production rows: the record of it, and its verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ai_ops.accuracy_evaluation.gaps import measure_gaps
from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.records import DayCoverage, Launch, Measured
from ai_ops.ai_features.gate import Gate
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.vocabulary.verdicts import Evidence, Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

EXPIRES_AFTER = timedelta(days=31)
"""An evaluation speaks for the month after it was made, no longer."""


@dataclass(frozen=True)
class VersionEvaluation:
    """How a version answers the labelled rows of a window, whichever version answered them then.

    ``dataset_digest`` is the sha256 of the ids and labels it was evaluated on. ``served`` are the
    metrics of what was answered in production on the same rows, ``difference`` this version minus
    that, paired by day.
    """

    feature: str
    version: str
    as_of: datetime
    label_cutoff: datetime
    measured: Measured
    coverage: list[DayCoverage]
    dataset_digest: str
    served: dict[str, Estimate]
    difference: dict[str, Estimate]
    curve: list[tuple[float, float, int]]
    launch: Launch | None = None
    no_launch: str = ""
    mlflow_run: str = ""
    read: list[Evidence] = field(default_factory=list)


def judge_version(
    evaluation: VersionEvaluation, gate: Gate, truth: GroundTruth, as_of: datetime
) -> Verdict:
    """The verdict on one version: as good as at its launch, on enough rows, not long ago."""
    rows = evaluation.measured
    window = Window(Window.of_day(rows.first_day).start, Window.of_day(rows.last_day).end)
    about = f"version {evaluation.version} on {rows.rows} labelled predictions of {rows.days} days"
    lacking = None
    if as_of - evaluation.as_of > EXPIRES_AFTER:
        age = (as_of - evaluation.as_of).days
        lacking = f"the newest evaluation, of version {evaluation.version}, is {age} days old"
    elif rows.rows < truth.minimum_labels or rows.days < gate.minimum_days:
        lacking = f"{about}: at least {truth.minimum_labels} of {gate.minimum_days} days are needed"
    elif evaluation.launch is None:
        lacking = f"{about}: nothing to compare with: {evaluation.no_launch}"
    if lacking is not None or evaluation.launch is None:
        return Verdict.lacking(lacking or about, "accuracy", window=window, sample_size=rows.rows)
    observed: dict[str, Observed] = {"version": evaluation.version, "rows": rows.rows}
    return judge_rows(about, rows, evaluation.launch.measured, gate, window, observed)


def judge_rows(
    about: str,
    rows: Measured,
    launch: Measured,
    gate: Gate,
    window: Window,
    observed: Mapping[str, Observed],
) -> Verdict:
    """The verdict on one window of labelled rows: in every gated metric not surely worse than at
    launch by more than the gate's margin. ``about`` says in words what was measured."""
    gaps, unjudged = measure_gaps(rows, [rows], launch, gate)
    seen = dict(observed)
    seen |= {name: round(estimate.value, 4) for name, estimate in rows.metrics.items()}
    findings = [
        Finding(
            "accuracy",
            "fail",
            f"{gap.words} {gap.now.value:.3f}, at launch {gap.launch.value:.3f}: worse by "
            f"{gap.size.value:.3f}, surely beyond the gate's {gap.margin:g}",
            window=window,
            begin=window.start,
            size=gap.size.value,
        )
        for gap in gaps
        if gap.size is not None and gap.exceeds(gap.size)
    ]
    lacking_findings = [missing.finding(window) for missing in unjudged]
    if findings:
        return Verdict.failing(
            f"{about}: " + "; ".join(finding.reason for finding in findings),
            *findings,
            *lacking_findings,
            sample_size=rows.rows,
            observed=seen,
        )
    if lacking_findings:
        return Verdict.lacking(
            f"{about}: " + "; ".join(finding.reason for finding in lacking_findings),
            "accuracy",
            *lacking_findings,
            sample_size=rows.rows,
            observed=seen,
        )
    told = ", ".join(f"{gap.words} {gap.now.value:.3f}" for gap in gaps)
    return Verdict.passing(
        f"{about}: no sure gap to launch; {told}", sample_size=rows.rows, observed=seen
    )
