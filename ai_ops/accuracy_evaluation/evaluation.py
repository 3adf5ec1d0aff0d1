"""The evaluation run: how good the version in production is, as far as labels have come."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from ai_ops.accuracy_evaluation.evaluator import MONTH_DAYS, Evaluator
from ai_ops.accuracy_evaluation.gaps import HEADLINES
from ai_ops.accuracy_evaluation.judgement import (
    judge_against_launch,
    judge_coverage,
)
from ai_ops.accuracy_evaluation.kinds import judged_columns
from ai_ops.accuracy_evaluation.label_maturity import late_or_lost
from ai_ops.accuracy_evaluation.label_plausibility import judge_plausible, unless_plausible
from ai_ops.accuracy_evaluation.label_records import SlicesCovered
from ai_ops.accuracy_evaluation.label_slices import judge_slices_covered
from ai_ops.accuracy_evaluation.labelled_rows import (
    label_cutoff,
    newest_labelled,
)
from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.pictures import draw_evaluation
from ai_ops.accuracy_evaluation.reading import read_rows
from ai_ops.accuracy_evaluation.records import (
    EvaluationRun,
    Slices,
)
from ai_ops.accuracy_evaluation.reproduced_judgement import judge_reproduced
from ai_ops.accuracy_evaluation.slice_judgement import (
    SliceGap,
    judge_slices,
    slice_gaps,
    told_of,
    worst_first,
)
from ai_ops.accuracy_evaluation.slices import slicing_inputs
from ai_ops.accuracy_evaluation.strangers import LoggedIds
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.in_force import gate_in_force, launched_in
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Verdict
from ai_ops.vocabulary.windows import Window

ROWS = 12
"""So many slices are shown in a day's table."""

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
            summaries[moment.partition] = Summary(_numbers(run))
            if moment is moments[-1]:
                summaries[moment.partition] = _shown(root, feature, moment, run)
    return summaries


def judge_accuracy(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The version in production is as good as at its launch, in discrimination and calibration,
    on the labelled predictions of the trailing week, by the margins of the gate that was frozen.
    Where labels take more than a day the week ends as many days earlier. Missing labels are not an
    accuracy drop, nor are labels that look wrong."""
    run, evidence = _known_run(root, feature, moment)
    live = launched_in(root, feature.name, moment)
    if live is not None and live.version != run.version:
        raise MissingEvidence(
            f"the evaluation run of {run.day} measured version {run.version}, and version "
            f"{live.version} was live at the end of that day; materialise it again"
        )
    if doubted := unless_plausible(run.labels.signs if run.labels else None, moment.window):
        told = {**doubted.observed, "version": run.version}
        return replace(doubted, observed=told).with_evidence(evidence)
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
    if verdict.status == "no_evidence" and (words := late_or_lost(run.coverage)):
        verdict = replace(verdict, reason=f"{verdict.reason}; {words}")
    absent = [name for name in run.missing if name.endswith(tuple(day.day for day in days))]
    if absent and verdict.passed:
        reason = f"{', '.join(absent)} was not there to be read: materialise it, then this run"
        verdict = Verdict.lacking(reason, "labels", window=moment.window)
    return verdict.with_evidence(evidence)


def judge_label_coverage_slices(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """No slice (a carrier, a tenant, a call site) of the last three judged days lacks the labels
    that other rows have: what is missing for some alone is not missing at random, and the accuracy
    of the whole is then that of the others."""
    run, evidence = _known_run(root, feature, moment)
    found = run.labels.slices if run.labels else SlicesCovered()
    verdict = judge_slices_covered(found, feature.ground_truth, moment.window)
    return verdict.with_evidence(evidence)


def judge_labels_plausible(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The labels of the trailing week look right: no day's all say the same, none are flipped, in
    another unit or under exchanged names. What the world can have done as well as the labels is
    not claimed: the accuracy judges that."""
    run, evidence = _known_run(root, feature, moment)
    if run.labels is None or run.labels.signs is None:
        raise MissingEvidence(
            f"the evaluation run of {run.day} did not look at its labels; materialise it again"
        )
    verdict = judge_plausible(run.labels.signs, feature.ground_truth, moment.window)
    return verdict.with_evidence(evidence)


def judge_slices_hold(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """No slice (a carrier, a tenant, a call site) of the trailing month is surely worse than the
    same slice at launch by more than all rows are, by the margins of the gate that was frozen: a
    model that fails for few is not hidden by the many. Corrected for the number of slices."""
    run, evidence = _known_run(root, feature, moment)
    window = Window(Window.of_day(run.month.first_day).start, Window.of_day(run.month.last_day).end)
    if run.month.rows and run.slices == Slices() and not slicing_inputs(feature):
        by = ", ".join(feature.sliced_by)
        of = f"{by} is of one value, or of too many" if by else "the feature's file names no slices"
        reason = f"nothing to slice by: {of}; the whole is the only slice, and accuracy tells of it"
        return Verdict.passing(reason, sample_size=run.month.rows).with_evidence(evidence)
    held = gate_in_force(root, feature, moment.as_of)
    verdict = judge_slices(run, held.gate, window)
    observed = {**verdict.observed, "gate_hash": held.hash}
    return replace(verdict, observed=observed).with_evidence(evidence)


def judge_scores_reproduced(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """A sample of the day's answers, asked again of the versions that gave them, comes out as it
    was logged: what serves is what was registered, and reads its inputs as training did. Labels
    are not needed for it."""
    run, evidence = _known_run(root, feature, moment)
    return judge_reproduced(run).with_evidence(evidence)


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


def _shown(root: Root, feature: AiFeatureSpec, moment: Moment, run: EvaluationRun) -> Summary:
    """A day with its picture and the slices that lost most since launch."""
    gaps: list[SliceGap] = []
    if run.slices is not None and run.launch is not None:
        gate = gate_in_force(root, feature, moment.as_of).gate
        gaps = worst_first(slice_gaps(run.slices, run.month, run.launch, gate))
    return Summary(
        _numbers(run), draw_evaluation(run, gaps), table=tuple(map(told_of, gaps[:ROWS]))
    )


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
    evaluator = Evaluator(root, feature, models)
    for moment, window in zip(moments, month, strict=True):
        unknown = logged.unknown_labels(moment.partition, rows.arrived.get(moment.partition))
        live = launched_in(root, feature.name, moment)
        days = list(window.days())
        yield moment, evaluator.run(moment, rows.within(days[0], days[-1]), unknown, live)


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
