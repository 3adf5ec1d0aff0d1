"""What could cost less: the record of some days, and one line for each way of saving.

What a line saves is of two kinds that are never added. *Cash* is a bill that becomes smaller:
tokens that nobody buys, a machine that is given back. *Capacity* is the machines' time that is
freed: it is worth its share of the rent, and turns into cash only when a machine can go.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from ai_ops.inference_management.batch_fit import CallSite
from ai_ops.inference_management.near_duplicates import Near
from ai_ops.inference_management.other_versions import Versions
from ai_ops.inference_management.repeated_queries import Repeats
from ai_ops.inference_management.traffic_growth import Growth, Lasts
from ai_ops.vocabulary.verdicts import Evidence

Kind = Literal["cache", "near_cache", "batch", "smaller_version", "idle_capacity", "architecture"]
Told = Literal["saving", "due", "none", "no_evidence"]

NANO: Final = 10**9


@dataclass(frozen=True)
class Opportunity:
    """One way of saving: what it is, what it would have saved of the days, what it risks, how many
    rows say so, and how it is done.

    ``told`` is whether there is a saving, none, no evidence, or something due that saves nothing.
    ``cash_nano`` and ``capacity_nano`` are in billionths of the currency (None: not known),
    ``freed_us`` is the machines' time.
    """

    kind: Kind
    told: Told
    words: str
    risk: str = ""
    how: str = ""
    rows: int = 0
    cash_nano: int | None = None
    capacity_nano: int | None = None
    freed_us: float | None = None
    call_site: str | None = None
    tenant: str | None = None
    version: str | None = None

    @property
    def worth_nano(self) -> int:
        """Cash and capacity together, to sort by."""
        return (self.cash_nano or 0) + (self.capacity_nano or 0)


@dataclass(frozen=True)
class Spent:
    """What the days cost, in billionths of the currency, and the part of the rent that waited."""

    currency: str
    total_nano: int
    busy_nano: int
    idle_nano: int
    storage_nano: int
    tokens_nano: int
    busy_us: int
    machines: int

    @property
    def idle_share(self) -> float | None:
        """The share of the rent that paid for waiting; None without rent."""
        rent = self.busy_nano + self.idle_nano
        return self.idle_nano / rent if rent else None


@dataclass(frozen=True)
class Opportunities:
    """The file of a month (or a week): what was read, what was measured, what could be saved.

    ``missing`` are monitored days without log or rollup, ``unknown`` says why a cost is unknown.
    ``compared`` says why queries cannot be compared, empty where they can.
    """

    feature: str
    first_day: str
    last_day: str
    days: int
    rows: int
    spent: Spent
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    compared: str = ""
    repeats: Repeats = field(default_factory=lambda: Repeats((), ()))
    near: Near | None = None
    call_sites: tuple[CallSite, ...] = ()
    versions: Versions = field(default_factory=Versions)
    growth: Growth | None = None
    lasts: tuple[Lasts, ...] = ()
    found: tuple[Opportunity, ...] = ()
    read: tuple[Evidence, ...] = ()

    @property
    def savings(self) -> tuple[Opportunity, ...]:
        """Where something can be saved, what is worth most first."""
        saving = [one for one in self.found if one.told == "saving"]
        return tuple(sorted(saving, key=lambda one: -one.worth_nano))

    @property
    def fitting(self) -> tuple[CallSite, ...]:
        """The call sites whose calls arrive so that batches fit."""
        return tuple(one for one in self.call_sites if one.fit == "batch fits")
