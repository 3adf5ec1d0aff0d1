"""What made a week's cost another: the change between two weeks, divided among its factors.

Every subset of the factors is put into the state of the later week and the cost is reckoned; each
factor has its Shapley value of that, in whole billionths of the currency, so that the shares sum
exactly to the change. Two things are divided, each as the sum of the week and per 1,000 answers:

- *paid*: rent, storage and tokens. The rent is paid whether machines work or wait: how long a call
  takes, how often it is repeated or which model answers it changes nothing of it;
- *work*: the machines' time that predictions took, priced at the rent. It is contained in the rent,
  and the share of a factor in it is what the machines wait less. It turns into a bill when they
  are full.

The factors are ``traffic`` (requests, and the days of the week), ``price`` (of machines, tokens and
storage), ``machines`` (how many are rented), ``call_site_mix`` (call sites, and tenants within
them), ``mode``, ``model_mix`` (models and versions), ``per_call`` (time, tokens and stored bytes of
a call), ``retries`` (calls and rows beyond the first, and requests that got no answer) and
``cache`` (answers that need no call, and input tokens that a provider had cached).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, get_args

import numpy as np

from ai_ops.inference_management.cost_states import (
    DAY_US,
    Cell,
    Floats,
    State,
    cell_of,
    cells_of,
    states_of,
)
from ai_ops.inference_management.shapley import Ints, coefficients, shapley
from ai_ops.inference_management.week_cost import WeekCost

FactorName = Literal[
    "traffic",
    "price",
    "machines",
    "call_site_mix",
    "mode",
    "model_mix",
    "per_call",
    "retries",
    "cache",
]
NAMES: Final[tuple[FactorName, ...]] = get_args(FactorName)
STATES: Final[Mapping[FactorName, tuple[str, ...]]] = {
    "traffic": ("requests", "days"),
    "price": ("rate", "storage_price", "rates"),
    "machines": ("machines",),
    "call_site_mix": ("sites",),
    "mode": ("modes",),
    "model_mix": ("models",),
    "per_call": ("time", "lengths", "stored"),
    "retries": ("rows", "calls", "answers"),
    "cache": ("cached", "handling", "kinds"),
}
"""What of a week's state each factor switches."""
_BLOCK: Final = 1 << 19
"""How many numbers are reckoned with at once: a feature may have thousands of tenants."""


@dataclass(frozen=True)
class Share:
    """What one factor has of a change, in billionths: of the week's sum and of 1,000 answers."""

    factor: FactorName
    paid_nano: int
    paid_per_1000_nano: int
    work_nano: int
    work_per_1000_nano: int


