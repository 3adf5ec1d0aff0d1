"""One simulated feature through every rule: which weeks alarm when healthy, which when changed."""

from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ai_ops.drift_monitoring.calibration import Rule, calibrate
from ai_ops.drift_monitoring.contrasts import Contrasts
from ai_ops.drift_monitoring.limits import gauged
from ai_ops.drift_monitoring.statistics import sustained, window_counts
from drift_worlds.peers import evidently, nannyml
from drift_worlds.shapes import Floats, Grid
from drift_worlds.worlds import REFERENCE_DAYS, Made, World, in_cells

RULE = Rule(window_days=7, k=3, n=4)
SHIFTS = (0.1, 0.25, 0.5)
NEW = 0.02
CHANGES = (*(f"shift {size}" for size in SHIFTS), "new category")
RULES = ("ours", "evidently", "nannyml")


@dataclass
class Weeks:
    """How far each week went by each rule, shape ``[weeks]``: healthy, and with each change.

    Ours in thresholds, Evidently's in drift scores, NannyML's in standard deviations. Of a change
    it is the changed column's own; the first week of a change stands apart in ``first``.
    """

    healthy: dict[str, list[Floats]] = field(default_factory=dict)
    changed: dict[tuple[str, str], list[Floats]] = field(default_factory=dict)
    first: dict[tuple[str, str], list[Floats]] = field(default_factory=dict)
    tests: dict[str, float] = field(default_factory=dict)

    def add(self, other: "Weeks") -> None:
        for mine, theirs in (
            (self.healthy, other.healthy),
            (self.changed, other.changed),
            (self.first, other.first),
        ):
            for key, values in theirs.items():
                mine.setdefault(key, []).extend(values)  # type: ignore[attr-defined]


def simulate(world: World, size: int, weeks: int, seed: list[int]) -> Weeks:
    """A feature with a reference of twelve weeks and so many weeks after its first one."""
    random = np.random.default_rng(seed)
    made = Made(world, size, REFERENCE_DAYS + 7 * (weeks + 1), random)
    whole, later = slice(0, made.days), slice(REFERENCE_DAYS, made.days)
    counted = [made.counts(column, whole) for column in range(len(made.columns))]
    cells = [
        (grid.cells, in_cells(grid, fine[:REFERENCE_DAYS]))
        for (_, grid), fine in zip(made.columns, counted, strict=True)
    ]
    calibrations = calibrate(cells, RULE)
    judges = [
        _Judge(grid, Contrasts(own, daily[kept].sum(axis=0)), calibration.limits, fine)
        for (_, grid), (own, daily), calibration, fine in zip(
            made.columns, cells, calibrations, counted, strict=True
        )
        for kept in [calibration.kept(REFERENCE_DAYS)]
    ]
    found = Weeks()
    for rule in RULES:
        levels = np.array([judge.weeks(rule, judge.fine) for judge in judges])
        found.healthy[rule] = [levels.max(axis=0)[1:]]
    movable = [
        place
        for place, (shape, _) in enumerate(made.columns)
        if shape.shifted and shape.kind == "number"
    ]
    mixed = [
        place
        for place, (shape, grid) in enumerate(made.columns)
        if shape.kind == "category" and grid.cells.column.role == "input"
    ]
    for change in CHANGES:
        shift = 0.0 if change == "new category" else float(change.split()[1])
        among = mixed if change == "new category" else movable
        column = int(random.choice(among))
        new = 0.0 if shift else NEW
        judge = judges[column]
        changed = np.vstack([judge.fine[:REFERENCE_DAYS], made.counts(column, later, shift, new)])
        for rule in RULES:
            levels = judge.weeks(rule, changed)
            found.changed[rule, change] = [levels[1:]]
            found.first[rule, change] = [levels[:1]]
    return found


@dataclass(frozen=True)
class _Judge:
    grid: Grid
    contrasts: Contrasts
    limits: tuple  # type: ignore[type-arg]
    fine: Floats

    def weeks(self, rule: str, fine: Floats) -> Floats:
        """How far each week after the reference went, from its days' counts on the fine grid."""
        if rule == "ours":
            return self._ours(in_cells(self.grid, fine))
        by_week = fine.reshape(-1, 7, fine.shape[1]).sum(axis=1)
        reference, now = by_week[: REFERENCE_DAYS // 7], by_week[REFERENCE_DAYS // 7 :]
        if rule == "nannyml":
            return nannyml(self.grid, reference, now)
        return evidently(self.grid, reference.sum(axis=0), now)

    def _ours(self, counts: Floats) -> Floats:
        first = REFERENCE_DAYS - 6 - RULE.n + 1
        days = sliding_window_view(counts[first:], RULE.window_days, axis=0).swapaxes(1, 2)
        windows = window_counts(counts[first:], RULE.window_days)
        results = gauged(self.contrasts, self.limits, windows, days=days)
        ratios = np.max([result.ratios for result in results], axis=0)
        levels = sustained(ratios, k=RULE.k, n=RULE.n)[RULE.n - 1 :]
        return levels.reshape(-1, 7).max(axis=1)
