"""Are labels there for everyone? Coverage slice by slice, over the last days.

Labels of one slice that are missing are not missing at random: the accuracy of the whole is then
that of the others. A slice is named when its coverage surely lies below what the feature needs
(Clopper and Pearson 1934) and surely below that of the rows beside it (Fisher's exact test), both
corrected for the number of slices (Bonferroni) - and still so without any one of its days: a storm
takes the labels of one harbour for a day.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv
from scipy.stats import hypergeom

from ai_ops.accuracy_evaluation.label_records import SliceCoverage, SlicesCovered
from ai_ops.accuracy_evaluation.slices import SlicedColumn
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

DAYS: Final = 3
"""So many days are looked at together."""

NAMED_AT_MOST: Final = 10

DOUBT: Final = 1e-3
"""The chance, for all slices of a day together, of naming one whose labels are as the others'."""


@dataclass(frozen=True)
class MatureRows:
    """N mature predictions of D days: the day's place of each, and whether it has its label."""

    days: Sequence[str]
    day: npt.NDArray[np.intp]
    labelled: Bools


def cover_slices(
    rows: MatureRows, columns: Sequence[SlicedColumn], minimum: float, problem: str = ""
) -> SlicesCovered:
    """Which slices of the last days lack labels; days before those tell since when.

    The slice that most surely does is named first, and its rows speak for no other: a carrier whose
    labels are missing empties the airports that it flies to.
    """
    recent = range(max(len(rows.days) - DAYS, 0), len(rows.days))
    slices = sum(len(one.values) for one in columns)
    doubt = DOUBT / max(slices, 1)
    smallest = math.ceil(math.log(doubt) / math.log1p(-minimum)) if 0 < minimum < 1 else 1
    judged = mature = 0
    for one in columns:
        counts = _by_day(rows, one.codes, len(one.values))[recent, :, 0].sum(axis=0)
        judged += int((counts >= smallest).sum())
    if len(rows.days):
        mature = int(np.isin(rows.day, recent).sum())
    lacking: list[SliceCoverage] = []
    while len(lacking) < NAMED_AT_MOST:
        found = _most_surely(rows, columns, recent, minimum, doubt)
        if found is None:
            break
        coverage, own = found
        lacking.append(coverage)
        rows = MatureRows(rows.days, rows.day[~own], rows.labelled[~own])
        columns = [replace(one, codes=one.codes[~own]) for one in columns]
    days = [rows.days[place] for place in recent]
    return SlicesCovered(days, judged, slices - judged, mature, lacking, problem)


def _most_surely(
    rows: MatureRows,
    columns: Sequence[SlicedColumn],
    recent: range,
    minimum: float,
    doubt: float,
) -> tuple[SliceCoverage, Bools] | None:
    """The slice that most surely lacks labels, and which rows it has; None without one."""
    whole = _by_day(rows, np.zeros(len(rows.day), np.int32), 1)[:, 0]
    every, every_got = whole[recent].sum(axis=0).tolist()
    found, surest = None, math.inf
    for one in columns:
        counts = _by_day(rows, one.codes, len(one.values))
        together = counts[recent].sum(axis=0)
        for place in np.flatnonzero(together[:, 1] < minimum * together[:, 0]).tolist():
            value, own = one.values[place], counts[:, place]
            if not _lacks(own[recent], whole[recent], minimum, doubt):
                continue
            of, got = own[recent].sum(axis=0).tolist()
            chance = float(hypergeom.logcdf(got, every, every_got, of))
            if chance < surest:
                since = rows.days[_begin(own, recent.start, minimum)]
                beside = (every - of, every_got - got)
                coverage = SliceCoverage(one.column, value, of, got, *beside, since)
                found, surest = (coverage, one.codes == place), chance
    return found


