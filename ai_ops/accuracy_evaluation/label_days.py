"""What is kept of one day's labels, and days whose labels all say the same."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ai_ops.accuracy_evaluation.binary_sums import BinaryAnswers
from ai_ops.accuracy_evaluation.decision_sums import DecisionAnswers
from ai_ops.accuracy_evaluation.label_records import DayLabels, OneLabel
from ai_ops.accuracy_evaluation.metrics import Answers, Floats

CELLS: Final = 10
WEEK_DAYS: Final = 7
ROWS_AT_LEAST: Final = 30
"""Fewer labels may well be all the same."""

IMPOSSIBLE: Final = 1e-6
"""So seldom would rows as they are otherwise all say the same."""


@dataclass(frozen=True)
class DayKept:
    """What is kept of one day's labels; ``cells`` [2, C] of binary ones: rows and positives."""

    labels: DayLabels
    answers: Answers
    cells: Floats | None


def kept(day: str, answers: Answers) -> DayKept:
    """What is kept of a day's labelled answers."""
    most, label = most_common(answers.labels)
    cells = None
    if isinstance(answers, BinaryAnswers | DecisionAnswers):
        cell, hits = cell_of(answers), answers.labels.astype(float)
        counted = [np.bincount(cell, one, CELLS) for one in (np.ones(len(cell)), hits)]
        cells = np.stack(counted).astype(float)
    return DayKept(DayLabels(day, len(answers), most, label), answers, cells)


def cell_of(answers: Any) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The cell of each row: by its score, or else by its decision."""
    if isinstance(answers, BinaryAnswers):
        score = np.nan_to_num(answers.score)
        return np.clip((score * CELLS).astype(np.intp), 0, CELLS - 1)
    return np.asarray(answers.decision, np.intp)


def one_label_days(
    days: Sequence[DayKept], week: Sequence[DayKept], launch: DayKept | None
) -> list[OneLabel]:
    """The days of the week whose labels all say the same, as neither others nor launch do."""
    beside = [one for one in days if _tells(one.labels)]
    beside += [one for one in (launch,) if one is not None]
    found = []
    for day in week:
        told = day.labels
        if told.most < told.rows or told.rows < ROWS_AT_LEAST:
            continue
        value = day.answers.labels[0]
        others = min((float((one.answers.labels != value).mean()) for one in beside), default=0.0)
        if all_the_same(told.rows, told.most, others):
            found.append(OneLabel(told.day, told.rows, told.label, others))
    return found


def _tells(one: DayLabels) -> bool:
    return one.rows >= ROWS_AT_LEAST and one.most < one.rows


def run_of(days: Sequence[DayKept], flagged: Callable[[DayKept], bool]) -> list[DayKept]:
    """The flagged days of the week, with those right before them."""
    first = len(days) - WEEK_DAYS
    places = [place for place, day in enumerate(days) if place >= first and flagged(day)]
    if not places:
        return []
    begin = places[0]
    while begin > 0 and flagged(days[begin - 1]):
        begin -= 1
    return [day for day in days[begin : places[-1] + 1] if flagged(day)]


def most_common(labels: npt.NDArray[Any]) -> tuple[int, str]:
    """How many labels say the most common one, and which that is.

    >>> most_common(np.array([60.0, 60.0, 12.0]))
    (2, '60')
    >>> most_common(np.array([True, True]))
    (2, 'true')
    """
    values, counts = np.unique(
        labels.astype(str) if labels.dtype == object else labels, return_counts=True
    )
    place = int(counts.argmax())
    return int(counts[place]), _said(values[place].item())


def all_the_same(rows: int, most: int, others: float) -> bool:
    """Whether labels are all the same although a share of ``others`` should not be.

    >>> all_the_same(900, 900, 0.2), all_the_same(900, 899, 0.2), all_the_same(900, 900, 0.001)
    (True, False, False)
    """
    if rows < ROWS_AT_LEAST or most < rows:
        return False
    return rows * math.log1p(-min(others, 1 - 1e-9)) < math.log(IMPOSSIBLE)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
