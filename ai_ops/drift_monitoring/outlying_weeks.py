"""Weeks of a reference that lie far from all its others: left out of what is normal, and told.

One faulty week among eight raises a column's threshold so far that the very same fault passes
later. What is left out is few and far: weeks that a season moves differ from each other alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.statistics import Floats, psi, psi_of_chance, window_counts

FAR_PSI: Final = 1.0
FAR_TIMES: Final = 30.0
"""A week is far when its PSI is above both: a number, and so many times the usual one.

PSI grows with the square of a shift: this is one of more than five usual ones. The most restless
week of flights comes to 6.9 times (temperature); an age in other units to some hundred.
"""
FEWEST_OF: Final = 4
"""At most one week of this many is left out: of more nobody knows which are the faulty ones."""
CHANCE: Final = 0.001


@dataclass(frozen=True, slots=True)
class OutlyingWeek:
    """A week that is no part of what is normal for a column.

    ``days`` are its places in the reference, ``distance`` its PSI from the others (their median),
    ``usual`` the median of that same number among the weeks that share no day with it.
    """

    days: tuple[int, ...]
    distance: float
    usual: float

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "OutlyingWeek":
        """From JSON data."""
        return cls(tuple(data["days"]), data["distance"], data["usual"])


def outlying_weeks(daily: ArrayLike, week_days: int) -> tuple[OutlyingWeek, ...]:
    """The few weeks that lie far from all others, from counts of shape ``[days, cells]``.

    A week begins on any day. It is compared with single other weeks, and the median of those
    distances counts: neither the week itself nor another faulty one can hide it.

    >>> calm, faulty = [[50, 50, 0]] * 7, [[0, 0, 100]] * 7
    >>> [week.days for week in outlying_weeks(calm * 2 + faulty + calm * 3, 7)]
    [(14, 15, 16, 17, 18, 19, 20)]
    >>> outlying_weeks(calm * 3 + faulty * 3, 7)
    ()
    """
    counts = np.asarray(daily, float)
    left = np.arange(len(counts))
    found: list[OutlyingWeek] = []
    while len(found) < len(counts) // week_days // FEWEST_OF:
        far = _farthest(counts[left], week_days)
        if far is None:
            break
        days = left[far.days[0] : far.days[-1] + 1]
        found.append(OutlyingWeek(tuple(days.tolist()), far.distance, far.usual))
        left = np.setdiff1d(left, days)
    return tuple(found)


def _farthest(counts: Floats, week_days: int) -> OutlyingWeek | None:
    weeks = window_counts(counts, week_days)
    starts = np.arange(len(weeks))
    others = starts[::week_days]
    between = psi(weeks[:, np.newaxis], weeks[np.newaxis, others])
    between[np.abs(starts[:, np.newaxis] - others) < week_days] = np.nan
    distances = _medians(between)
    if np.isnan(distances).all():
        return None
    place = int(np.nanargmax(distances))
    apart = np.abs(starts - place) >= week_days
    among = _medians(between[np.ix_(apart, np.abs(others - place) >= week_days)])
    if np.isnan(among).all():
        return None
    usual, distance = float(np.nanmedian(among)), float(distances[place])
    rows, usual_rows = int(weeks[place].sum()), int(np.median(weeks[apart].sum(axis=1)))
    cells = int((counts.sum(axis=0) > 0).sum())
    chance = psi_of_chance(rows, usual_rows, cells, alpha=CHANCE)
    if distance <= max(FAR_PSI, FAR_TIMES * usual, chance):
        return None
    return OutlyingWeek(tuple(range(place, place + week_days)), distance, usual)


def _medians(distances: Floats) -> Floats:
    """The median of each row's known numbers, NaN where it has none."""
    known = ~np.isnan(distances).all(axis=1)
    medians = np.full(len(distances), np.nan)
    medians[known] = np.nanmedian(distances[known], axis=1)
    return medians
