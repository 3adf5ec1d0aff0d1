"""The signs that labels are wrong, kind by kind: read from rows, beside the launch."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from ai_ops.accuracy_evaluation.binary_sums import BinaryAnswers
from ai_ops.accuracy_evaluation.class_sums import ClassAnswers
from ai_ops.accuracy_evaluation.decision_sums import DecisionAnswers
from ai_ops.accuracy_evaluation.intervals import jackknife
from ai_ops.accuracy_evaluation.label_days import (
    CELLS,
    WEEK_DAYS,
    DayKept,
    cell_of,
    kept,
    one_label_days,
)
from ai_ops.accuracy_evaluation.label_flips import (
    CONTRAST_KEPT,
    DAYS_AT_LEAST,
    FLIPS_AT_LEAST,
    contrast,
    flipped_share,
    groups_against,
    launch_rates,
    onset,
    profile,
)
from ai_ops.accuracy_evaluation.label_kinds import exchanged, rescaled
from ai_ops.accuracy_evaluation.label_records import Flips, LabelSigns
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.launch import LaunchRows
from ai_ops.accuracy_evaluation.metrics import Bools, Floats
from ai_ops.accuracy_evaluation.number_sums import NumberAnswers
from ai_ops.accuracy_evaluation.slices import sliced_columns
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

LOOKED_BACK: Final = 14
"""So many judged days are searched for the day since which labels look flipped."""


class SignReader:
    """Reads signs, each day of a range once."""

    def __init__(self, root: Root, feature: AiFeatureSpec) -> None:
        self._root, self._feature = root, feature
        self._days: dict[tuple[str, bytes], DayKept] = {}
        self._profiles: dict[tuple[str, int], Floats] = {}
        self._launch: dict[str, DayKept] = {}

    def of(
        self, rows: LabelledRows, own: Bools, launch: tuple[str, LaunchRows] | str
    ) -> LabelSigns:
        """The signs of the trailing week, which ends with the rows' last judged day."""
        days = self._read(rows, own)
        week = days[-WEEK_DAYS:]
        told = [day.labels for day in week]
        signs = LabelSigns(sum(day.rows for day in told), told)
        if isinstance(launch, str):
            return replace(signs, one_label=one_label_days(days, week, None), problem=launch)
        version, then = launch
        if version not in self._launch:
            self._launch[version] = kept("", then.answers)
        at_launch = self._launch[version]
        one_label = one_label_days(days, week, at_launch)
        signs = replace(signs, one_label=one_label)
        alike = {one.day for one in one_label}
        usual = [day for day in days if day.labels.day not in alike]
        match at_launch.answers:
            case BinaryAnswers() | DecisionAnswers():
                return self._flipped(signs, rows, own, usual, version)
            case NumberAnswers():
                return replace(signs, rescaled=rescaled(usual, at_launch.answers))
            case ClassAnswers():
                return replace(signs, exchanged=exchanged(usual, at_launch.answers))
        return signs

    def _read(self, rows: LabelledRows, own: Bools) -> list[DayKept]:
        days = []
        for place, day in enumerate(rows.days):
            here = slice(int(rows.starts[place]), int(rows.starts[place + 1]))
            where = own[here]
            if not where.any():
                continue
            key = (day, where.tobytes())
            if key not in self._days:
                self._days[key] = kept(day, rows.answers.take(here).take(where))
            days.append(self._days[key])
        return days

    def _flipped(
        self,
        signs: LabelSigns,
        rows: LabelledRows,
        own: Bools,
        days: Sequence[DayKept],
        version: str,
    ) -> LabelSigns:
        cells = self._launch[version].cells
        if cells is None:
            return signs
        rates = launch_rates(cells[0], cells[1])
        known = np.isfinite(rates)
        if known.sum() < 2:
            return replace(signs, problem="at launch too few rows had a score to compare with")
        days = [day for day in days if _known_rows(day, known) >= 1]
        if len(days) < DAYS_AT_LEAST:
            words = f"{len(days)} days have labels beside scores, {DAYS_AT_LEAST} tell flips"
            return replace(signs, problem=words)
        week = np.array([_cells(day)[:, known] for day in days[-WEEK_DAYS:]])
        signs = _beside_launch(signs, week, rates[known])
        kept_apart = contrast(week[:, 0], week[:, 1], rates[known]).value
        if not np.isfinite(kept_apart):
            return replace(signs, problem="all rows have one score: none tells labels apart")
        if kept_apart >= CONTRAST_KEPT:
            return signs
        days = days[-LOOKED_BACK:]
        every = np.array([self._profile_of(day, rates, version) for day in days])
        begin = onset(every)
        since, part = days[begin].labels.day, days[begin:]
        count = sum(day.labels.rows for day in part)
        told = np.array([_cells(day)[:, known] for day in part])
        flips = Flips(
            since,
            len(part),
            count,
            flipped_share(every[begin:], count),
            contrast(told[:, 0], told[:, 1], rates[known]),
        )
        low = flips.share.low
        if low is None or low <= FLIPS_AT_LEAST:
            return replace(signs, flips=flips)
        try:
            return replace(signs, flips=self._by_group(flips, rows, own, rates, part, low))
        except MissingEvidence as missing:
            return replace(signs, flips=flips, problem=str(missing))

    def _by_group(
        self,
        flips: Flips,
        rows: LabelledRows,
        own: Bools,
        rates: Floats,
        part: Sequence[DayKept],
        low: float,
    ) -> Flips:
        """The share with what groups of rows say for or against it."""
        begun = rows.starts[rows.days.index(flips.since)]
        here = rows.within(flips.since, rows.days[-1])
        cell = cell_of(here.answers)
        expected = rates[cell]
        chosen = own[int(begun) : int(begun) + len(here.ids)] & np.isfinite(expected)
        chosen &= here.on({day.labels.day for day in part})
        columns = sliced_columns(self._root, self._feature, here)
        groups = [replace(column, codes=column.codes[chosen]) for column in columns]
        names = [f"{one.column} {value}" for one in groups for value in one.values]
        codes = [np.where(cell[chosen] >= 0, cell[chosen], -1).astype(np.int32)]
        label = here.answers.labels[chosen].astype(bool)
        telling, refuting, first = groups_against(
            low, label, expected[chosen], [*(one.codes for one in groups), *codes]
        )
        by = "" if first is None else names[first] if first < len(names) else "a part of the scores"
        return replace(flips, telling=telling, refuting=refuting, refuted_by=by)

    def _profile_of(self, day: DayKept, rates: Floats, version: str) -> Floats:
        key = (version, id(day))
        if key not in self._profiles:
            known = np.isfinite(rates)
            rows, positives = _cells(day)[:, known]
            self._profiles[key] = profile(rows, positives, rates[known])
        return self._profiles[key]


def _cells(day: DayKept) -> Floats:
    return np.zeros((2, CELLS)) if day.cells is None else day.cells


def _known_rows(day: DayKept, known: Bools) -> float:
    return float(_cells(day)[0, known].sum())


def _beside_launch(signs: LabelSigns, week: Floats, rates: Floats) -> LabelSigns:
    """The signs with the rate of positive labels beside that of launch at the same scores."""
    rows, positives = week[:, 0].sum(axis=1), week[:, 1].sum(axis=1)
    more = positives - week[:, 0] @ rates
    count = rows.sum()
    without = (more.sum() - more) / (count - rows)
    apart = jackknife(float(more.sum() / count), without, rows=int(count))
    observed = float(positives.sum() / count)
    return replace(signs, observed=observed, expected=observed - apart.value, apart=apart)
