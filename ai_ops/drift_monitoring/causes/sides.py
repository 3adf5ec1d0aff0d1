"""A column on both sides of a change: what it holds since, and what it held before.

Pure records, of bounded samples of rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ai_ops.drift_monitoring.causes.affine import Natural
from ai_ops.drift_monitoring.causes.onset import Onset
from ai_ops.drift_monitoring.cells import Kind, Role
from ai_ops.drift_monitoring.statistics import Floats

NUMBERS_AT_LEAST: Final = 30
"""Fewer numbers have no quantiles worth the name."""


@dataclass(frozen=True, eq=False)
class Side:
    """A column over some rows.

    ``numbers`` is a sample of its finite numbers, sorted; ``shares`` the share of each category
    in it; ``nulls`` and ``invalid`` shares too; ``missing`` that there was no such column.
    """

    rows: int = 0
    numbers: Floats = field(default_factory=lambda: np.zeros(0))
    shares: Mapping[str, float] = field(default_factory=dict)
    nulls: float = 0.0
    invalid: float = 0.0
    missing: bool = False

    @property
    def measured(self) -> bool:
        """Whether there are numbers enough to compare."""
        return len(self.numbers) >= NUMBERS_AT_LEAST


@dataclass(frozen=True, eq=False)
class Moved:
    """A column that drifted.

    ``now`` is what it holds since the change, ``first`` on the first days of it, ``last`` on the
    last days before it (empty where the change is not seen), ``reference`` what was normal.
    ``natural_step`` and ``natural_block`` are how far, by themselves, one day of the reference
    lies from the next and a week of it from the whole, as ``affine.distance`` measures it.
    ``worst_nulls`` is the share of nulls on the reference's worst day; ``from_start`` tells that it
    was so from the first day that is known.
    """

    name: str
    role: Role
    kind: Kind
    now: Side
    first: Side
    last: Side
    reference: Side
    onset: Onset
    natural_step: Natural
    natural_block: Natural
    worst_nulls: float = 0.0
    call_site: str | None = None
    tenant: str | None = None
    from_start: bool = False

    @property
    def stepped(self) -> bool:
        """Whether it came by a step, or was there from the first day that is known."""
        return self.onset.kind == "sudden" or self.from_start

    @property
    def base(self) -> Side:
        """What it is to be compared with: what was just before it, or else what was normal."""
        return self.last if self.last.rows else self.reference
