"""How far a pair's dependence moves by itself, and whether its loss would be seen beside that.

As single columns are calibrated: every trailing window inside the reference is compared with the
reference without it. Weather depends on weather in another way each week; how far flights go and
how long they take do not.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from ai_ops.drift_monitoring.calibration import MINIMUM_INDEPENDENT_WINDOWS, Rule
from ai_ops.drift_monitoring.statistics import Floats, sustained
from ai_ops.drift_monitoring.statistics.dependence import dependence_shift

CHANCE: Final = 0.001
"""That chance alone puts any pair of a window further than the floor."""
FALSE_ALARMS: Final = 0.002
"""The probability that a healthy week alarms, of all pairs together."""
LOOKS: Final = 1.5
"""A week is looked at on seven days, whose windows overlap: so much likelier than in one look."""
OVERLAP: Final = 1.4
"""Windows that overlap know a variance so many times better than those that share no day."""
ROOT: Final = 1 / 3
SEEN_BY: Final = 1.5
"""A pair is watched if a shuffle puts it so many times as far as it moves by itself."""
MATERIAL: Final = 0.25
MATERIAL_OF_OUTPUT: Final = 0.5
"""The part of the way to independence that is worth a person's time.

What a score owes to one input goes with all the others: a season that moves those moves it too.
"""
KNOWN_FROM: Final = 30
"""A cell of which the reference has fewer rows says nothing about what goes with it."""


@dataclass(frozen=True, slots=True)
class JointCalibration:
    """What the reference's own windows say about one pair.

    ``own`` is the highest distance that they let expect (None where the reference is too short to
    tell), ``shuffled`` the distance that a shuffle of either column comes to.
    """

    own: float | None
    shuffled: float

    @property
    def watchable(self) -> bool:
        """Whether a shuffle would be told from how the pair moves by itself."""
        return self.own is None or SEEN_BY * self.own <= self.shuffled

    def threshold(self, *, output: bool) -> float | None:
        """The distance above which a window counts towards an alert, however many rows it has."""
        if self.own is None:
            return None
        return max(self.own, (MATERIAL_OF_OUTPUT if output else MATERIAL) * self.shuffled)


def calibrate_pair(daily: ArrayLike, rule: Rule, pairs: int) -> JointCalibration:
    """From the counts per day, shape ``[days, a, b]``; one of ``pairs`` that are judged.

    The higher of the prediction bound of one further window, and of the highest level that the
    alert rule would have seen inside the reference.
    """
    counts = np.asarray(daily, float)
    whole = counts.sum(axis=0)
    counts = only_known(counts, whole)
    apart = float(dependence_shift(independent(whole), whole))
    independent_windows = len(counts) / rule.window_days
    if independent_windows < MINIMUM_INDEPENDENT_WINDOWS:
        return JointCalibration(None, apart)
    windows = joint_windows(counts, rule.window_days)
    own = dependence_shift(windows, counts.sum(axis=0) - windows)
    known = own[np.isfinite(own)]
    if len(known) < rule.window_days:
        return JointCalibration(None, apart)
    levels = sustained(own, k=rule.k, n=rule.n)
    season = float(np.nanmax(levels)) if np.isfinite(levels).any() else 0.0
    return JointCalibration(
        max(season, _prediction_bound(known, independent_windows, pairs)), apart
    )


def _prediction_bound(distances: Floats, weeks: float, pairs: int) -> float:
    """What the distance of one further window exceeds by chance, by Student's t on its cube root
    (a sum of squares is nearly normal there: Wilson and Hilferty, 1931)."""
    roots = distances**ROOT
    alpha = FALSE_ALARMS / max(pairs, 1) / LOOKS
    quantile = float(student.ppf(1 - alpha, OVERLAP * (weeks - 1)))
    bound = roots.mean() + quantile * roots.std(ddof=1) * np.sqrt(1 + 1 / weeks)
    return float(bound ** (1 / ROOT))


def joint_windows(daily: Floats, window_days: int) -> Floats:
    """The counts of every window of that many days, shape ``[days - window + 1, a, b]``."""
    sums = np.concatenate([np.zeros((1, *daily.shape[1:])), daily.cumsum(axis=0)])
    windows: Floats = sums[window_days:] - sums[:-window_days]
    return windows


def independent(joint: ArrayLike) -> Floats:
    """The joint of columns with these margins that do not depend on each other."""
    counts = np.asarray(joint, float)
    rows = max(float(counts.sum()), 1.0)
    product: Floats = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / rows
    return product


def only_known(joint: ArrayLike, reference: ArrayLike) -> Floats:
    """The counts, shape ``[..., a, b]``, without the cells that the reference hardly has: a value
    that it never had is the business of the column alone."""
    then = np.asarray(reference, float)
    rows = then.sum(axis=-1, keepdims=True) >= KNOWN_FROM
    columns = then.sum(axis=-2, keepdims=True) >= KNOWN_FROM
    counts: Floats = np.where(rows & columns, np.asarray(joint, float), 0.0)
    return counts