def judge_slices_covered(found: SlicesCovered, truth: GroundTruth, window: Window) -> Verdict:
    """The verdict: no slice lacks the labels that others have."""
    observed: dict[str, Observed] = {
        "slices_judged": found.judged,
        "slices_too_small": found.small,
        "slices_lacking": len(found.lacking),
    }
    if found.lacking:
        findings = [_finding(one, truth, window) for one in found.lacking]
        return Verdict.lacking(
            "; ".join(finding.reason for finding in findings[:3])
            + (f"; and {len(findings) - 3} slices more" if len(findings) > 3 else "")
            + ": accuracy is that of the others",
            "labels",
            *findings,
            sample_size=found.mature,
            observed=observed,
        )
    if found.problem or not found.mature:
        reason = found.problem or "no prediction of these days is old enough to have its label"
        return Verdict.lacking(reason, "labels", window=window, observed=observed)
    if not found.judged + found.small:
        reason = (
            "no column that the feature is sliced by divides its rows: the whole is the only slice"
        )
        return Verdict.passing(reason, sample_size=found.mature, observed=observed)
    if not found.judged:
        reason = f"each of {plural(found.small, 'slice')} is too small to be judged"
        return Verdict.lacking(reason, "labels", window=window, observed=observed)
    return Verdict.passing(
        f"none of {plural(found.judged, 'slice')} lacks labels that others have, from "
        f"{found.days[0]} to {found.days[-1]}"
        + (f"; {found.small} are too small to be judged" if found.small else ""),
        sample_size=found.mature,
        observed=observed,
    )


def _finding(one: SliceCoverage, truth: GroundTruth, window: Window) -> Finding:
    share, others = one.labelled / one.mature, one.other_labelled / max(one.other_mature, 1)
    reason = (
        f"labels of {one} are missing since {one.since}: {one.labelled:,} of "
        f"{plural(one.mature, 'mature prediction')} have theirs ({share:.0%}), {others:.0%} of "
        f"the others, at least {truth.minimum_coverage:.0%} are needed"
    )
    return Finding(
        "labels",
        "no_evidence",
        reason,
        tenant=one.value if one.column == "tenant" else None,
        call_site=one.value if one.column == "call_site" else None,
        slice=str(one),
        window=window,
        begin=Window.of_day(one.since).start,
        size=share,
    )


def _by_day(rows: MatureRows, codes: npt.NDArray[np.int32], count: int) -> Counts:
    """[D, count, 2]: mature and labelled rows of each day and slice."""
    known = codes >= 0
    place = rows.day[known] * count + codes[known]
    size = len(rows.days) * count
    mature = np.bincount(place, minlength=size)
    labelled = np.bincount(place[rows.labelled[known]], minlength=size)
    return np.stack([mature, labelled], axis=1).reshape(len(rows.days), count, 2).astype(np.int64)


def _lacks(own: Counts, whole: Counts, minimum: float, doubt: float) -> bool:
    """Whether a slice surely lacks labels over D days, [D, 2], and without any one of them."""
    here = own[:, 0] > 0
    own, whole = own[here], whole[here]
    if len(own) < 2 or not _thin(own[-1], minimum):
        return False
    left_out = [slice(None), *range(len(own))]
    return all(
        _surely_fewer(
            *(_without(counts, day) for counts in (own, whole)), minimum=minimum, doubt=doubt
        )
        for day in left_out
    )


def _without(counts: Counts, day: int | slice) -> Counts:
    total: Counts = counts.sum(axis=0)
    return total - counts[day] if isinstance(day, int) else total


def _surely_fewer(own: Counts, whole: Counts, *, minimum: float, doubt: float) -> bool:
    """Whether ``own`` rows (mature, labelled) lack labels: below the minimum, and beside all rows.

    >>> _surely_fewer(np.array([40, 2]), np.array([900, 850]), minimum=0.9, doubt=1e-5)
    True
    >>> _surely_fewer(np.array([40, 33]), np.array([900, 850]), minimum=0.9, doubt=1e-5)
    False
    """
    mature, labelled = own.tolist()
    if not mature or labelled >= minimum * mature:
        return False
    if betaincinv(labelled + 1, mature - labelled, 1 - doubt) >= minimum:
        return False
    every, every_labelled = whole.tolist()
    return float(hypergeom.cdf(labelled, every, every_labelled, mature)) < doubt


def _begin(own: Counts, recent: int, minimum: float) -> int:
    """The first of the recent days on which the slice lacks labels, or of those right before."""
    thin = [_thin(day, minimum) for day in own]
    begin = next(place for place in range(recent, len(own)) if thin[place])
    while begin > 0 and thin[begin - 1]:
        begin -= 1
    return begin


def _thin(day: Counts, minimum: float) -> bool:
    mature, labelled = day.tolist()
    return bool(mature and labelled < minimum * mature)
