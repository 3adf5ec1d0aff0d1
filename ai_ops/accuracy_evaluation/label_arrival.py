"""When labels come: the arrival curve of a trailing cohort of predictions, week by week."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.arrival_curve import Arrivals, age_at, arrival_curve
from ai_ops.accuracy_evaluation.arrival_picture import draw_arrival
from ai_ops.accuracy_evaluation.label_maturity import (
    NEARLY_ALL,
    ArrivalReport,
    DayArrival,
    comes_late,
    judge_maturity,
    late_run,
)
from ai_ops.accuracy_evaluation.labelled_rows import label_cutoff
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Observed, Verdict
from ai_ops.vocabulary.windows import Window

COHORT_DAYS = 28
TIMES = pa.timestamp("us", "UTC")
_HOUR = 3_600_000_000
_NEVER = np.iinfo(np.int64).max


class _Days:
    """The predictions and the labels of days, each read once."""

    def __init__(self, root: Root, feature: AiFeatureSpec) -> None:
        self._lake, self._name = root.lake, feature.name
        self._monitoring = feature.monitoring
        self._read: dict[tuple[str, str], tuple[pa.Table, Evidence] | None] = {}

    def table(self, asset: str, day: str) -> tuple[pa.Table, Evidence] | None:
        """What an asset holds of a day: ``id`` and a moment; None where it is not there."""
        if (asset, day) not in self._read:
            self._read[asset, day] = self._load(asset, day)
        return self._read[asset, day]

    def _load(self, asset: str, day: str) -> tuple[pa.Table, Evidence] | None:
        if not self._monitoring.holds(day):
            return None
        path = self._lake.path(self._name, asset, day)
        answered = asset == "prediction_log"
        names = ["id", "time", "status"] if answered else ["id", "available_at"]
        try:
            table, evidence = self._lake.read_table(path, names)
        except MissingEvidence:
            return None
        if answered:
            table = table.filter(pc.equal(table["status"], "ok"))
        moment = table[names[1]].cast(TIMES)
        return pa.table({"id": table["id"].cast(pa.string()), "at": moment}), evidence


def compute_label_arrival(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """After how many hours labels come: the share of the predictions of the last four weeks that
    have theirs, by age, beside the maturity that is declared. Predictions that are too young for
    an age say nothing about it."""
    days, summaries = _Days(root, feature), {}
    for moment in moments:
        report = _report(feature, moment, days)
        path = root.lake.path(feature.name, "label_arrival", moment.partition, "json")
        written = msgspec.json.encode(report, order="sorted")
        root.lake.write_bytes(path, msgspec.json.format(written, indent=1))
        declared = feature.ground_truth.mature_after_hours
        picture = draw_arrival(report, declared) if moment is moments[-1] else None
        summaries[moment.partition] = Summary(_numbers(report), picture, table=_table(report))
    return summaries


def judge_label_maturity(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Labels come when the feature's file says that they do: at ``mature_after_hours`` enough of
    those that ever come are there, and the latest predictions do not wait longer than others."""
    path = root.lake.path(feature.name, "label_arrival", moment.partition, "json")
    data, evidence = root.lake.read_json(path)
    report = msgspec.convert(data, ArrivalReport)
    if report.as_of > moment.as_of:
        raise MissingEvidence(
            f"label_arrival of {report.week} was made as of {report.as_of:%Y-%m-%d %H:%M}, with "
            f"labels that {moment.as_of:%Y-%m-%d %H:%M} did not know; materialise it as of then"
        )
    return judge_maturity(report, feature.ground_truth).with_evidence(evidence)


def _report(feature: AiFeatureSpec, moment: Moment, read: _Days) -> ArrivalReport:
    truth, cutoff = feature.ground_truth, label_cutoff(moment.as_of)
    waits = math.ceil(2 * truth.mature_after_hours / 24)
    last = (min(moment.window.end, cutoff) - timedelta(days=1)).date()
    window = Window.trailing(last, days=COHORT_DAYS + waits)
    names = [day for day in window.days() if feature.monitoring.holds(day)]
    logs = {day: found for day in names if (found := read.table("prediction_log", day))}
    labels = [(day, read.table("ground_truth", day)) for day in _until(names, cutoff)]
    arrivals, starts = _arrivals([table for table, _ in logs.values()], labels, cutoff)
    days = _by_day(list(logs), starts, arrivals, truth)
    report = ArrivalReport(
        feature.name,
        moment.partition,
        moment.as_of,
        cutoff,
        names[0] if names else last.isoformat(),
        names[-1] if names else last.isoformat(),
        len(arrivals),
        int(arrivals.came.sum()),
        days,
        arrival_curve(arrivals, truth.mature_after_hours),
        read=[evidence for _, evidence in logs.values()]
        + [found[1] for _, found in labels if found],
        missing=[f"{feature.name}/prediction_log/{day}" for day in names if day not in logs]
        + [f"{feature.name}/ground_truth/{day}" for day, found in labels if found is None],
    )
    return _timed(report, arrivals, starts, list(logs), truth)


