"""Do labels come when the YAML says that they do? The rules, on the observed arrival curve."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import Final

from scipy.special import betaincinv

from ai_ops.accuracy_evaluation.arrival_curve import ArrivalCurve
from ai_ops.accuracy_evaluation.records import DayCoverage
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Evidence, Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

LATE_DAYS: Final = 2
"""So many days in a row come late before anybody is told: a storm lasts one."""

NONE_CAME: Final = 0.05
"""So small a share is none: a source that stopped leaves a few behind."""

MUCH_EARLIER: Final = 0.5
NEARLY_ALL: Final = 0.99
DOUBT: Final = 1e-4
"""The chance of calling a day late that is not, whose share is known from its rows alone."""


@dataclass(frozen=True)
class DayArrival:
    """One day of predictions: how many are as old as labels take by declaration, how many of
    those had theirs by that age, and how many came later."""

    day: str
    old_enough: int
    in_time: int
    later: int

    def late(self, share: float) -> bool:
        """Whether surely fewer than this share came in time (Clopper and Pearson 1934).

        >>> DayArrival("2021-03-04", 50, 20, 30).late(0.9), DayArrival("", 50, 42, 0).late(0.9)
        (True, False)
        """
        if self.in_time >= self.old_enough:
            return False
        missing = self.old_enough - self.in_time
        return float(betaincinv(self.in_time + 1, missing, 1 - DOUBT)) < share


@dataclass(frozen=True)
class ArrivalReport:
    """When the labels of a cohort of predictions came.

    ``curve`` is that of the predictions before ``late_since`` (of all of them where no late days
    lead up to the end), ``late`` that of those after. ``covered_at`` is the age in hours by which
    the feature's minimum coverage of those that ever come was there, ``nearly_all_at`` that of 99
    in 100; ``usual_hours`` and ``late_hours`` are the ages by which half of a curve's labels were.
    """

    feature: str
    week: str
    as_of: datetime
    cutoff: datetime
    first_day: str
    last_day: str
    predictions: int
    labelled: int
    days: list[DayArrival]
    curve: ArrivalCurve
    covered_at: float | None = None
    nearly_all_at: float | None = None
    usual_hours: float | None = None
    late_since: str | None = None
    late: ArrivalCurve | None = None
    late_hours: float | None = None
    read: list[Evidence] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def late_run(days: list[DayArrival], share: float) -> list[DayArrival]:
    """The days that lead up to the last one and came late, oldest first; none if too few."""
    run: list[DayArrival] = []
    for day in reversed([one for one in days if one.old_enough]):
        if not day.late(share):
            break
        run.append(day)
    return run[::-1] if len(run) >= LATE_DAYS else []


def judge_maturity(report: ArrivalReport, truth: GroundTruth) -> Verdict:
    """The verdict on a cohort: the declared maturity and the observed curve agree."""
    window = Window(Window.of_day(report.first_day).start, Window.of_day(report.last_day).end)
    declared, curve = truth.mature_after_hours, report.curve
    old_enough = sum(day.old_enough for day in report.days)
    observed = _observed(report, declared, old_enough)
    lacking = None
    if old_enough < truth.minimum_labels:
        lacking = (
            f"{plural(old_enough, 'prediction')} from {report.first_day} to {report.last_day} "
            f"became as old as labels take ({declared:g} hours), at least "
            f"{truth.minimum_labels} are needed"
        )
    elif not report.labelled:
        lacking = (
            f"not one of {plural(report.predictions, 'prediction')} from {report.first_day} to "
            f"{report.last_day} has its label: nothing tells when labels come"
        )
    if lacking is not None:
        return Verdict.lacking(
            lacking, "labels", window=window, sample_size=old_enough, observed=observed
        )
    wrong = [*_late(report, truth, window), *_later_than_declared(report, truth, window)]
    if wrong:
        reason = "; ".join(finding.reason for finding in wrong)
        return Verdict.failing(reason, *wrong, sample_size=old_enough, observed=observed)
    reason = (
        f"{curve.at(declared):.1%} of {old_enough:,} predictions that are {declared:g} hours old "
        f"have their label by then, {curve.final:.1%} ever do"
    )
    early = report.nearly_all_at
    if early is not None and early < MUCH_EARLIER * declared:
        reason += (
            f"; {NEARLY_ALL:.0%} of those are there at {early:.1f} hours: a smaller "
            "mature_after_hours would know accuracy earlier"
        )
    if fewer := late_run(report.days, truth.minimum_coverage * curve.final):
        reason += (
            f"; since {fewer[0].day} fewer come, and those in time: label_coverage names the days"
        )
    return Verdict.passing(reason, sample_size=old_enough, observed=observed)


def late_or_lost(coverage: Sequence[DayCoverage]) -> str:
    """That labels stay away since a day, where the days before it have theirs; else nothing.

    >>> told = [(100, 97, True), (100, 4, False), (100, 0, False)]
    >>> days = [DayCoverage(f"2021-03-0{n}", 100, *day) for n, day in enumerate(told, start=1)]
    >>> late_or_lost(days)
    'labels to 2021-03-01 are there: since then they are late or lost'
    """
    mature = [day for day in coverage if day.mature]
    run = list(takewhile(lambda day: not day.judged, reversed(mature)))
    if not run or len(run) == len(mature) or (run[0].coverage or 0) > NONE_CAME:
        return ""
    return f"labels to {mature[-len(run) - 1].day} are there: since then they are late or lost"


def comes_late(run: list[DayArrival], share: float) -> bool:
    """Whether what lacks of some days comes later, or nothing came at all that could tell.

    Where the labels that came are in time, the others are missing: that is another matter.
    """
    short = sum(share * day.old_enough - day.in_time for day in run)
    came = sum(day.in_time + day.later for day in run)
    old_enough = sum(day.old_enough for day in run)
    return sum(day.later for day in run) >= 0.1 * short or came <= NONE_CAME * old_enough


def _late(report: ArrivalReport, truth: GroundTruth, window: Window) -> list[Finding]:
    """The predictions of the last days wait longer than those before them."""
    if report.late_since is None or report.late is None:
        return []
    days = [day for day in report.days if day.day >= report.late_since and day.old_enough]
    old, in_time, later = (
        sum(getattr(day, name) for day in days) for name in ("old_enough", "in_time", "later")
    )
    declared = truth.mature_after_hours
    usual = f"{report.curve.at(declared):.0%} of those before"
    if not in_time + later:
        words = "not one has come yet, late or lost"
    elif report.late_hours is None or report.usual_hours is None:
        words = f"{plural(later, 'label')} came later"
    else:
        apart = report.late_hours - report.usual_hours
        words = f"they come about {apart:.0f} hours later than the others"
    reason = (
        f"labels are late since {report.late_since}: {in_time:,} of {plural(old, 'prediction')} "
        f"({in_time / old:.0%}) had theirs at {declared:g} hours, {usual}; {words}"
    )
    begin = Window.of_day(report.late_since).start
    size = report.late_hours
    return [Finding("labels", "fail", reason, window=window, begin=begin, size=size)]


def _later_than_declared(
    report: ArrivalReport, truth: GroundTruth, window: Window
) -> list[Finding]:
    declared, curve = truth.mature_after_hours, report.curve
    if curve.high_at(declared) >= truth.minimum_coverage * curve.final:
        return []
    reason = (
        f"labels come later than declared: at {declared:g} hours {curve.at(declared):.0%} are "
        f"there, {curve.final:.0%} ever come"
    )
    if report.covered_at is not None:
        hours = math.ceil(report.covered_at)
        reason += (
            f", {truth.minimum_coverage:.0%} of those only at {report.covered_at:.0f} hours: set "
            f"ground_truth.mature_after_hours to {hours}, or mend what delays them"
        )
    begin = Window.of_day(report.first_day).start
    return [Finding("labels", "fail", reason, window=window, begin=begin, size=report.covered_at)]


def _observed(report: ArrivalReport, declared: float, old_enough: int) -> dict[str, Observed]:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 2)

    known = bool(report.curve.ages)
    return {
        "predictions": report.predictions,
        "old_enough": old_enough,
        "labelled": report.labelled,
        "declared_hours": declared,
        "share_at_declared": round(report.curve.at(declared), 4) if known else None,
        "share_in_the_end": round(report.curve.final, 4) if known else None,
        "covered_at_hours": rounded(report.covered_at),
        "nearly_all_at_hours": rounded(report.nearly_all_at),
        "late_since": report.late_since,
        "late_by_hours": rounded(
            None
            if report.late_hours is None or report.usual_hours is None
            else report.late_hours - report.usual_hours
        ),
    }
