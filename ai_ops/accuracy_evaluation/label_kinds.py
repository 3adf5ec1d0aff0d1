"""Labels of classes and numbers that look wrong: exchanged names, another unit."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from ai_ops.accuracy_evaluation.class_sums import ClassAnswers
from ai_ops.accuracy_evaluation.label_days import ROWS_AT_LEAST, DayKept, run_of
from ai_ops.accuracy_evaluation.label_records import Exchanged, Rescaled
from ai_ops.accuracy_evaluation.metrics import Floats
from ai_ops.accuracy_evaluation.number_sums import NumberAnswers

FACTOR: Final = 3.0
"""A world does not become three times as much from a day to the next; a unit does."""


WORSE: Final = 3.0
AS_GOOD: Final = 2.0
"""Numbers whose error is three times that of launch, and less than twice with another unit."""

FALLEN: Final = 0.15
REGAINED: Final = 0.1
"""Classes whose accuracy fell by so much, and is within so much of launch with others' names."""

RECALLED: Final = 0.7
"""The share of launch's recall that each renamed label must have under its other name."""


def factor_of(answers: Floats, labels: Floats) -> float:
    """What the labels are a multiple of the answers by: least squares through the origin.

    >>> round(factor_of(np.array([1.0, 2.0, 3.0]), np.array([60.0, 121.0, 180.0])), 1)
    60.1
    """
    squares = float((answers**2).sum())
    return float((answers * labels).sum()) / squares if squares > 0 else 1.0


def is_another_unit(factor: float) -> bool:
    """Whether a factor is more than a world moves by: of another size, or of the other sign.

    >>> is_another_unit(60.0), is_another_unit(-1.0), is_another_unit(1.4), is_another_unit(0.001)
    (True, True, False, True)
    """
    return factor < 0 or not 1 / FACTOR < factor < FACTOR


def renaming(confusion: Floats) -> npt.NDArray[np.int64]:
    """Which class each label would have to be called for the answers to be right most often.

    ``confusion`` [C, C] counts rows by answer and label (Kuhn 1955, the assignment problem).

    >>> renaming(np.array([[9.0, 1.0, 0.0], [0.0, 1.0, 8.0], [1.0, 7.0, 0.0]])).tolist()
    [0, 2, 1]
    """
    answered, labelled = linear_sum_assignment(-confusion)
    names = np.empty(len(confusion), np.int64)
    names[labelled] = answered
    return names


def rescaled(days: Sequence[DayKept], launch: NumberAnswers) -> Rescaled | None:
    """The days of the week whose labels agree with the answers again once they are divided by one
    factor; None without any."""
    usual = factor_of(launch.score, launch.labels)
    promised = float(np.abs(launch.score - launch.labels).mean())

    def factor(answers: Any) -> float:
        return factor_of(answers.score, answers.labels) / usual if usual else 1.0

    def errors(answers: Any, by: float) -> tuple[float, float]:
        apart = np.abs(answers.score - answers.labels).mean()
        return float(apart), float(np.abs(answers.score - answers.labels / by).mean())

    def flagged(day: DayKept) -> bool:
        by = factor(day.answers)
        if day.labels.rows < ROWS_AT_LEAST or not is_another_unit(by) or by == 0:
            return False
        apart, divided = errors(day.answers, by)
        return apart > WORSE * promised and divided < AS_GOOD * promised

    run = run_of(days, flagged)
    if not run:
        return None
    every = NumberAnswers(
        *(
            np.concatenate([getattr(day.answers, name) for day in run])
            for name in ("score", "labels")
        )
    )
    by = factor(every)
    return Rescaled(run[0].labels.day, len(run), len(every), by, *errors(every, by), promised)


def exchanged(days: Sequence[DayKept], launch: ClassAnswers) -> Exchanged | None:
    """The days of the week on which answers are right again once labels trade names; None without
    any. A model that decays is not right under other names, one that no longer answers a class is
    right about no label by its name."""
    confusion = _confusion(launch)
    promised = float(np.trace(confusion) / max(confusion.sum(), 1))
    recall = np.diag(confusion) / np.maximum(confusion.sum(axis=0), 1)
    known = dict(zip(launch.classes, recall.tolist(), strict=True))

    def flagged(day: DayKept) -> bool:
        if day.labels.rows < ROWS_AT_LEAST:
            return False
        counted = _confusion(day.answers)
        right, again = _shares(counted)
        if right >= promised - FALLEN or again <= promised - REGAINED:
            return False
        return all(
            counted[name, label] >= RECALLED * known.get(classes[name], 0) * counted[:, label].sum()
            for label, name in _moved(counted)
        )

    classes: tuple[str, ...] = getattr(days[0].answers, "classes", ()) if days else ()
    run = run_of(days, flagged)
    if not run:
        return None
    whole: Floats = np.sum([_confusion(day.answers) for day in run], axis=0)
    names = [(classes[label], classes[name]) for label, name in _moved(whole)]
    rows = sum(day.labels.rows for day in run)
    return Exchanged(run[0].labels.day, len(run), rows, names, *_shares(whole), promised)


def _shares(confusion: Floats) -> tuple[float, float]:
    """How many answers are right, as labels are called and as they best would be."""
    rows, names = confusion.sum(), renaming(confusion)
    again = confusion[names, np.arange(len(names))].sum()
    return float(np.trace(confusion) / rows), float(again / rows)


def _moved(confusion: Floats) -> list[tuple[int, int]]:
    """The labels that would have another name, and which."""
    return [
        (label, int(name))
        for label, name in enumerate(renaming(confusion))
        if label != name and confusion[:, label].sum() > 0
    ]


def _confusion(answers: Any) -> Floats:
    count = len(answers.classes)
    place = answers.decision * count + answers.codes
    counted = np.bincount(place[answers.codes >= 0], minlength=count * count)
    return counted.reshape(count, count).astype(float)
