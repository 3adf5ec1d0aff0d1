"""Ten slices of a simulated feature, each judged by itself on every column."""

from dataclasses import dataclass, field

import numpy as np

from ai_ops.ai_features.drift import Drift
from ai_ops.drift_monitoring.cells import ColumnCells, Role
from ai_ops.drift_monitoring.limits import gauged
from ai_ops.drift_monitoring.slice_comparison import ROWS_AT_LEAST
from ai_ops.drift_monitoring.slice_learning import ROLES, WEEKS
from ai_ops.drift_monitoring.slice_normals import SliceNormal, SliceOf, normal_of
from ai_ops.drift_monitoring.statistics import sustained, window_counts
from drift_worlds.shapes import Floats
from drift_worlds.worlds import REFERENCE_DAYS, Made, World, in_cells

SLICES = 10
RULE = Drift()
CHANGES = {"shift .5": (0.5, 0.0), "new category 5 %": (0.0, 0.05)}
BASELINES = {"reference": REFERENCE_DAYS, "log": WEEKS * RULE.window_days}
"""How many days before the judged ones tell what is normal."""


@dataclass
class SliceWeeks:
    """How far each week went: the furthest slice of the healthy, and the one that changed."""

    healthy: list[Floats] = field(default_factory=list)
    changed: dict[str, list[Floats]] = field(default_factory=dict)
    tests: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def alarms(self) -> int:
        """How many healthy weeks any slice was red in."""
        return int((np.concatenate(self.healthy) > 1).sum())

    def power(self, change: str) -> float:
        """The share of the changed weeks that the changed slice is found in."""
        return float((np.concatenate(self.changed[change]) > 1).mean())


def simulate(world: World, rows: int, baseline: str, weeks: int, seed: list[int]) -> SliceWeeks:
    """Ten slices of so many rows a week each, their mixes apart, with weeks after a first one."""
    random = np.random.default_rng(seed)
    found = SliceWeeks()
    levels = []
    for place in range(SLICES):
        made = Made(world, rows // 7, REFERENCE_DAYS + 7 * (weeks + 1), random)
        apart = random.normal(0, 0.5, len(made.columns))
        own = _Own(made, apart, BASELINES[baseline])
        levels.append(own.levels({}))
        for test in own.furthest:
            found.tests[test] = found.tests.get(test, 0) + 1
        if not place:
            for change, (shift, new) in CHANGES.items():
                found.changed[change] = [own.changed(random, shift, new)]
    found.healthy.append(np.max(levels, axis=0))
    return found


class _Own:
    """One slice: its days, and what its first days say is normal."""

    def __init__(self, made: Made, apart: Floats, known: int) -> None:
        self.made, self.apart = made, apart
        self.whole = slice(REFERENCE_DAYS - known, made.days)
        self.known = known
        self.counts = [self._counts(column) for column in range(len(made.columns))]
        self.furthest: list[tuple[str, str]] = []
        days = [str(day) for day in range(known)]
        self.normals: list[SliceNormal] = []
        for role in ROLES:
            daily: dict[str, tuple[ColumnCells, np.ndarray]] = {  # type: ignore[type-arg]
                name: (cells, counts[:known].astype(np.int64))
                for name, cells, counts in self._of(role)
            }
            of = SliceOf("tenant", "one")
            self.normals.append(normal_of(of, role, "", days, daily, RULE, SLICES))

    def levels(self, changed: dict[str, Floats]) -> Floats:
        """How far the furthest column went each week after the first; ``changed`` counts, alone."""
        ratios = []
        for normal in self.normals:
            own = {name: counts for name, _, counts in self._of(normal.role)}
            for column in normal.columns:
                if changed and column.name not in changed:
                    continue
                counts = changed.get(column.name, own[column.name])
                windows = window_counts(counts[self.known - 6 - RULE.n + 1 :], RULE.window_days)
                results = gauged(column.contrasts, column.calibration.all_limits, windows)
                tests = np.array([one.ratios for one in results])
                of_column = np.where(
                    windows.sum(axis=1) >= ROWS_AT_LEAST, tests.max(axis=0, initial=0), 0.0
                )
                by_day = sustained(of_column, k=RULE.k, n=RULE.n)[RULE.n - 1 :]
                if (by_day > 1).any() and not changed and len(tests):
                    test = results[int(tests.max(axis=1).argmax())].test
                    self.furthest.append((column.cells.column.kind, test))
                ratios.append(by_day.reshape(-1, 7).max(axis=1))
        found: Floats = np.max(ratios, axis=0)[1:]
        return found

    def changed(self, random: np.random.Generator, shift: float, new: float) -> Floats:
        """The weeks of one column of this slice, changed from the first day after what is known."""
        kind = "number" if shift else "category"
        among = [
            place
            for place, (shape, grid) in enumerate(self.made.columns)
            if shape.kind == kind
            and grid.cells.column.role == "input"
            and (shape.shifted or shape.kind == "category")
        ]
        column = int(random.choice(among))
        later = self._counts(column, shift, new)
        counts = np.vstack([self.counts[column][: self.known], later[self.known :]])
        name = self.made.columns[column][1].cells.column.name
        return self.levels({name: counts})

    def _counts(self, column: int, shift: float = 0.0, new: float = 0.0) -> Floats:
        shape, grid = self.made.columns[column]
        moved = self.apart[column] if shape.kind == "number" else 0.0
        return in_cells(grid, self.made.counts(column, self.whole, moved + shift, new))

    def _of(self, role: Role) -> list[tuple[str, ColumnCells, Floats]]:
        return [
            (grid.cells.column.name, grid.cells, counts)
            for (_, grid), counts in zip(self.made.columns, self.counts, strict=True)
            if grid.cells.column.role == role
        ]
