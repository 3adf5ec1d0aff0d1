"""A window of counted pairs beside the reference: one record per pair."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.stats import chi2

from ai_ops.drift_monitoring.cells import Role
from ai_ops.drift_monitoring.joint_calibration import CHANCE, only_known
from ai_ops.drift_monitoring.joint_cells import SIZE
from ai_ops.drift_monitoring.joint_reference import JointReference, stacked
from ai_ops.drift_monitoring.joint_tallies import DayPairs
from ai_ops.drift_monitoring.statistics import Floats
from ai_ops.drift_monitoring.statistics.dependence import dependence_shift


@dataclass(frozen=True, slots=True)
class PairDrift:
    """How far the dependence of two columns in the trailing window is from the reference's.

    ``ratio`` is ``distance / threshold``, above 1 the day counts towards an alert; ``shuffled`` is
    the distance that a shuffle of one of them comes to. All are None when the window has no rows
    with both, or the reference is too short. ``beyond_since`` is the first day of the run.
    """

    first: str
    second: str
    role: Role
    distance: float | None
    threshold: float | None
    ratio: float | None
    beyond_since: str | None
    shuffled: float
    n_current: int
    n_reference: int
    days_with_rows: int
    days_needed: int
    latest_rows: int

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.first} × {self.second}"

    @property
    def complete(self) -> bool:
        """Whether the window has rows of as many days as the threshold was calibrated for."""
        return self.days_with_rows >= self.days_needed

    @property
    def beyond(self) -> bool:
        """Whether the day counts towards an alert."""
        return self.complete and self.ratio is not None and self.ratio > 1


@dataclass(frozen=True, slots=True)
class PairReport:
    """The pairs of a day's trailing window; ``key`` names those of the reference.

    ``unwatched`` are the columns that are in no pair; without pairs ``why_none`` says why.
    """

    version: str
    key: str
    pairs: tuple[PairDrift, ...]
    unwatched: tuple[str, ...]
    why_none: str = ""

    @property
    def effects(self) -> tuple[PairDrift, ...]:
        """What is judged of it."""
        return self.pairs

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "PairReport":
        """What ``as_data`` wrote."""
        pairs = tuple(PairDrift(**pair) for pair in data["pairs"])
        return cls(**{**data, "pairs": pairs, "unwatched": tuple(data["unwatched"])})


def compare_pairs(
    joint: JointReference, days: Sequence[DayPairs | None], runs: Mapping[str, str], last_day: str
) -> PairReport:
    """Every pair of the reference in a window of days; None stands for a day without rows.

    ``runs`` tells of pairs that were beyond their threshold just before: name → first day.
    """
    size = len(joint.pairs)
    present = [day for day in days if day is not None]
    counts = sum((day.counts for day in present), np.zeros((size, SIZE, SIZE), np.int64))
    speaks = sum((day.speaks.astype(int) for day in present), np.zeros(size, int))
    latest = days[-1].rows if days and days[-1] is not None else np.zeros(size, int)
    then = stacked(joint.pairs, SIZE)
    now = only_known(counts, then)
    distances = dependence_shift(now, only_known(then, then)) if size else np.zeros(0)
    pairs = []
    for place, pair in enumerate(joint.pairs):
        distance = None if np.isnan(distances[place]) else float(distances[place])
        threshold = pair.threshold
        if threshold is not None:
            threshold = max(threshold, floor_of_chance(now[place], then[place], size))
        ratio = distance / threshold if distance is not None and threshold else None
        complete = int(speaks[place]) >= pair.days_needed
        beyond = complete and ratio is not None and ratio > 1
        since = runs.get(pair.name, last_day) if beyond else None
        pairs.append(
            PairDrift(
                first=pair.first,
                second=pair.second,
                role=joint.role(pair),
                distance=distance,
                threshold=threshold,
                ratio=ratio,
                beyond_since=since,
                shuffled=pair.shuffled,
                n_current=int(now[place].sum()),
                n_reference=int(then[place].sum()),
                days_with_rows=int(speaks[place]),
                days_needed=pair.days_needed,
                latest_rows=int(latest[place]),
            )
        )
    return PairReport(joint.version, joint.key, tuple(pairs), joint.unwatched, joint.why_none)


def floor_of_chance(current: Floats, reference: Floats, pairs: int) -> float:
    """The least threshold that these rows allow, for one of ``pairs`` pairs.

    Where the margins have moved to what the reference has little of, it counts as small.

    >>> even = np.full((2, 2), 250.0)
    >>> round(floor_of_chance(even, even * 100, 1), 3)
    0.011
    >>> round(floor_of_chance(np.array([[0.0, 0.0], [500.0, 500.0]]), even, 1), 3)
    0.032
    """
    rows = float(current.sum())
    if not rows:
        return 0.0
    worth, freedom = 0.0, 1
    for axis in (0, 1):
        now, then = current.sum(axis=axis), reference.sum(axis=axis)
        filled = now > 0
        worth = max(worth, float((now[filled] / rows / np.maximum(then[filled], 1)).max()))
        freedom *= max(int(filled.sum()) - 1, 1)
    return _quantile(freedom, pairs) * (1 / rows + worth)


@lru_cache(maxsize=1024)
def _quantile(freedom: int, pairs: int) -> float:
    return float(chi2.ppf(1 - CHANCE / max(pairs, 1), freedom))
