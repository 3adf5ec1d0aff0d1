"""How versions grow old: each of them asked again, month by month, on what came after it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.kinds import kind_of
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows, coverage_by_day, label_cutoff
from ai_ops.accuracy_evaluation.metrics import Bools, DaySums, difference, estimate, rows_of
from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.range_sums import sums_of
from ai_ops.accuracy_evaluation.reading import read_rows
from ai_ops.accuracy_evaluation.staleness_records import (
    AgedMonth,
    Answered,
    Older,
    by_age,
    months_between,
)
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError, MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Evidence

ASSET: Final = "retraining_cadence"
ASKED_AGAIN: Final = 6
"""At most so many versions are asked again for a month: the first one, and the newest."""

DAYS_ASKED: Final = 12
"""On at most so many of its days: what two months tell apart does not hang on each day."""


def measure_month(
    root: Root, feature: AiFeatureSpec, models: JudgedModels, moment: Moment
) -> AgedMonth:
    """Every version of the time on the month's labelled rows, all from after what it learnt from;
    and every two of them on the same rows, the older beside the newer one."""
    cutoff = label_cutoff(moment.as_of)
    rows = read_rows(root.lake, feature, moment.window, cutoff)
    judged = _judged(feature, rows, moment)
    found, unasked = _learnt_before(root, feature, moment)
    sums: dict[str, DaySums] = {}
    for version in found if judged.any() else {}:
        try:
            sums[version] = sums_of(models.asked(version, rows, judged), judged, kind_of(feature))
        except AiOpsError as error:
            unasked[version] = str(error)
    middle = moment.window.start.date() + (moment.window.end - moment.window.start) / 2
    answered = [_answered(version, found[version], middle, sums[version]) for version in sums]
    return AgedMonth(
        feature=feature.name,
        month=moment.partition,
        as_of=moment.as_of,
        label_cutoff=cutoff,
        kind=kind_of(feature).name,
        answered=answered,
        older=[_older(moment.partition, sums, one, two) for one, two in by_age(answered)],
        unasked=unasked,
        no_rows="" if judged.any() else "no day of it has labels enough",
        dataset_digest=rows.digest(judged),
        read=list(rows.read),
    )


def read_months(
    root: Root, feature: AiFeatureSpec, moment: Moment
) -> tuple[list[AgedMonth], list[Evidence]]:
    """The months up to the moment's own as they were known to it, the oldest first.

    Raises ``MissingEvidence`` without the moment's own month.
    """
    months, read = [], []
    for path in sorted(root.lake.glob(f"{feature.name}/{ASSET}/*.json")):
        data, evidence = root.lake.read_json(path)
        month = msgspec.convert(data, AgedMonth)
        if month.month <= moment.partition and month.as_of <= moment.as_of:
            months.append(month)
            read.append(evidence)
    if not months or months[-1].month != moment.partition:
        raise MissingEvidence(
            f"{feature.name}: {ASSET} of {moment.partition} was not there to be read as of "
            f"{moment.as_of:%Y-%m-%d}; materialise it"
        )
    return months, read


def _judged(feature: AiFeatureSpec, rows: LabelledRows, moment: Moment) -> Bools:
    cutoff, truth = label_cutoff(moment.as_of), feature.ground_truth
    coverage = coverage_by_day(rows, moment.window, cutoff, truth)
    known = rows.mature(cutoff, truth.mature_after_hours) & rows.labelled(cutoff) & rows.usable
    judged: Bools = known & rows.on(_spread([day.day for day in coverage if day.judged]))
    return judged


def _spread(days: Sequence[str]) -> Sequence[str]:
    """At most ``DAYS_ASKED`` of the days, spread evenly over them.

    >>> len(_spread([f"2021-03-{day:02d}" for day in range(1, 32)]))
    12
    """
    if len(days) <= DAYS_ASKED:
        return days
    return [days[place * len(days) // DAYS_ASKED] for place in range(DAYS_ASKED)]


def _learnt_before(
    root: Root, feature: AiFeatureSpec, moment: Moment
) -> tuple[dict[str, date], dict[str, str]]:
    """The first version and the newest ones that learnt from nothing of the month, with the last
    day that they learnt from; of those of which it cannot be told, why."""
    versions = [one.version for one in root.registry.versions(feature.name)]
    found: dict[str, date] = {}
    unasked: dict[str, str] = {}
    for version in dict.fromkeys([*versions[:1], *reversed(versions)]):
        if len(found) == ASKED_AGAIN:
            break
        try:
            reference, _ = root.registry.reference(feature.name, version)
        except MissingEvidence as error:
            unasked[version] = str(error)
            continue
        if "time" not in reference.column_names or not reference.num_rows:
            unasked[version] = f"the reference of version {version} does not tell its time"
            continue
        last = pc.max(reference["time"]).as_py().date()
        if last < moment.window.start.date():
            found[version] = last
    return {version: found[version] for version in versions if version in found}, unasked


def _answered(version: str, learnt_until: date, middle: date, sums: DaySums) -> Answered:
    return Answered(
        version=version,
        learnt_until=learnt_until.isoformat(),
        age=months_between(learnt_until + timedelta(days=1), middle),
        rows=rows_of(sums),
        days=len(sums.days),
        metrics=estimate(sums),
    )


def _older(month: str, sums: Mapping[str, DaySums], older: Answered, newer: Answered) -> Older:
    return Older(
        month=month,
        older=older.version,
        newer=newer.version,
        months_apart=older.age - newer.age,
        difference=difference(sums[older.version], sums[newer.version]),
        newer_metrics={name: one.value for name, one in newer.metrics.items()},
    )
