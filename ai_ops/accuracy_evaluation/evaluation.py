"""The evaluation run: how good the version in production is, as far as labels have come."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np

from ai_ops.accuracy_evaluation.judgement import judge_against_launch, judge_coverage
from ai_ops.accuracy_evaluation.labelled_rows import (
    Bools,
    LabelledRows,
    coverage_by_day,
    label_cutoff,
)
from ai_ops.accuracy_evaluation.metrics import (
    DaySums,
    calibration_curve,
    difference,
    estimate,
)
from ai_ops.accuracy_evaluation.models import JudgedModels, measured
from ai_ops.accuracy_evaluation.pictures import draw_evaluation
from ai_ops.accuracy_evaluation.reading import read_rows
from ai_ops.accuracy_evaluation.records import (
    Beside,
    EvaluationRun,
    Launch,
    Measured,
    UnknownLabels,
)
from ai_ops.accuracy_evaluation.strangers import LoggedIds
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.in_force import LiveVersion, gate_in_force, launched_in
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError, MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Verdict
from ai_ops.vocabulary.windows import Window

WEEK_DAYS, MONTH_DAYS = 7, 28
FOLLOWED = ("auc", "brier_skill", "calibration_gap", "ece")
"""What is kept of every trailing week, beside all metrics of the latest week and month."""


def compute_evaluation_run(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """How good the version in production is, on the labels that have come: the trailing week and
    month, beside its launch and beside another version on the same rows."""
    if not moments:
        return {}
    month = [Window.trailing(moment.partition, days=MONTH_DAYS) for moment in moments]
    whole = Window(min(w.start for w in month), max(w.end for w in month))
    last_cutoff = max(label_cutoff(moment.as_of) for moment in moments)
    rows = read_rows(root.lake, feature, whole, last_cutoff)
    models = JudgedModels(root, feature, rows)
    logged = LoggedIds(root.lake, feature)
    summaries = {}
    for moment in moments:
        unknown = logged.unknown_labels(moment.partition)
        live = launched_in(root, feature.name, moment)
        run = _evaluate(feature, moment, rows, models, unknown, live)
        path = root.lake.path(feature.name, "evaluation_run", moment.partition, "json")
        root.lake.write_json(path, msgspec.to_builtins(run))
        picture = draw_evaluation(run) if moment is moments[-1] else None
        summaries[moment.partition] = Summary(_numbers(run), picture)
    return summaries


def judge_accuracy(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The version in production is as good as at its launch, in discrimination and calibration,
    on the labelled predictions of the trailing week, by the margins of the gate that was frozen.
    Missing labels are not an accuracy drop."""
    run, evidence = _known_run(root, feature, moment)
    live = launched_in(root, feature.name, moment)
    if live is not None and live.version != run.version:
        raise MissingEvidence(
            f"the evaluation run of {run.day} measured version {run.version}, and version "
            f"{live.version} was live at the end of that day; materialise it again"
        )
    held = gate_in_force(root, feature, moment.as_of)
    verdict = judge_against_launch(run, held.gate, feature.ground_truth, feature.judged.score or "")
    observed = {**verdict.observed, "gate_hash": held.hash}
    return replace(verdict, observed=observed).with_evidence(evidence)


