"""The evaluation run: how good the version in production is, as far as labels have come."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from ai_ops.accuracy_evaluation.gaps import FOLLOWED, HEADLINES
from ai_ops.accuracy_evaluation.judgement import judge_against_launch, judge_coverage
from ai_ops.accuracy_evaluation.kinds import judged_columns, kind_of
from ai_ops.accuracy_evaluation.labelled_rows import (
    LabelledRows,
    coverage_by_day,
    label_cutoff,
    newest_labelled,
)
from ai_ops.accuracy_evaluation.metrics import Bools, DaySums, difference, estimate, measured
from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.pictures import draw_evaluation
from ai_ops.accuracy_evaluation.range_sums import RangeSums
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
RANGE_DAYS = 63
"""So many days are evaluated from one reading, which holds the rows of the month before too."""


def compute_evaluation_run(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """How good the version in production is, on the labels that have come: the trailing week and
    month, beside its launch and beside another version on the same rows."""
    models, logged = JudgedModels(root, feature), LoggedIds(root.lake, feature)
    summaries = {}
    for together in _ranges(moments):
        for moment, run in _runs(root, feature, together, models, logged):
            path = root.lake.path(feature.name, "evaluation_run", moment.partition, "json")
            written = msgspec.json.encode(run, order="sorted")
            root.lake.write_bytes(path, msgspec.json.format(written, indent=1))
            picture = draw_evaluation(run) if moment is moments[-1] else None
            summaries[moment.partition] = Summary(_numbers(run), picture)
    return summaries


def judge_accuracy(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The version in production is as good as at its launch, in discrimination and calibration,
    on the labelled predictions of the trailing week, by the margins of the gate that was frozen.
    Where labels take more than a day the week ends as many days earlier. Missing labels are not an
    accuracy drop."""
    run, evidence = _known_run(root, feature, moment)
    live = launched_in(root, feature.name, moment)
    if live is not None and live.version != run.version:
        raise MissingEvidence(
            f"the evaluation run of {run.day} measured version {run.version}, and version "
            f"{live.version} was live at the end of that day; materialise it again"
        )
    held = gate_in_force(root, feature, moment.as_of)
    columns = judged_columns(feature.judged)
    verdict = judge_against_launch(run, held.gate, feature.ground_truth, *columns)
    observed = {**verdict.observed, "gate_hash": held.hash}
    return replace(verdict, observed=observed).with_evidence(evidence)


