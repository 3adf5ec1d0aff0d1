"""Which predictions a person should label: a drawn share, strata that lack labels, doubtful ones.

What is drawn are the first of *all* predictions by the permanent random number of their id
(``drawing_order``), labelled before or not: a simple random sample, whatever else was picked. Only
the drawn may speak for the model's accuracy. Picks for a stratum are drawn within it; picks for
doubt (Lewis and Gale 1994, "A sequential algorithm for training text classifiers") are the hardest
rows on purpose, and speak for nothing but themselves: they are for training.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ai_ops.accuracy_evaluation.metrics import Bools, Floats
from ai_ops.accuracy_evaluation.set_strata import NONE, THIN, Names

PickedBy = Literal["drawn", "stratum", "doubt"]

DRAWN_SHARE: Final = 0.5
STRATA_SHARE: Final = 0.25
"""Of the rows asked for; the rest is picked by doubt."""


@dataclass(frozen=True)
class Frame:
    """The N answered predictions of a window, each id once.

    ``order`` are their permanent random numbers; ``free`` those that have no label and are not out
    with somebody; ``counted`` those whose label speaks for the accuracy already. ``doubt`` is how
    little the answer is sure of itself, lower is less; NaN where it does not tell. ``kept`` are
    rows that are not to be picked for doubt: they are held out of training.
    """

    order: npt.NDArray[np.uint64]
    free: Bools
    counted: Bools
    doubt: Floats
    kept: Bools
    strata: dict[str, Names]

    def __len__(self) -> int:
        return len(self.order)


@dataclass(frozen=True)
class Pick:
    """One row: why it was picked, and with which probability its place among the predictions (of
    its ``stratum``, if one is named) brought it in; None where no chance decided.

    Not ``new`` are rows that have a label, or are out, and belong to the drawn sample from now on.
    """

    place: int
    picked_by: PickedBy
    probability: float | None
    stratum: str = ""
    new: bool = True


def pick(frame: Frame, rows: int) -> list[Pick]:
    """The rows to label, at most as many as asked for, and those that became part of the sample."""
    wanted = min(rows, int(frame.free.sum()))
    drawn = _drawn(frame, ceil(wanted * DRAWN_SHARE))
    while True:
        taken = np.zeros(len(frame), bool)
        taken[[one.place for one in drawn]] = True
        left = wanted - sum(one.new for one in drawn)
        strata = list(_of_strata(frame, taken, min(left, round(wanted * STRATA_SHARE))))
        taken[[one.place for one in strata]] = True
        doubtful = _doubtful(frame, taken, left - len(strata))
        lacking = left - len(strata) - len(doubtful)
        if not lacking:
            return [*drawn, *strata, *doubtful]
        # What no stratum and no doubt asks for is drawn as well.
        drawn = _drawn(frame, sum(one.new for one in drawn) + lacking)


def _drawn(frame: Frame, count: int) -> list[Pick]:
    """The first rows in the order of drawing that hold so many free ones."""
    if not count:
        return []
    order = np.argsort(frame.order, kind="stable")
    end = int(np.searchsorted(np.cumsum(frame.free[order]), count)) + 1
    chance = end / len(frame)
    return [Pick(int(place), "drawn", chance, new=bool(frame.free[place])) for place in order[:end]]


def _of_strata(frame: Frame, taken: Bools, count: int) -> Iterator[Pick]:
    """Rows of the strata with the fewest labels, in turn, each stratum in the order of drawing."""
    have: Counter[tuple[str, str]] = Counter()
    queues: dict[tuple[str, str], list[int]] = {}
    ranked = np.argsort(frame.order, kind="stable")
    for column, values in frame.strata.items():
        have.update((column, value) for value in values[taken | frame.counted].tolist())
        for place in ranked[(frame.free & ~taken)[ranked]].tolist():
            queues.setdefault((column, values[place]), []).append(place)
    lacking = [(have[key], key) for key in queues if have[key] < THIN and key[1] != NONE]
    picked: set[int] = set()
    while lacking and len(picked) < count:
        labels, key = min(lacking)
        lacking.remove((labels, key))
        place = next((one for one in queues[key] if one not in picked), None)
        if place is None:
            continue
        picked.add(place)
        queues[key].remove(place)
        if labels + 1 < THIN:
            lacking.append((labels + 1, key))
        column, value = key
        within = frame.order[frame.strata[column] == value]
        chance = float((within <= frame.order[place]).mean())
        yield Pick(place, "stratum", chance, f"{column} {value}")


def _doubtful(frame: Frame, taken: Bools, count: int) -> list[Pick]:
    """The rows whose answers are the least sure of themselves."""
    open_ = np.flatnonzero(frame.free & ~taken & ~frame.kept & np.isfinite(frame.doubt))
    ranked = open_[np.lexsort((frame.order[open_], frame.doubt[open_]))]
    return [Pick(int(place), "doubt", None) for place in ranked[:count]]
