"""How far a window may lie from the reference by each test before it counts towards an alert."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.contrasts import DIRECTED, SHARES, Contrasts, DriftTest
from ai_ops.drift_monitoring.lasting import lasting
from ai_ops.drift_monitoring.statistics import Floats

Basis = Literal["spread", "season", "material"]

MATERIAL: Final[Mapping[DriftTest, float]] = {
    "psi": 0.05,
    "location": 0.05,
    "spread": 0.05,
    "unseen": 0.005,
    "nulls": 0.005,
    "outside": 0.005,
}
"""Below this a change is not worth a person's time, however surely it is one."""
ROOT: Final = 1 / 3
"""PSI is a sum of squares: its cube root is nearly normal (Wilson and Hilferty, 1931)."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What one test lets expect of a healthy window of one column.

    The reference's windows lay at ``centre``, a further one scatters around it by ``scale``, and
    beyond ``quantile`` of those it does so too rarely to be chance. The scale is that of the
    cube root of PSI over its mean, of a share's angle, else of the number itself. ``rows`` is what
    the windows usually had and ``per_row`` what a row less adds. ``season`` is the highest level
    that the alert rule would have seen inside the reference. ``least`` is what is worth a person's
    time here, where that is more than ``MATERIAL``.
    """

    test: DriftTest
    centre: float
    scale: float
    quantile: float
    per_row: float
    rows: float
    season: float
    usual: float = 0.0
    least: float = 0.0

    @property
    def material(self) -> float:
        """Below this a change is not worth a person's time."""
        return max(self.least, MATERIAL[self.test])

    def bound(self, n: ArrayLike) -> Floats:
        """What a healthy window of ``n`` rows does not exceed; more rows than usual lower nothing.

        >>> limit = Limit("location", 0.0, 0.01, 4.0, 1.0, 10_000, 0.02)
        >>> limit.bound([40_000, 10_000, 2_500]).round(3).tolist()
        [0.04, 0.04, 0.08]
        """
        less = np.maximum(1 / np.maximum(np.asarray(n, float), 1.0) - 1 / self.rows, 0.0)
        added = self.per_row * less
        if self.test == "psi":
            root = 1 + self.quantile * self.scale
            bound = (self.centre + added) * root**3
        elif self.test in SHARES:
            angle = self.centre + self.quantile * np.sqrt(self.scale**2 + added)
            bound = np.sin(np.minimum(angle, np.pi / 2)) ** 2 - self.usual
        else:
            bound = self.quantile * np.sqrt(self.scale**2 + added)
        found: Floats = np.asarray(bound, float)
        return found

    def threshold(self, n: ArrayLike) -> Floats:
        """The highest of what chance and weeks let expect, of the season, and of what matters."""
        threshold: Floats = np.maximum(self.bound(n), max(self.season, self.material))
        return threshold

    def basis(self, n: float) -> Basis:
        """Which of the three it is."""
        told: dict[Basis, float] = {
            "spread": float(self.bound(n)),
            "season": self.season,
            "material": self.material,
        }
        return max(told, key=lambda name: told[name])

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Limit":
        """From JSON data."""
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Gauged:
    """Windows by one test: its numbers and its thresholds, shape ``[windows]``."""

    test: DriftTest
    values: Floats
    thresholds: Floats

    @property
    def ratios(self) -> Floats:
        """How many thresholds far; 0 where the test has nothing to measure in that window."""
        signless = np.abs(self.values) if self.test in DIRECTED else self.values
        ratios: Floats = np.nan_to_num(np.maximum(signless, 0.0) / self.thresholds)
        return ratios


def gauged(
    contrasts: Contrasts,
    limits: tuple[Limit, ...],
    windows: ArrayLike,
    allowance: float = 1.0,
    days: ArrayLike | None = None,
) -> tuple[Gauged, ...]:
    """Windows of counts, shape ``[windows, cells]``, by every test that has a limit.

    Where ``days`` tell their counts by day, shape ``[windows, days, cells]``, what values do counts
    as far as it does not hang on one of them; PSI and the shares count whole, for a day that is
    far enough off to move those is worth an alert by itself.
    """
    rows = np.asarray(windows, float)
    n = rows.sum(axis=-1)
    found = []
    for limit in limits:
        values = contrasts.measured(limit.test, rows)
        if days is not None and limit.test in DIRECTED:
            values = lasting(contrasts, limit.test, values, rows, days)
        found.append(Gauged(limit.test, values, limit.threshold(n) * allowance))
    return tuple(found)
