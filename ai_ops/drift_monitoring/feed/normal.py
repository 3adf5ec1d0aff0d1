"""How alike the reference's own days are: what of a likeness would be no sign of a dead feed.

No rain on a day, or the same few flights, is normal where the reference has such days too.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import groupby
from statistics import median
from typing import Any, Final

from ai_ops.drift_monitoring.feed.marks import BINS_THAT_TELL, ColumnMarks, marks_by_column
from ai_ops.drift_monitoring.reference import calendar

DAYS_THAT_TELL: Final = 14
"""Of fewer days nobody knows how alike a column's days are."""
ROWS_UNDATED: Final = 200
"""In a few rows prices may be whole by chance: so many are needed where no days tell how many."""
APART: Final = 7
"""Bins are compared with those of days that are up to so far away."""
ALL_WEEK: Final = 2


@dataclass(frozen=True, slots=True)
class ColumnNormal:
    """One column of the reference, by its days.

    ``telling`` is whether no two days are exactly alike, ``bins_alike`` the highest share of bins
    with the extremes that a near day has; ``longest_single`` the longest run of days with one value
    only; ``grain`` and ``pointed`` are of the coarsest day, and hold for days of at least
    ``coarse_from`` rows. ``fullest`` is the share of the fullest cell in the whole. None where the
    days cannot tell.
    """

    telling: bool
    bins_alike: float | None
    longest_single: int
    grain: int | None
    pointed: float | None
    coarse_from: int
    fullest: float


@dataclass(frozen=True, slots=True)
class FeedNormal:
    """The reference as a feed: ``days`` by the exact marks of each, ``busy`` the usual rows of each
    day of the week (Monday first; empty where the reference cannot tell)."""

    cells: str
    columns: Mapping[str, ColumnNormal] = field(default_factory=dict)
    days: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    busy: tuple[float, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "FeedNormal":
        """What ``as_data`` wrote."""
        columns = {name: ColumnNormal(**one) for name, one in data["columns"].items()}
        return cls(data["cells"], columns, data["days"], tuple(data["busy"]))


def normal_of(profile: Sequence[Mapping[str, Any]], digest: str, *, dated: bool) -> FeedNormal:
    """From the rows of the reference's daily profile; one without dates is a single day."""
    by_day: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in profile:
        by_day[row["day"]].append(row)
    marks = {day: marks_by_column(rows) for day, rows in sorted(by_day.items())}
    if not marks:
        return FeedNormal(digest)
    days = calendar(min(marks), max(marks)) if dated else list(marks)
    fullest = _fullest(profile)
    names = sorted({name for own in marks.values() for name in own})
    columns = {
        name: _column([marks.get(day, {}).get(name) for day in days], fullest[name])
        for name in names
    }
    exact = {day: {name: one.exact for name, one in own.items()} for day, own in marks.items()}
    rows = {day: _rows(own, names[0]) for day, own in by_day.items()}
    return FeedNormal(digest, columns, exact, _busy(rows, days) if dated else ())


def _column(days: Sequence[ColumnMarks | None], fullest: float) -> ColumnNormal:
    known = [one for one in days if one is not None and one.rows]
    various = [one for one in known if one.single is None]
    exact = [one.exact for one in known]
    grains = [one.grain for one in various if one.grain is not None]
    pointed = [one.pointed for one in various if one.pointed is not None]
    alike = _bins_alike(days)
    singles = (one.single if one is not None and one.rows else "" for one in days)
    enough = len(known) >= DAYS_THAT_TELL
    return ColumnNormal(
        telling=enough and len(set(exact)) == len(exact),
        bins_alike=max(alike) if len(alike) >= DAYS_THAT_TELL else None,
        longest_single=max((len(list(run)) for only, run in groupby(singles) if only), default=0),
        grain=max(grains, default=None),
        pointed=max(pointed, default=None),
        coarse_from=min(one.rows for one in various) if enough and various else ROWS_UNDATED,
        fullest=fullest,
    )


def _bins_alike(days: Sequence[ColumnMarks | None]) -> list[float]:
    """The share of bins with equal extremes, of each day with those shortly before it."""
    return [
        share
        for place, one in enumerate(days)
        for other in days[max(0, place - APART) : place]
        if one is not None and other is not None and (share := bins_shared(one, other)) is not None
    ]


def bins_shared(one: ColumnMarks, other: ColumnMarks) -> float | None:
    """The share of bins in which two days have the same extremes; None where too few are filled.

    >>> day = ColumnMarks(90, "x", -9.0, {"bin 0": "a", "bin 1": "b", "bin 2": "c", "bin 3": "d"},
    ...     None, None, None)
    >>> bins_shared(day, day)
    1.0
    """
    filled = one.bins.keys() | other.bins.keys()
    if min(len(one.bins), len(other.bins)) < BINS_THAT_TELL:
        return None
    return sum(one.bins.get(key) == other.bins.get(key) for key in filled) / len(filled)


def _fullest(profile: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    counts: dict[str, dict[Any, int]] = defaultdict(lambda: defaultdict(int))
    for row in profile:
        counts[row["column"]][row["cell"], row["value"]] += row["count"]
    return {name: max(own.values()) / sum(own.values()) for name, own in counts.items()}


def _rows(profile: Sequence[Mapping[str, Any]], column: str) -> int:
    return sum(row["count"] for row in profile if row["column"] == column)


def _busy(rows: Mapping[str, int], days: Sequence[str]) -> tuple[float, ...]:
    """The median rows of each day of the week; empty unless each is there twice."""
    first = date.fromisoformat(days[0]).weekday()
    own = [[rows.get(day, 0) for day in days[(n - first) % 7 :: 7]] for n in range(7)]
    if min(map(len, own)) < ALL_WEEK:
        return ()
    return tuple(float(median(one)) for one in own)
