"""One day's evaluation: what the version in production answered, on the labels that had come."""

from collections.abc import Sequence
from dataclasses import replace

from ai_ops.accuracy_evaluation.gaps import FOLLOWED
from ai_ops.accuracy_evaluation.kinds import kind_of
from ai_ops.accuracy_evaluation.label_quality import LabelQualities
from ai_ops.accuracy_evaluation.labelled_rows import (
    LabelledRows,
    coverage_by_day,
    label_cutoff,
    newest_labelled,
)
from ai_ops.accuracy_evaluation.metrics import Bools, DaySums, difference, estimate, measured
from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.range_sums import RangeSums
from ai_ops.accuracy_evaluation.reading import read_rows
from ai_ops.accuracy_evaluation.records import (
    Beside,
    EvaluationRun,
    Launch,
    Measured,
    UnknownLabels,
)
from ai_ops.accuracy_evaluation.reproducing import reproduce
from ai_ops.accuracy_evaluation.sliced_months import SlicedMonths
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.in_force import LiveVersion
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError, MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window

WEEK_DAYS, MONTH_DAYS = 7, 28


class Evaluator:
    """Evaluates the days of a range, summing what they have in common once."""

    def __init__(self, root: Root, feature: AiFeatureSpec, models: JudgedModels) -> None:
        self._root, self._feature, self._models = root, feature, models
        self._slices = SlicedMonths(root, feature)
        self._labels = LabelQualities(root, feature)
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
        if self._feature.trained_here:
            run = self._reproduced(run, moment, rows)
        launch = "no version answered" if version is None else self._models.launch(version)
        then = None
        if version is not None and isinstance(launch, Launch):
            then = version, self._models.launch_rows(version)[0]
        quality = self._labels.of(rows, own, coverage, moment.as_of, then or str(launch))
        run = replace(run, labels=quality)
        if version is None:
            return run
        if isinstance(launch, Launch):
            run = replace(run, launch=launch)
            self._slices.launched(version, self._models.launch_rows(version)[0])
        else:
            run = replace(run, no_launch=launch)
        try:
            run = replace(run, slices=self._slices.month(rows, own, version))
        except MissingEvidence as missing:
            run = replace(run, no_slices=str(missing))
        return self._beside_another(run, version, rows, own & rows.on(week_days))

    def _reproduced(self, run: EvaluationRun, moment: Moment, rows: LabelledRows) -> EvaluationRun:
        """The run with the answers of the day itself asked again; they need no labels."""
        try:
            if moment.partition not in rows.days:  # labels take days, and these rows have theirs
                rows = read_rows(
                    self._root.lake, self._feature, moment.window, label_cutoff(moment.as_of)
                )
            again = reproduce(self._root, self._feature, self._models, rows, moment.partition)
            return replace(run, reproduced=again)
        except AiOpsError as error:
            return replace(run, no_reproduced=str(error))

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