def _timed(
    report: ArrivalReport,
    arrivals: Arrivals,
    starts: list[int],
    logged: list[str],
    truth: GroundTruth,
) -> ArrivalReport:
    """The report with its ages; where the last days wait longer, those before and after apart."""
    share = truth.minimum_coverage * report.curve.final
    run, usual, recent = late_run(report.days, share), arrivals, None
    if run and len(run) < sum(day.old_enough > 0 for day in report.days) and comes_late(run, share):
        place = starts[logged.index(run[0].day)]
        usual, recent = arrivals.take(slice(0, place)), arrivals.take(slice(place, None))
    curve = arrival_curve(usual, truth.mature_after_hours)
    final = curve.final
    report = replace(report, curve=curve)
    if not final:
        return report
    report = replace(
        report,
        covered_at=age_at(usual, truth.minimum_coverage * final),
        nearly_all_at=age_at(usual, NEARLY_ALL * final),
        usual_hours=age_at(usual, 0.5 * final),
    )
    if recent is None:
        return report
    return replace(
        report,
        late_since=run[0].day,
        late=arrival_curve(recent, truth.mature_after_hours),
        late_hours=age_at(recent, 0.5 * final),
    )


def _arrivals(
    logs: Sequence[pa.Table],
    labels: Sequence[tuple[str, tuple[pa.Table, Evidence] | None]],
    cutoff: datetime,
) -> tuple[Arrivals, list[int]]:
    """The predictions in the order of their days, and where each day begins."""
    nothing = pa.table({"id": pa.array([], pa.string()), "at": pa.array([], TIMES)})
    predicted = pa.concat_tables([nothing, *logs])
    known = pa.concat_tables([nothing, *(found[0] for _, found in labels if found)])
    place = pc.index_in(predicted["id"], known["id"])
    at = predicted["at"].cast(pa.int64()).to_numpy()
    came = pc.fill_null(known["at"].combine_chunks().take(place).cast(pa.int64()), _NEVER)
    then, end = came.to_numpy(), int(np.datetime64(cutoff.replace(tzinfo=None), "us").astype(int))
    # A label that is dated before its prediction is there at once: some know the day only.
    delay = np.where(then < end, np.maximum((then - at) / _HOUR, 0.0), np.nan)
    starts = np.cumsum([0, *(table.num_rows for table in logs)]).tolist()
    return Arrivals(delay, (end - at) / _HOUR), starts


def _by_day(
    logged: Sequence[str], starts: Sequence[int], arrivals: Arrivals, truth: GroundTruth
) -> list[DayArrival]:
    days = []
    for place, day in enumerate(logged):
        here = arrivals.take(slice(starts[place], starts[place + 1]))
        old = here.age >= truth.mature_after_hours
        soon = here.delay <= truth.mature_after_hours
        in_time, later = (old & soon).sum(), (old & here.came & ~soon).sum()
        days.append(DayArrival(day, int(old.sum()), int(in_time), int(later)))
    return days


def _until(names: Sequence[str], cutoff: datetime) -> list[str]:
    """The days on which a label of these days' predictions may have become known."""
    if not names:
        return []
    whole = Window(Window.of_day(names[0]).start, max(cutoff, Window.of_day(names[0]).end))
    return [day for day in whole.days() if Window.of_day(day).end <= cutoff]


def _numbers(report: ArrivalReport) -> dict[str, Observed]:
    curve = report.curve
    return {
        "predictions": report.predictions,
        "labelled": report.labelled,
        "share_in_the_end": round(curve.final, 4) if curve.ages else None,
        "half_after_hours": _rounded(report.usual_hours),
        "covered_at_hours": _rounded(report.covered_at),
        "nearly_all_at_hours": _rounded(report.nearly_all_at),
        "late_since": report.late_since,
    }


def _table(report: ArrivalReport) -> tuple[dict[str, Observed], ...]:
    curve = report.curve
    told = zip(curve.ages, curve.share, curve.low, curve.high, curve.waited_for, strict=True)
    return tuple(
        {
            "age_hours": age,
            "share_labelled": round(share, 4),
            "at_least": round(low, 4),
            "at_most": round(high, 4),
            "still_waited_for": waited,
        }
        for age, share, low, high, waited in told
    )


def _rounded(hours: float | None) -> float | None:
    return None if hours is None else round(hours, 2)
