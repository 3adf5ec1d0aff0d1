"""Two weeks of serving as numbers that a factor of cost can switch from one week to the other.

What a week costs is written as a product of things that can change apart: so many requests, asked
in such shares at such call sites, in such modes, of such models, each with so many calls of such a
length at such a price. What one of the weeks cannot say is taken from the other one: what a call
takes at a call site that is new, in a mode that nobody used, of a model that is gone. A call site
or model that came or went therefore changes the mix alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ai_ops.inference_management.week_cost import Source, WeekCost

Floats = npt.NDArray[np.float64]
Cell = tuple[str | None, str | None, str | None, str | None]
"""Call site, tenant, mode, model."""

DAY_US: Final = 24 * 60 * 60 * 10**6
_EVEN: Final = (1.0, 1.0, 1.0, 1.0, 0.0)


@dataclass(frozen=True)
class State:
    """What one week says of each factor: a number for all of it, or one for each cell.

    ``rate`` is that of a machine's microsecond, ``stored`` the bytes of a row in the unit of
    ``storage_price``, ``lengths`` the tokens of a call's input and output, ``rates`` their prices
    (see ``week_cost.Rates``), ``kinds`` the shares of the input that are fresh, read from a cache
    and written to one, ``handling`` the time of an answer that a cache gave, ``rows`` those of a
    request, ``calls`` those of a row that no cache answered, ``answers`` those of a request.
    """

    requests: float
    days: float
    rate: float
    storage_price: float
    rates: Floats
    machines: float
    sites: Floats
    modes: Floats
    models: Floats
    time: Floats
    lengths: Floats
    stored: float
    rows: Floats
    calls: Floats
    answers: float
    cached: Floats
    handling: Floats
    kinds: Floats


def cell_of(source: Source) -> Cell:
    """What a source is about."""
    return source.call_site, source.tenant, source.mode, source.model


def cells_of(*weeks: WeekCost) -> list[Cell]:
    """The cells of the weeks, in an order that does not hang on that of their sources."""
    return sorted({cell_of(one) for week in weeks for one in week.sources if one.rows}, key=repr)


def states_of(before: WeekCost, now: WeekCost, cells: Sequence[Cell]) -> tuple[State, State]:
    """What two weeks say, each completed by the other."""
    first, second = _Said(before, cells), _Said(now, cells)
    return _completed(first, second), _completed(second, first)


class _Said:
    """What one week says by itself."""

    def __init__(self, week: WeekCost, cells: Sequence[Cell]) -> None:
        self.week = week
        by_cell = {cell_of(source): source for source in week.sources}
        self._own = [by_cell.get(cell) for cell in cells]
        self.rows = self._count(lambda one: one.rows)
        # A cell of nothing but repeats counts as one request: what it cost must not be lost.
        self.asked = self._count(lambda one: max(one.rows - one.repeats, min(one.rows, 1)))
        # A cell that only a cache answered and that made calls is taken at its calls' word.
        self.cached = self._count(
            lambda one: one.cached if one.cached < one.rows or not one.calls else 0
        )
        self.calls = self._count(lambda one: one.calls)
        self.time = self._count(lambda one: one.busy_us)
        self.input = self._count(lambda one: one.input_tokens)
        self.output = self._count(lambda one: one.output_tokens)
        read = self._count(lambda one: one.cache_read_tokens)
        wrote = self._count(lambda one: one.cache_write_tokens)
        self.kinds = np.stack([self.input - read - wrote, read, wrote], axis=-1)
        self._price(np.concatenate([self.kinds, self.output[:, None], self.calls[:, None]], -1))
        self.requests = float(self.asked.sum()) or float(week.answered)
        self.of_site = self._together([cell[:2] for cell in cells])
        self.of_mode = self._together([cell[:3] for cell in cells])

    def _price(self, units: Floats) -> None:
        """The price of each kind of token and of a call: as told, else what the amount says.

        Each day's amount is rounded to whole billionths: that much is counted as length.
        """
        told = np.array([one is not None and one.rates is not None for one in self._own], bool)
        rates = np.array([(one.rates if one else None) or _EVEN for one in self._own])
        self.rates = rates.reshape(-1, len(_EVEN))
        amounts = self._count(lambda one: one.tokens_nano)
        known = (units * self.rates).sum(axis=-1)
        share = np.divide(amounts, known, out=np.ones_like(known), where=known > 0)
        rounded = told & (np.abs(amounts - known) <= self.week.days)
        self.rates = self.rates * np.where(rounded, 1.0, share)[:, None]
        self.rounding = np.where(rounded, share, 1.0)
        self.priced = told | (self.input + self.output > 0)

    def _count(self, of: Callable[[Source], int]) -> Floats:
        return np.array([0 if one is None else of(one) for one in self._own], dtype=float)

    def _together(self, groups: Sequence[tuple[str | None, ...]]) -> Floats:
        """For each cell the requests of all cells of its group."""
        places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
        place = np.array([places[group] for group in groups], dtype=int)
        sums = np.bincount(place, self.asked, minlength=len(places)).astype(float)
        together: Floats = sums[place]
        return together


def _completed(said: _Said, other: _Said) -> State:
    week = said.week
    only_cached = (said.calls == 0) & (said.cached > 0)
    uncached, other_uncached = (one.rows - one.cached for one in (said, other))
    lengths = np.stack([said.input * said.rounding, said.output * said.rounding], axis=-1)
    other_lengths = np.stack([other.input, other.output], axis=-1)
    price = _storage_price(said, other)
    return State(
        requests=said.requests,
        days=float(week.days),
        rate=_rate(week if _machines(week) else other.week),
        storage_price=price,
        rates=np.where(said.priced[:, None], said.rates, other.rates),
        machines=_machines(week),
        sites=_per(said.of_site, np.full_like(said.of_site, said.requests)),
        modes=_per(said.of_mode, said.of_site, other.of_mode, other.of_site),
        models=_per(said.asked, said.of_mode, other.asked, other.of_mode),
        time=_per(said.time, said.calls, other.time, other.calls),
        lengths=_per(lengths, said.calls, other_lengths, other.calls),
        stored=_stored(said, price) if price else _stored(other, _storage_price(other, said)),
        rows=_per(said.rows, said.asked, other.rows, other.asked),
        calls=_per(said.calls, uncached, other.calls, other_uncached),
        answers=week.answered / said.requests,
        cached=_per(said.cached, said.rows, other.cached, other.rows),
        handling=np.where(only_cached, _divided(said.time, said.cached), 0.0),
        kinds=_per(said.kinds, said.input, other.kinds, other.input),
    )


def _machines(week: WeekCost) -> float:
    # Where the rollup does not say how many, all of a change in rent is one of its price.
    return 1.0 if week.machines is None else week.machines


def _rate(week: WeekCost) -> float:
    held = _machines(week) * week.days
    return week.rent_nano / (held * DAY_US) if held else 0.0


def _storage_price(said: _Said, other: _Said) -> float:
    if said.week.storage_price is None or other.week.storage_price is None:
        return 1.0
    return said.week.storage_price


def _stored(said: _Said, price: float) -> float:
    rows = float(said.rows.sum()) or said.requests
    return said.week.storage_nano / (rows * price) if price else 0.0


def _per(
    amount: Floats, of: Floats, others: Floats | None = None, of_others: Floats | None = None
) -> Floats:
    """An amount per one; where there is none, that of the other week; 0 where neither has any."""
    own = _divided(amount, of)
    if others is None or of_others is None:
        return own
    there = (of > 0) if amount.ndim == 1 else (of > 0)[:, None]
    return np.where(there, own, _divided(others, of_others))


def _divided(amount: Floats, of: Floats) -> Floats:
    parts = of if amount.ndim == 1 else np.broadcast_to(of[:, None], amount.shape)
    return np.divide(amount, parts, out=np.zeros_like(amount), where=parts > 0)