def judge_label_coverage(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The predictions of this day and the day before (earlier ones where labels take more than a
    day) have their labels, and the labels that came on this day have their predictions."""
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


def _ranges(moments: Sequence[Moment]) -> Iterator[Sequence[Moment]]:
    for first in range(0, len(moments), RANGE_DAYS):
        yield moments[first : first + RANGE_DAYS]


def _runs(
    root: Root,
    feature: AiFeatureSpec,
    moments: Sequence[Moment],
    models: JudgedModels,
    logged: LoggedIds,
) -> Iterator[tuple[Moment, EvaluationRun]]:
    newest = [newest_labelled(moment.partition, feature.ground_truth) for moment in moments]
    month = [Window.trailing(day, days=MONTH_DAYS) for day in newest]
    whole = Window(min(w.start for w in month), max(w.end for w in month))
    last_cutoff = max(label_cutoff(moment.as_of) for moment in moments)
    rows = read_rows(root.lake, feature, whole, last_cutoff)
    evaluator = _Evaluator(feature, models)
    for moment, window in zip(moments, month, strict=True):
        unknown = logged.unknown_labels(moment.partition, rows.arrived.get(moment.partition))
        live = launched_in(root, feature.name, moment)
        days = list(window.days())
        yield moment, evaluator.run(moment, rows.within(days[0], days[-1]), unknown, live)


class _Evaluator:
    """Evaluates the days of a range, summing what they have in common once."""

    def __init__(self, feature: AiFeatureSpec, models: JudgedModels) -> None:
        self._feature, self._models = feature, models
        self._sums = RangeSums(kind_of(feature))
        self._beside: dict[str, RangeSums] = {}

    def run(
        self,
        moment: Moment,
        rows: LabelledRows,
        unknown: UnknownLabels,
        live: LiveVersion | None,
    ) -> EvaluationRun:
        """The evaluation of one day, on the rows of its month."""
        truth, cutoff = self._feature.ground_truth, label_cutoff(moment.as_of)
        newest = newest_labelled(moment.partition, truth)
        month, week = (Window.trailing(newest, days=n) for n in (MONTH_DAYS, WEEK_DAYS))
        cutoff_day = cutoff.date().isoformat()
        days, week_days = list(month.days()), list(week.days())
        coverage = coverage_by_day(rows, month, cutoff, truth)
        version = live.version if live else _version_of(self._feature, rows)
        labelled = (
            rows.mature(cutoff, truth.mature_after_hours)
            & rows.labelled(cutoff)
            & rows.on({day.day for day in coverage if day.judged})
        )
        by_version = rows.by(version)
        own = labelled & rows.usable & by_version
        parts = self._sums.parts(rows, own)
        run = EvaluationRun(
            feature=self._feature.name,
            day=moment.partition,
            as_of=moment.as_of,
            label_cutoff=cutoff,
            version=version,
            live_since=live.since if live else None,
            own_answers=rows.count(by_version).get(days[-1], 0),
            coverage=coverage,
            week=self._sums.measured(parts, week_days),
            month=self._sums.measured(parts, days),
            trailing=[_followed(self._sums.measured(parts, one)) for one in _weeks(days)],
            unknown_labels=unknown,
            curve=self._sums.sums(parts, week_days).curve(),
            other_versions=dict(rows.count_versions(labelled & ~by_version)),
            without_score=int((labelled & ~rows.usable).sum()),
            contradicted=int(rows.contradicted(cutoff).sum()),
            read=list(_read_of(rows, days, cutoff_day)),
            missing=[name for name in rows.missing if days[0] <= name[-10:] < cutoff_day],
        )
        if version is None:
            return run
        launch = self._models.launch(version)
        if isinstance(launch, Launch):
            run = replace(run, launch=launch)
        else:
            run = replace(run, no_launch=launch)
        return self._beside_another(run, version, rows, own & rows.on(week_days))

    def _beside_another(
        self, run: EvaluationRun, version: str, rows: LabelledRows, week: Bools
    ) -> EvaluationRun:
        """The run beside another version on the rows of the week."""
        other = self._models.beside(version)
        if other is None:
            return replace(run, no_beside="the registry holds no other version")
        if not week.any():
            return replace(run, no_beside="no labelled row to compare on")
        try:
            asked = self._models.asked(other, rows, week)
        except AiOpsError as error:
            return replace(run, no_beside=f"version {other} cannot answer these rows: {error}")
        if other not in self._beside:
            self._beside[other] = RangeSums(kind_of(self._feature))
        of_other = self._beside[other]
        sums = of_other.sums(of_other.parts(asked, week))
        served = self._sums.sums(self._sums.parts(rows, week))
        return replace(run, beside=Beside(other, estimate(sums), difference(served, sums)))


def _version_of(feature: AiFeatureSpec, rows: LabelledRows) -> str | None:
    """Before the launch, and where no ledger knows one, the log alone tells who answers."""
    if not len(rows.ids):
        return None
    if feature.trained_here:
        return str(rows.versions[int(rows.version[-1])])
    last = rows.count_versions(rows.on(rows.days[-1:]))
    return max(last, key=lambda version: (last[version], version)) if last else None


def _weeks(days: Sequence[str]) -> list[Sequence[str]]:
    return [days[end - WEEK_DAYS : end] for end in range(WEEK_DAYS, len(days) + 1)]


def _followed(whole: Measured) -> Measured:
    """What is kept of every trailing week, beside all metrics of the latest week and month."""
    kept = FOLLOWED[whole.kind]
    if kept is None:
        return whole
    return replace(whole, metrics={name: e for name, e in whole.metrics.items() if name in kept})


def _trailing(sums: DaySums, days: Sequence[str]) -> list[Measured]:
    weeks = _weeks(days)
    return [_followed(measured(sums.of(week), week[0], week[-1])) for week in weeks]


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
        for name in HEADLINES[run.week.kind]:
            if name in run.beside.difference:
                numbers[f"{name}_minus_beside"] = round(run.beside.difference[name].value, 4)
    return numbers