class Change:
    """The change of cost between two weeks that both had answers.

    ``paid``, ``work`` and ``answers`` are those of each coalition of the factors that changed.
    """

    def __init__(self, before: WeekCost, now: WeekCost) -> None:
        self.before, self.now = before, now
        self.cells: Sequence[Cell] = cells_of(before, now)
        self._states = states_of(before, now, self.cells)
        self.changed: list[FactorName] = [name for name in NAMES if self._differs(name)]
        self._reckon()

    def shares(self) -> tuple[Share, ...]:
        """What each factor has of it, in the order of ``NAMES``; one that did not change has 0."""
        paid, paid_each = self._whole(self.paid)
        work, work_each = self._whole(self.work)
        paid[0], paid[-1] = self.before.total_nano, self.now.total_nano
        paid_each[0], paid_each[-1] = self.before.per_1000_nano, self.now.per_1000_nano
        columns = [
            dict(zip(self.changed, shapley(known), strict=True))
            for known in (paid, paid_each, work, work_each)
        ]
        return tuple(Share(name, *(column.get(name, 0) for column in columns)) for name in NAMES)

    def with_traffic(self) -> float:
        """What 1,000 answers would have cost in the later week if only traffic had changed, in
        billionths."""
        place = 1 << self.changed.index("traffic") if "traffic" in self.changed else 0
        return float(self.paid[place] * 1000 / self.answers[place])

    def tokens_by_cell(self, factor: FactorName | None) -> Floats:
        """What each cell's tokens have in a factor's share of 1,000 answers, in billionths; of no
        factor, what they cost before."""
        return self._of_cells(factor, self._cell_tokens)

    def work_by_cell(self, factor: FactorName | None) -> Floats:
        """What each cell's time has in a factor's share of 1,000 answers, in billionths; of no
        factor, what it was worth before."""
        return self._of_cells(factor, self._cell_work)

    def unanswered_by_cell(self, week: WeekCost) -> Floats:
        """What share of a week's rows each cell had that got no answer."""
        silent = {cell_of(one): one.rows - one.answered for one in week.sources}
        rows = sum(one.rows for one in week.sources)
        return np.array([silent.get(cell, 0) / max(1, rows) for cell in self.cells])

    def _whole(self, amounts: Floats) -> tuple[Ints, Ints]:
        """Amounts, and what they are for 1,000 answers, in whole billionths."""
        each = amounts * 1000 / self.answers
        return np.rint(amounts).astype(np.int64), np.rint(each).astype(np.int64)

    def _of_cells(self, factor: FactorName | None, parts: Floats) -> Floats:
        if factor is not None and factor not in self.changed:
            return np.zeros(len(self.cells))
        own: Floats = parts[-1 if factor is None else self.changed.index(factor)]
        return own

    def _differs(self, name: FactorName) -> bool:
        before, now = self._states
        return any(
            not np.array_equal(getattr(before, one), getattr(now, one)) for one in STATES[name]
        )

    def _reckon(self) -> None:
        weights = coefficients(len(self.changed))
        before = np.zeros((1, weights.shape[1]))
        before[0, 0] = 1.0
        weights = np.concatenate([weights, before])
        shape = len(weights), len(self.cells)
        self._cell_tokens, self._cell_work = np.zeros(shape), np.zeros(shape)
        paid, work, answers = list[Floats](), list[Floats](), list[Floats]()
        for block in self._blocks():
            week = _Reckoned(self._states, self.changed, block)
            paid.append(week.paid)
            work.append(week.work.sum(axis=-1))
            answers.append(week.answers)
            each = weights[:, block] * 1000 / week.answers
            self._cell_tokens += each @ week.tokens
            self._cell_work += each @ week.work
        self.paid, self.work = np.concatenate(paid), np.concatenate(work)
        self.answers = np.concatenate(answers)

    def _blocks(self) -> Iterator[Ints]:
        coalitions = np.arange(1 << len(self.changed))
        at_once = max(1, _BLOCK // max(1, len(self.cells)))
        for start in range(0, len(coalitions), at_once):
            yield coalitions[start : start + at_once]


class _Reckoned:
    """What a week costs with some factors of the later week: a row for each coalition of them."""

    def __init__(
        self, states: tuple[State, State], changed: Sequence[FactorName], coalitions: Ints
    ) -> None:
        self._states = states
        self._later = {
            field: ((coalitions >> place) & 1).astype(bool)
            for place, name in enumerate(changed)
            for field in STATES[name]
        }
        self._ones = np.ones(len(coalitions))

    def _of(self, field: str) -> Floats:
        before, now = (np.asarray(getattr(state, field)) for state in self._states)
        if field not in self._later:
            same: Floats = before[None]
            return same
        later = self._later[field].reshape(-1, *(1,) * before.ndim)
        switched: Floats = np.where(later, now, before)
        return switched

    @cached_property
    def answers(self) -> Floats:
        return self._of("requests") * self._of("answers") * self._ones

    @cached_property
    def paid(self) -> Floats:
        rent = self._of("rate") * self._of("machines") * self._of("days") * DAY_US
        rows = self._rows.sum(axis=-1) if self._rows.shape[-1] else self._of("requests")
        stored = rows * self._of("stored") * self._of("storage_price")
        paid: Floats = (rent + stored + self.tokens.sum(axis=-1)) * self._ones
        return paid

    @cached_property
    def work(self) -> Floats:
        """The machines' time of each cell, priced."""
        cached = self._rows * self._of("cached")
        time = self._calls * self._of("time") + cached * self._of("handling")
        priced: Floats = time * self._of("rate")[:, None] * self._ones[:, None]
        return priced

    @cached_property
    def tokens(self) -> Floats:
        """What the tokens of each cell cost."""
        rates, lengths = self._of("rates"), self._of("lengths")
        of_input = lengths[..., 0] * (self._of("kinds") * rates[..., :3]).sum(axis=-1)
        each = of_input + lengths[..., 1] * rates[..., 3] + rates[..., 4]
        cost: Floats = self._calls * each * self._ones[:, None]
        return cost

    @cached_property
    def _rows(self) -> Floats:
        shares = self._of("sites") * self._of("modes") * self._of("models")
        return self._of("requests")[:, None] * shares * self._of("rows")

    @cached_property
    def _calls(self) -> Floats:
        return self._rows * (1 - self._of("cached")) * self._of("calls")