def judge_label_coverage(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The predictions of this day and the day before have their labels, as far as they are old
    enough to, and the labels that came on this day have their predictions."""
    run, evidence = _known_run(root, feature, moment)
    days = run.coverage[-2:]
    verdict = judge_coverage(days, run.unknown_labels, feature.ground_truth)
    absent = [name for name in run.missing if name.endswith(tuple(day.day for day in days))]
    if absent and verdict.passed:
        reason = f"{', '.join(absent)} was not there to be read: materialise it, then this run"
        verdict = Verdict.lacking(reason, "labels", window=moment.window)
    return verdict.with_evidence(evidence)


def read_run(root: Root, feature: AiFeatureSpec, day: str) -> tuple[EvaluationRun, Evidence]:
    """The evaluation run of a day, and its evidence; ``MissingEvidence`` when there is none."""
    path = root.lake.path(feature.name, "evaluation_run", day, "json")
    data, evidence = root.lake.read_json(path)
    return msgspec.convert(data, EvaluationRun), evidence


def _known_run(
    root: Root, feature: AiFeatureSpec, moment: Moment
) -> tuple[EvaluationRun, Evidence]:
    """The evaluation run of a day, unless it has read what was not known at the moment yet."""
    run, evidence = read_run(root, feature, moment.partition)
    if run.as_of > moment.as_of:
        raise MissingEvidence(
            f"the evaluation run of {run.day} was made as of {run.as_of:%Y-%m-%d %H:%M}, with "
            f"labels that {moment.as_of:%Y-%m-%d %H:%M} did not know; materialise it as of then"
        )
    return run, evidence


def _evaluate(
    feature: AiFeatureSpec,
    moment: Moment,
    rows: LabelledRows,
    models: JudgedModels,
    unknown: UnknownLabels,
    live: LiveVersion | None,
) -> EvaluationRun:
    month, week = (Window.trailing(moment.partition, days=n) for n in (MONTH_DAYS, WEEK_DAYS))
    cutoff = label_cutoff(moment.as_of)
    cutoff_day = cutoff.date().isoformat()
    days, week_days = list(month.days()), list(week.days())
    coverage = coverage_by_day(rows, month, cutoff, feature.ground_truth)
    inside = rows.between(days[0], days[-1])
    version = str(rows.version[inside][-1]) if inside.any() else None
    version = live.version if live else version  # before the launch the log alone tells
    judged_days = [day.day for day in coverage if day.judged]
    labelled = (
        inside
        & rows.mature(cutoff, feature.ground_truth.mature_after_hours)
        & rows.labelled(cutoff)
        & np.isin(rows.day, judged_days)
    )
    own = labelled & rows.scored & (rows.version == version)
    sums = rows.sums(own)
    week_sums = sums.of(week_days)
    run = EvaluationRun(
        feature=feature.name,
        day=moment.partition,
        as_of=moment.as_of,
        label_cutoff=cutoff,
        version=version,
        live_since=live.since if live else None,
        own_answers=int((rows.between(days[-1], days[-1]) & (rows.version == version)).sum()),
        coverage=coverage,
        week=measured(week_sums, week_days[0], week_days[-1]),
        month=measured(sums, days[0], days[-1]),
        trailing=_trailing(sums, days),
        unknown_labels=unknown,
        curve=calibration_curve(week_sums),
        other_versions=dict(Counter(rows.version[labelled & (rows.version != version)].tolist())),
        without_score=int((labelled & ~rows.scored).sum()),
        contradicted=int((inside & rows.contradicted(cutoff)).sum()),
        read=list(_read_of(rows, days, cutoff_day)),
        missing=[
            name for name in rows.missing if days[0] <= name[-10:] < cutoff.date().isoformat()
        ],
    )
    if version is None:
        return run
    in_week = own & rows.between(week_days[0], days[-1])
    return _with_others(run, version, feature, rows, in_week, models)


def _with_others(
    run: EvaluationRun,
    version: str,
    feature: AiFeatureSpec,
    rows: LabelledRows,
    week: Bools,
    models: JudgedModels,
) -> EvaluationRun:
    """The run beside its launch, and beside another version on the rows of the week."""
    launch = models.launch(version)
    if isinstance(launch, Launch):
        run = replace(run, launch=launch)
    else:
        run = replace(run, no_launch=launch)
    other = models.beside(version)
    if other is None:
        return replace(run, no_beside="the registry holds no other version")
    if not week.any():
        return replace(run, no_beside="no labelled row to compare on")
    try:
        scores = models.scores(other, week)
    except AiOpsError as error:
        return replace(run, no_beside=f"version {other} cannot answer these rows: {error}")
    sums = rows.sums(week, scores, feature.judged.threshold)
    compared = difference(rows.sums(week), sums)
    return replace(run, beside=Beside(other, estimate(sums), compared))


def _trailing(sums: DaySums, days: Sequence[str]) -> list[Measured]:
    ends = range(WEEK_DAYS, len(days) + 1)
    weeks = [days[end - WEEK_DAYS : end] for end in ends]
    trailing = []
    for week in weeks:
        whole = measured(sums.of(week), week[0], week[-1])
        kept = {name: e for name, e in whole.metrics.items() if name in FOLLOWED}
        trailing.append(replace(whole, metrics=kept))
    return trailing


def _read_of(rows: LabelledRows, days: Sequence[str], cutoff_day: str) -> list[Evidence]:
    """What of the files read is this run's own: logs to its last day, labels to its cutoff."""
    chosen = []
    for evidence in rows.read:
        day = evidence.source.rsplit("/", 1)[-1].removesuffix(".parquet")
        of_labels = "/ground_truth/" in evidence.source
        if days[0] <= day and (day < cutoff_day if of_labels else day <= days[-1]):
            chosen.append(evidence)
    return chosen


def _numbers(run: EvaluationRun) -> dict[str, float | int | str | bool | None]:
    latest = run.coverage[-1]
    numbers: dict[str, float | int | str | bool | None] = {
        "version": run.version,
        "labelled_rows_week": run.week.rows,
        "days_judged_week": run.week.days,
        "mature_of_the_day": latest.mature,
        "coverage_of_the_day": latest.coverage,
        "contradicted": run.contradicted,
        "unknown_labels": run.unknown_labels.unknown,
    }
    numbers.update({name: round(e.value, 4) for name, e in run.week.metrics.items()})
    if run.beside:
        numbers["beside_version"] = run.beside.version
        for name in ("auc", "brier"):
            if name in run.beside.difference:
                numbers[f"{name}_minus_beside"] = round(run.beside.difference[name].value, 4)
    return numbers
