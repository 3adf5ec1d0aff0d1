"""Features of fifteen columns whose days differ in ways that are healthy.

``REPORTED`` are the worlds that the benchmark reports. The rule's constants were chosen on
``TUNED``, with seeds of their own: other sizes of day effects, other correlations, other mixtures.
What was seen of the reported ones on the way stands in ``false_alarms.py``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from drift_worlds.shapes import NULLS, Floats, Grid, Shape, grid_of

REFERENCE_DAYS = 84
NUMBERS = tuple(Shape(name, "number") for name in ("normal", "tails", "skewed", "score"))
ODD = (Shape("discrete", "number"), Shape("zeros", "number", shifted=False))
LABEL = Shape("label", "category", 2, shifted=False)


def categories(*levels: int) -> tuple[Shape, ...]:
    """Columns with so many values each."""
    return tuple(Shape("levels", "category", count, shifted=False) for count in levels)


MIXED = (*NUMBERS[:3] * 2, *ODD, *categories(2, 5, 20, 60, 200))


@dataclass(frozen=True)
class World:
    """What makes days differ; each column has a size of its own between ``low`` and ``high``.

    The sizes are in standard deviations of the values, ``rho`` the correlation of a day with the
    next, ``tail`` the degrees of freedom of the effects, ``weekday`` what a weekend adds. Once in
    the reference and once in the weeks after it there is a ``holiday`` of so large an effect.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    rho: float = 0.0
    tail: float | None = None
    weekday: float = 0.0
    holiday: float = 0.0
    growth: float = 0.0
    inputs: tuple[Shape, ...] = MIXED

    def columns(self, rows: int) -> Iterator[tuple[Shape, Grid]]:
        """Thirteen inputs, a score and a label, for references of so many rows."""
        for number, shape in enumerate(self.inputs):
            yield shape, grid_of(shape, f"x{number}", "input", rows)
        yield NUMBERS[3], grid_of(NUMBERS[3], "score", "output", rows)
        yield LABEL, grid_of(LABEL, "label", "output", rows)


REPORTED = (
    World("days alike"),
    World("days differ", 0.01, 0.2),
    World("weekdays", 0.01, 0.05, weekday=0.4),
    World("weather", 0.1, 1.0, rho=0.7),
    World("bad days", 0.02, 0.1, tail=3),
    World("discrete", 0.01, 0.1, inputs=(*ODD * 5, *NUMBERS[:2], *categories(20))),
    World("categories", 0.02, 0.2, inputs=(*categories(2, 5, 20, 60, 200) * 2, *NUMBERS[:3])),
    World("holidays", 0.01, 0.1, holiday=0.2),
    World("growth", 0.01, 0.1, growth=0.01),
)
TUNED = (
    World("days alike"),
    World("days differ", 0.02, 0.1),
    World("days differ widely", 0.005, 0.5),
    World("weekdays", 0.0, 0.1, weekday=0.2),
    World("weather", 0.3, 0.6, rho=0.5),
    World("bad days", 0.05, 0.1, tail=4),
    World("categories", 0.05, 0.1, inputs=(*categories(3, 10, 30, 100) * 3, NUMBERS[0])),
    World("holidays", 0.02, 0.05, holiday=0.3),
)


@dataclass
class Made:
    """One feature: how the days of each column differ; ``days`` of them, the reference first."""

    world: World
    size: int
    days: int
    random: np.random.Generator

    def __post_init__(self) -> None:
        world, random, days = self.world, self.random, self.days
        day = np.arange(days)
        weekend = np.where(day % 7 >= 5, 1.0, 0.0)
        self.holidays = np.zeros(days, bool)
        if world.holiday:
            within, after = random.integers(0, REFERENCE_DAYS - 3), random.integers(0, days - 90)
            for first in (within, REFERENCE_DAYS + after):
                self.holidays[first : first + 3] = True
        volume = self.size * np.exp(0.1 * random.standard_normal(days)) * np.exp(world.growth * day)
        volume = (
            np.where(self.holidays, 0.4, 1.0) * volume * (1 - 0.5 * weekend * bool(world.weekday))
        )
        self.rows = np.maximum(random.poisson(volume), 1)
        self.columns = list(world.columns(self.size * REFERENCE_DAYS))
        sizes = np.zeros(len(self.columns))
        if world.high:
            least = np.log(max(world.low, 0.001))
            sizes = np.exp(random.uniform(least, np.log(world.high), len(self.columns)))
        self.higher = [size * self._effects(weekend) for size in sizes]
        self.wider = [size / 2 * self._effects(weekend) for size in sizes]
        self.tilted = [
            self._tilts(shape, size, weekend)
            for (shape, _), size in zip(self.columns, sizes, strict=True)
        ]

    def _effects(self, weekend: Floats) -> Floats:
        world, random = self.world, self.random
        fresh = random.standard_normal(self.days)
        if world.tail:
            fresh = random.standard_t(world.tail, self.days) / np.sqrt(
                world.tail / (world.tail - 2)
            )
        effects = fresh.copy()
        for day in range(1, self.days):
            effects[day] = world.rho * effects[day - 1] + np.sqrt(1 - world.rho**2) * fresh[day]
        of_week = world.weekday * weekend * random.standard_normal() / max(world.high, 1e-9)
        of_holiday = (
            world.holiday * self.holidays * random.standard_normal() / max(world.high, 1e-9)
        )
        return effects + of_week + of_holiday

    def _tilts(self, shape: Shape, size: float, weekend: Floats) -> Floats:
        """The log shares of each category on each day, but for a constant."""
        if shape.kind == "number":
            return np.zeros((0, 0))
        usual = -np.log(np.arange(1, shape.levels + 1))
        way = self.random.standard_normal(shape.levels)
        tilt = size * self._effects(weekend)[:, None] * way
        return usual + tilt + size * self.random.standard_normal((self.days, shape.levels)) / 2

    def counts(self, column: int, days: slice, shift: float = 0.0, new: float = 0.0) -> Floats:
        """Rows per fine cell, shape ``[days, fine cells]``, the last one null; ``shift`` in
        standard deviations, ``new`` the share of a category that the reference never had."""
        shape, grid = self.columns[column]
        nulls = NULLS * np.exp(0.3 * self.random.standard_normal(self.days) * bool(self.world.high))
        if shape.kind == "number":
            higher, wider = self.higher[column][days] + shift, self.wider[column][days]
            below = shape.below(grid.edges[None, :], higher, wider)
            ends = np.zeros((len(below), 1)), np.ones((len(below), 1))
            shares = np.diff(np.hstack([ends[0], below, ends[1]]), axis=1)
        else:
            logs = self.tilted[column][days]
            shares = np.exp(logs - logs.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            shares = np.hstack([shares * (1 - new), np.full((len(shares), 1), new)])
        null = nulls[days][:, None] * (grid.cells.column.role == "input")
        shares = np.hstack([np.maximum(shares, 0.0) * (1 - null), null])
        drawn = self.random.multinomial(self.rows[days], shares / shares.sum(axis=1, keepdims=True))
        return drawn.astype(float)


def in_cells(grid: Grid, fine: Floats) -> Floats:
    """Rows per cell of the profile, from rows per fine cell."""
    counts = np.zeros((*fine.shape[:-1], len(grid.cells.names)))
    np.add.at(counts.T, grid.place, fine.T)
    return counts
